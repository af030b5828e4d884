//! Computes the structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004, eq. 13) with `K1` = 0.01, `K2` = 0.03,
//! range 255:
//!
//! `(2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2))`
//!
//! | form | levels | window | variances | ignored border |
//! |---|---|---|---|---|
//! | [`ssim_grey`] | 8-bit [grey](crate::grey) | uniform 7 x 7 | sample variances, `49 / 48` | 3 |
//! | [`ssim_colour`] | red, green, blue, averaged | the same | the same | 3 |
//! | [`ssim_gaussian`] | 8-bit grey | Gaussian 11 x 11, sigma 1.5 | weighted | 5 |
//!
//! Papers of this field report the first form (DisCo's script, scikit-image's defaults). The last form is
//! scikit-image's implementation with the window of the SSIM paper.

use media::picture::{Picture, Plane};

use crate::grey::grey;

/// Side of the uniform window.
const SIDE: usize = 7;
/// Number of pixels on each side of the Gaussian window's centre.
const REACH: usize = 5;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The mean index of the grey levels, with a uniform 7 x 7 window and sample variances.
///
/// # Panics
/// When the sizes differ or a side is below 7.
pub fn ssim_grey(picture: &Picture, truth: &Picture) -> f64 {
    let [x, y] = [picture, truth].map(|picture| grey(picture).map(f64::from));
    mean(uniform_map(&x, &y).cells())
}

/// The mean of the indices of red, green and blue, with a uniform 7 x 7 window and sample variances.
///
/// # Panics
/// When the sizes differ or a side is below 7.
pub fn ssim_colour(picture: &Picture, truth: &Picture) -> f64 {
    let channel = |index: usize| {
        let [x, y] = [picture, truth].map(|picture| picture.map(|colour| f64::from(colour[index])));
        mean(uniform_map(&x, &y).cells())
    };
    mean(&[0, 1, 2].map(channel))
}

/// The mean index of the grey levels with the Gaussian window.
///
/// # Panics
/// When the sizes differ or a side is below 11.
pub fn ssim_gaussian(picture: &Picture, truth: &Picture) -> f64 {
    let [x, y] = [picture, truth].map(|picture| grey(picture).map(f64::from));
    let (width, height) = x.size();
    assert!(width.min(height) > 2 * REACH, "ssim: picture of {width}x{height}, sides must be at least 11");
    let map = gaussian_map(&x, &y);
    let inside = Plane::from_fn(width - 2 * REACH, height - 2 * REACH, |x, y| map.get(x + REACH, y + REACH));
    mean(inside.cells())
}

/// The index of every pixel with the Gaussian window, -1..=1. Beyond the border, the edge pixels are repeated.
///
/// # Panics
/// When the sizes differ.
pub fn gaussian_map(x: &Plane<f64>, y: &Plane<f64>) -> Plane<f64> {
    index_map(Moments::of(x, y, blurred), 1.0)
}

/// The index of every uniform window that lies inside, `[W - 6, H - 6]`.
fn uniform_map(x: &Plane<f64>, y: &Plane<f64>) -> Plane<f64> {
    let count = (SIDE * SIDE) as f64;
    index_map(Moments::of(x, y, window_means), count / (count - 1.0))
}

/// The windows' statistics for two pictures.
struct Moments {
    mean_x: Plane<f64>,
    mean_y: Plane<f64>,
    square_x: Plane<f64>,
    square_y: Plane<f64>,
    product: Plane<f64>,
}

impl Moments {
    fn of(x: &Plane<f64>, y: &Plane<f64>, window: fn(&Plane<f64>) -> Plane<f64>) -> Self {
        assert_eq!(x.size(), y.size(), "ssim: picture {:?}, truth {:?}", x.size(), y.size());
        let product = |a: &Plane<f64>, b: &Plane<f64>| {
            let cells = a.cells().iter().zip(b.cells()).map(|(a, b)| a * b).collect();
            window(&Plane::from_cells(a.width(), a.height(), cells))
        };
        Self {
            mean_x: window(x),
            mean_y: window(y),
            square_x: product(x, x),
            square_y: product(y, y),
            product: product(x, y),
        }
    }
}

