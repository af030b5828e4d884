//! Implements a shortcut for the appearance of the reference: every cell of the result can copy latents from the
//! reference picture.
//!
//! The last convolution of the denoiser also outputs a query and a gate for each cell. The query finds cells of the
//! reference by content and position. The latents of these cells are multiplied by the gate and added to the result. In
//! the reference network, a colour passes through many layers that decompose and reassemble it. With this shortcut, the
//! colour stays unchanged, and the network only has to learn where to look.
//!
//! | tensor | shape |
//! |---|---|
//! | reference latent, with row and column coordinates | `[B, C + 2, h_r, w_r]` |
//! | keys | `[B, h_r*w_r, K]` |
//! | values: the reference latent | `[B, h_r*w_r, C]` |
//! | queries and gate, from the denoiser | `[B, K + 1, N, h, w]` |
//! | copied latents | `[B, C, N, h, w]` |
//!
//! Deviation: the paper has no such component. This component is for small networks trained from scratch.

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::{ModelBackend, tokens_from_map};

/// Sizes of [`ReferenceCopy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceCopyConfig {
    /// Width of keys and queries, `K`.
    pub width: usize,
}

impl ReferenceCopyConfig {
    /// Additional output channels of the denoiser for queries and gate.
    pub fn channels(&self) -> usize {
        self.width + 1
    }

    /// A newly initialized module for latents of `latent_channels`.
    ///
    /// # Panics
    /// When the width is zero.
    pub fn init<B: ModelBackend>(&self, latent_channels: usize, device: &B::Device) -> ReferenceCopy<B> {
        assert!(self.width > 0, "reference copy: {self:?}");
        ReferenceCopy {
            conv_in: Conv2d::init(latent_channels + 2, self.width, 3, 1, LayerInitializer::Preserving, device),
            conv_out: Conv2d::init(self.width, self.width, 3, 1, LayerInitializer::Preserving, device),
        }
    }
}

/// Encodes a reference latent to cells that can be looked up.
#[derive(Module, Debug)]
pub struct ReferenceCopy<B: Backend> {
    conv_in: Conv2d<B>,
    conv_out: Conv2d<B>,
}

/// The cells of a reference, as keys for lookup and as latents for copying.
#[derive(Debug, Clone)]
pub struct ReferenceCells<B: Backend> {
    /// `[B, L, K]`.
    keys: Tensor<B, 3>,
    /// `[B, L, C]`.
    latents: Tensor<B, 3>,
}

impl<B: ModelBackend> ReferenceCopy<B> {
    /// The cells of a reference latent `[B, C, h, w]`.
    pub fn forward(&self, latent: Tensor<B, 4>) -> ReferenceCells<B> {
        let [b, _, h, w] = latent.dims();
        let placed = Tensor::cat(vec![latent.clone(), coordinates(h, w, &latent.device()).repeat_dim(0, b)], 1);
        let keys = self.conv_out.forward(self.conv_in.forward_silu(placed));
        ReferenceCells { keys: tokens_from_map(keys), latents: tokens_from_map(latent) }
    }
}

impl<B: ModelBackend> ReferenceCells<B> {
    /// The latents copied for queries and gates `[B, K + 1, N, h, w]`: `[B, C, N, h, w]`.
    ///
    /// # Panics
    /// When the batch or the width differs.
    pub fn copied(&self, asked: Tensor<B, 5>) -> Tensor<B, 5> {
        let ([b, channels, n, h, w], [cells, _, width]) = (asked.dims(), self.keys.dims());
        assert!(
            b == cells && channels == width + 1,
            "reference copy: asked with {:?}, keys {:?}",
            asked.dims(),
            self.keys.dims()
        );
        let [_, _, c] = self.latents.dims();
        let gate = asked.clone().narrow(1, width, 1);
        let queries = asked.narrow(1, 0, width).reshape([b, width, n * h * w]).swap_dims(1, 2);
        // Values and keys differ in width, which the attention op does not support.
        let scores = queries.matmul(self.keys.clone().swap_dims(1, 2)) * (width as f64).powf(-0.5);
        let found = softmax(scores, 2).matmul(self.latents.clone());
        found.swap_dims(1, 2).reshape([b, c, n, h, w]) * gate
    }
}

/// Column and row coordinates of each cell, from -1 to 1 between the borders, `[1, 2, h, w]`.
fn coordinates<B: Backend>(h: usize, w: usize, device: &B::Device) -> Tensor<B, 4> {
    let place = |index: usize, count: usize| (2 * index + 1) as f32 / count as f32 - 1.0;
    let cells = || (0..h).flat_map(|row| (0..w).map(move |column| (row, column)));
    let columns = cells().map(|(_, column)| place(column, w));
    let rows = cells().map(|(row, _)| place(row, h));
    Tensor::from_data(TensorData::new(columns.chain(rows).collect::<Vec<f32>>(), [1, 2, h, w]), device)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn cells() -> ReferenceCells<Flex> {
        let device = Default::default();
        // Three cells with two channels; the keys point in different directions.
        let keys = Tensor::from_floats([[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]], &device);
        let latents = Tensor::from_floats([[[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]]], &device);
        ReferenceCells { keys, latents }
    }

    #[test]
    fn a_sharp_query_fetches_one_cell_times_the_gate() {
        // Two frames of one cell: the first queries the second cell, the other has a closed gate.
        let asked = Tensor::<Flex, 5>::from_floats(
            [[[[[0.0]], [[3.0]]], [[[90.0]], [[3.0]]], [[[2.0]], [[0.0]]]]],
            &Default::default(),
        );
        let expected =
            Tensor::<Flex, 5>::from_floats([[[[[14.0]], [[0.0]]], [[[16.0]], [[0.0]]]]], &Default::default());
        cells().copied(asked).into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-4));
    }

    #[test]
    fn a_query_of_zeros_fetches_the_mean() {
        let asked = Tensor::<Flex, 5>::from_floats([[[[[0.0]]], [[[0.0]]], [[[1.0]]]]], &Default::default());
        let expected = Tensor::<Flex, 5>::from_floats([[[[[7.0]]], [[[5.0]]]]], &Default::default());
        cells().copied(asked).into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-4));
    }

    #[test]
    fn keys_know_their_place_and_values_are_the_latents() {
        let device = Default::default();
        let copy = ReferenceCopyConfig { width: 4 }.init::<Flex>(3, &device);
        let even = copy.forward(Tensor::ones([1, 3, 8, 8], &device));
        let apart = (even.keys.clone().narrow(1, 27, 1) - even.keys.narrow(1, 36, 1)).abs().max().into_scalar();
        assert!(apart > 1e-3, "{apart}");
        let latent = Tensor::<Flex, 4>::random([2, 3, 2, 5], Distribution::Default, &device);
        let cells = copy.forward(latent.clone());
        let there = latent.slice([1..2, 0..3, 1..2, 2..3]).reshape([3]);
        cells.latents.slice([1..2, 7..8, 0..3]).reshape([3]).into_data().assert_eq(&there.into_data(), true);
    }

    #[test]
    fn coordinates_are_symmetric() {
        let found = coordinates::<Flex>(1, 4, &Default::default()).into_data().into_vec::<f32>().unwrap();
        assert_eq!(found, [-0.75, -0.25, 0.25, 0.75, 0.0, 0.0, 0.0, 0.0]);
    }
}
