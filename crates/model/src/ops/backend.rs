//! The backends that networks run on.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::weights::WeightSource;

use super::{
    AttentionGradients, Convolution, ConvolutionGradients, KeysValues, LinearEpilogue, NormGradients, Normalisation,
    cells_from_map, composed, map_from_cells,
};

/// A tensor backend with the hot operations that networks need. Each has a default composed of Burn operations; shapes are
/// those of the doors in [`super`], which have checked them.
///
/// It is our own trait because a model generic over [`Backend`] cannot see whether it is differentiated.
pub trait ModelBackend: Backend {
    /// The doors give feature maps `[M, C, h, w]` whose channels of a cell are neighbours in memory, and are fastest with
    /// such maps. Shapes do not tell; only speed does.
    const CHANNELS_LAST: bool = false;

    /// Doors of f32 are differentiated by the backend's own functions, those below whose name speaks of gradients and those
    /// that only they need; no other backend is ever asked for them.
    const OWN_GRADIENTS: bool = false;

    /// Doors of bf16 too.
    const OWN_GRADIENTS_IN_HALF: bool = false;

    /// So is [`super::conv3d`], by [`ModelBackend::conv3d_gradients`].
    const OWN_GRADIENTS_IN_TIME: bool = false;

    /// A tensor that stands for a weight of `source`'s shape in the doors, which read it when they need it; none where the
    /// backend has no such tensors. Nothing but doors may see it.
    fn lazy_weight<const R: usize>(_source: &WeightSource) -> Option<Tensor<Self, R>> {
        None
    }

    /// Lets go of what doors keep of a weight that they can read again; with `only_mapped`, of what they can have back without
    /// reading it.
    fn forget<const R: usize>(_weight: Tensor<Self, R>, _only_mapped: bool) {}

    /// From now on the backend may choose among kernels by measuring them: worth it where shapes stay the same.
    fn measure_kernels() {}

    /// Lets go of memory that doors keep for their next results.
    fn release_buffer_pool() {}

    /// The gradients of a convolution's input, `[M, C_in, h, w]`, and of its weight, `[C_out, C_in, k, k]`: those that are wanted.
    fn conv2d_gradients(known: ConvolutionGradients<Self>, _wanted: [bool; 2]) -> [Option<Tensor<Self, 4>>; 2] {
        unreachable!("no gradients of its own: {known:?}")
    }

    /// Likewise of a convolution in time, `[B, C_in, N, h, w]` and `[C_out, C_in, k_n, k_h, k_w]`, from these operands, its
    /// result's gradient, and its zeros.
    fn conv3d_gradients(
        _operands: [Tensor<Self, 5>; 2],
        _gradient: Tensor<Self, 5>,
        _padding: [usize; 3],
        _wanted: [bool; 2],
    ) -> [Option<Tensor<Self, 5>>; 2] {
        unreachable!("no gradients of its own")
    }

    /// The gradient of a linear map's weight, `[D_out, D_in]`, from its input and its result's gradient, both rows.
    fn linear_weight_gradient(_x: Tensor<Self, 2>, _gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// The gradient of its input, `[rows, D_in]`, from its weight and its result's gradient.
    fn linear_input_gradient(_weight: Tensor<Self, 2>, _gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// The sums of as many rows that follow each other as there are to each of `groups`: `[rows, D]` to `[groups, D]`.
    fn group_sums(_rows: Tensor<Self, 2>, _groups: usize) -> Tensor<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// Gradients of a group normalisation's operands, from its input and its result's gradient.
    fn group_norm_gradients<const R: usize>(
        _x: Tensor<Self, R>,
        norm: Normalisation<Self>,
        _gradient: Tensor<Self, R>,
    ) -> NormGradients<Self, R> {
        unreachable!("no gradients of its own: {norm:?}")
    }

    /// Gradients of a layer normalisation's operands, likewise, on rows.
    fn layer_norm_gradients(
        _x: Tensor<Self, 2>,
        _weight: Tensor<Self, 1>,
        _epsilon: f64,
        _gradient: Tensor<Self, 2>,
    ) -> NormGradients<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// The gradient of SiLU's input.
    fn silu_gradient<const R: usize>(_x: Tensor<Self, R>, _gradient: Tensor<Self, R>) -> Tensor<Self, R> {
        unreachable!("no gradients of its own")
    }

    /// Rows of values and gates, `[rows, 2 * D]`, to the product of the values with `gelu` of the gates.
    fn geglu(_x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// The gradient of its input.
    fn geglu_gradient(_x: Tensor<Self, 2>, _gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        unreachable!("no gradients of its own")
    }

    /// [`super::attention`], and the logarithm of each query's sum of weights, to base 2, `[M, heads, L]`.
    fn attention_with_log_sum_exp(
        _query: Tensor<Self, 3>,
        _sources: &[&KeysValues<Self>],
        _heads: usize,
    ) -> (Tensor<Self, 3>, Tensor<Self, 3>) {
        unreachable!("no gradients of its own")
    }

    /// The gradients of an attention's query and of its sources.
    fn attention_gradients(known: AttentionGradients<Self>) -> (Tensor<Self, 3>, Vec<KeysValues<Self>>) {
        unreachable!("no gradients of its own: {known:?}")
    }

    /// The gradients of a temporal attention's query, keys and values, from these and the result's gradient.
    fn temporal_attention_gradients(
        _query: Tensor<Self, 4>,
        _own: KeysValues<Self, 4>,
        _heads: usize,
        _gradient: Tensor<Self, 4>,
    ) -> [Tensor<Self, 4>; 3] {
        unreachable!("no gradients of its own")
    }

    /// [`super::linear`] on rows.
    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, added: LinearEpilogue<Self, 2>) -> Tensor<Self, 2> {
        composed::linear(x, weight, added)
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
        // Both are held until the sum exists: on libtorch tokens that others keep may look at their memory.
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
