//! One picture of the character, as it is read and as it is cut out.

use std::path::PathBuf;

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::pose::Pose;
use perception::reference::reference_over;
use perception::region_path::{RegionConfig, person_box, plan_regions};

/// One picture as it is looked at.
#[derive(Debug, Clone)]
pub(super) struct CharacterPicture {
    pub(super) path: PathBuf,
    /// Colours as if every pixel were opaque.
    pub(super) colours: Picture,
    /// The picture's transparency, when it cuts something out.
    pub(super) coverage: Option<Mask>,
    pub(super) at: Option<(f32, f32)>,
    pub(super) pose: Option<Pose>,
}

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
