//! Defines the backward passes that a backend must offer to train the networks.

use burn::tensor::{DType, Tensor};

use super::{AttentionGradients, ConvolutionGradients, KeysValues, ModelBackend, NormGradients, Normalisation};

/// Gradients of a 3D convolution's input, `[B, C_in, N, h, w]`, and weight, `[C_out, C_in, k_n, k_h, k_w]`, where wanted.
/// The arguments are those two operands, the gradient of the result, the padding, and which gradients are wanted.
pub type Conv3dGradients<B> = fn([Tensor<B, 5>; 2], Tensor<B, 5>, [usize; 3], [bool; 2]) -> [Option<Tensor<B, 5>>; 2];

/// A [`ModelBackend`] with backward passes of its own. `Autodiff` of such a backend is a [`ModelBackend`] too: there each
/// operation is one node of the graph if its operands have one of the types [`has_gradients`](Self::has_gradients) names, and
/// is composed of operations that Burn differentiates otherwise.
pub trait DifferentiableBackend: ModelBackend {
    /// The backward pass of [`super::conv3d`], if the backend has one.
    const CONV3D_GRADIENTS: Option<Conv3dGradients<Self>> = None;

    /// The backward passes work on operands of this type.
    fn has_gradients(dtype: DType) -> bool;

    /// Gradients of a 2D convolution's input, `[M, C_in, h, w]`, and weight, `[C_out, C_in, k, k]`, where wanted.
    fn conv2d_gradients(known: ConvolutionGradients<Self>, wanted: [bool; 2]) -> [Option<Tensor<Self, 4>>; 2];

    /// The gradient of a linear map's weight, `[D_out, D_in]`, from its input and the gradient of its result, both as rows.
    fn linear_weight_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2>;

    /// The gradient of a linear map's input, `[rows, D_in]`, from its weight and the gradient of its result.
    fn linear_input_gradient(weight: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2>;

    /// Sums over equally long runs of rows: `[rows, D]` to `[groups, D]`.
    fn group_sums(rows: Tensor<Self, 2>, groups: usize) -> Tensor<Self, 2>;

    /// Gradients of a group normalisation's operands, from its input and the gradient of its result.
    fn group_norm_gradients<const R: usize>(
        x: Tensor<Self, R>,
        norm: Normalisation<Self>,
        gradient: Tensor<Self, R>,
    ) -> NormGradients<Self, R>;

    /// Gradients of a layer normalisation's operands on rows, from its input and the gradient of its result.
    fn layer_norm_gradients(
        x: Tensor<Self, 2>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        gradient: Tensor<Self, 2>,
    ) -> NormGradients<Self, 2>;

    /// The gradient of SiLU's input.
    fn silu_gradient<const R: usize>(x: Tensor<Self, R>, gradient: Tensor<Self, R>) -> Tensor<Self, R>;

    /// GEGLU without its linear map: rows of values and gates, `[rows, 2 * D]`, to `values * gelu(gates)`, `[rows, D]`.
    fn geglu(x: Tensor<Self, 2>) -> Tensor<Self, 2>;

    /// The gradient of [`geglu`](Self::geglu)'s input.
    fn geglu_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2>;

    /// [`super::attention`], and the base-2 log-sum-exp of each query's scores, `[M, heads, L]`.
    fn attention_with_log_sum_exp(
        query: Tensor<Self, 3>,
        sources: &[&KeysValues<Self>],
        heads: usize,
    ) -> (Tensor<Self, 3>, Tensor<Self, 3>);

    /// Gradients of an attention's query and of its sources.
    fn attention_gradients(known: AttentionGradients<Self>) -> (Tensor<Self, 3>, Vec<KeysValues<Self>>);

    /// Gradients of a temporal attention's query, keys and values, from these and the gradient of its result.
    fn temporal_attention_gradients(
        query: Tensor<Self, 4>,
        own: KeysValues<Self, 4>,
        heads: usize,
        gradient: Tensor<Self, 4>,
    ) -> [Tensor<Self, 4>; 3];
}
