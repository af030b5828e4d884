//! Defines the operations that a backend must offer to run the networks.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::weights::WeightSource;

use super::{Convolution, KeysValues, LinearEpilogue, Normalisation, cells_from_map, composed, map_from_cells};

/// A tensor backend with the hot operations of the networks. Each operation has a default composed of Burn operations.
/// The functions of [`super`] check all shapes before they call it.
///
/// Training also needs [`super::DifferentiableBackend`]. The trait is our own because a model generic over [`Backend`] cannot
/// see whether that backend differentiates.
pub trait ModelBackend: Backend {
    /// Feature maps `[M, C, h, w]` lie channels-last in memory, and operations are fastest on such maps. Only speed depends
    /// on it.
    const CHANNELS_LAST: bool = false;

    /// A placeholder tensor for a weight of `source`'s shape; operations read the weight when they first need it. `None` if
    /// the backend has no such tensors. Only the operations of [`super`] may receive a placeholder.
    fn lazy_weight<const R: usize>(_source: &WeightSource) -> Option<Tensor<Self, R>> {
        None
    }

    /// Evicts cached forms of a reloadable weight; with `only_mapped`, only those that are mapped from a file.
    fn evict<const R: usize>(_weight: Tensor<Self, R>, _only_mapped: bool) {}

    /// Lets the backend choose among kernels by measuring them, which pays off while shapes stay the same.
    fn measure_kernels() {}

    /// Releases the memory that operations keep for their next results.
    fn release_buffer_pool() {}

    /// [`super::linear`] on rows.
    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, epilogue: LinearEpilogue<Self, 2>) -> Tensor<Self, 2> {
        composed::linear(x, weight, epilogue)
    }

    /// [`super::linear_geglu`] on rows.
    fn linear_geglu(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 2> {
        composed::linear_geglu(x, weight, bias)
    }

    /// [`super::conv2d`].
    fn conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, convolution: Convolution<Self>) -> Tensor<Self, 4> {
        composed::conv2d(x, weight, convolution)
    }

    /// [`super::upsample_conv2d`].
    fn upsample_conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 4> {
        composed::upsample_conv2d(x, weight, bias)
    }

    /// [`super::conv3d`].
    fn conv3d(
        x: Tensor<Self, 5>,
        weight: Tensor<Self, 5>,
        bias: Option<Tensor<Self, 1>>,
        padding: [usize; 3],
    ) -> Tensor<Self, 5> {
        composed::conv3d(x, weight, bias, padding)
    }

    /// [`super::group_norm`].
    fn group_norm<const R: usize>(x: Tensor<Self, R>, norm: Normalisation<Self>) -> Tensor<Self, R> {
        composed::group_norm(x, norm)
    }

    /// [`super::layer_norm`] on rows.
    fn layer_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, bias: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        composed::layer_norm(x, weight, bias, epsilon)
    }

    /// [`super::silu`].
    fn silu<const R: usize>(x: Tensor<Self, R>) -> Tensor<Self, R> {
        burn::tensor::activation::silu(x)
    }

    /// [`super::swap_dims`].
    fn swap_dims<const R: usize>(x: Tensor<Self, R>, first: usize, second: usize) -> Tensor<Self, R> {
        x.swap_dims(first, second)
    }

    /// [`super::add`].
    fn add(a: Tensor<Self, 4>, b: Tensor<Self, 4>) -> Tensor<Self, 4> {
        // Both operands stay alive until the sum exists: with libtorch, a cached token tensor may view their memory, and Burn
        // would add in place to a tensor that it believes to be unshared.
        let held = (!Self::CHANNELS_LAST).then(|| [a.clone(), b.clone()]);
        let sum = map_from_cells(cells_from_map(a) + cells_from_map(b));
        drop(held);
        sum
    }

    /// [`super::concat_channels`].
    fn concat_channels(maps: Vec<Tensor<Self, 4>>) -> Tensor<Self, 4> {
        let axis = if Self::CHANNELS_LAST { 3 } else { 1 };
        map_from_cells(Tensor::cat(maps.into_iter().map(cells_from_map).collect(), axis))
    }

    /// [`super::blend`].
    fn blend(maps: [Tensor<Self, 4>; 2], weight: Tensor<Self, 4>, bias: Tensor<Self, 1>) -> Tensor<Self, 4> {
        composed::blend(maps, weight, bias)
    }

    /// [`super::attention`].
    fn attention(query: Tensor<Self, 3>, sources: &[&KeysValues<Self>], heads: usize) -> Tensor<Self, 3> {
        composed::attention(query, sources, heads)
    }

    /// [`super::temporal_attention`].
    fn temporal_attention(query: Tensor<Self, 4>, own: KeysValues<Self, 4>, heads: usize) -> Tensor<Self, 4> {
        composed::temporal_attention(query, own, heads)
    }
}
