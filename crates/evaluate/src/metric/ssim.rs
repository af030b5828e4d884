//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004, eq. 13) on luma, with the paper's window: Gaussian, 11 x
//! 11, sigma 1.5, `K1` = 0.01, `K2` = 0.03, range 255. Beyond the picture's border its edge is repeated.
//!
//! The index of each pixel is averaged over the pixels with weight. A window near the border of a region sees what lies
//! outside of it too.

use media::picture::{Picture, Plane};

use super::{Weights, weighted_mean};

/// Pixels on each side of the window's middle.
const REACH: usize = 5;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// The mean index; `None` where nothing has weight.
///
/// # Panics
/// When the sizes differ.
pub fn ssim(picture: &Picture, truth: &Picture, weights: &Weights) -> Option<f64> {
    weighted_mean(&ssim_map(picture, truth), weights)
}

/// The index of every pixel, -1..=1.
///
/// # Panics
/// When the sizes differ.
pub fn ssim_map(picture: &Picture, truth: &Picture) -> Plane<f32> {
    assert_eq!(picture.size(), truth.size(), "ssim: picture {:?}, truth {:?}", picture.size(), truth.size());
    let (x, y) = (luma(picture), luma(truth));
    let product = |a: &Plane<f64>, b: &Plane<f64>| {
        let cells = a.cells().iter().zip(b.cells()).map(|(a, b)| a * b).collect();
        Plane::from_cells(a.width(), a.height(), cells)
    };
    let [mean_x, mean_y] = [&x, &y].map(blurred);
    let [square_x, square_y, both] = [product(&x, &x), product(&y, &y), product(&x, &y)].map(|plane| blurred(&plane));
    Plane::from_fn(x.width(), x.height(), |column, row| {
        let at = |plane: &Plane<f64>| plane.get(column, row);
        let (mu_x, mu_y) = (at(&mean_x), at(&mean_y));
        let (variance_x, variance_y) = (at(&square_x) - mu_x * mu_x, at(&square_y) - mu_y * mu_y);
        let covariance = at(&both) - mu_x * mu_y;
        let above = (2.0 * mu_x * mu_y + C1) * (2.0 * covariance + C2);
        let below = (mu_x * mu_x + mu_y * mu_y + C1) * (variance_x + variance_y + C2);
        (above / below) as f32
    })
}

/// Rec. 601 luma, 0..=255.
fn luma(picture: &Picture) -> Plane<f64> {
    picture.map(|[red, green, blue]| 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue))
}

/// The window's weights; they add up to 1.
fn window() -> [f64; 2 * REACH + 1] {
    let bell: [f64; 2 * REACH + 1] =
        std::array::from_fn(|index| (-(index as f64 - REACH as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp());
    let sum: f64 = bell.iter().sum();
    bell.map(|value| value / sum)
}

fn blurred(plane: &Plane<f64>) -> Plane<f64> {
    let window = window();
    let offset = |at: usize, index: usize| at as i32 + index as i32 - REACH as i32;
    let across = Plane::from_fn(plane.width(), plane.height(), |x, y| {
        (0..window.len()).map(|index| window[index] * plane.get_clamped(offset(x, index), y as i32)).sum::<f64>()
    });
    Plane::from_fn(plane.width(), plane.height(), |x, y| {
        (0..window.len()).map(|index| window[index] * across.get_clamped(x as i32, offset(y, index))).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_pictures_differ_in_brightness_alone() {
        // Without variance the index is (2 * 100 * 50 + C1) / (100² + 50² + C1), C1 = 6.5025.
        let map = ssim_map(&Picture::filled(6, 4, [100; 3]), &Picture::filled(6, 4, [50; 3]));
        let expected = (10_000.0 + 6.5025) / (12_500.0 + 6.5025);
        assert!(map.cells().iter().all(|value| (f64::from(*value) - expected).abs() < 1e-6), "{map:?}");
    }

    #[test]
    fn equal_is_one_and_inverted_stripes_are_negative() {
        let stripes = Picture::from_fn(32, 32, |x, _| if x % 2 == 0 { [100; 3] } else { [150; 3] });
        let inverted = Picture::from_fn(32, 32, |x, _| if x % 2 == 1 { [100; 3] } else { [150; 3] });
        let everywhere = Weights::filled(32, 32, 1.0);
        assert!((ssim(&stripes, &stripes, &everywhere).unwrap() - 1.0).abs() < 1e-6);
        // In the middle both means are 125 and both variances 625, and the covariance is -625: (C2 - 1250) / (C2 + 1250)
        // up to the little that an 11-wide bell has left over.
        let middle = ssim_map(&stripes, &inverted).get(16, 16);
        assert!((f64::from(middle) - (58.5225 - 1250.0) / (58.5225 + 1250.0)).abs() < 2e-3, "{middle}");
        assert_eq!(ssim(&stripes, &inverted, &Weights::filled(32, 32, 0.0)), None);
    }
}