/// Eq. 13 with the variances and the covariance times `correction`.
fn index_map(moments: Moments, correction: f64) -> Plane<f64> {
    let (width, height) = moments.mean_x.size();
    Plane::from_fn(width, height, |column, row| {
        let at = |plane: &Plane<f64>| plane.get(column, row);
        let (mu_x, mu_y) = (at(&moments.mean_x), at(&moments.mean_y));
        let variance_x = correction * (at(&moments.square_x) - mu_x * mu_x);
        let variance_y = correction * (at(&moments.square_y) - mu_y * mu_y);
        let covariance = correction * (at(&moments.product) - mu_x * mu_y);
        let above = (2.0 * mu_x * mu_y + C1) * (2.0 * covariance + C2);
        let below = (mu_x * mu_x + mu_y * mu_y + C1) * (variance_x + variance_y + C2);
        above / below
    })
}

/// Means of the uniform windows.
fn window_means(plane: &Plane<f64>) -> Plane<f64> {
    let (width, height) = plane.size();
    assert!(width.min(height) >= SIDE, "ssim: picture of {width}x{height}, sides must be at least {SIDE}");
    let across =
        Plane::from_fn(width - SIDE + 1, height, |x, y| plane.row(y)[x..x + SIDE].iter().sum::<f64>() / SIDE as f64);
    Plane::from_fn(width - SIDE + 1, height - SIDE + 1, |x, y| {
        (y..y + SIDE).map(|row| across.get(x, row)).sum::<f64>() / SIDE as f64
    })
}

/// The Gaussian window's weights, which sum to 1.
fn bell() -> [f64; 2 * REACH + 1] {
    let bell: [f64; 2 * REACH + 1] =
        std::array::from_fn(|index| (-(index as f64 - REACH as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = bell.iter().sum();
    bell.map(|value| value / sum)
}

fn blurred(plane: &Plane<f64>) -> Plane<f64> {
    let window = bell();
    let offset = |at: usize, index: usize| at as i32 + index as i32 - REACH as i32;
    let across = Plane::from_fn(plane.width(), plane.height(), |x, y| {
        (0..window.len()).map(|index| window[index] * plane.get_clamped(offset(x, index), y as i32)).sum::<f64>()
    });
    Plane::from_fn(plane.width(), plane.height(), |x, y| {
        (0..window.len()).map(|index| window[index] * across.get_clamped(x as i32, offset(y, index))).sum()
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
    }

    #[test]
    fn flat_pictures_differ_in_brightness_alone() {
        // Without variance the index is (2 * 100 * 50 + C1) / (100² + 50² + C1), C1 = 6.5025.
        let (light, dark) = (Picture::filled(12, 11, [100; 3]), Picture::filled(12, 11, [50; 3]));
        let expected = (10_000.0 + 6.5025) / (12_500.0 + 6.5025);
        for form in [ssim_grey, ssim_colour, ssim_gaussian] {
            near(form(&light, &dark), expected);
        }
    }

    #[test]
    fn one_window_by_hand() {
        // One bright pixel of 49 levels in a window of 7 x 7: mean 1, sum of squares 49², sample variance
        // (2401 - 49) / 48 = 49. Against black: C1 / (1 + C1) * C2 / (49 + C2), C2 = 58.5225.
        let mut spot = Picture::filled(7, 7, [0; 3]);
        spot.set(3, 5, [49; 3]);
        let expected = 6.5025 / 7.5025 * (58.5225 / 107.5225);
        near(ssim_grey(&spot, &Picture::filled(7, 7, [0; 3])), expected);
        // Only one channel of three differs.
        let mut red = Picture::filled(7, 7, [0; 3]);
        red.set(0, 0, [49, 0, 0]);
        near(ssim_colour(&red, &Picture::filled(7, 7, [0; 3])), (expected + 2.0) / 3.0);
    }

    #[test]
    fn equal_is_one_and_inverted_stripes_are_negative() {
        let stripes =
            |phase: usize| Picture::from_fn(16, 16, |x, _| [if (x + phase).is_multiple_of(2) { 255 } else { 0 }; 3]);
        for form in [ssim_grey, ssim_colour, ssim_gaussian] {
            near(form(&stripes(0), &stripes(0)), 1.0);
            assert!(form(&stripes(0), &stripes(1)) < -0.9);
        }
    }
}
