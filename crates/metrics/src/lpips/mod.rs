//! Implements LPIPS version 0.1 (Zhang, Isola, Efros, Shechtman and Wang, 2018, eq. 1): the distance between two
//! pictures in the features of a classifier, with learned weights.
//!
//! `d = Σ_l mean_hw Σ_c w_lc (f_lc(x) - f_lc(y))²`, where the features `f` of each cell are scaled to length 1.
//!
//! | step | shape |
//! |---|---|
//! | levels to [-1, 1], then shift and scale for each channel | `[1, 3, H, W]` |
//! | features after five ReLUs | `[1, C_l, h_l, w_l]` |
//! | weighted squared differences, mean of each tap | `[5]` |
//! | their sum | one number |
//!
//! The network expects input in [-1, 1]. DisCo's script, with which most papers of this field compute their numbers,
//! uses levels in [0, 1] (`lpips_raw01`), which gives different, mostly smaller distances. This crate has one function
//! for each input range.
//!
//! Features are computed in f32; lengths, differences and means are computed in f64.

mod backbone;
#[cfg(test)]
mod tests;
mod weights;

use std::path::Path;

use burn::backend::Flex;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::{Tensor, TensorData};
use media::picture::Picture;
use model::ops::{Activation, Convolution, conv2d};
use model::weights::Weights;

pub use backbone::Backbone;

use crate::error::MetricError;
use backbone::{Layer, TAPS};

/// Subtracted from red, green and blue in [-1, 1].
const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
/// Divisor of each channel.
const SCALE: [f32; 3] = [0.458, 0.448, 0.450];

/// The range of a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputRange {
    /// [-1, 1], the range of the network's training.
    Signed,
    /// [0, 1], as in DisCo's script.
    Raw01,
}

/// A backbone with its learned weights.
#[derive(Debug)]
pub struct Lpips {
    backbone: Backbone,
    convolutions: Vec<LoadedLayer>,
    /// `[C_l]` of each tap.
    factors: [Vec<f32>; TAPS],
}

#[derive(Debug)]
struct LoadedLayer {
    layer: Layer,
    /// `[C_out, C_in, k, k]`.
    weight: Tensor<Flex, 4>,
    /// `[C_out]`.
    bias: Tensor<Flex, 1>,
}

/// The features of a picture at each tap, scaled to length 1.
#[derive(Debug, Clone)]
pub struct LpipsFeatures {
    taps: Vec<Tap>,
}

#[derive(Debug, Clone)]
struct Tap {
    /// `[C, h * w]`.
    values: Vec<f64>,
    cells: usize,
}

/// The distance of two pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LpipsDistance {
    /// The contribution of each tap.
    pub taps: [f64; TAPS],
}

impl LpipsDistance {
    /// The total distance.
    pub fn total(self) -> f64 {
        self.taps.iter().sum()
    }
}

impl Lpips {
    /// Opens weight files, safetensors or PyTorch: either one file with everything under the `lpips` package's names,
    /// or torchvision's backbone and the package's factors (`alex.pth`, `vgg.pth`).
    ///
    /// # Errors
    /// [`MetricError::Weights`].
    pub fn open<P: AsRef<Path>>(backbone: Backbone, files: &[P]) -> Result<Self, MetricError> {
        Self::from_weights(backbone, &Weights::read(files)?)
    }

    /// Creates the network from weights in memory.
    ///
    /// # Errors
    /// [`MetricError::Weights`].
    pub fn from_weights(backbone: Backbone, weights: &Weights) -> Result<Self, MetricError> {
        let (convolutions, factors) = weights::load(backbone, weights)?;
        Ok(Self { backbone, convolutions, factors })
    }

    /// Channels of each convolution, in order.
    pub fn widths(&self) -> Vec<usize> {
        self.convolutions.iter().map(|loaded| loaded.weight.dims()[0]).collect()
    }

    /// The distance `lpips`.
    ///
    /// # Panics
    /// When the sizes differ, or a side is below the backbone's [minimum](Backbone::least_side).
    pub fn distance(&self, picture: &Picture, truth: &Picture) -> LpipsDistance {
        self.distance_in(InputRange::Signed, picture, truth)
    }

