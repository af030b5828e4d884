//! Provides the hot operations of the networks. Each operation has one function in this module, and networks call only
//! these functions. A faster kernel can therefore be added in one place.
//!
//! Each function checks shapes and calls the method of [`ModelBackend`] with the same name. The default methods are composed of
//! Burn operations and are the reference for every faster version. `Flex` runs the kernels of crate `kernels`.
//!
//! | letter | meaning |
//! |---|---|
//! | `B` | clips |
//! | `M = B*N` | frames of all clips |
//! | `C`, `h w` | channels and cells of a feature map |
//! | `L` | tokens |
//! | `d` | width of a head |

mod backend;
mod composed;
mod differentiable;
mod flex;
mod gradient;
mod layout;
#[cfg(feature = "libtorch")]
mod libtorch;
#[cfg(test)]
mod tests;

pub use backend::ModelBackend;
pub use differentiable::{Conv3dGradients, DifferentiableBackend};
pub use layout::{cells_from_map, in_order, map_from_cells, map_from_tokens, swap_dims, tokens_from_map};

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};

/// The activation that a convolution or a normalisation applies in the same pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The identity.
    None,
    /// `x * sigmoid(x)`.
    Silu,
}

/// The bias, geometry and epilogue of a 2D convolution. The result is
/// `residual + activation(convolution + bias + shift)`.
#[derive(Debug, Clone)]
pub struct Convolution<B: Backend> {
    /// `[C_out]`.
    pub bias: Option<Tensor<B, 1>>,
    /// Step between windows, in cells of the input.
    pub stride: usize,
    /// Zero padding: `[top and left, bottom and right]`.
    pub padding: [usize; 2],
    /// A bias per clip, `[B, C_out]`, shared by the clip's frames. It carries the time embedding.
    pub shift: Option<Tensor<B, 2>>,
    /// Added after the activation; has the result's shape.
    pub residual: Option<Tensor<B, 4>>,
    /// Applied before the residual is added.
    pub activation: Activation,
}

impl<B: Backend> Convolution<B> {
    /// A convolution with padding `kernel / 2` on all sides, which keeps the size at stride 1 for odd kernels. Its epilogue only
    /// adds the bias.
    pub fn same(kernel: usize, stride: usize, bias: Option<Tensor<B, 1>>) -> Self {
        let padding = [kernel / 2; 2];
        Self { bias, stride, padding, shift: None, residual: None, activation: Activation::None }
    }
}

/// The operands of a convolution's backward pass.
#[derive(Debug, Clone)]
pub struct ConvolutionGradients<B: Backend> {
    /// The input, `[M, C_in, h, w]`.
    pub x: Tensor<B, 4>,
    /// `[C_out, C_in, k, k]`.
    pub weight: Tensor<B, 4>,
    /// The gradient of the result, `[M, C_out, h', w']`.
    pub gradient: Tensor<B, 4>,
    /// Step between windows, in cells of the input.
    pub stride: usize,
    /// Zero padding: `[top and left, bottom and right]`.
    pub padding: [usize; 2],
    /// The convolution ran on the input after 2x nearest upsampling, as in [`upsample_conv2d`]. `x` is the map before upsampling.
    pub enlarged: bool,
}

/// Gradients of a normalisation's operands.
#[derive(Debug, Clone)]
pub struct NormGradients<B: Backend, const R: usize> {
    /// Has the input's shape.
    pub input: Tensor<B, R>,
    /// `[C]`.
    pub weight: Tensor<B, 1>,
    /// `[C]`.
    pub bias: Tensor<B, 1>,
}

/// A group normalisation.
#[derive(Debug, Clone)]
pub struct Normalisation<B: Backend> {
    /// Number of groups; each has consecutive channels.
    pub groups: usize,
    /// `[C]`.
    pub weight: Tensor<B, 1>,
    /// `[C]`.
    pub bias: Tensor<B, 1>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied to the normalised values.
    pub activation: Activation,
}

