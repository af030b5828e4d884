//! Computes the shape-agnostic mask, which is the part of a frame that is removed before the network sees it (paper
//! 3.2, Eq. 2).
//!
//! The character mask `M_c` has a bounding box of `h_b x w_b` pixels. The box is divided into `k_h x k_w` blocks. Every
//! block with a pixel of `M_c` is removed completely; the result is `M_f`. At inference, the side of a block is about
//! 10 pixels of the region at the network's size (`k = box / 10` is a count, not a size). In training, `k` is chosen at
//! random once per clip, so that the outline never reveals the body's shape.
//!
//! Deviation: the paper chooses `k` from the whole range `(1, box)`. Our default is log-uniform over `[2, box / 4]`,
//! because a uniform draw nearly always gives tiny blocks. [`BlockRange::Whole`] is the paper's range.

use media::geometry::{Crop, Rect};
use media::picture::Mask;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// From this coverage (of 255) on, a pixel belongs to the character: an eighth. It is low because any colour of the
/// person at an edge would reveal the outline to the network.
pub const COVERED: u8 = 32;

/// How the removed region is made from the character mask: the rows of the paper's figure 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskKind {
    /// Blocks of the bounding box (Eq. 2).
    #[default]
    ShapeAgnostic,
    /// The exact character mask.
    Precise,
    /// The whole bounding box.
    BoundingBox,
}

/// The distribution from which training draws a block count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockDraw {
    /// Log-uniform: every doubling of the count is equally likely.
    #[default]
    LogUniform,
    /// Uniform: every count is equally likely.
    Uniform,
}

/// The range from which training draws counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockRange {
    /// From 2 blocks to a quarter of the box's pixels (blocks of at least 4 pixels).
    #[default]
    Quarter,
    /// From the whole box to single pixels, as in the paper.
    Whole,
}

/// Settings of the formulated mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskConfig {
    /// The variant of the mask.
    pub kind: MaskKind,
    /// Size of a block at inference, in region pixels at network size; 10 in the paper (`k_h = h_b / 10`).
    pub block_size: u32,
    /// A fixed number of blocks along each side of the box at inference, instead of `block_size`.
    pub blocks: Option<u32>,
    /// The distribution for training.
    pub training_draw: BlockDraw,
    /// The range for training.
    pub training_range: BlockRange,
}

impl Default for MaskConfig {
    fn default() -> Self {
        Self {
            kind: MaskKind::ShapeAgnostic,
            block_size: 10,
            blocks: None,
            training_draw: BlockDraw::LogUniform,
            training_range: BlockRange::Quarter,
        }
    }
}

/// The number of blocks in a bounding box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// `k_h`, at least 1.
    pub rows: u32,
    /// `k_w`, at least 1.
    pub columns: u32,
}

impl MaskConfig {
    /// The block counts of a frame at inference, from the character's bounding box at the network's size.
    pub fn inference_blocks(&self, area: Rect<Crop>) -> Blocks {
        let size = self.block_size.max(1);
        let along = |pixels: u32| self.blocks.unwrap_or((pixels + size / 2) / size).clamp(1, pixels.max(1));
        Blocks { rows: along(area.height), columns: along(area.width) }
    }

    /// Chooses the random block counts of one training clip from the bounding boxes of its frames. Both sides are
    /// independent. The range is computed from the median box, so that a single frame with half a person does not
    /// determine it.
    pub fn training_blocks(&self, boxes: &[Rect<Crop>], random: &mut impl Rng) -> Blocks {
        let middle = |side: fn(&Rect<Crop>) -> u32| {
            let mut sides: Vec<u32> = boxes.iter().filter(|area| !area.is_empty()).map(side).collect();
            sides.sort_unstable();
            sides.get(sides.len() / 2).copied().unwrap_or(1)
        };
        let (height, width) = (middle(|area| area.height), middle(|area| area.width));
        let rows = self.draw(height, random);
        Blocks { rows, columns: self.draw(width, random) }
    }

