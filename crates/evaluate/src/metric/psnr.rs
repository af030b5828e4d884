//! Computes the peak signal-to-noise ratio `10 log10(255² / MSE)`, with the mean squared error over red, green and blue
//! of all weighted pixels.

use media::picture::{Picture, Plane};
use metrics::psnr::{CEILING, decibels};

use super::{Weights, weighted_mean};

/// The ratio in dB; `None` if all weights are 0.
///
/// # Panics
/// When the sizes differ.
pub fn psnr(picture: &Picture, truth: &Picture, weights: &Weights) -> Option<f64> {
    assert_eq!(picture.size(), truth.size(), "psnr: picture {:?}, truth {:?}", picture.size(), truth.size());
    let squares = Plane::from_fn(picture.width(), picture.height(), |x, y| {
        let pairs = picture.get(x, y).into_iter().zip(truth.get(x, y));
        pairs.map(|(a, b)| (f32::from(a) - f32::from(b)).powi(2)).sum::<f32>() / 3.0
    });
    Some(decibels(weighted_mean(&squares, weights)?).min(CEILING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_inside_the_weights_count() {
        let truth = Picture::filled(2, 1, [100; 3]);
        let check = |second: [u8; 3], weights: [f32; 2], expected: Option<f64>| {
            let picture = Picture::from_cells(2, 1, vec![[100; 3], second]);
            let found = psnr(&picture, &truth, &Weights::from_cells(2, 1, weights.to_vec()));
            match (found, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-5, "{found} for {expected}"),
                (found, expected) => assert_eq!(found, expected),
            }
        };
        // MSE (10² + 0 + 20²) / 3 / 2 = 250 / 3; 10 log10(65025 * 3 / 250) = 28.9226.
        check([110, 100, 80], [1.0, 1.0], Some(10.0 * (65025.0 * 3.0 / 250.0_f64).log10()));
        check([110, 100, 80], [1.0, 0.0], Some(CEILING));
        check([110, 100, 80], [0.0, 0.0], None);
    }
}