/// Keys and values of a set of tokens, before the split into heads.
#[derive(Debug, Clone)]
pub struct KeysValues<B: Backend, const R: usize = 3> {
    /// `[M, L, C]`.
    pub keys: Tensor<B, R>,
    /// `[M, L, C]`.
    pub values: Tensor<B, R>,
}

/// The operands of an attention's backward pass.
#[derive(Debug, Clone)]
pub struct AttentionGradients<B: Backend> {
    /// `[M, L, heads*d]`.
    pub query: Tensor<B, 3>,
    /// Keys and values, `[B_s, L_s, heads*d]`.
    pub sources: Vec<KeysValues<B>>,
    /// Number of heads.
    pub heads: usize,
    /// The result of the forward pass, `[M, L, heads*d]`.
    pub result: Tensor<B, 3>,
    /// The base-2 log-sum-exp of each query's scores, `[M, heads, L]`, from
    /// [`DifferentiableBackend::attention_with_log_sum_exp`].
    pub logs: Tensor<B, 3>,
    /// The gradient of the result, `[M, L, heads*d]`.
    pub gradient: Tensor<B, 3>,
}

/// The epilogue of a linear map: the terms added to the matmul's result.
#[derive(Debug, Clone)]
pub struct LinearEpilogue<B: Backend, const R: usize> {
    /// `[D_out]`.
    pub bias: Option<Tensor<B, 1>>,
    /// A bias per group of rows, `[G, D_out]`. The result's rows form `G` equal groups of consecutive rows.
    pub shift: Option<Tensor<B, 2>>,
    /// Has the result's shape.
    pub residual: Option<Tensor<B, R>>,
}

/// A linear map, `x W^T` over the last axis, plus the epilogue `added`: `[.., D_in]` to `[.., D_out]`, weight `[D_out, D_in]`.
///
/// # Panics
/// When the last axis of `x` is not `D_in`, or the epilogue's bias per group or residual does not fit.
pub fn linear<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    weight: Tensor<B, 2>,
    added: LinearEpilogue<B, R>,
) -> Tensor<B, R> {
    let mut dims = x.dims();
    let [d_out, d_in] = weight.dims();
    assert_eq!(dims[R - 1], d_in, "linear: input {dims:?}, weight {:?}", weight.dims());
    let x = rows(x);
    dims[R - 1] = d_out;
    let LinearEpilogue { bias, shift, residual } = added;
    if let Some(shift) = &shift {
        let [groups, width] = shift.dims();
        let fits = groups > 0 && x.dims()[0].is_multiple_of(groups) && width == d_out;
        assert!(fits, "linear: shift {:?}, result {dims:?}", shift.dims());
    }
    let residual = residual.map(|residual| {
        assert_eq!(residual.dims(), dims, "linear: residual");
        rows(residual)
    });
    <B as ModelBackend>::linear(x, weight, LinearEpilogue { bias, shift, residual }).reshape(dims)
}

/// [`linear`], then GEGLU: the first half of the last axis times `gelu` (the exact form, with erf) of the second half.
/// `[.., D_in]` to `[.., D]`, weight `[2D, D_in]`.
///
/// # Panics
/// When the last axis of `x` is not `D_in`, or the weight has an odd number of rows.
pub fn linear_geglu<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, R> {
    let mut dims = x.dims();
    let [d_out, d_in] = weight.dims();
    assert!(dims[R - 1] == d_in && d_out.is_multiple_of(2), "geglu: input {dims:?}, weight {:?}", weight.dims());
    let x = rows(x);
    dims[R - 1] = d_out / 2;
    <B as ModelBackend>::linear_geglu(x, weight, bias).reshape(dims)
}

