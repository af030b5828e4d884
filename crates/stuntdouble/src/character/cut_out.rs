//! Cuts the character out of one picture: computes the mask, the pose, and the colours at the edge.

use fetch::Store;
use media::picture::{Mask, Picture};
use media::still::Still;
use perception::perceiver::Effort;
use perception::person::cut_out::{CutOutNetworks, Sight};
use perception::person::foreground::{extended, without_background};

use super::picture::{Character, CharacterPicture, MaskSource};
use crate::error::Error;
use crate::events::Events;
use crate::models;

/// How far colours extend beyond the mask's edge, as a share of the picture's longest side, and at least in pixels.
const REACH: (f32, usize) = (0.012, 8);
/// A cut-out brighter than this (of 255) does not contrast with white.
const BRIGHT: u32 = 190;

/// The networks that cut a person out of a picture. Without the one for saliency masks are rougher; then there is a warning.
pub(crate) fn networks(store: &Store, events: &Events) -> Result<CutOutNetworks, Error> {
    let people = models::person_models(store, Effort::Full, events)?;
    let saliency = match models::ensure(store, "u2netp", events) {
        Ok(path) => Some(path),
        Err(error) => {
            events.warn(
                "character.no_saliency",
                format!("the cut-out may be less accurate, because a network is not available: {error}"),
            );
            None
        }
    };
    Ok(CutOutNetworks::open(&people, saliency.as_deref())?)
}

/// Processes one picture.
pub(super) fn cut_out(
    picture: CharacterPicture,
    networks: Option<&CutOutNetworks>,
    events: &Events,
) -> Result<Character, Error> {
    let CharacterPicture { path, colours, coverage, at, pose } = picture;
    let behind = plain_colour(&colours, coverage.as_ref());
    // Networks see a transparent picture in front of a plain colour.
    let original = match &coverage {
        Some(mask) => Still { picture: extended(&colours, mask, 2), coverage: Some(mask.clone()) }.over(behind),
        None => colours.clone(),
    };
    let seen = match networks {
        Some(networks) => {
            let seen = networks.look(&original, at)?;
            warn(&seen, at, &path.display().to_string(), events);
            seen
        }
        None => Sight { pose: None, mask: None, people: 0, missed_point: false },
    };
    let (mask, source) = match (coverage, seen.mask) {
        (Some(mask), _) => (mask, MaskSource::Transparency),
        (None, Some(mask)) if seen.pose.is_some() => (mask, MaskSource::Networks),
        (None, Some(mask)) => (mask, MaskSource::Saliency),
        (None, None) => (Mask::filled(original.width(), original.height(), 255), MaskSource::WholePicture),
    };
    let reach = ((REACH.0 * colours.width().max(colours.height()) as f32) as usize).max(REACH.1);
    let clean = match source {
        MaskSource::Transparency => extended(&colours, &mask, reach),
        MaskSource::WholePicture => colours,
        MaskSource::Networks | MaskSource::Saliency => extended(&without_background(&colours, &mask), &mask, reach),
    };
    Ok(Character { path, picture: clean, original, mask, pose: pose.or(seen.pose), source, behind })
}

/// Warns of several people, and of a point without a person.
fn warn(seen: &Sight, at: Option<(f32, f32)>, path: &str, events: &Events) {
    match at {
        Some((x, y)) if seen.missed_point => {
            events.warn("character.nobody_at_point", format!("no person was recognised at {x},{y} in `{path}`"));
        }
        None if seen.people > 1 => events.warn(
            "character.several_people",
            format!(
                "the character's picture shows {} people and the largest is used; pass `--character-at X,Y` to choose another: `{path}`",
                seen.people
            ),
        ),
        _ => {}
    }
}

/// A plain colour behind the character. For a cut-out it is white, or grey if the character itself is bright. For a
/// picture with a background it is the mean of the border.
fn plain_colour(colours: &Picture, coverage: Option<&Mask>) -> [u8; 3] {
    let (width, height) = colours.size();
    let mean = |wanted: &dyn Fn(usize) -> bool| {
        let (mut sum, mut count) = ([0_u64; 3], 0_u64);
        for index in (0..width * height).filter(|index| wanted(*index)) {
            let pixel = colours.cells()[index];
            sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(value));
            count += 1;
        }
        sum.map(|sum| (sum / count.max(1)) as u8)
    };
    match coverage {
        Some(mask) => {
            let [red, green, blue] = mean(&|index| mask.cells()[index] > 127).map(u32::from);
            let brightness = (299 * red + 587 * green + 114 * blue) / 1000;
            if brightness > BRIGHT { [120; 3] } else { [255; 3] }
        }
        None => mean(&|index| {
            let (x, y) = (index % width, index / width);
            x == 0 || y == 0 || x + 1 == width || y + 1 == height
        }),
    }
}
