//! Implements the guided filter (He, Sun, Tang, PAMI 2013) with a colour guide: moves the edge of a coarse mask to the
//! edge in the picture.
//!
//! In each window, a linear function of the colour, `q = a . I + b`, is fitted to the mask with `a = (Sigma +
//! epsilon)^-1 (mean(I p) - mean(I) mean(p))` and `b = mean(p) - a . mean(I)`. Each pixel then uses the mean of `a` and
//! `b` over the windows that contain it. The function is fitted at a reduced size and applied at full size.

use std::ops::Range;

use media::picture::Plane;

/// `a` (three colours) and `b` of each pixel.
pub(crate) type Coefficients = Plane<[f32; 4]>;

/// Fits the mask (0..1) to the guide (colours 0..1) in windows of `2 radius + 1` pixels.
///
/// # Panics
/// When the sizes differ.
pub(crate) fn fit(guide: &Plane<[f32; 3]>, mask: &Plane<f32>, radius: usize, epsilon: f32) -> Coefficients {
    assert_eq!(guide.size(), mask.size(), "guide and mask differ in size");
    let products = guide
        .cells()
        .iter()
        .zip(mask.cells())
        .map(|(&[r, g, b], &p)| [r, g, b, p, r * p, g * p, b * p, r * r, r * g, r * b, g * g, g * b, b * b]);
    let products = Plane::from_cells(guide.width(), guide.height(), products.collect());
    let fitted = box_mean(&products, radius).map(|[r, g, b, p, rp, gp, bp, rr, rg, rb, gg, gb, bb]| {
        let covariance = [rp - r * p, gp - g * p, bp - b * p];
        let matrix = [
            [rr - r * r + epsilon, rg - r * g, rb - r * b],
            [rg - r * g, gg - g * g + epsilon, gb - g * b],
            [rb - r * b, gb - g * b, bb - b * b + epsilon],
        ];
        let [x, y, z] = solved(matrix, covariance);
        [x, y, z, p - x * r - y * g - z * b]
    });
    box_mean(&fitted, radius)
}

