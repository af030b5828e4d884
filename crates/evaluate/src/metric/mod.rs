//! Implements metrics that compare one picture, or all pictures of a row, with the ground truth.
//!
//! | metric | unit | better | file |
//! |---|---|---|---|
//! | peak signal-to-noise ratio | dB, at most 100 | higher | `psnr` |
//! | structural similarity | 1 = equal | higher | `ssim` |
//! | VGG-HED distance | 0 = equal, at most 10 | lower | `vgg` |
//! | CIE Lab distance | ΔE*ab (1976) | lower | `lab` |
//! | flicker | steps of 1/255 a frame | lower | `flicker` |
//! | drift of colours | ΔE*ab (1976) | lower | `drift` |
//! | difference outside the region that is replaced | levels of 255 | lower | `outside` |
//! | metrics of whole frames, from crate `metrics` | | | `frames` |
//!
//! The first four metrics take a weight for each pixel, 0..=1, and are weighted means; they are `None` if all weights
//! are 0.

pub(crate) mod drift;
pub mod flicker;
pub(crate) mod frames;
pub mod lab;
pub(crate) mod outside;
pub mod psnr;
pub mod ssim;
pub mod vgg;
pub mod vgg_weights;

use media::picture::{Mask, Plane};

/// Weight of each pixel in a mean, 0..=1.
pub type Weights = Plane<f32>;

/// 1 where a mask covers at least half of the pixel, otherwise 0.
pub fn weights_from_mask(mask: &Mask) -> Weights {
    mask.map(|coverage| if coverage > 127 { 1.0 } else { 0.0 })
}

/// The weighted mean of one value for each pixel; `None` if all weights are 0.
///
/// # Panics
/// When the sizes differ.
pub fn weighted_mean(values: &Plane<f32>, weights: &Weights) -> Option<f64> {
    assert_eq!(values.size(), weights.size(), "values {:?}, weights {:?}", values.size(), weights.size());
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, weight) in values.cells().iter().zip(weights.cells()) {
        sum += f64::from(*value) * f64::from(*weight);
        total += f64::from(*weight);
    }
    (total > 0.0).then(|| sum / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_counts_by_weight_and_nothing_has_none() {
        let values = Plane::from_cells(3, 1, vec![1.0, 4.0, 100.0]);
        let check = |weights: [f32; 3], expected| {
            assert_eq!(weighted_mean(&values, &Plane::from_cells(3, 1, weights.to_vec())), expected);
        };
        check([1.0, 1.0, 0.0], Some(2.5));
        check([0.5, 0.25, 0.0], Some(2.0));
        check([0.0; 3], None);
        let mask = Mask::from_cells(3, 1, vec![127, 128, 255]);
        assert_eq!(weights_from_mask(&mask).cells(), [0.0, 1.0, 1.0]);
    }
}
