//! Implements closed-form matting (Levin, Lischinski, Weiss, PAMI 2008) in a band along the edge of a coarse coverage.
//!
//! In each window of 3 x 3 pixels, coverage is modelled as a linear function of colour. The residual, `L_w = 1 - (1 +
//! (I - mean)^T (cov + epsilon / 9)^-1 (I - mean)) / 9`, is summed over all windows. Conjugate gradients minimise this
//! sum together with the distance to the coarse coverage, for the pixels of the band. The coverage of all other pixels
//! is known.

use media::picture::{Picture, Plane};

use crate::person::guided_filter::box_range;

/// Half the width of the band, as a share of the longest side.
const BAND: f32 = 0.008;
/// Coverage below and above which a pixel outside the band is known.
const SURE: (f32, f32) = (0.1, 0.9);
/// From this doubt on, a pixel is recomputed wherever it is.
const DOUBTFUL: f32 = 0.25;
/// Regularisation of the colours' covariance (colours 0..1).
const EPSILON: f32 = 2e-5;
/// Weight of the coarse coverage in the band, relative to the windows.
const TRUST: f32 = 0.004;
/// Most steps of the solver, and the relative residual at which it stops.
const STEPS: usize = 120;
const ENOUGH: f32 = 1e-3;
/// Coverage up to the first value becomes 0, and from the second on 1.
const CONTRAST: (f32, f32) = (0.06, 0.94);

/// The refined coverage, 0..1, from a picture, its coarse coverage, and the doubt.
///
/// # Panics
/// When the sizes differ.
pub(super) fn matted(picture: &Picture, coarse: &Plane<f32>, doubt: &Plane<f32>) -> Plane<f32> {
    assert_eq!(picture.size(), coarse.size(), "picture and coverage differ in size");
    assert_eq!(picture.size(), doubt.size(), "picture and doubt differ in size");
    let (width, height) = picture.size();
    let band = (BAND * width.max(height) as f32).round().max(2.0) as usize;
    let range = box_range(coarse, band);
    // The index of each unknown pixel.
    let mut unknown = vec![];
    let mut alpha = coarse.map(|value| if value > 0.5 { 1.0 } else { 0.0 });
    let mut place = vec![None; width * height];
    for (index, [low, high]) in range.cells().iter().copied().enumerate() {
        let is_sure = low > SURE.1 || high < SURE.0;
        if !is_sure || doubt.cells()[index] > DOUBTFUL {
            place[index] = Some(unknown.len());
            unknown.push(index);
            alpha.cells_mut()[index] = coarse.cells()[index];
        }
    }
    if unknown.is_empty() || width < 3 || height < 3 {
        return alpha;
    }
    let windows = windows(picture, &place);
    solve(&windows, &mut alpha, &unknown, coarse);
    let (low, high) = CONTRAST;
    alpha.map(|value| ((value - low) / (high - low)).clamp(0.0, 1.0))
}

/// One window: its nine pixels, their colours minus the mean, and the inverse covariance.
struct Window {
    pixels: [u32; 9],
    colours: [[f32; 3]; 9],
    inverse: [[f32; 3]; 3],
}

impl Window {
    fn new(picture: &Picture, (x, y): (usize, usize)) -> Self {
        let width = picture.width();
        let pixels: [u32; 9] = std::array::from_fn(|at| ((y + at / 3 - 1) * width + x + at % 3 - 1) as u32);
        let mut colours = pixels.map(|pixel| picture.cells()[pixel as usize].map(|value| f32::from(value) / 255.0));
        let mean: [f32; 3] =
            std::array::from_fn(|channel| colours.iter().map(|colour| colour[channel]).sum::<f32>() / 9.0);
        colours.iter_mut().for_each(|colour| (0..3).for_each(|channel| colour[channel] -= mean[channel]));
        let covariance = |one: usize, other: usize| {
            let own = if one == other { EPSILON / 9.0 } else { 0.0 };
            colours.iter().map(|colour| colour[one] * colour[other]).sum::<f32>() / 9.0 + own
        };
        let matrix = std::array::from_fn(|one| std::array::from_fn(|other| covariance(one, other)));
        Self { pixels, colours, inverse: inverted(matrix) }
    }

    /// Adds the window's contribution to `L values` to `result`.
    fn apply(&self, values: &[f32], result: &mut [f32]) {
        let seen = self.pixels.map(|pixel| values[pixel as usize]);
        let sum: f32 = seen.iter().sum();
        let mut along = [0.0; 3];
        for (value, colour) in seen.iter().zip(&self.colours) {
            (0..3).for_each(|channel| along[channel] += value * colour[channel]);
        }
        let turned = self.inverse.map(|row| row[0] * along[0] + row[1] * along[1] + row[2] * along[2]);
        for ((pixel, value), colour) in self.pixels.iter().zip(&seen).zip(&self.colours) {
            let linear = turned[0] * colour[0] + turned[1] * colour[1] + turned[2] * colour[2];
            result[*pixel as usize] += value - (sum + linear) / 9.0;
        }
    }

    /// The window's contribution to the diagonal of `L` at one of its pixels.
    fn diagonal(&self, at: usize) -> f32 {
        let colour = self.colours[at];
        let turned = self.inverse.map(|row| row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]);
        1.0 - (1.0 + turned[0] * colour[0] + turned[1] * colour[1] + turned[2] * colour[2]) / 9.0
    }
}

