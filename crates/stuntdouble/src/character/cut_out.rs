//! One picture of the character to its cut-out: who is meant, the pose, the mask, the colours of its edge.

use fetch::Store;
use media::crop::{crop, paste};
use media::geometry::{Frame, Pts, Rect};
use media::picture::{Mask, Picture};
use perception::blazepose::body::BodyEstimate;
use perception::foreground::{extended, without_background};
use perception::people::PeopleFinder;
use perception::perceiver::{Perceiver, PerceiverConfig, PersonModels};
use perception::pose::{Keypoint, Pose};
use perception::tracker::PersonChoice;

use super::choice::choose;
use super::files::CharacterPicture;
use super::{Character, MaskSource};
use crate::error::Error;
use crate::events::Events;
use crate::models;

/// Room around a body's square in which its pose is looked for, in its sides.
const ROOM: f32 = 1.5;
/// How far colours go on beyond the mask's edge, as a share of the picture's longest side, and at least in pixels.
const REACH: (f32, usize) = (0.012, 8);

/// The networks that look at a character's picture.
pub(super) struct Networks {
    people: PeopleFinder,
    models: PersonModels,
}

impl Networks {
    pub(super) fn open(store: &Store, events: &Events) -> Result<Self, Error> {
        let models = models::person_models(store, events)?;
        Ok(Self { people: PeopleFinder::open(&models)?, models })
    }
}

/// Looks at one picture.
pub(super) fn cut_out(
    picture: CharacterPicture,
    networks: Option<&Networks>,
    events: &Events,
) -> Result<Character, Error> {
    let CharacterPicture { path, colours, coverage, at, pose } = picture;
    let behind = plain_colour(&colours, coverage.as_ref());
    let reach = ((REACH.0 * colours.width().max(colours.height()) as f32) as usize).max(REACH.1);
    // Networks see a picture that is transparent in front of a plain colour.
    let original = match &coverage {
        Some(mask) => {
            media::still::Still { picture: extended(&colours, mask, 2), coverage: Some(mask.clone()) }.over(behind)
        }
        None => colours.clone(),
    };
    let seen = match networks {
        Some(networks) => see(networks, &original, at, &path.display().to_string(), events)?,
        None => None,
    };
    let (found, person) = seen.map_or((None, None), |seen| (seen.pose, Some(seen.person)));
    let pose = pose.or(found);
    let (mask, source) = match (coverage, person) {
        (Some(mask), _) => (mask, MaskSource::Transparency),
        (None, Some(mask)) => (mask, MaskSource::Networks),
        (None, None) => (Mask::filled(original.width(), original.height(), 255), MaskSource::WholePicture),
    };
    let clean = match source {
        MaskSource::Transparency => extended(&colours, &mask, reach),
        MaskSource::WholePicture => colours,
        MaskSource::Networks | MaskSource::Saliency => extended(&without_background(&original, &mask), &mask, reach),
    };
    Ok(Character { path, picture: clean, original, mask, pose, source, behind })
}

/// The person who is meant.
struct Seen {
    pose: Option<Pose>,
    person: Mask,
}

fn see(
    networks: &Networks,
    picture: &Picture,
    at: Option<(f32, f32)>,
    name: &str,
    events: &Events,
) -> Result<Option<Seen>, Error> {
    let mut people = networks.people.find(picture)?;
    if let Some(at) = at
        && !people.iter().any(|seen| perception::people::covers(seen, at))
    {
        people.extend(networks.people.at(picture, at)?);
    }
    let Some((chosen, _others)) = choose(people, at, name, events) else { return Ok(None) };
    let (pose, person) = look_closely(networks, picture, &chosen)?;
    Ok(Some(Seen { pose, person }))
}

/// Pose with hands and face, and the person's mask, from the part of the picture around a body.
fn look_closely(networks: &Networks, picture: &Picture, body: &BodyEstimate) -> Result<(Option<Pose>, Mask), Error> {
    let area = around(body, picture.size());
    let part = crop(picture, area);
    let (x, y) = (area.x as f32, area.y as f32);
    let person = PersonChoice { x: body.region.centre.0 - x, y: body.region.centre.1 - y, at: Pts(0) };
    let config = PerceiverConfig { person: Some(person), smoothing: None, steady_mask: false };
    let seen = Perceiver::open(&networks.models, config)?.push(&part, Pts(0))?;
    let mut mask = Mask::filled(picture.width(), picture.height(), 0);
    paste(&mut mask, &seen.person, area.x, area.y);
    let moved = |point: Keypoint| Keypoint { x: point.x + x, y: point.y + y, ..point };
    Ok((seen.pose.map(|pose| pose.map(moved)), mask))
}

/// The upright part of the picture around a body.
fn around(body: &BodyEstimate, (width, height): (usize, usize)) -> Rect<Frame> {
    let half = ROOM / 2.0 * body.region.side;
    let (x, y) = body.region.centre;
    let (left, top) = ((x - half).floor() as i32, (y - half).floor() as i32);
    let side = (2.0 * half).ceil().max(1.0) as u32;
    let area = Rect::new(left, top, side, side).intersection(&Rect::of_size(width as u32, height as u32));
    if area.is_empty() { Rect::of_size(width as u32, height as u32) } else { area }
}

/// A plain colour behind the character: for a cut-out white, or grey when the character itself is bright; for a picture with
/// a background the mean of its border.
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
            if brightness > 190 { [120; 3] } else { [255; 3] }
        }
        None => mean(&|index| {
            let (x, y) = (index % width, index / width);
            x == 0 || y == 0 || x + 1 == width || y + 1 == height
        }),
    }
}
