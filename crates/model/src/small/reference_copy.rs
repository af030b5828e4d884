//! A short way for the reference's looks: each cell of the result may take latents straight from the reference picture.
//!
//! The denoiser's last convolution gives, beside its own result, a query and a gate for each cell. The query looks for cells
//! of the reference by what they show and where they lie; the latents found there, times the gate, are added to the result.
//! What goes through the reference network must be taken apart and put together again by many layers before a colour
//! arrives; here a colour arrives as it is, and only where to look has to be learned.
//!
//! | tensor | shape |
//! |---|---|
//! | reference latent, with the rows' and columns' coordinates | `[B, C + 2, h_r, w_r]` |
//! | keys | `[B, h_r*w_r, K]` |
//! | values: the reference latent | `[B, h_r*w_r, C]` |
//! | queries and gate, from the denoiser | `[B, K + 1, N, h, w]` |
//! | copied latents | `[B, C, N, h, w]` |
//!
//! Deviation from the paper, which has no such part; for small networks that are trained from nothing.

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
    /// `K`, the width of keys and queries.
    pub width: usize,
}

impl ReferenceCopyConfig {
    /// Channels that the denoiser gives for it beside the latent's.
    pub fn channels(&self) -> usize {
        self.width + 1
    }

    /// Fresh weights for latents of `latent_channels`.
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

/// Reference latent to cells that can be looked up.
#[derive(Module, Debug)]
pub struct ReferenceCopy<B: Backend> {
    conv_in: Conv2d<B>,
    conv_out: Conv2d<B>,
}

/// The cells of a reference, as they are looked up and as they are copied.
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
    /// What queries and gates `[B, K + 1, N, h, w]` fetch: `[B, C, N, h, w]`.
    ///
    /// # Panics
    /// When the batch or the width is another.
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
        // One head, and values of another width than the keys: which the op of attention does not take.
        let scores = queries.matmul(self.keys.clone().swap_dims(1, 2)) * (width as f64).powf(-0.5);
        let found = softmax(scores, 2).matmul(self.latents.clone());
        found.swap_dims(1, 2).reshape([b, c, n, h, w]) * gate
    }
}

/// Column and row of each cell, -1 to 1 from border to border, `[1, 2, h, w]`.
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
        // Three cells with two channels; keys that point along the axes.
        let keys = Tensor::from_floats([[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]], &device);
        let latents = Tensor::from_floats([[[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]]], &device);
        ReferenceCells { keys, latents }
    }

    #[test]
    fn a_sharp_query_fetches_one_cell_times_the_gate() {
        // Two frames of one cell: the first asks for the second cell, the other has its gate closed.
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