    /// The distance `lpips_raw01`, for which the network gets levels in [0, 1] although it expects [-1, 1], as in
    /// DisCo's script.
    ///
    /// # Panics
    /// In the same cases as [`distance`](Self::distance).
    pub fn distance_raw01(&self, picture: &Picture, truth: &Picture) -> LpipsDistance {
        self.distance_in(InputRange::Raw01, picture, truth)
    }

    fn distance_in(&self, range: InputRange, picture: &Picture, truth: &Picture) -> LpipsDistance {
        assert_eq!(picture.size(), truth.size(), "lpips: picture {:?}, truth {:?}", picture.size(), truth.size());
        self.feature_distance(&self.features(picture, range), &self.features(truth, range))
    }

    /// The features of a picture, for several comparisons.
    ///
    /// # Panics
    /// When a side is below the backbone's [minimum](Backbone::least_side).
    pub fn features(&self, picture: &Picture, range: InputRange) -> LpipsFeatures {
        let (width, height) = picture.size();
        let least = self.backbone.least_side();
        assert!(width.min(height) >= least, "lpips: picture of {width}x{height}, sides must be at least {least}");
        let mut x = input(picture, range);
        let mut taps = Vec::with_capacity(TAPS);
        for (index, LoadedLayer { layer, weight, bias }) in self.convolutions.iter().enumerate() {
            if let Some(kernel) = layer.pool {
                x = max_pool2d(x, [kernel; 2], [2, 2], [0, 0], [1, 1], false);
            }
            let convolution = Convolution {
                bias: Some(bias.clone()),
                stride: layer.stride,
                padding: [layer.padding; 2],
                shift: None,
                residual: None,
                activation: Activation::None,
            };
            x = relu(conv2d(x, weight.clone(), convolution));
            // The last convolution of a slice is tapped.
            let next = self.convolutions.get(index + 1).map(|next| next.layer.slice);
            if next != Some(layer.slice) {
                taps.push(Tap::of(x.clone()));
            }
        }
        LpipsFeatures { taps }
    }

    /// The distance of two sets of features from this network, for the same input range.
    ///
    /// # Panics
    /// When the pictures had different sizes.
    pub fn feature_distance(&self, picture: &LpipsFeatures, truth: &LpipsFeatures) -> LpipsDistance {
        LpipsDistance {
            taps: std::array::from_fn(|tap| picture.taps[tap].distance(&truth.taps[tap], &self.factors[tap])),
        }
    }
}

/// `[1, 3, H, W]`, shifted and scaled.
fn input(picture: &Picture, range: InputRange) -> Tensor<Flex, 4> {
    let channel = |index: usize| {
        picture.cells().iter().map(move |colour| {
            let level = f32::from(colour[index]) / 255.0;
            let level = match range {
                InputRange::Signed => 2.0 * level - 1.0,
                InputRange::Raw01 => level,
            };
            (level - SHIFT[index]) / SCALE[index]
        })
    };
    let values: Vec<f32> = (0..3).flat_map(channel).collect();
    Tensor::from_data(TensorData::new(values, [1, 3, picture.height(), picture.width()]), &Default::default())
}

impl Tap {
    /// The features of `[1, C, h, w]`, scaled to length 1 in each cell.
    fn of(x: Tensor<Flex, 4>) -> Self {
        let [_, _, height, width] = x.dims();
        let cells = width * height;
        let mut values: Vec<f64> = x.into_data().iter::<f64>().collect();
        for cell in 0..cells {
            let length = values[cell..].iter().step_by(cells).map(|value| value * value).sum::<f64>().sqrt();
            values[cell..].iter_mut().step_by(cells).for_each(|value| *value /= length + 1e-10);
        }
        Self { values, cells }
    }

    fn distance(&self, other: &Self, factors: &[f32]) -> f64 {
        assert_eq!(self.values.len(), other.values.len(), "lpips: features of two pictures");
        let planes = self.values.chunks(self.cells).zip(other.values.chunks(self.cells));
        let weighted = planes.zip(factors).map(|((a, b), factor)| {
            let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            f64::from(*factor) * squares
        });
        weighted.sum::<f64>() / self.cells as f64
    }
}