/// The windows that touch an unknown pixel.
fn windows(picture: &Picture, place: &[Option<usize>]) -> Vec<Window> {
    let (width, height) = picture.size();
    let mut windows = vec![];
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let touches = (0..9).any(|at| place[(y + at / 3 - 1) * width + x + at % 3 - 1].is_some());
            if touches {
                windows.push(Window::new(picture, (x, y)));
            }
        }
    }
    windows
}

/// Conjugate gradients with a diagonal preconditioner, starting from the coarse coverage.
fn solve(windows: &[Window], alpha: &mut Plane<f32>, unknown: &[usize], coarse: &Plane<f32>) {
    let cells = alpha.cells().len();
    let apply = |values: &[f32], result: &mut Vec<f32>| {
        result.clear();
        result.resize(cells, 0.0);
        windows.iter().for_each(|window| window.apply(values, result));
    };
    let mut diagonal = vec![TRUST; cells];
    for window in windows {
        for (at, pixel) in window.pixels.iter().enumerate() {
            diagonal[*pixel as usize] += window.diagonal(at).max(0.0);
        }
    }
    let mut product = vec![];
    apply(alpha.cells(), &mut product);
    // The residual of the unknowns. The known pixels are in `alpha` and never change.
    let mut residual: Vec<f32> =
        unknown.iter().map(|&index| TRUST * (coarse.cells()[index] - alpha.cells()[index]) - product[index]).collect();
    let start = dot(&residual, &residual);
    let mut direction = vec![0.0; cells];
    let mut last = 0.0;
    for step in 0..STEPS {
        let turned: Vec<f32> = residual.iter().zip(unknown).map(|(value, index)| value / diagonal[*index]).collect();
        let power = dot(&residual, &turned);
        if power <= 0.0 || dot(&residual, &residual) <= ENOUGH * ENOUGH * start {
            return;
        }
        let kept = if step == 0 { 0.0 } else { power / last };
        last = power;
        for (index, value) in unknown.iter().zip(&turned) {
            direction[*index] = value + kept * direction[*index];
        }
        apply(&direction, &mut product);
        let curve: f32 = unknown.iter().map(|&at| direction[at] * (product[at] + TRUST * direction[at])).sum();
        if curve <= 0.0 {
            return;
        }
        let length = power / curve;
        for (value, &index) in residual.iter_mut().zip(unknown) {
            alpha.cells_mut()[index] += length * direction[index];
            *value -= length * (product[index] + TRUST * direction[index]);
        }
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The inverse of a symmetric positive definite matrix.
fn inverted([[a, b, c], [_, d, e], [_, _, f]]: [[f32; 3]; 3]) -> [[f32; 3]; 3] {
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(f64::from);
    let (aa, bb, cc) = (d * f - e * e, c * e - b * f, b * e - c * d);
    let (dd, ee, ff) = (a * f - c * c, b * c - a * e, a * d - b * b);
    let determinant = (a * aa + b * bb + c * cc).max(1e-30);
    [[aa, bb, cc], [bb, dd, ee], [cc, ee, ff]].map(|row| row.map(|value| (value / determinant) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_by_hand() {
        let inverse = inverted([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 4.0]]);
        let expected = [[2.0 / 3.0, -1.0 / 3.0, 0.0], [-1.0 / 3.0, 2.0 / 3.0, 0.0], [0.0, 0.0, 0.25]];
        for (found, expected) in inverse.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_rough_edge_becomes_the_pictures_own() {
        // A disc with a soft edge in front of a colour gradient. The coarse disc is too small and blurred.
        let size = 200;
        let distance = |x: usize, y: usize| (x as f32 - 99.5).hypot(y as f32 - 99.5);
        let truth = Plane::from_fn(size, size, |x, y| ((61.0 - distance(x, y)) / 2.0).clamp(0.0, 1.0));
        let picture = Picture::from_fn(size, size, |x, y| {
            let (front, back) = ([210.0, 60.0, 40.0], [x as f32 / 2.0, 90.0, 200.0 - y as f32 / 2.0]);
            let share = truth.get(x, y);
            std::array::from_fn(|c| (share * front[c] + (1.0 - share) * back[c]) as u8)
        });
        let coarse = Plane::from_fn(size, size, |x, y| ((62.0 - distance(x, y)) / 4.0).clamp(0.0, 1.0));
        let found = matted(&picture, &coarse, &coarse.map(|_| 0.0));
        let error = |plane: &Plane<f32>| {
            plane.cells().iter().zip(truth.cells()).map(|(one, other)| (one - other).abs()).sum::<f32>()
        };
        assert!(error(&found) < 0.3 * error(&coarse), "{} against {}", error(&found), error(&coarse));
    }

    #[test]
    fn what_is_sure_stays() {
        let picture = Picture::filled(30, 30, [90; 3]);
        for value in [0.0, 1.0] {
            let coarse = Plane::filled(30, 30, value);
            assert_eq!(matted(&picture, &coarse, &coarse.map(|_| 0.0)), coarse);
        }
        let tiny = Plane::filled(2, 1, 0.5);
        assert_eq!(matted(&Picture::filled(2, 1, [9; 3]), &tiny, &tiny).size(), (2, 1));
    }
}
