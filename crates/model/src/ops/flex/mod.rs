//! Implements the operations on the CPU. The kernels of crate `kernels` work on the storage of Flex's tensors.
//! Channels-last maps are not copied.
//!
//! The type of the maps or tokens determines the arithmetic: bf16 operands are multiplied as bf16 and summed in f32.
//! Weights are packed in the type of the maps or tokens. Types other than f32 and bf16 use the composed operations.

mod attention_gradients;
mod convolutions;
mod gradients;
mod lazy_weight;
mod maps;
mod packs;
mod products;
mod space;
mod storage;

use burn::backend::Flex;
use burn::tensor::{DType, Tensor, bf16};
use kernels::Form;

use super::{
    AttentionGradients, Convolution, ConvolutionGradients, DifferentiableBackend, KeysValues, LinearEpilogue,
    ModelBackend, NormGradients, Normalisation, composed,
};
use crate::weights::WeightSource;
use convolutions::{convolve, convolve_video, upsample_convolve};
use maps::{add, blend, concat_channels};
pub(crate) use packs::packed_bytes;
use products::{attention, group_norm, layer_norm, product, silu, temporal_attention};
use space::Pooled;

impl ModelBackend for Flex {
    const CHANNELS_LAST: bool = true;

    fn lazy_weight<const R: usize>(source: &WeightSource) -> Option<Tensor<Self, R>> {
        // Weights with one output are small, and some operations read them without packing.
        (source.shape()[0] > 1).then(|| lazy_weight::lazy_weight(source))
    }

    fn evict<const R: usize>(weight: Tensor<Self, R>, only_mapped: bool) {
        packs::evict(weight, only_mapped);
    }

    fn release_buffer_pool() {
        f32::pool().release();
        bf16::pool().release();
    }

    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, added: LinearEpilogue<Self, 2>) -> Tensor<Self, 2> {
        match x.dtype() {
            DType::F32 => product::<f32>(x, weight, Form::Linear, added),
            DType::BF16 => product::<bf16>(x, weight, Form::Linear, added),
            _ => composed::linear(x, weight, added),
        }
    }

    fn linear_geglu(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 2> {
        let added = |bias| LinearEpilogue { bias, shift: None, residual: None };
        match x.dtype() {
            DType::F32 => product::<f32>(x, weight, Form::Geglu, added(bias)),
            DType::BF16 => product::<bf16>(x, weight, Form::Geglu, added(bias)),
            _ => composed::linear_geglu(x, weight, bias),
        }
    }

    fn conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, convolution: Convolution<Self>) -> Tensor<Self, 4> {
        match x.dtype() {
            DType::F32 => convolve::<f32>(x, weight, convolution),
            DType::BF16 => convolve::<bf16>(x, weight, convolution),
            _ => composed::conv2d(x, weight, convolution),
        }
    }

    fn upsample_conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 4> {
        match x.dtype() {
            DType::F32 => upsample_convolve::<f32>(x, weight, bias),
            DType::BF16 => upsample_convolve::<bf16>(x, weight, bias),
            _ => composed::upsample_conv2d(x, weight, bias),
        }
    }

    fn conv3d(
        x: Tensor<Self, 5>,
        weight: Tensor<Self, 5>,
        bias: Option<Tensor<Self, 1>>,
        padding: [usize; 3],
    ) -> Tensor<Self, 5> {
        let [_, _, _, k_h, k_w] = weight.dims();
        match x.dtype() {
            DType::F32 if k_h == k_w && padding[1] == padding[2] => convolve_video::<f32>(x, weight, bias, padding),
            DType::BF16 if k_h == k_w && padding[1] == padding[2] => convolve_video::<bf16>(x, weight, bias, padding),
            _ => composed::conv3d(x, weight, bias, padding),
        }
    }

    fn group_norm<const R: usize>(x: Tensor<Self, R>, norm: Normalisation<Self>) -> Tensor<Self, R> {
        match x.dtype() {
            DType::F32 => group_norm::<f32, R>(x, norm),
            DType::BF16 => group_norm::<bf16, R>(x, norm),
            _ => composed::group_norm(x, norm),
        }
    }

    fn layer_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, bias: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        match x.dtype() {
            DType::F32 => layer_norm::<f32>(x, weight, bias, epsilon),
            DType::BF16 => layer_norm::<bf16>(x, weight, bias, epsilon),
            _ => composed::layer_norm(x, weight, bias, epsilon),
        }
    }

    fn silu<const R: usize>(x: Tensor<Self, R>) -> Tensor<Self, R> {
        match x.dtype() {
            DType::F32 => silu::<f32, R>(x),
            DType::BF16 => silu::<bf16, R>(x),
            _ => burn::tensor::activation::silu(x),
        }
    }

    fn add(a: Tensor<Self, 4>, b: Tensor<Self, 4>) -> Tensor<Self, 4> {
        match a.dtype() {
            DType::F32 => add::<f32>(a, b),
            DType::BF16 => add::<bf16>(a, b),
            _ => a + b,
        }
    }

    fn concat_channels(maps: Vec<Tensor<Self, 4>>) -> Tensor<Self, 4> {
        match maps[0].dtype() {
            DType::F32 => concat_channels::<f32>(maps),
            DType::BF16 => concat_channels::<bf16>(maps),
            _ => Tensor::cat(maps, 1),
        }
    }

    fn blend(maps: [Tensor<Self, 4>; 2], weight: Tensor<Self, 4>, bias: Tensor<Self, 1>) -> Tensor<Self, 4> {
        match maps[0].dtype() {
            DType::F32 if weight.dims()[0] == 1 => blend::<f32>(maps, weight, bias),
            DType::BF16 if weight.dims()[0] == 1 => blend::<bf16>(maps, weight, bias),
            _ => composed::blend(maps, weight, bias),
        }
    }

    fn attention(query: Tensor<Self, 3>, sources: &[&KeysValues<Self>], heads: usize) -> Tensor<Self, 3> {
        match query.dtype() {
            DType::F32 => attention::<f32>(query, sources, heads),
            DType::BF16 => attention::<bf16>(query, sources, heads),
            _ => composed::attention(query, sources, heads),
        }
    }

    fn temporal_attention(query: Tensor<Self, 4>, own: KeysValues<Self, 4>, heads: usize) -> Tensor<Self, 4> {
        match query.dtype() {
            DType::F32 => temporal_attention::<f32>(query, own, heads),
            DType::BF16 => temporal_attention::<bf16>(query, own, heads),
            _ => composed::temporal_attention(query, own, heads),
        }
    }
}

