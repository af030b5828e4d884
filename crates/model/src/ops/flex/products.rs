//! Implements linear maps, normalisations, SiLU and attention. Tokens and rows are contiguous and row-major.

use burn::backend::Flex;
use burn::tensor::Tensor;
use kernels::{Clip, Cpu, Epilogue, Form, GroupBias, GroupNorm, Heads, Pack, Source};

use super::packs::{Number, packed};
use super::space::Space;
use super::storage::{floats, in_order, is_run, of, permuted, slice};
use crate::ops::{KeysValues, LinearEpilogue, Normalisation};

pub(super) fn product<T: Number>(
    x: Tensor<Flex, 2>,
    weight: Tensor<Flex, 2>,
    form: Form,
    LinearEpilogue { bias, shift, residual }: LinearEpilogue<Flex, 2>,
) -> Tensor<Flex, 2> {
    let [rows, d_in] = x.dims();
    let Pack::Matrix(matrix) = &*packed::<T, 2>(weight, form) else { unreachable!("the pack of a matrix") };
    let (x, bias) = (in_order::<T>(of(x)), bias.map(floats));
    let group = shift.as_ref().map_or(1, |shift| (rows / shift.dims()[0]).max(1));
    let shift = shift.map(floats);
    let residual = residual.map(|residual| in_order::<T>(of(residual)));
    let epilogue = Epilogue {
        bias: bias.as_deref(),
        group_bias: shift.as_deref().map(|values| GroupBias { values, rows: group }),
        residual: residual.as_ref().map(slice::<T>),
        ..Epilogue::default()
    };
    let mut result = Space::<T>::of(rows * matrix.columns());
    kernels::matmul(slice(&x), rows, d_in, matrix, &epilogue, result.values());
    result.stored([rows, matrix.columns()], [0, 1])
}

pub(super) fn group_norm<T: Number, const R: usize>(x: Tensor<Flex, R>, norm: Normalisation<Flex>) -> Tensor<Flex, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let dims = x.dims();
    // The permutation of axes from `[B, C, ..]` to `[B, .., C]`, and its inverse.
    let to: [usize; R] = std::array::from_fn(|axis| match axis {
        0 => 0,
        axis if axis + 1 == R => 1,
        axis => axis + 1,
    });
    let back: [usize; R] = std::array::from_fn(|axis| match axis {
        0 => 0,
        1 => R - 1,
        axis => axis - 1,
    });
    let x = in_order::<T>(permuted(of(x), &to));
    let (weight, bias) = (floats(weight), floats(bias));
    let norm = GroupNorm { groups, weight: &weight, bias: &bias, epsilon, activation: activation.into() };
    let mut result = Space::<T>::of(dims.iter().product());
    kernels::group_norm(Cpu::detect(), slice(&x), dims[0], &norm, result.values());
    result.stored(to.map(|axis| dims[axis]), back)
}

pub(super) fn layer_norm<T: Number>(
    x: Tensor<Flex, 2>,
    weight: Tensor<Flex, 1>,
    bias: Tensor<Flex, 1>,
    epsilon: f64,
) -> Tensor<Flex, 2> {
    let dims = x.dims();
    let (x, weight, bias) = (in_order::<T>(of(x)), floats(weight), floats(bias));
    let mut result = Space::<T>::of(dims[0] * dims[1]);
    kernels::layer_norm(Cpu::detect(), slice(&x), &weight, &bias, epsilon, result.values());
    result.stored(dims, [0, 1])
}

pub(super) fn silu<T: Number, const R: usize>(x: Tensor<Flex, R>) -> Tensor<Flex, R> {
    let dims = x.dims();
    // SiLU works elementwise, so a channels-last tensor keeps its layout; any other layout becomes row-major.
    let last: [usize; R] = std::array::from_fn(|axis| if axis == 0 || R < 3 { axis } else { axis % (R - 1) + 1 });
    let back: [usize; R] = std::array::from_fn(|axis| last.iter().position(|of| *of == axis).unwrap_or(axis));
    let x = of(x);
    let turned = permuted(x.clone(), &last);
    let (x, shape, axes) = if is_run(&turned) {
        (turned, last.map(|axis| dims[axis]), back)
    } else {
        (x, dims, std::array::from_fn(|axis| axis))
    };
    let x = in_order::<T>(x);
    let mut result = Space::<T>::of(dims.iter().product());
    kernels::silu(Cpu::detect(), slice(&x), result.values());
    result.stored(shape, axes)
}

/// `1 / sqrt(d)`.
pub(super) fn scale(width: usize) -> f32 {
    (width as f32).sqrt().recip()
}

pub(super) fn attention<T: Number>(
    query: Tensor<Flex, 3>,
    sources: &[&KeysValues<Flex>],
    heads: usize,
) -> Tensor<Flex, 3> {
    let [m, l, c] = query.dims();
    let query = in_order::<T>(of(query));
    let stored: Vec<_> = sources
        .iter()
        .map(|source| {
            let [batch, len, _] = source.keys.dims();
            let [keys, values] = [&source.keys, &source.values].map(|x| in_order::<T>(of(x.clone())));
            (keys, values, batch, len)
        })
        .collect();
    let sources: Vec<_> = stored
        .iter()
        .map(|(keys, values, batch, len)| Source { keys: slice(keys), values: slice(values), batch: *batch, len: *len })
        .collect();
    let sizes = Heads { batch: m, queries: l, heads, width: c / heads };
    let mut result = Space::<T>::of(m * l * c);
    kernels::attention(Cpu::detect(), slice(&query), &sources, sizes, scale(c / heads), result.values());
    result.stored([m, l, c], [0, 1, 2])
}

pub(super) fn temporal_attention<T: Number>(
    query: Tensor<Flex, 4>,
    KeysValues { keys, values }: KeysValues<Flex, 4>,
    heads: usize,
) -> Tensor<Flex, 4> {
    let [batch, frames, pixels, c] = query.dims();
    let [query, keys, values] = [query, keys, values].map(|x| in_order::<T>(of(x)));
    let clip = Clip { batch, frames, pixels, heads, width: c / heads };
    let mut result = Space::<T>::of(batch * frames * pixels * c);
    let operands = [slice(&query), slice(&keys), slice(&values)];
    kernels::temporal_attention(Cpu::detect(), operands, clip, scale(c / heads), result.values());
    result.stored([batch, frames, pixels, c], [0, 1, 2, 3])
}
