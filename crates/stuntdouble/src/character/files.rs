//! Reads and checks the files of a character before any network runs.

use std::path::PathBuf;

use fetch::Store;
use media::image_file::PictureLimits;
use media::picture::Mask;
use media::resize::{Filter, resize_mask, resize_picture};
use media::still::{Still, needs_ffmpeg};
use perception::pose::{Keypoint, Pose};
use perception::signals::load_pose;

use super::completeness;
use super::cut_out::{cut_out, networks};
use super::picture::{Character, CharacterPicture};
use crate::error::Error;
use crate::events::Events;
use crate::models;
use crate::settings::invalid;
use crate::tools::Tools;

/// The longest side that is processed: more than any video shows of one person.
const LONGEST: usize = 2560;
/// An alpha channel counts as a cut-out if at least this share of the pixels is transparent.
const LEAST_CLEAR: f32 = 0.005;
/// Up to this coverage (of 255), a pixel counts as transparent.
const CLEAR: u8 = 16;

/// The user's options for the first picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CharacterOptions {
    /// A point on the intended person, in pixels of the file.
    pub at: Option<(f32, f32)>,
    /// A pose file, which takes precedence over the networks.
    pub pose: Option<PathBuf>,
    /// Continue with a warning if networks are not available.
    pub without_networks: bool,
}

/// Pictures of one character, read from their files.
#[derive(Debug, Clone)]
pub struct CharacterFiles {
    pub(super) pictures: Vec<CharacterPicture>,
    without_networks: bool,
}

impl CharacterFiles {
    /// Reads and decodes the files. The options apply to the first picture.
    ///
    /// # Errors
    /// [`Error::Media`] for a picture, [`Error::Signals`] for the pose file, [`Error::Setting`] for a point outside the
    /// picture, [`Error::Fetch`] when ffmpeg is needed and missing.
    pub fn open(
        paths: &[PathBuf],
        options: &CharacterOptions,
        store: &Store,
        tools: &Tools,
        events: &Events,
    ) -> Result<Self, Error> {
        let mut pictures = vec![];
        for (index, path) in paths.iter().enumerate() {
            let ffmpeg = if needs_ffmpeg(path)? { Some(models::ffmpeg(store, tools, events)?) } else { None };
            let still = Still::load(path, PictureLimits::default(), ffmpeg.as_ref())?;
            let (at, pose) = if index == 0 { (options.at, options.pose.as_deref()) } else { (None, None) };
            let size = still.picture.size();
            if let Some((x, y)) = at {
                let inside = |place: f32, length: usize| (0.0..length as f32).contains(&place);
                if !(inside(x, size.0) && inside(y, size.1)) {
                    let reason =
                        format!("found {x},{y}, expected a point inside the picture of {}x{} pixels", size.0, size.1);
                    return Err(invalid("`character-at`", reason));
                }
            }
            let pose = pose.map(|file| load_pose(file, size)).transpose()?;
            pictures.push(CharacterPicture::new(path.clone(), still, at, pose));
        }
        Ok(Self { pictures, without_networks: options.without_networks })
    }

    /// Finds the person in each picture and cuts it out.
    ///
    /// # Errors
    /// [`Error::Fetch`] and [`Error::Perception`] for networks; [`Error::Cancelled`].
    pub fn look(self, store: &Store, events: &Events) -> Result<Vec<Character>, Error> {
        let networks = match networks(store, events) {
            Ok(networks) => Some(networks),
            Err(error) if self.without_networks => {
                events.warn(error.code(), format!("no network examines the character's picture: {error}"));
                None
            }
            Err(error) => return Err(error),
        };
        let mut characters = vec![];
        for picture in self.pictures {
            events.check_cancelled()?;
            let character = cut_out(picture, networks.as_ref(), events)?;
            completeness::warn(&character, events);
            characters.push(character);
        }
        Ok(characters)
    }
}

impl CharacterPicture {
    fn new(path: PathBuf, still: Still, at: Option<(f32, f32)>, pose: Option<Pose>) -> Self {
        let coverage = still.coverage.filter(cuts_something_out);
        let colours = still.picture;
        let (width, height) = colours.size();
        let longest = width.max(height);
        if longest <= LONGEST {
            return Self { path, colours, coverage, at, pose };
        }
        let scale = LONGEST as f32 / longest as f32;
        let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
        let size = (side(width), side(height));
        // Colours of transparent pixels must not be mixed into others.
        let colours = match &coverage {
            Some(mask) => perception::person::foreground::extended(&colours, mask, 8),
            None => colours,
        };
        let (x, y) = (size.0 as f32 / width as f32, size.1 as f32 / height as f32);
        let moved = |point: Keypoint| Keypoint { x: point.x * x, y: point.y * y, z: point.z * x, ..point };
        Self {
            path,
            colours: resize_picture(&colours, size.0, size.1, Filter::Lanczos),
            coverage: coverage.map(|mask| resize_mask(&mask, size.0, size.1, Filter::Area)),
            at: at.map(|at| (at.0 * x, at.1 * y)),
            pose: pose.map(|pose| pose.map(moved)),
        }
    }
}

/// True when enough pixels are transparent and some are not.
fn cuts_something_out(coverage: &Mask) -> bool {
    let count = |test: &dyn Fn(u8) -> bool| coverage.cells().iter().filter(|value| test(**value)).count() as f32;
    let all = coverage.cells().len() as f32;
    count(&|value| value <= CLEAR) >= LEAST_CLEAR * all && count(&|value| value > 127) >= 1.0
}
