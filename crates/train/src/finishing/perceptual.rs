//! Computes the perceptual distance in the features of VGG-HED, the network of the metric with that name (`evaluate`).
//! This version of the network is differentiable and has only the first blocks. A network trained with this loss has an
//! unfair advantage in that metric. Tables of results therefore state this advantage and also show other metrics.

use std::path::Path;

use burn::tensor::activation::relu;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::{DType, Tensor, TensorData};
use evaluate::{EvaluateError, VGG_MEANS, vgg_convolutions};
use model::ModelBackend;
use model::ops::{Convolution, conv2d};

/// Number of convolutions in each block. The last one is tapped.
const BLOCKS: [usize; 4] = [2, 2, 3, 3];
/// Added to the squared length of a cell's features.
const EPSILON: f64 = 1e-6;

/// The first blocks of the network.
#[derive(Debug, Clone)]
pub struct PerceptualNetwork<B: ModelBackend> {
    convolutions: Vec<(Tensor<B, 4>, Tensor<B, 1>)>,
    blocks: usize,
    precision: DType,
}

impl<B: ModelBackend> PerceptualNetwork<B> {
    /// Reads the first `blocks` (1 to 4) of the catalogue's file `vgg-hed`. The rest of the file is not needed. With
    /// `is_half`, the network computes in bf16.
    ///
    /// # Errors
    /// [`EvaluateError::Unreadable`], [`EvaluateError::NotTheWeights`].
    pub fn open(path: &Path, blocks: usize, is_half: bool, device: &B::Device) -> Result<Self, EvaluateError> {
        let blocks = blocks.clamp(1, BLOCKS.len());
        let precision = if is_half { DType::BF16 } else { DType::F32 };
        let list = vgg_convolutions(path, BLOCKS[..blocks].iter().sum())?;
        let tensors = list.into_iter().map(|convolution| {
            let [c_out, c_in] = convolution.channels;
            let weight: Tensor<B, 4> =
                Tensor::from_data(TensorData::new(convolution.weight, [c_out, c_in, 3, 3]), device);
            let bias: Tensor<B, 1> = Tensor::from_data(TensorData::new(convolution.bias, [c_out]), device);
            (weight.cast(precision), bias.cast(precision))
        });
        Ok(Self { convolutions: tensors.collect(), blocks, precision })
    }

    /// The same network on the backend without differentiation.
    pub fn inner(&self) -> PerceptualNetwork<B::InnerBackend>
    where
        B: AutodiffBackend,
        B::InnerBackend: ModelBackend,
    {
        let inner = |(weight, bias): &(Tensor<B, 4>, Tensor<B, 1>)| (weight.clone().inner(), bias.clone().inner());
        PerceptualNetwork {
            convolutions: self.convolutions.iter().map(inner).collect(),
            blocks: self.blocks,
            precision: self.precision,
        }
    }

    /// Features of pictures `[M, 3, H, W]` in [0, 1]: for each tap `[M, C, h, w]`, of length 1 in each cell.
    pub fn features(&self, pictures: Tensor<B, 4>) -> Vec<Tensor<B, 4>> {
        let device = pictures.device();
        let means = Tensor::<B, 1>::from_floats(VGG_MEANS, &device).reshape([1, 3, 1, 1]);
        let mut x = (pictures.flip([1]) * 255.0 - means).cast(self.precision); // blue first
        let mut convolutions = self.convolutions.iter();
        let mut taps = Vec::new();
        for (block, count) in BLOCKS[..self.blocks].iter().enumerate() {
            if block > 0 {
                x = max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false);
            }
            for (weight, bias) in convolutions.by_ref().take(*count) {
                x = relu(conv2d(x, weight.clone(), Convolution::same(3, 1, Some(bias.clone()))));
            }
            let length = (x.clone().square().sum_dim(1).cast(DType::F32) + EPSILON).sqrt();
            taps.push(x.clone() * length.recip().cast(self.precision));
        }
        taps
    }

    /// The distance of features, weighted by `[M, 1, H, W]` and summed over the taps.
    pub fn distance(&self, a: &[Tensor<B, 4>], b: &[Tensor<B, 4>], weights: &Tensor<B, 4>) -> Tensor<B, 1> {
        let mut weights = weights.clone();
        let mut sum: Option<Tensor<B, 1>> = None;
        for (index, (a, b)) in a.iter().zip(b).enumerate() {
            if index > 0 {
                weights = avg_pool2d(weights, [2, 2], [2, 2], [0, 0], true, false);
            }
            let difference = (a.clone() - b.clone()).square().sum_dim(1).cast(DType::F32);
            let mean = (difference * weights.clone()).sum() / (weights.clone().sum() + EPSILON);
            sum = Some(match sum {
                Some(sum) => sum + mean,
                None => mean,
            });
        }
        sum.unwrap_or_else(|| Tensor::zeros([1], &weights.device()))
    }
}
