//! Implements the object guider (paper 3.3). This light convolutional network turns object latents into features at
//! every scale of the denoiser. The module [`crate::conditioning::blending`] mixes these features into those of the
//! denoiser.
//!
//! Objects keep their appearance from the source video, so plain 3x3 convolutions are enough. After a stem, there is
//! one convolution per level, with stride 1 at the first level and stride 2 at the others.
//!
//! | level | SD 1.5 shape | used by |
//! |---|---|---|
//! | 0 | `[B, 320, N, h, w]` | up block 3 |
//! | 1 | `[B, 640, N, h/2, w/2]` | up block 2 |
//! | 2 | `[B, 1280, N, h/4, w/4]` | up block 1 |
//! | 3 | `[B, 1280, N, h/8, w/8]` | up block 0 and the mid block |
//!
//! Interpretation: "downsampled four times" in the paper means four stages with strides 1, 2, 2, 2, because the
//! denoiser has no scale of `h/16`. Odd sizes are rounded up, as in the downsamplers of the denoiser.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::{self, ModelBackend};
use crate::video::{frames_from_video, video_from_frames};

/// A stem, and one stage per level.
#[derive(Module, Debug)]
pub struct ObjectGuider<B: Backend> {
    conv_in: Conv2d<B>,
    stages: Vec<Conv2d<B>>,
}

impl<B: ModelBackend> ObjectGuider<B> {
    /// An object guider for latents of `latent_channels` and a denoiser with these widths, finest level first.
    ///
    /// # Panics
    /// When there is no level.
    pub fn init(latent_channels: usize, block_out_channels: &[usize], device: &B::Device) -> Self {
        assert!(!block_out_channels.is_empty(), "object guider: no levels");
        let conv = |c_in, c_out, stride| Conv2d::init(c_in, c_out, 3, stride, LayerInitializer::Preserving, device);
        let first = block_out_channels[0];
        let mut stages = vec![conv(first, first, 1)];
        stages.extend(block_out_channels.windows(2).map(|pair| conv(pair[0], pair[1], 2)));
        Self { conv_in: conv(latent_channels, first, 1), stages }
    }

    /// Computes one feature map per level, finest first, from object latents `[B, C, N, h, w]`.
    pub fn forward(&self, latents: Tensor<B, 5>) -> Vec<Tensor<B, 5>> {
        let b = latents.dims()[0];
        let mut x = self.conv_in.forward(frames_from_video(latents));
        let mut features = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            x = stage.forward(ops::silu(x));
            features.push(video_from_frames(x.clone(), b));
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn one_map_a_level_and_frames_do_not_mix() {
        let device = Default::default();
        let guider = ObjectGuider::<Flex>::init(4, &[8, 12, 16], &device);
        let latents = Tensor::random([2, 4, 3, 5, 8], Distribution::Default, &device);
        let features = guider.forward(latents.clone());
        let shapes: Vec<_> = features.iter().map(Tensor::dims).collect();
        assert_eq!(shapes, [[2, 8, 3, 5, 8], [2, 12, 3, 3, 4], [2, 16, 3, 2, 2]]);
        let alone = guider.forward(latents.slice([1..2, 0..4, 2..3, 0..5, 0..8]));
        let same = features[2].clone().slice([1..2, 0..16, 2..3, 0..2, 0..2]);
        alone[2]
            .clone()
            .into_data()
            .assert_approx_eq::<f32>(&same.into_data(), burn::tensor::Tolerance::absolute(1e-5));
    }

    /// One convolution per level. At the paper's widths that is 24 million weights, compared with the denoiser's 1.3
    /// billion.
    #[test]
    fn it_stays_light() {
        let weights = |c_in: usize, c_out: usize| c_out * (9 * c_in + 1);
        let size = |widths: &[usize]| {
            let pairs: usize = widths.windows(2).map(|pair| weights(pair[0], pair[1])).sum();
            weights(4, widths[0]) + weights(widths[0], widths[0]) + pairs
        };
        let widths = [32, 64, 128, 128];
        assert_eq!(ObjectGuider::<Flex>::init(4, &widths, &Default::default()).num_params(), size(&widths));
        assert_eq!(size(&[320, 640, 1280, 1280]), 24_898_560);
    }
}
