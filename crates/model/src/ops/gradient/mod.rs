//! Implements the operations under automatic differentiation. If the backend has a backward pass for an operation and
//! its operands' type, the operation becomes one or a few nodes of the autodiff graph. Otherwise, the operation is
//! composed of operations that Burn differentiates.
//!
//! The gradient of a map has the map's shape and the backend's memory layout. An untracked empty tensor replaces each absent
//! operand, so that a kind of node always has the same number of parents.

mod attention;
mod convolution;
mod convolution_in_time;
mod linear;
mod norms;
mod pointwise;
#[cfg(test)]
mod tests;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, Tensor, TensorPrimitive};

use super::{Convolution, DifferentiableBackend, KeysValues, LinearEpilogue, ModelBackend, Normalisation, composed};

impl<B: DifferentiableBackend, S: CheckpointStrategy> ModelBackend for Autodiff<B, S> {
    const CHANNELS_LAST: bool = B::CHANNELS_LAST;

    fn measure_kernels() {
        B::measure_kernels();
    }

    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, added: LinearEpilogue<Self, 2>) -> Tensor<Self, 2> {
        if is_own::<B>([x.dtype(), weight.dtype()]) {
            linear::linear(x, weight, added)
        } else {
            composed::linear(x, weight, added)
        }
    }

    fn linear_geglu(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 2> {
        if is_own::<B>([x.dtype(), weight.dtype()]) {
            pointwise::geglu(linear::linear(x, weight, LinearEpilogue { bias, shift: None, residual: None }))
        } else {
            composed::linear_geglu(x, weight, bias)
        }
    }

    fn conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, convolution: Convolution<Self>) -> Tensor<Self, 4> {
        if is_own::<B>([x.dtype(), weight.dtype()]) {
            convolution::conv2d(x, weight, convolution)
        } else {
            composed::conv2d(x, weight, convolution)
        }
    }

    fn upsample_conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 4> {
        if is_own::<B>([x.dtype(), weight.dtype()]) {
            convolution::upsample_conv2d(x, weight, bias)
        } else {
            composed::upsample_conv2d(x, weight, bias)
        }
    }

    fn conv3d(
        x: Tensor<Self, 5>,
        weight: Tensor<Self, 5>,
        bias: Option<Tensor<Self, 1>>,
        padding: [usize; 3],
    ) -> Tensor<Self, 5> {
        match B::CONV3D_GRADIENTS {
            Some(gradients) if is_own::<B>([x.dtype(), weight.dtype()]) => {
                convolution_in_time::conv3d(x, weight, bias, padding, gradients)
            }
            _ => composed::conv3d(x, weight, bias, padding),
        }
    }

    fn group_norm<const R: usize>(x: Tensor<Self, R>, norm: Normalisation<Self>) -> Tensor<Self, R> {
        if is_own::<B>([x.dtype(), norm.weight.dtype()]) {
            norms::group_norm(x, norm)
        } else {
            composed::group_norm(x, norm)
        }
    }

    fn layer_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, bias: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        if is_own::<B>([x.dtype(), weight.dtype()]) {
            norms::layer_norm(x, weight, bias, epsilon)
        } else {
            composed::layer_norm(x, weight, bias, epsilon)
        }
    }

    fn silu<const R: usize>(x: Tensor<Self, R>) -> Tensor<Self, R> {
        if is_own::<B>([x.dtype(); 2]) { pointwise::silu(x) } else { burn::tensor::activation::silu(x) }
    }

    fn swap_dims<const R: usize>(x: Tensor<Self, R>, first: usize, second: usize) -> Tensor<Self, R> {
        // On channels-last backends the swap only changes strides, and Burn differentiates it.
        if is_own::<B>([x.dtype(); 2]) && !B::CHANNELS_LAST {
            pointwise::swap_dims(x, [first, second])
        } else {
            x.swap_dims(first, second)
        }
    }

    fn attention(query: Tensor<Self, 3>, sources: &[&KeysValues<Self>], heads: usize) -> Tensor<Self, 3> {
        let same = sources.iter().all(|source| is_own::<B>([source.keys.dtype(), source.values.dtype()]));
        match sources.len() {
            1 if same && is_own::<B>([query.dtype(), sources[0].keys.dtype()]) => {
                attention::attention::<B, S, 3>(query, sources, heads)
            }
            2 if same && is_own::<B>([query.dtype(), sources[0].keys.dtype()]) => {
                attention::attention::<B, S, 5>(query, sources, heads)
            }
            _ => composed::attention(query, sources, heads),
        }
    }

    fn temporal_attention(query: Tensor<Self, 4>, own: KeysValues<Self, 4>, heads: usize) -> Tensor<Self, 4> {
        if is_own::<B>([query.dtype(), own.keys.dtype()]) {
            attention::temporal_attention(query, own, heads)
        } else {
            composed::temporal_attention(query, own, heads)
        }
    }
}

/// Whether the backend has backward passes for two operands of these types.
fn is_own<B: DifferentiableBackend>([first, second]: [DType; 2]) -> bool {
    first == second && B::has_gradients(first)
}

fn float<B: Backend, const R: usize>(primitive: FloatTensor<B>) -> Tensor<B, R> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: Backend, const R: usize>(tensor: Tensor<B, R>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// The tensor, or an untracked empty tensor if it is absent.
fn or_absent<B: Backend, const R: usize>(tensor: Option<Tensor<B, R>>, device: &B::Device) -> FloatTensor<B> {
    primitive(tensor.unwrap_or_else(|| Tensor::zeros([0; R], device)))
}

/// Adds a gradient to the gradient that other nodes have registered for the same tensor. `at` writes the tensor's node into
/// `place.node`, because the node's type has no public name. Burn's own sum adds channels-last maps element by element; this
/// function adds them as contiguous memory.
fn register<B: DifferentiableBackend, const R: usize>(
    grads: &mut Gradients,
    at: impl FnOnce(&mut FloatTensor<Autodiff<B>>),
    gradient: Tensor<B, R>,
) {
    let nothing = Tensor::<B, 1>::zeros([0], &gradient.device());
    let mut place = primitive(Tensor::<Autodiff<B>, 1>::from_inner(nothing));
    at(&mut place);
    let sum = match grads.remove::<B>(&place) {
        Some(other) => sum(gradient, float(other)),
        None => gradient,
    };
    grads.register::<B>(place.node.id, primitive(sum));
}

/// The sum of two maps `[B, C, ..]` or other tensors; maps are added in the backend's memory layout.
fn sum<B: DifferentiableBackend, const R: usize>(a: Tensor<B, R>, b: Tensor<B, R>) -> Tensor<B, R> {
    if !B::CHANNELS_LAST {
        // Both operands stay alive until the sum exists. burn-tch 0.21 treats a view with swapped axes as the owner of its
        // memory, so it would add in place and overwrite a gradient that another node still has to read.
        return a.clone() + b.clone();
    }
    if R < 4 {
        return a + b;
    }
    let last: [usize; R] = std::array::from_fn(|axis| if axis == 0 { 0 } else { axis % (R - 1) + 1 });
    let back: [usize; R] = std::array::from_fn(|axis| if axis == 0 { 0 } else { (axis + R - 3) % (R - 1) + 1 });
    (a.permute(last.map(|axis| axis as isize)) + b.permute(last.map(|axis| axis as isize)))
        .permute(back.map(|axis| axis as isize))
}
