//! The user's pictures of the character: from files to clean cut-outs with a pose.
//!
//! [`CharacterFiles::open`] reads the files, so that a wrong one is found before anything is made;
//! [`CharacterFiles::look`] finds the person in each and cuts it out. [`load_characters`] does both.

mod completeness;
mod cut_out;
mod files;

use std::path::PathBuf;

use fetch::Store;
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::pose::Pose;
use perception::reference::reference_over;
use perception::region_path::{RegionConfig, person_box, plan_regions};

pub use files::{CharacterFiles, CharacterOptions};

use crate::error::Error;
use crate::events::Events;
use crate::pipeline::Tools;

/// Where the mask of a character comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskSource {
    /// The picture's own transparency.
    Transparency,
    /// The networks that see persons and what stands out.
    Networks,
    /// What stands out in the picture: nobody was recognised as a person.
    Saliency,
    /// Nothing was found: the whole picture counts.
    WholePicture,
}

/// One picture of the character, cut out.
#[derive(Debug, Clone)]
pub struct Character {
    /// The file.
    pub path: PathBuf,
    /// Colours for the cut-out: at the mask's edge without what is behind, and some pixels further out as if the character
    /// went on, so that sampling between pixels never meets the background. Mix it by `mask`.
    pub picture: Picture,
    /// The picture as the file has it, where it is transparent in front of `behind`.
    pub original: Picture,
    /// How much of each pixel the character covers, 0..=255, at the picture's size.
    pub mask: Mask,
    /// The person's points in pixels of the picture; none for what is no person.
    pub pose: Option<Pose>,
    /// Where the mask comes from.
    pub source: MaskSource,
    /// A plain colour that the character stands out from.
    pub behind: [u8; 3],
}

impl Character {
    /// The square of the picture with the character in it; none when nothing was found.
    pub fn square(&self) -> Option<Rect<Frame>> {
        if self.source == MaskSource::WholePicture {
            return None;
        }
        let size = (self.picture.width() as u32, self.picture.height() as u32);
        let found = person_box(Some(&self.mask), self.pose.as_ref(), size)?;
        Some(plan_regions(&[Some(found)], size, &RegionConfig::default())[0].square)
    }

    /// A square of the picture at `size` x `size` pixels. What lies outside of the picture, and behind one that is transparent,
    /// is a plain colour.
    pub fn reference(&self, square: Rect<Frame>, size: u32) -> Picture {
        match self.source {
            MaskSource::Transparency => reference_over(&self.picture, Some(&self.mask), square, size, self.behind),
            _ => reference_over(&self.original, None, square, size, self.behind),
        }
    }
}

/// Reads pictures of one character and cuts each out; the first is the one that options are about.
///
/// # Errors
/// [`Error::Media`] and [`Error::Signals`] for files; [`Error::Fetch`] and [`Error::Perception`] for networks.
pub fn load_characters(
    paths: &[PathBuf],
    options: &CharacterOptions,
    store: &Store,
    tools: &Tools,
    events: &Events,
) -> Result<Vec<Character>, Error> {
    CharacterFiles::open(paths, options, store, tools, events)?.look(store, events)
}

#[cfg(test)]
mod tests;