impl DifferentiableBackend for Flex {
    fn has_gradients(dtype: DType) -> bool {
        dtype == DType::F32
    }

    fn conv2d_gradients(known: ConvolutionGradients<Self>, wanted: [bool; 2]) -> [Option<Tensor<Self, 4>>; 2] {
        let [input, weight] = wanted;
        let of_weight = weight.then(|| gradients::conv2d_weight(known.clone()));
        [input.then(|| gradients::conv2d_input(known)), of_weight]
    }

    fn linear_weight_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        gradients::linear_weight(x, gradient)
    }

    fn linear_input_gradient(weight: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        gradients::linear_input(weight, gradient)
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

    fn silu_gradient<const R: usize>(x: Tensor<Self, R>, gradient: Tensor<Self, R>) -> Tensor<Self, R> {
        gradients::silu(x, gradient)
    }

    fn geglu(x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        gradients::geglu(x)
    }

    fn geglu_gradient(x: Tensor<Self, 2>, gradient: Tensor<Self, 2>) -> Tensor<Self, 2> {
        gradients::geglu_gradient(x, gradient)
    }

    fn attention_with_log_sum_exp(
        query: Tensor<Self, 3>,
        sources: &[&KeysValues<Self>],
        heads: usize,
    ) -> (Tensor<Self, 3>, Tensor<Self, 3>) {
        attention_gradients::with_logs(query, sources, heads)
    }

    fn attention_gradients(known: AttentionGradients<Self>) -> (Tensor<Self, 3>, Vec<KeysValues<Self>>) {
        attention_gradients::attention(known)
    }

    fn temporal_attention_gradients(
        query: Tensor<Self, 4>,
        own: KeysValues<Self, 4>,
        heads: usize,
        gradient: Tensor<Self, 4>,
    ) -> [Tensor<Self, 4>; 3] {
        attention_gradients::temporal(query, own, heads, gradient)
    }
}