/// 2D convolution `[M, C_in, h, w]` to `[M, C_out, h', w']`, weight `[C_out, C_in, k, k]`.
///
/// # Panics
/// When the channels, the bias per clip or the residual do not fit.
pub fn conv2d<B: ModelBackend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, convolution: Convolution<B>) -> Tensor<B, 4> {
    let ([m, c, h, w], [c_out, c_in, k, _]) = (x.dims(), weight.dims());
    assert_eq!(c, c_in, "conv2d: input {:?}, weight {:?}", x.dims(), weight.dims());
    if let Some(shift) = &convolution.shift {
        let [b, width] = shift.dims();
        let fits = b > 0 && m.is_multiple_of(b) && width == c_out;
        assert!(fits, "conv2d: shift {:?}, input {:?}, weight {:?}", shift.dims(), x.dims(), weight.dims());
    }
    if let Some(residual) = &convolution.residual {
        let padding: usize = convolution.padding.iter().sum();
        let side = |length: usize| (length + padding - k) / convolution.stride + 1;
        assert_eq!(residual.dims(), [m, c_out, side(h), side(w)], "conv2d: residual");
    }
    <B as ModelBackend>::conv2d(x, weight, convolution)
}

/// 2x nearest upsampling, then a 3x3 convolution with padding 1: `[M, C_in, h, w]` to `[M, C_out, 2h, 2w]`, weight
/// `[C_out, C_in, 3, 3]`.
///
/// # Panics
/// When the channels differ or the kernel is not 3x3.
pub fn upsample_conv2d<B: ModelBackend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 4> {
    let [_, c_in, k, _] = weight.dims();
    assert!(x.dims()[1] == c_in && k == 3, "upsample_conv2d: input {:?}, weight {:?}", x.dims(), weight.dims());
    <B as ModelBackend>::upsample_conv2d(x, weight, bias)
}

/// 3D convolution of `[B, C_in, N, h, w]` with stride 1 and weight `[C_out, C_in, k_n, k_h, k_w]`. `padding` is the number of
/// zeros at both ends of the axes `N`, `h` and `w`.
///
/// # Panics
/// When the channels differ.
pub fn conv3d<B: ModelBackend>(
    x: Tensor<B, 5>,
    weight: Tensor<B, 5>,
    bias: Option<Tensor<B, 1>>,
    padding: [usize; 3],
) -> Tensor<B, 5> {
    assert_eq!(x.dims()[1], weight.dims()[1], "conv3d: input {:?}, weight {:?}", x.dims(), weight.dims());
    <B as ModelBackend>::conv3d(x, weight, bias, padding)
}

/// Group normalisation of `[B, C, ..]` with the biased variance. Each group's statistics run over its channels and all later
/// axes.
///
/// # Panics
/// When `C` is not a multiple of the number of groups, or `x` has another number of channels than the weight.
pub fn group_norm<B: ModelBackend, const R: usize>(x: Tensor<B, R>, norm: Normalisation<B>) -> Tensor<B, R> {
    let (dims, [c]) = (x.dims(), norm.weight.dims());
    assert!(c % norm.groups == 0 && dims[1] == c, "group_norm: {dims:?}, {} groups, weight [{c}]", norm.groups);
    <B as ModelBackend>::group_norm(x, norm)
}

/// Layer normalisation over the last axis, with the biased variance.
///
/// # Panics
/// When the last axis of `x` has another length than the weight.
pub fn layer_norm<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    epsilon: f64,
) -> Tensor<B, R> {
    let dims = x.dims();
    assert_eq!(dims[R - 1], weight.dims()[0], "layer_norm: {dims:?}, weight {:?}", weight.dims());
    <B as ModelBackend>::layer_norm(rows(x), weight, bias, epsilon).reshape(dims)
}

/// `x * sigmoid(x)`.
pub fn silu<B: ModelBackend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    <B as ModelBackend>::silu(x)
}

/// The sum of two maps `[M, C, h, w]`.
///
/// # Panics
/// When the shapes differ.
pub fn add<B: ModelBackend>(a: Tensor<B, 4>, b: Tensor<B, 4>) -> Tensor<B, 4> {
    assert_eq!(a.dims(), b.dims(), "add");
    <B as ModelBackend>::add(a, b)
}

