//! Computes the structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004, eq. 13) on luma, with the paper's
//! Gaussian window of 11 x 11 pixels, sigma 1.5, `K1` = 0.01, `K2` = 0.03 and range 255. Beyond the picture's border,
//! the edge pixels are repeated.
//!
//! The structural similarity is averaged over the weighted pixels. A window near the border of a region also includes
//! pixels outside the region.

use media::picture::{Picture, Plane};
use metrics::ssim::gaussian_map;

use super::{Weights, weighted_mean};

/// The mean index; `None` if all weights are 0.
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
    gaussian_map(&luma(picture), &luma(truth)).map(|index| index as f32)
}

/// Rec. 601 luma, 0..=255.
fn luma(picture: &Picture) -> Plane<f64> {
    picture.map(|[red, green, blue]| 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue))
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
        // In the middle both means are 125, both variances are 625, and the covariance is -625. So the index is (C2 -
        // 1250) / (C2 + 1250), apart from the small rest beyond an 11-pixel Gaussian.
        let middle = ssim_map(&stripes, &inverted).get(16, 16);
        assert!((f64::from(middle) - (58.5225 - 1250.0) / (58.5225 + 1250.0)).abs() < 2e-3, "{middle}");
        assert_eq!(ssim(&stripes, &inverted, &Weights::filled(32, 32, 0.0)), None);
    }
}
