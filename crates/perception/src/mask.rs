//! The shape-agnostic mask: which part of a frame is removed before the network sees it (paper 3.2, Eq. 2).
//!
//! The character mask `M_c` lies in a bounding box of `h_b x w_b` pixels. The box is divided into `k_h x k_w` blocks
//! and every block that holds a pixel of `M_c` is removed whole: `M_f`. At inference a block is about 10 pixels of
//! the region at network size (`k = box / 10`, a count, not a size); in training `k` is drawn once per clip, so that
//! the outline never tells the body's shape.
//!
//! Deviation: the paper draws `k` from the whole range `(1, box)`; the default here is log-uniform over
//! `[2, box / 4]`, because a uniform draw nearly always gives tiny blocks. [`BlockRange::Whole`] is the paper's.

use media::geometry::{Crop, Rect};
use media::picture::Mask;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// The least coverage (of 255) at which a pixel belongs to the character: an eighth. It is low, because a colour of
/// the person that stays at an edge tells the network the outline.
pub const COVERED: u8 = 32;

/// How the removed region is made from the character mask; the rows of the paper's figure 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskKind {
    /// Blocks of the bounding box (Eq. 2).
    #[default]
    ShapeAgnostic,
    /// The character mask itself.
    Precise,
    /// The whole bounding box.
    BoundingBox,
}

/// The law by which a block count is drawn in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockDraw {
    /// Every doubling of the count is equally likely.
    #[default]
    LogUniform,
    /// Every count is equally likely.
    Uniform,
}

/// The counts that training draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockRange {
    /// From 2 blocks to a quarter of the box's pixels (blocks of at least 4 pixels).
    #[default]
    Quarter,
    /// From the whole box to single pixels, as the paper says.
    Whole,
}

/// Settings of the formulated mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskConfig {
    /// Which variant.
    pub kind: MaskKind,
    /// Size of a block at inference, in region pixels at network size; 10 in the paper (`k_h = h_b / 10`).
    pub block_size: u32,
    /// A fixed count of blocks along each side of the box at inference instead of `block_size`.
    pub blocks: Option<u32>,
    /// How training draws the counts.
    pub training_draw: BlockDraw,
    /// What training draws the counts from.
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

/// How many blocks a bounding box is divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// `k_h`, at least 1.
    pub rows: u32,
    /// `k_w`, at least 1.
    pub columns: u32,
}

impl MaskConfig {
    /// The block counts of one frame at inference, from the character's bounding box at network size.
    pub fn inference_blocks(&self, area: Rect<Crop>) -> Blocks {
        let size = self.block_size.max(1);
        let along = |pixels: u32| self.blocks.unwrap_or((pixels + size / 2) / size).clamp(1, pixels.max(1));
        Blocks { rows: along(area.height), columns: along(area.width) }
    }

    /// Draws the block counts of one training clip from the bounding boxes of its frames: both sides independently,
    /// ranged by the middle (median) box, so that one frame with half a person does not decide.
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

    /// The removed region `M_f` of one frame, 255 or 0, of the size of `character`. An empty mask gives an empty one.
    pub fn formulate(&self, character: &Mask, blocks: Blocks) -> Mask {
        match self.kind {
            MaskKind::ShapeAgnostic => block_mask(character, blocks),
            MaskKind::Precise => binary(character),
            MaskKind::BoundingBox => block_mask(character, Blocks { rows: 1, columns: 1 }),
        }
    }
}

/// The smallest rectangle that holds every pixel of the character, or none for an empty mask.
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

/// Eq. 2 with the box measured on the mask itself.
pub fn block_mask(character: &Mask, blocks: Blocks) -> Mask {
    match bounding_box(character) {
        Some(area) => block_mask_in(character, area, blocks),
        None => Mask::filled(character.width(), character.height(), 0),
    }
}

/// Eq. 2 in a given box: every block of `area` that holds a character pixel becomes 255. Pixels outside `area` are
/// not looked at. Counts above the box's pixels mean single pixels.
///
/// # Panics
/// When `area` reaches out of the mask.
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