/// Concatenates maps along the channels: `[M, C_i, h, w]` to `[M, sum C_i, h, w]`.
///
/// # Panics
/// When `maps` is empty, or the maps differ in more than their channels.
pub fn concat_channels<B: ModelBackend>(maps: Vec<Tensor<B, 4>>) -> Tensor<B, 4> {
    let dims: Vec<_> = maps.iter().map(Tensor::dims).collect();
    let fits = dims.iter().all(|[m, _, h, w]| [*m, *h, *w] == [dims[0][0], dims[0][2], dims[0][3]]);
    assert!(!maps.is_empty() && fits, "concat_channels: {dims:?}");
    <B as ModelBackend>::concat_channels(maps)
}

/// `x + (y - x) * sigmoid(conv([x; y]))` (paper Eq. 3, 4) for maps `[x, y]` of shape `[M, C, h, w]`. `conv` is a 1x1 convolution
/// with weight `[1, 2C, 1, 1]` or `[C, 2C, 1, 1]` and a bias.
///
/// # Panics
/// When the shapes do not fit.
pub fn blend<B: ModelBackend>(maps: [Tensor<B, 4>; 2], weight: Tensor<B, 4>, bias: Tensor<B, 1>) -> Tensor<B, 4> {
    let ([_, c, _, _], [c_out, c_in, k, _]) = (maps[0].dims(), weight.dims());
    assert_eq!(maps[0].dims(), maps[1].dims(), "blend: maps");
    let fits = [c_in, k] == [2 * c, 1] && (c_out == 1 || c_out == c) && bias.dims() == [c_out];
    assert!(fits, "blend: maps {:?}, weight {:?}, bias {:?}", maps[0].dims(), weight.dims(), bias.dims());
    <B as ModelBackend>::blend(maps, weight, bias)
}

/// `softmax(Q K^T / sqrt(d)) V` per head: queries `[M, L, heads*d]` to the same shape.
///
/// The keys and values of all sources, `[B_s, L_s, heads*d]`, are concatenated along the tokens. `B_s` divides `M`: each image of
/// a source serves `M / B_s` consecutive images of the query.
///
/// # Panics
/// When the shapes do not fit.
pub fn attention<B: ModelBackend>(query: Tensor<B, 3>, sources: &[&KeysValues<B>], heads: usize) -> Tensor<B, 3> {
    let [m, _, width] = query.dims();
    assert!(heads > 0 && width.is_multiple_of(heads) && !sources.is_empty(), "attention: width {width}, {heads} heads");
    for KeysValues { keys, values } in sources {
        let [b, l, c] = keys.dims();
        assert!(
            b > 0 && m.is_multiple_of(b) && c == width && values.dims() == [b, l, c],
            "attention: query {:?}, keys {:?}, values {:?}",
            query.dims(),
            keys.dims(),
            values.dims()
        );
    }
    <B as ModelBackend>::attention(query, sources, heads)
}

/// Attention along the frames, separately for each cell: `[B, N, cells, heads*d]` to the same shape.
///
/// # Panics
/// When the shapes differ.
pub fn temporal_attention<B: ModelBackend>(query: Tensor<B, 4>, own: KeysValues<B, 4>, heads: usize) -> Tensor<B, 4> {
    let dims = query.dims();
    assert!(heads > 0 && dims[3].is_multiple_of(heads), "temporal attention: {dims:?}, {heads} heads");
    assert_eq!([own.keys.dims(), own.values.dims()], [dims; 2], "temporal attention: keys and values");
    <B as ModelBackend>::temporal_attention(query, own, heads)
}

/// Bytes that a weight of this shape takes when it is prepacked for an op whose result has `cells` cells. A convolution
/// `is_strided` if its stride is not 1.
pub fn packed_bytes(shape: &[usize], cells: usize, dtype: DType, is_strided: bool) -> u64 {
    flex::packed_bytes(shape, cells, dtype, is_strided)
}

/// `[.., D]` to `[rows, D]`.
fn rows<B: Backend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, 2> {
    let dims = x.dims();
    x.reshape([dims[..R - 1].iter().product::<usize>(), dims[R - 1]])
}
