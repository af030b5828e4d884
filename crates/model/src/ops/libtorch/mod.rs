//! Implements the operations with libtorch's own functions and backward passes, on any device. No operation reads a
//! value back, so the CPU never waits for the GPU.
//!
//! Burn overwrites tensors in place if it believes them to be unshared. The operations of this module overwrite no
//! operand, and no result shares its memory with another tensor.

mod attention;
mod convolutions;
mod gradients;
#[cfg(test)]
mod tests;

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::tensor::{DType, Tensor, TensorPrimitive};

use super::{
    Activation, AttentionGradients, Conv3dGradients, Convolution, ConvolutionGradients, DifferentiableBackend,
    KeysValues, LinearEpilogue, ModelBackend, NormGradients, Normalisation,
};

/// A tensor of the binding `tch`.
type Native = tch::Tensor;

fn native<const R: usize>(tensor: Tensor<LibTorch, R>) -> Native {
    tensor.into_primitive().tensor().tensor
}

/// A Burn tensor from a libtorch tensor, which must not share its memory with another tensor.
fn owned<const R: usize>(tensor: Native) -> Tensor<LibTorch, R> {
    Tensor::from_primitive(TensorPrimitive::Float(TchTensor::new(tensor)))
}

fn sizes<const R: usize>(dims: [usize; R]) -> [i64; R] {
    dims.map(|size| size as i64)
}

impl ModelBackend for LibTorch {
    fn measure_kernels() {
        tch::Cuda::cudnn_set_benchmark(true);
    }

    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, added: LinearEpilogue<Self, 2>) -> Tensor<Self, 2> {
        let LinearEpilogue { bias, shift, residual } = added;
        let mut y = native(x).linear(&native(weight), bias.map(native));
        if let Some(shift) = shift {
            let [groups, d] = sizes(shift.dims());
            y = (y.view([groups, -1, d]) + native(shift).reshape([groups, 1, d])).view([-1, d]);
        }
        owned(match residual {
            Some(residual) => y + native(residual),
            None => y,
        })
    }

    fn linear_geglu(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 2> {
        Self::geglu(Self::linear(x, weight, LinearEpilogue { bias, shift: None, residual: None }))
    }

    fn conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, convolution: Convolution<Self>) -> Tensor<Self, 4> {
        convolutions::conv2d(x, weight, convolution)
    }

    fn upsample_conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 4> {
        convolutions::upsample_conv2d(x, weight, bias)
    }

    fn group_norm<const R: usize>(x: Tensor<Self, R>, norm: Normalisation<Self>) -> Tensor<Self, R> {
        let Normalisation { groups, weight, bias, epsilon, activation } = norm;
        let y = native(x).group_norm(groups as i64, Some(native(weight)), Some(native(bias)), epsilon, true);
        owned(match activation {
            Activation::None => y,
            Activation::Silu => y.silu(),
        })
    }

    fn layer_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, bias: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        let width = sizes(weight.dims());
        owned(native(x).layer_norm(width, Some(native(weight)), Some(native(bias)), epsilon, true))
    }

    fn silu<const R: usize>(x: Tensor<Self, R>) -> Tensor<Self, R> {
        owned(native(x).silu())
    }

    fn swap_dims<const R: usize>(x: Tensor<Self, R>, first: usize, second: usize) -> Tensor<Self, R> {
        let x = native(x);
        let y = x.transpose(first as i64, second as i64).contiguous();
        // `contiguous` copies nothing if the transposed view already is contiguous, for example if one axis has length 1.
        owned(if y.data_ptr() == x.data_ptr() { y.copy() } else { y })
    }

    fn add(a: Tensor<Self, 4>, b: Tensor<Self, 4>) -> Tensor<Self, 4> {
        owned(native(a) + native(b))
    }

    fn attention(query: Tensor<Self, 3>, sources: &[&KeysValues<Self>], heads: usize) -> Tensor<Self, 3> {
        attention::attention(query, sources, heads)
    }

    fn temporal_attention(query: Tensor<Self, 4>, own: KeysValues<Self, 4>, heads: usize) -> Tensor<Self, 4> {
        attention::temporal(query, own, heads)
    }
}

impl DifferentiableBackend for LibTorch {
    const CONV3D_GRADIENTS: Option<Conv3dGradients<Self>> = Some(convolutions::gradients_in_time);

    fn has_gradients(dtype: DType) -> bool {
        matches!(dtype, DType::F32 | DType::BF16)
    }

    fn conv2d_gradients(known: ConvolutionGradients<Self>, wanted: [bool; 2]) -> [Option<Tensor<Self, 4>>; 2] {
        convolutions::gradients(known, wanted)
    }

    fn linear_weight_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        owned(native(gradient).tr().matmul(&native(x)))
    }

    fn linear_input_gradient(weight: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        owned(native(gradient).matmul(&native(weight)))
    }

    fn group_sums(rows: Tensor<Self, 2>, groups: usize) -> Tensor<Self, 2> {
        gradients::group_sums(rows, groups)
    }

    fn group_norm_gradients<const R: usize>(
        x: Tensor<Self, R>,
        norm: Normalisation<Self>,
        gradient: Tensor<Self, R>,
    ) -> NormGradients<Self, R> {
        gradients::group_norm(x, norm, gradient)
    }

    fn layer_norm_gradients(
        x: Tensor<Self, 2>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        gradient: Tensor<Self, 2>,
    ) -> NormGradients<Self, 2> {
        gradients::layer_norm(x, weight, epsilon, gradient)
    }

    fn geglu(x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [values, gates] = gradients::halves(&native(x));
        owned(values * gates.gelu("none"))
    }

    fn silu_gradient<const R: usize>(x: Tensor<Self, R>, gradient: Tensor<Self, R>) -> Tensor<Self, R> {
        owned(native(x).silu_backward(&native(gradient)))
    }

    fn geglu_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        gradients::geglu(x, gradient)
    }

    fn attention_with_log_sum_exp(
        query: Tensor<Self, 3>,
        sources: &[&KeysValues<Self>],
        heads: usize,
    ) -> (Tensor<Self, 3>, Tensor<Self, 3>) {
        // The backward pass recomputes the attention probabilities and needs no log-sum-exp.
        let none = Tensor::zeros([0; 3], &query.device());
        (attention::attention(query, sources, heads), none)
    }

    fn attention_gradients(known: AttentionGradients<Self>) -> (Tensor<Self, 3>, Vec<KeysValues<Self>>) {
        attention::gradients(known)
    }

    fn temporal_attention_gradients(
        query: Tensor<Self, 4>,
        own: KeysValues<Self, 4>,
        heads: usize,
        gradient: Tensor<Self, 4>,
    ) -> [Tensor<Self, 4>; 3] {
        attention::temporal_gradients(query, own, heads, gradient)
    }
}