/// Divides `length` pixels from `start` into `count` spans that differ by at most one pixel: block `i` is
/// `[i * length / count, (i + 1) * length / count)`, so the last pixel belongs to the last block.
fn spans(start: i32, length: u32, count: u32) -> impl Iterator<Item = (usize, usize)> {
    let count = u64::from(count.clamp(1, length.max(1)));
    let place = move |index: u64| start as usize + (index * u64::from(length) / count) as usize;
    (0..count).map(move |index| (place(index), place(index + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn mask(rows: &[&str]) -> Mask {
        Mask::from_fn(rows[0].len(), rows.len(), |x, y| if rows[y].as_bytes()[x] == b'#' { 255 } else { 0 })
    }

    fn check(rows: &[&str], blocks: (u32, u32), expected: &[&str]) {
        let got = block_mask(&mask(rows), Blocks { rows: blocks.0, columns: blocks.1 });
        assert_eq!(got, mask(expected), "{blocks:?} blocks of {rows:?}");
    }

    #[test]
    fn hand_made_masks() {
        check(&["#...", ".#..", "..#.", "...#"], (2, 2), &["##..", "##..", "..##", "..##"]);
        check(&["#...", ".#..", "..#.", "...#"], (1, 1), &["####"; 4]);
        check(&["#...", ".#..", "..#.", "...#"], (4, 4), &["#...", ".#..", "..#.", "...#"]);
        // Three columns in two blocks: one and two pixels wide; the last column is covered.
        check(&[".....", ".#.#.", ".#..."], (1, 2), &[".....", ".###.", ".###."]);
        check(&[".....", ".#.#.", ".#..."], (2, 2), &[".....", ".###.", ".#..."]);
        // A box narrower than the count, one pixel, nothing, everything.
        check(&["#", "#"], (9, 9), &["#", "#"]);
        check(&["..", ".#"], (3, 3), &["..", ".#"]);
        check(&["..", ".."], (3, 3), &["..", ".."]);
        check(&["##", "##"], (1, 2), &["##", "##"]);
    }

    #[test]
    fn inference_counts_blocks_of_about_ten_pixels() {
        let config = MaskConfig::default();
        let of = |width, height| config.inference_blocks(Rect::new(3, 4, width, height));
        assert_eq!(of(100, 204), Blocks { rows: 20, columns: 10 });
        assert_eq!(of(4, 16), Blocks { rows: 2, columns: 1 });
        let fixed = MaskConfig { blocks: Some(6), ..MaskConfig::default() };
        assert_eq!(fixed.inference_blocks(Rect::new(0, 0, 4, 100)), Blocks { rows: 6, columns: 4 });
    }

    #[test]
    fn variants_of_figure_seven() {
        let person = mask(&["....", ".#..", "..#.", "...."]);
        let of = |kind| {
            let config = MaskConfig { kind, ..MaskConfig::default() };
            config.formulate(&person, Blocks { rows: 2, columns: 1 })
        };
        assert_eq!(of(MaskKind::Precise), person);
        assert_eq!(of(MaskKind::BoundingBox), mask(&["....", ".##.", ".##.", "...."]));
        assert_eq!(of(MaskKind::ShapeAgnostic), mask(&["....", ".##.", ".##.", "...."]));
    }

    #[test]
    fn log_uniform_gives_each_doubling_the_same_share() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let config = MaskConfig::default();
        let area = [Rect::new(0, 0, 256, 256)];
        let counts: Vec<u32> = (0..4000).map(|_| config.training_blocks(&area, &mut random).rows).collect();
        // [2, 64]: the doublings 2..4, 4..8, ... 32..64 and the one value 64.
        let share = |low: u32| counts.iter().filter(|&&k| (low..low * 2).contains(&k)).count() as f64 / 4000.0;
        for low in [2, 4, 8, 16, 32] {
            let expected = f64::ln(2.0) / (f64::ln(65.0) - f64::ln(2.0));
            assert!((share(low) - expected).abs() < 0.03, "{low}: {} instead of {expected}", share(low));
        }
        let uniform = MaskConfig { training_draw: BlockDraw::Uniform, ..config };
        let many = (0..1000).filter(|_| uniform.training_blocks(&area, &mut random).columns >= 33).count();
        assert!((many as f64 / 1000.0 - 32.0 / 63.0).abs() < 0.06, "{many} of 1000 at least 33");
    }

    fn any_mask() -> impl Strategy<Value = Mask> {
        (1_usize..24, 1_usize..24).prop_flat_map(|(width, height)| {
            // Sparse, so that boxes, borders and empty masks all come up.
            let cell = prop_oneof![9 => Just(0_u8), 1 => 0_u8..=255];
            prop::collection::vec(cell, width * height).prop_map(move |cells| Mask::from_cells(width, height, cells))
        })
    }

    fn any_blocks() -> impl Strategy<Value = Blocks> {
        (1_u32..30, 1_u32..30).prop_map(|(rows, columns)| Blocks { rows, columns })
    }

    proptest! {
        #[test]
        fn covers_the_character(person in any_mask(), blocks in any_blocks()) {
            let formulated = block_mask(&person, blocks);
            for (removed, character) in formulated.cells().iter().zip(binary(&person).cells()) {
                prop_assert!(removed >= character);
            }
            // And stays in the box.
            prop_assert_eq!(bounding_box::<Crop>(&formulated), bounding_box::<Crop>(&person));
        }

        #[test]
        fn is_the_identity_with_one_block_a_pixel(person in any_mask()) {
            let area = bounding_box(&person).unwrap_or(Rect::<Crop>::new(0, 0, 1, 1));
            let blocks = Blocks { rows: area.height, columns: area.width };
            prop_assert_eq!(block_mask(&person, blocks), binary(&person));
        }

        #[test]
        fn is_the_box_with_one_block(person in any_mask()) {
            let formulated = block_mask(&person, Blocks { rows: 1, columns: 1 });
            let area = bounding_box::<Crop>(&person).unwrap_or(Rect::new(0, 0, 0, 0));
            let count = formulated.cells().iter().filter(|&&value| value == 255).count();
            prop_assert_eq!(count, (area.width * area.height) as usize);
            prop_assert_eq!(bounding_box::<Crop>(&formulated), bounding_box::<Crop>(&person));
        }

        #[test]
        fn grows_with_the_character(person in any_mask(), blocks in any_blocks(), x in 0_usize..24, y in 0_usize..24) {
            let area = Rect::of_size(person.width() as u32, person.height() as u32);
            let before = block_mask_in(&person, area, blocks);
            let mut more = person.clone();
            more.set(x % person.width(), y % person.height(), 255);
            let after = block_mask_in(&more, area, blocks);
            prop_assert!(before.cells().iter().zip(after.cells()).all(|(before, after)| before <= after));
        }

        #[test]
        fn every_pixel_belongs_to_one_block(start in 0_i32..9, length in 1_u32..200, count in 1_u32..300) {
            let mut owners = vec![0; length as usize];
            let mut sizes = Vec::new();
            for (from, to) in spans(start, length, count) {
                sizes.push(to - from);
                for pixel in from..to {
                    owners[pixel - start as usize] += 1;
                }
            }
            prop_assert!(owners.iter().all(|&owner| owner == 1), "{:?}", owners);
            prop_assert_eq!(sizes.len(), count.min(length) as usize);
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }

        #[test]
        fn training_counts_lie_in_their_range(width in 1_u32..300, height in 1_u32..300, seed in 0_u64..50) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let boxes = [Rect::new(0, 0, width, height)];
            for training_draw in [BlockDraw::LogUniform, BlockDraw::Uniform] {
                let quarter = MaskConfig { training_draw, ..MaskConfig::default() };
                let blocks = quarter.training_blocks(&boxes, &mut random);
                prop_assert!((2.min(height)..=(height / 4).max(2)).contains(&blocks.rows));
                prop_assert!((2.min(width)..=(width / 4).max(2)).contains(&blocks.columns));
                let whole = MaskConfig { training_range: BlockRange::Whole, ..quarter };
                let blocks = whole.training_blocks(&boxes, &mut random);
                prop_assert!((1..=height).contains(&blocks.rows) && (1..=width).contains(&blocks.columns));
            }
        }
    }
}
