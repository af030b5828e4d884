//! Resizes pictures with antialiasing. For 8-bit pictures, the result equals Pillow's to the last bit.
//!
//! The networks were trained on pictures that Pillow resized, so Pillow's arithmetic is part of the method (parity case
//! `pil_resize`). Resizing takes two passes. Each output cell is a weighted sum of the input cells under a filter,
//! whose width is scaled by the reduction factor. For 8-bit pictures, the weights are fixed-point numbers with 22
//! fraction bits, rounded away from zero, and the result of each pass is rounded to 8 bits. Planes of real numbers
//! (masks in [0, 1], depth) use the same weights in `f32`.

use crate::picture::{Mask, Picture, Plane};

/// The shape of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Mean over the cell's footprint ("area"); nearest neighbour when enlarging. Reach 1/2 cell.
    Area,
    /// Triangle, reach 1 cell.
    Bilinear,
    /// Cubic with a = -1/2, reach 2 cells.
    Bicubic,
    /// Windowed sinc, reach 3 cells.
    Lanczos,
}

impl Filter {
    /// Half the width of the filter, in input cells when not shrinking.
    fn reach(self) -> f64 {
        match self {
            Self::Area => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Area => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Bicubic => {
                const A: f64 = -0.5;
                let x = x.abs();
                if x < 1.0 {
                    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    (((x - 5.0) * x + 8.0) * x - 4.0) * A
                } else {
                    0.0
                }
            }
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let angle = x * std::f64::consts::PI;
    angle.sin() / angle
}

/// For each output cell: the first input cell and the weights of the cells from there. Weights sum to 1.
struct Weights<W> {
    cells: Vec<(usize, Vec<W>)>,
}

impl Weights<f64> {
    fn new(from: usize, to: usize, filter: Filter) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let reach = filter.reach() * stretch;
        let cells = (0..to).map(|cell| {
            let centre = (cell as f64 + 0.5) * scale;
            // Casts truncate toward zero, as in Pillow: `centre - reach + 0.5` may be slightly negative.
            let start = ((centre - reach + 0.5) as i64).max(0) as usize;
            let end = ((centre + reach + 0.5) as i64).clamp(0, from as i64) as usize;
            let mut weights: Vec<f64> =
                (start..end).map(|input| filter.weight((input as f64 - centre + 0.5) / stretch)).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            (start, weights)
        });
        Self { cells: cells.collect() }
    }

    fn map<W>(&self, change: impl Fn(f64) -> W) -> Weights<W> {
        let cells = self.cells.iter().map(|(start, weights)| (*start, weights.iter().map(|&w| change(w)).collect()));
        Weights { cells: cells.collect() }
    }
}

const FRACTION_BITS: u32 = 22;

fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << FRACTION_BITS);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn byte_from_sum(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// One pass along the rows.
fn resize_width<const C: usize>(input: &[[u8; C]], width: usize, new_width: usize, filter: Filter) -> Vec<[u8; C]> {
    let weights = Weights::new(width, new_width, filter).map(fixed_point);
    let mut output = Vec::with_capacity(input.len() / width * new_width);
    for row in input.chunks_exact(width) {
        output.extend(weights.cells.iter().map(|(start, weights)| {
            let mut sums = [HALF; C];
            for (cell, &weight) in row[*start..].iter().zip(weights) {
                for (sum, &byte) in sums.iter_mut().zip(cell) {
                    *sum += i32::from(byte) * weight;
                }
            }
            sums.map(byte_from_sum)
        }));
    }
    output
}

/// One pass along the columns.
fn resize_height<const C: usize>(input: &[[u8; C]], width: usize, new_height: usize, filter: Filter) -> Vec<[u8; C]> {
    let weights = Weights::new(input.len() / width, new_height, filter).map(fixed_point);
    let mut output = Vec::with_capacity(width * new_height);
    let mut sums = vec![[HALF; C]; width];
    for (start, weights) in &weights.cells {
        sums.fill([HALF; C]);
        for (row, &weight) in input[start * width..].chunks_exact(width).zip(weights) {
            for (sums, cell) in sums.iter_mut().zip(row) {
                for (sum, &byte) in sums.iter_mut().zip(cell) {
                    *sum += i32::from(byte) * weight;
                }
            }
        }
        output.extend(sums.iter().map(|sums| sums.map(byte_from_sum)));
    }
    output
}

/// True when Pillow shrinks the height before it changes the width. It does so when that drops more than twice as many
/// rows as the other pass drops columns (found by experiment with Pillow 13; older versions always start with the
/// width).
fn height_goes_first((width, height): (usize, usize), (new_width, new_height): (usize, usize)) -> bool {
    new_height < height && (height - new_height) as i64 > 2 * (width as i64 - new_width as i64)
}

/// Runs both passes. Skips a direction whose length does not change.
fn resize_bytes<const C: usize>(
    input: &[[u8; C]],
    from: (usize, usize),
    to: (usize, usize),
    filter: Filter,
) -> Vec<[u8; C]> {
    match (from.0 == to.0, from.1 == to.1) {
        (true, true) => input.to_vec(),
        (true, false) => resize_height(input, from.0, to.1, filter),
        (false, true) => resize_width(input, from.0, to.0, filter),
        (false, false) if height_goes_first(from, to) => {
            resize_width(&resize_height(input, from.0, to.1, filter), from.0, to.0, filter)
        }
        (false, false) => resize_height(&resize_width(input, from.0, to.0, filter), to.0, to.1, filter),
    }
}

fn assert_sizes(from: (usize, usize), to: (usize, usize)) {
    assert!(from.0 > 0 && from.1 > 0 && to.0 > 0 && to.1 > 0, "resizing {from:?} to {to:?}");
}

/// Resizes a picture, exactly as Pillow's `Image.resize` does.
///
/// # Panics
/// When either size has no cell.
pub fn resize_picture(picture: &Picture, width: usize, height: usize, filter: Filter) -> Picture {
    assert_sizes(picture.size(), (width, height));
    Plane::from_cells(width, height, resize_bytes(picture.cells(), picture.size(), (width, height), filter))
}

/// Resizes a mask, exactly as Pillow resizes a grey picture.
///
/// # Panics
/// When either size has no cell.
pub fn resize_mask(mask: &Mask, width: usize, height: usize, filter: Filter) -> Mask {
    assert_sizes(mask.size(), (width, height));
    let cells = resize_bytes(mask.cells().as_chunks::<1>().0, mask.size(), (width, height), filter);
    Plane::from_cells(width, height, cells.into_iter().flatten().collect())
}

/// Resizes a plane of real numbers with the same weights, without rounding.
///
/// # Panics
/// When either size has no cell.
pub fn resize_real(plane: &Plane<f32>, width: usize, height: usize, filter: Filter) -> Plane<f32> {
    assert_sizes(plane.size(), (width, height));
    let weights = Weights::new(plane.width(), width, filter).map(|weight| weight as f32);
    let wide: Vec<f32> = (0..plane.height())
        .flat_map(|y| {
            let row = plane.row(y);
            weights
                .cells
                .iter()
                .map(move |(start, weights)| row[*start..].iter().zip(weights).map(|(v, w)| v * w).sum())
        })
        .collect();
    let weights = Weights::new(plane.height(), height, filter).map(|weight| weight as f32);
    let mut cells = vec![0.0; width * height];
    for ((start, weights), output) in weights.cells.iter().zip(cells.chunks_exact_mut(width)) {
        for (row, weight) in wide[start * width..].chunks_exact(width).zip(weights) {
            output.iter_mut().zip(row).for_each(|(sum, value)| *sum += value * weight);
        }
    }
    Plane::from_cells(width, height, cells)
}

/// The largest size with the aspect ratio of `from` that fits into `within`; each side is at least 1.
pub fn fit_size(from: (usize, usize), within: (usize, usize)) -> (usize, usize) {
    assert_sizes(from, within);
    let scale = (within.0 as f64 / from.0 as f64).min(within.1 as f64 / from.1 as f64);
    let side = |length: usize, limit: usize| ((length as f64 * scale).round() as usize).clamp(1, limit);
    (side(from.0, within.0), side(from.1, within.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILTERS: [Filter; 4] = [Filter::Area, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];

    #[test]
    fn halving_by_hand() {
        // Scale 2: the triangle reaches 2 cells; for the left output the weights at -0.5.. are 3/4, 3/4, 1/4 over 7/4.
        let row = Mask::from_cells(4, 1, vec![0, 70, 140, 210]);
        assert_eq!(resize_mask(&row, 2, 1, Filter::Bilinear).cells(), [50, 160]);
        assert_eq!(resize_mask(&row, 2, 1, Filter::Area).cells(), [35, 175]);
        let real = row.map(f32::from);
        assert_eq!(resize_real(&real, 2, 1, Filter::Area).cells(), [35.0, 175.0]);
    }

    #[test]
    fn the_order_of_the_passes_follows_the_sizes() {
        assert!(height_goes_first((70, 90), (64, 72)) && height_goes_first((70, 90), (64, 77)));
        assert!(!height_goes_first((70, 90), (64, 78)) && !height_goes_first((70, 90), (61, 72)));
        assert!(height_goes_first((100, 100), (300, 99)) && !height_goes_first((100, 100), (300, 101)));
    }

    #[test]
    fn sharp_filters_overshoot_and_are_cut_to_bytes() {
        let step = Mask::from_fn(8, 1, |x, _| if x < 4 { 0 } else { 255 });
        let larger = resize_mask(&step, 24, 1, Filter::Lanczos);
        assert_eq!((larger.get(0, 0), larger.get(23, 0)), (0, 255));
        let real = resize_real(&step.map(f32::from), 24, 1, Filter::Lanczos);
        assert!(real.cells().iter().any(|&v| v < -1.0) && real.cells().iter().any(|&v| v > 256.0));
    }

    #[test]
    fn fitting_keeps_the_shape() {
        assert_eq!(fit_size((1920, 1080), (192, 192)), (192, 108));
        assert_eq!(fit_size((10, 4000), (100, 100)), (1, 100));
    }

    proptest! {
        #[test]
        fn one_colour_stays_that_colour(value: u8, from in 1_usize..40, to in 1_usize..40, filter in 0_usize..4) {
            let plane = Picture::filled(from, from, [value, 9, 255]);
            let resized = resize_picture(&plane, to, from, FILTERS[filter]);
            prop_assert!(resized.cells().iter().all(|&cell| cell == [value, 9, 255]));
        }

        #[test]
        fn the_same_size_is_the_identity(cells in proptest::collection::vec(any::<u8>(), 12), filter in 0_usize..4) {
            let mask = Mask::from_cells(4, 3, cells);
            prop_assert_eq!(resize_mask(&mask, 4, 3, FILTERS[filter]), mask);
        }

        #[test]
        fn bytes_follow_the_real_numbers(cells in proptest::collection::vec(any::<u8>(), 35), to in 1_usize..20) {
            // Two roundings to whole levels and small fixed-point errors.
            let mask = Mask::from_cells(7, 5, cells);
            let bytes = resize_mask(&mask, to, 6, Filter::Bilinear);
            let real = resize_real(&mask.map(f32::from), to, 6, Filter::Bilinear);
            for (&byte, &value) in bytes.cells().iter().zip(real.cells()) {
                prop_assert!((f32::from(byte) - value).abs() <= 1.01, "{} {}", byte, value);
            }
        }
    }
}
