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
        // Sparse masks, so that boxes, borders and empty masks all occur.
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
        // The removed region stays inside the box.
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
