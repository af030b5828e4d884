//! Implements backward passes. The backward passes call libtorch's backward functions where the binding offers them,
//! and use libtorch's automatic differentiation otherwise.

use burn::backend::LibTorch;
use burn::tensor::Tensor;

use super::{Native, native, owned, sizes};
use crate::ops::{Activation, NormGradients, Normalisation};

/// The most elements that libtorch's `dot` accepts.
const MOST_OF_ONE_PRODUCT: usize = i32::MAX as usize;

/// The operands as leaves of a new libtorch graph. They share the operands' memory.
pub(super) fn leaves(operands: &[&Native]) -> Vec<Native> {
    operands.iter().map(|operand| operand.detach().set_requires_grad(true)).collect()
}

/// Runs `forward` while libtorch records its graph, whether or not recording is enabled outside.
pub(super) fn remembered(forward: impl FnOnce() -> Native) -> Native {
    tch::with_grad(forward)
}

/// The gradients of [`leaves`] from a [`remembered`] result and its gradient. Frees the graph.
pub(super) fn backward(result: &Native, gradient: &Native, leaves: &[Native]) -> Vec<Native> {
    // The binding can only start a backward pass from a gradient of ones. So the loss is the dot product of `result` and
    // `gradient`, whose derivative by `result` is `gradient`. It moves less memory than the elementwise product.
    let loss = tch::with_grad(|| {
        if result.numel() <= MOST_OF_ONE_PRODUCT {
            result.reshape([-1]).dot(&gradient.reshape([-1]))
        } else {
            result * gradient
        }
    });
    Native::run_backward(&[loss], leaves, false, false).iter().map(Native::contiguous).collect()
}

/// The gradients of the operands of `forward` from the gradient of its result. Runs `forward` again.
pub(super) fn native_gradients(
    operands: &[&Native],
    gradient: &Native,
    forward: impl FnOnce(&[Native]) -> Native,
) -> Vec<Native> {
    let leaves = leaves(operands);
    let result = remembered(|| forward(&leaves));
    backward(&result, gradient, &leaves)
}

/// The gradients of a normalisation's input, weight and bias, which `found` holds in this order.
fn norm_gradients<const R: usize>(mut found: Vec<Native>) -> NormGradients<LibTorch, R> {
    let mut last = || found.pop().unwrap_or_else(|| unreachable!("a gradient of each operand"));
    let (bias, weight, input) = (last(), last(), last());
    NormGradients { input: owned(input), weight: owned(weight), bias: owned(bias) }
}

pub(super) fn group_norm<const R: usize>(
    x: Tensor<LibTorch, R>,
    norm: Normalisation<LibTorch>,
    gradient: Tensor<LibTorch, R>,
) -> NormGradients<LibTorch, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let leaves = leaves(&[&native(x), &native(weight), &native(bias)]);
    let y = remembered(|| leaves[0].group_norm(groups as i64, Some(&leaves[1]), Some(&leaves[2]), epsilon, true));
    let gradient = match activation {
        Activation::None => native(gradient),
        Activation::Silu => y.detach().silu_backward(&native(gradient)),
    };
    norm_gradients(backward(&y, &gradient, &leaves))
}

pub(super) fn layer_norm(
    x: Tensor<LibTorch, 2>,
    weight: Tensor<LibTorch, 1>,
    epsilon: f64,
    gradient: Tensor<LibTorch, 2>,
) -> NormGradients<LibTorch, 2> {
    let (x, weight) = (native(x), native(weight));
    // No gradient depends on the bias's values.
    let bias = weight.zeros_like();
    norm_gradients(native_gradients(&[&x, &weight, &bias], &native(gradient), |of| {
        of[0].layer_norm(of[1].size(), Some(&of[1]), Some(&of[2]), epsilon, true)
    }))
}

pub(super) fn group_sums(rows: Tensor<LibTorch, 2>, groups: usize) -> Tensor<LibTorch, 2> {
    let [count, width] = sizes(rows.dims());
    let rows = native(rows);
    let grouped = rows.reshape([groups as i64, count / groups as i64, width]);
    owned(grouped.sum_dim_intlist([1_i64].as_slice(), false, rows.kind()))
}

/// Splits `[rows, 2 * D]` into values and gates, `[rows, D]` each.
pub(super) fn halves(x: &Native) -> [Native; 2] {
    let width = x.size()[1] / 2;
    [x.narrow(1, 0, width), x.narrow(1, width, width)]
}

/// The gradient of GEGLU's input `[rows, 2 * D]` from the gradient of its result.
pub(super) fn geglu(x: Tensor<LibTorch, 2>, gradient: Tensor<LibTorch, 2>) -> Tensor<LibTorch, 2> {
    let [values, gates] = halves(&native(x));
    let gradient = native(gradient);
    let of_values = &gradient * gates.gelu("none");
    let of_gates = gates.gelu_backward(&(gradient * values), "none");
    owned(Native::cat(&[of_values, of_gates], 1))
}