    fn draw(&self, pixels: u32, random: &mut impl Rng) -> u32 {
        let (low, high) = match self.training_range {
            BlockRange::Quarter => (2, (pixels / 4).max(2)),
            BlockRange::Whole => (1, pixels.max(1)),
        };
        let count = match self.training_draw {
            BlockDraw::Uniform => random.random_range(low..=high),
            // The integer part of a log-uniform real over [low, high + 1).
            BlockDraw::LogUniform => {
                let exponent = random.random_range(f64::from(low).ln()..f64::from(high + 1).ln());
                (exponent.exp() as u32).clamp(low, high)
            }
        };
        count.clamp(1, pixels.max(1))
    }

    /// The removed region `M_f` of one frame, 255 or 0, at the size of `character`. An empty mask gives an empty
    /// region.
    pub fn formulate(&self, character: &Mask, blocks: Blocks) -> Mask {
        match self.kind {
            MaskKind::ShapeAgnostic => block_mask(character, blocks),
            MaskKind::Precise => binary(character),
            MaskKind::BoundingBox => block_mask(character, Blocks { rows: 1, columns: 1 }),
        }
    }
}

/// The smallest rectangle that contains every pixel of the character; none for an empty mask.
pub fn bounding_box<S>(mask: &Mask) -> Option<Rect<S>> {
    let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
    for y in 0..mask.height() {
        let row = mask.row(y);
        if let Some(first) = row.iter().position(|&value| value >= COVERED) {
            let last = row.iter().rposition(|&value| value >= COVERED).unwrap_or(first);
            left = left.min(first);
            right = right.max(last + 1);
            top = top.min(y);
            bottom = y + 1;
        }
    }
    (bottom > 0).then(|| Rect::new(left as i32, top as i32, (right - left) as u32, (bottom - top) as u32))
}

/// The character mask as 0 or 255.
pub fn binary(mask: &Mask) -> Mask {
    mask.map(|value| if value >= COVERED { 255 } else { 0 })
}

/// Eq. 2, with the bounding box of the mask itself.
pub fn block_mask(character: &Mask, blocks: Blocks) -> Mask {
    match bounding_box(character) {
        Some(area) => block_mask_in(character, area, blocks),
        None => Mask::filled(character.width(), character.height(), 0),
    }
}

/// Eq. 2 in a given box: every block of `area` with a character pixel becomes 255. Pixels outside `area` are ignored. A
/// count larger than the box gives single pixels.
///
/// # Panics
/// When `area` extends beyond the mask.
pub fn block_mask_in(character: &Mask, area: Rect<Crop>, blocks: Blocks) -> Mask {
    let (width, height) = character.size();
    let inside = area.x >= 0 && area.y >= 0 && area.right() <= width as i32 && area.bottom() <= height as i32;
    assert!(inside, "box {area:?} reaches out of a {width}x{height} mask");
    let mut formulated = Mask::filled(width, height, 0);
    for (top, bottom) in spans(area.y, area.height, blocks.rows) {
        for (left, right) in spans(area.x, area.width, blocks.columns) {
            if (top..bottom).any(|y| character.row(y)[left..right].iter().any(|&value| value >= COVERED)) {
                for y in top..bottom {
                    formulated.cells_mut()[y * width + left..y * width + right].fill(255);
                }
            }
        }
    }
    formulated
}

/// Divides `length` pixels from `start` into `count` spans that differ by at most one pixel. Block `i` is `[i * length
/// / count, (i + 1) * length / count)`, so the last pixel belongs to the last block.
fn spans(start: i32, length: u32, count: u32) -> impl Iterator<Item = (usize, usize)> {
    let count = u64::from(count.clamp(1, length.max(1)));
    let place = move |index: u64| start as usize + (index * u64::from(length) / count) as usize;
    (0..count).map(move |index| (place(index), place(index + 1)))
}

#[cfg(test)]
mod tests;
