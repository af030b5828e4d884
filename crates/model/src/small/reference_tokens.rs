//! Encodes the reference as a few tokens for cross-attention, instead of the image encoder (paper 3.1: "the image
//! embedding of the reference"). Small networks trained from scratch do not benefit from an encoder of 300 million
//! weights.
//!
//! A grid divides the reference latent into cells. Each token is the mean of a learned feature over one grid cell, plus
//! a learned position embedding. Because there are few tokens, the denoiser soon learns which token has the colours of
//! which body part.
//!
//! | tensor | shape |
//! |---|---|
//! | reference latent | `[B, C, h, w]` |
//! | features | `[B, D, h, w]` |
//! | tokens | `[B, G*G, D]` |
//!
//! Deviation: the context of the paper is one CLIP embedding `[B, 1, D]`.

use burn::module::{Initializer, Module, Param};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer, LayerNorm, Linear};
use crate::ops::ModelBackend;

const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Sizes of [`ReferenceTokens`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceTokensConfig {
    /// Side of the grid of tokens, `G`.
    pub grid: usize,
    /// Width of the context of cross-attention, `D`.
    pub width: usize,
}

impl ReferenceTokensConfig {
    /// A newly initialized module for latents of `latent_channels`.
    ///
    /// # Panics
    /// When a size is zero.
    pub fn init<B: ModelBackend>(&self, latent_channels: usize, device: &B::Device) -> ReferenceTokens<B> {
        let Self { grid, width } = *self;
        assert!(grid > 0 && width > 0, "reference tokens: {self:?}");
        let positions = Initializer::Normal { mean: 0.0, std: 0.3 };
        ReferenceTokens {
            conv_in: Conv2d::init(latent_channels, width, 3, 1, LayerInitializer::Preserving, device),
            conv_out: Conv2d::init(width, width, 3, 1, LayerInitializer::Preserving, device),
            position_embedding: positions.init([grid * grid, width], device),
            projection: Linear::init(width, width, true, LayerInitializer::Preserving, device),
            norm: LayerNorm::init(width, LAYER_NORM_EPSILON, device),
            grid,
        }
    }
}

/// Encodes a reference latent to tokens.
#[derive(Module, Debug)]
pub struct ReferenceTokens<B: Backend> {
    conv_in: Conv2d<B>,
    conv_out: Conv2d<B>,
    /// `[G*G, D]`.
    position_embedding: Param<Tensor<B, 2>>,
    projection: Linear<B>,
    norm: LayerNorm<B>,
    grid: usize,
}

impl<B: ModelBackend> ReferenceTokens<B> {
    /// Encodes a reference latent `[B, C, h, w]` to tokens `[B, G*G, D]`.
    pub fn forward(&self, latent: Tensor<B, 4>) -> Tensor<B, 3> {
        let [b, _, _, _] = latent.dims();
        let [tokens, d] = self.position_embedding.val().dims();
        let features = self.conv_out.forward(self.conv_in.forward_silu(latent));
        let cells = adaptive_avg_pool2d(features, [self.grid; 2]).reshape([b, d, tokens]).swap_dims(1, 2);
        let placed = self.projection.forward(cells) + self.position_embedding.val().unsqueeze();
        self.norm.forward(placed)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn a_token_knows_its_cell_and_its_neighbourhood() {
        let device = Default::default();
        let tokens = ReferenceTokensConfig { grid: 2, width: 8 }.init::<Flex>(4, &device);
        let latent = Tensor::<Flex, 4>::random([2, 4, 8, 8], Distribution::Normal(0.0, 1.0), &device);
        let before = tokens.forward(latent.clone());
        assert_eq!(before.dims(), [2, 4, 8]);
        // The far corner of the second picture is outside the receptive field of all tokens but the last.
        let changed = latent.slice_assign([1..2, 0..4, 7..8, 7..8], Tensor::ones([1, 4, 1, 1], &device) * 5.0);
        let moved = (tokens.forward(changed) - before).abs().max_dim(2).reshape([8]);
        let moved = moved.into_data().into_vec::<f32>().unwrap();
        assert!(moved[..7].iter().all(|change| *change == 0.0) && moved[7] > 0.0, "{moved:?}");
    }

    #[test]
    fn tokens_of_an_even_picture_differ_by_their_place() {
        let device = Default::default();
        let tokens = ReferenceTokensConfig { grid: 2, width: 8 }.init::<Flex>(4, &device);
        let made = tokens.forward(Tensor::zeros([1, 4, 8, 8], &device));
        let apart = (made.clone().narrow(1, 0, 1) - made.narrow(1, 3, 1)).abs().max().into_scalar();
        assert!(apart > 0.1, "{apart}");
    }
}