/// Solves a symmetric positive definite 3x3 system by its adjugate.
fn solved([[a, b, c], [_, d, e], [_, _, f]]: [[f32; 3]; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    let (aa, bb, cc) = (d * f - e * e, c * e - b * f, b * e - c * d);
    let (dd, ee, ff) = (a * f - c * c, b * c - a * e, a * d - b * b);
    let determinant = a * aa + b * bb + c * cc;
    if determinant.abs() < 1e-20 {
        return [0.0; 3];
    }
    [aa * x + bb * y + cc * z, bb * x + dd * y + ee * z, cc * x + ee * y + ff * z].map(|value| value / determinant)
}

/// Mean over windows of `2 radius + 1` cells. At the border, only the existing part counts.
pub(crate) fn box_mean<const N: usize>(plane: &Plane<[f32; N]>, radius: usize) -> Plane<[f32; N]> {
    let (width, height) = plane.size();
    let mut rows = Plane::filled(width, height, [0.0; N]);
    for y in 0..height {
        let row = plane.row(y);
        let target = &mut rows.cells_mut()[y * width..][..width];
        let mut sum = [0.0; N];
        for step in Step::all(width, radius) {
            step.added.for_each(|index| add(&mut sum, &row[index], 1.0));
            step.gone.for_each(|index| add(&mut sum, &row[index], -1.0));
            target[step.index] = sum.map(|sum| sum * step.share);
        }
    }
    let mut result = Plane::filled(width, height, [0.0; N]);
    let mut sums = vec![[0.0; N]; width];
    for step in Step::all(height, radius) {
        for (rows_moved, sign) in [(step.added, 1.0), (step.gone, -1.0)] {
            rows_moved.for_each(|y| sums.iter_mut().zip(rows.row(y)).for_each(|(sum, cell)| add(sum, cell, sign)));
        }
        let target = &mut result.cells_mut()[step.index * width..][..width];
        target.iter_mut().zip(&sums).for_each(|(cell, sum)| *cell = sum.map(|sum| sum * step.share));
    }
    result
}

fn add<const N: usize>(sum: &mut [f32; N], cell: &[f32; N], sign: f32) {
    sum.iter_mut().zip(cell).for_each(|(sum, value)| *sum += sign * value);
}

/// One step of a sliding window: the cells that enter and leave, and one over the number of cells inside.
struct Step {
    index: usize,
    added: Range<usize>,
    gone: Range<usize>,
    share: f32,
}

impl Step {
    fn all(length: usize, radius: usize) -> impl Iterator<Item = Self> {
        let window = move |index: usize| index.saturating_sub(radius)..(index + radius + 1).min(length);
        (0..length).map(move |index| {
            let (now, before) = (window(index), if index == 0 { 0..0 } else { window(index - 1) });
            let share = 1.0 / now.len() as f32;
            Self { index, added: before.end..now.end, gone: before.start..now.start, share }
        })
    }
}

/// Minimum and maximum within `radius` cells.
pub(crate) fn box_range(plane: &Plane<f32>, radius: usize) -> Plane<[f32; 2]> {
    let width = plane.width();
    let mut result = plane.map(|value| [value; 2]);
    let mut line = Vec::new();
    for row in result.cells_mut().chunks_exact_mut(width.max(1)) {
        widen(row, 1, radius, &mut line);
    }
    widen(result.cells_mut(), width, radius, &mut line);
    result
}

/// Merges each range with those up to `radius` groups of `group` cells before and after it, with windows that double in
/// size.
fn widen(ranges: &mut [[f32; 2]], group: usize, radius: usize, before: &mut Vec<[f32; 2]>) {
    let join = |one: &mut [f32; 2], other: &[f32; 2]| *one = [one[0].min(other[0]), one[1].max(other[1])];
    let mut reach = 0;
    while reach < radius {
        // Windows of `reach` on both sides, shifted by at most `reach + 1`, leave no gap.
        let step = (radius - reach).min(reach + 1);
        let shift = (step * group).min(ranges.len());
        before.clear();
        before.extend_from_slice(ranges);
        ranges[shift..].iter_mut().zip(before.iter()).for_each(|(range, other)| join(range, other));
        ranges.iter_mut().zip(&before[shift..]).for_each(|(range, other)| join(range, other));
        reach += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_by_hand() {
        let plane = Plane::from_cells(4, 1, vec![[1.0], [2.0], [3.0], [10.0]]);
        let mean: Vec<f32> = box_mean(&plane, 1).cells().iter().map(|[mean]| *mean).collect();
        assert_eq!(mean, [1.5, 2.0, 5.0, 6.5]);
        let tall = Plane::from_cells(1, 3, vec![[0.0], [3.0], [9.0]]);
        assert_eq!(box_mean(&tall, 9).cells(), [[4.0]; 3]);
        let range = box_range(&Plane::from_cells(2, 2, vec![1.0, 2.0, 3.0, 4.0]), 1);
        assert_eq!(range.cells(), [[1.0, 4.0]; 4]);
    }

    #[test]
    fn ranges_agree_with_every_cell_looked_at() {
        let plane = Plane::from_fn(13, 9, |x, y| ((x * 31 + y * 17) % 23) as f32);
        for radius in [0, 1, 2, 3, 5, 20] {
            let found = box_range(&plane, radius);
            for (x, y) in (0..9).flat_map(|y| (0..13).map(move |x| (x, y))) {
                let near = |place: usize, other: usize| place.abs_diff(other) <= radius;
                let cells = (0..9).flat_map(|row| (0..13).map(move |column| (column, row)));
                let values = cells.filter(|(column, row)| near(x, *column) && near(y, *row));
                let values: Vec<f32> = values.map(|(column, row)| plane.get(column, row)).collect();
                let fold = |join: fn(f32, f32) -> f32| values.iter().copied().reduce(join).unwrap();
                assert_eq!(found.get(x, y), [fold(f32::min), fold(f32::max)], "({x}, {y}), radius {radius}");
            }
        }
    }

    #[test]
    fn a_blurred_mask_takes_the_edge_of_the_guide() {
        // A person of one colour to the left of column 20. The mask is a ramp from column 14 to 26.
        let guide = Plane::from_fn(40, 12, |x, _| if x < 20 { [0.9, 0.2, 0.1] } else { [0.1, 0.3, 0.8] });
        let mask = Plane::from_fn(40, 12, |x, _| ((26.0 - x as f32) / 12.0).clamp(0.0, 1.0));
        let fitted = fit(&guide, &mask, 8, 1e-4);
        let value = |x: usize| {
            let ([a, b, c, d], [r, g, blue]) = (fitted.get(x, 6), guide.get(x, 6));
            a * r + b * g + c * blue + d
        };
        assert!(value(18) > 0.7 && value(21) < 0.3, "{} {}", value(18), value(21));
        assert!(value(2) > 0.95 && value(37) < 0.05);
    }

    #[test]
    fn a_flat_guide_keeps_the_mean() {
        let guide = Plane::filled(9, 9, [0.5; 3]);
        let fitted = fit(&guide, &Plane::filled(9, 9, 0.25), 2, 1e-3);
        for [a, b, c, d] in fitted.cells() {
            assert!((0.5 * (a + b + c) + d - 0.25).abs() < 1e-4);
        }
    }
}
