//! Holds one picture of the character: as read from its file, and as cut out.

use std::path::PathBuf;

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::pose::Pose;
use perception::reference::reference_over;
use perception::region_path::{RegionConfig, person_box, plan_regions};

/// One picture, ready for processing.
#[derive(Debug, Clone)]
pub(super) struct CharacterPicture {
    pub(super) path: PathBuf,
    /// Colours as if every pixel were opaque.
    pub(super) colours: Picture,
    /// The picture's transparency, if it is a cut-out.
    pub(super) coverage: Option<Mask>,
    pub(super) at: Option<(f32, f32)>,
    pub(super) pose: Option<Pose>,
}

/// The source of a character's mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskSource {
    /// The picture's own transparency.
    Transparency,
    /// The networks for persons and saliency.
    Networks,
    /// Saliency alone: nobody was recognised as a person.
    Saliency,
    /// Nothing was found, so the whole picture is the character.
    WholePicture,
}

/// One picture of the character, cut out.
#[derive(Debug, Clone)]
pub struct Character {
    /// The file.
    pub path: PathBuf,
    /// Colours for the cut-out. At the mask's edge, they contain no background. For some pixels beyond the edge, they
    /// are extended, so that interpolation never mixes in the background. Use `mask` as their opacity.
    pub picture: Picture,
    /// The picture in the file. Its transparent parts have the colour `behind`.
    pub original: Picture,
    /// The character's coverage of each pixel, 0..=255, at the picture's size.
    pub mask: Mask,
    /// The person's points in pixels of the picture; none if nobody was recognised.
    pub pose: Option<Pose>,
    /// The source of the mask.
    pub source: MaskSource,
    /// A plain colour that contrasts with the character.
    pub behind: [u8; 3],
}

impl Character {
    /// The square of the picture around the character; none when nothing was found.
    pub fn square(&self) -> Option<Rect<Frame>> {
        if self.source == MaskSource::WholePicture {
            return None;
        }
        let size = (self.picture.width() as u32, self.picture.height() as u32);
        let found = person_box(Some(&self.mask), self.pose.as_ref(), size)?;
        Some(plan_regions(&[Some(found)], size, &RegionConfig::default())[0].square)
    }

    /// The character alone in front of a plain colour, in a square of `size` x `size` pixels.
    pub fn reference_on_plain(&self, size: u32) -> Option<Picture> {
        let square = self.square()?;
        Some(reference_over(&self.picture, Some(&self.mask), square, size, self.behind))
    }

    /// A square of the picture at `size` x `size` pixels. Outside the picture and behind transparent pixels it shows a
    /// plain colour.
    pub fn reference(&self, square: Rect<Frame>, size: u32) -> Picture {
        match self.source {
            MaskSource::Transparency => reference_over(&self.picture, Some(&self.mask), square, size, self.behind),
            _ => reference_over(&self.original, None, square, size, self.behind),
        }
    }
}
