//! Implements convolutions. Maps are channels-last in memory.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use kernels::{Epilogue, Geometry, GroupBias, Pack};

use super::packs::{Number, convolution_form, packed, upsample_form};
use super::space::Space;
use super::storage::{floats, in_order, of, permuted, slice};
use crate::ops::Convolution;

/// Permutation of the axes from `[M, C, h, w]` to the kernels' `[M, h, w, C]`. `MAP` is its inverse.
const CELLS: [usize; 4] = [0, 2, 3, 1];
pub(super) const MAP: [usize; 4] = [0, 3, 1, 2];

pub(super) fn cells<T: Number>(map: Tensor<Flex, 4>) -> FlexTensor {
    in_order::<T>(permuted(of(map), &CELLS))
}

pub(super) fn convolve<T: Number>(
    x: Tensor<Flex, 4>,
    weight: Tensor<Flex, 4>,
    convolution: Convolution<Flex>,
) -> Tensor<Flex, 4> {
    run::<T, 4>(x, weight, convolution)
}

/// A 2D convolution with a weight `[C_out, .., k, k]`.
fn run<T: Number, const R: usize>(
    x: Tensor<Flex, 4>,
    weight: Tensor<Flex, R>,
    convolution: Convolution<Flex>,
) -> Tensor<Flex, 4> {
    let ([m, c_in, h, w], shape) = (x.dims(), weight.dims());
    let (c_out, kernel) = (shape[0], shape[R - 1]);
    let Convolution { bias, stride, padding: [before, after], shift, residual, activation } = convolution;
    let geometry = Geometry { kernel, stride, before, after };
    let [height, width] = [geometry.output(h), geometry.output(w)];
    let form = convolution_form::<T>(geometry, [c_in, c_out], m * height * width);
    let Pack::Convolution(packed) = &*packed::<T, R>(weight, form) else { unreachable!("the pack of a convolution") };
    let (x, bias) = (cells::<T>(x), bias.map(floats));
    let frames = shift.as_ref().map_or(1, |shift| m / shift.dims()[0]);
    let shift = shift.map(floats);
    let residual = residual.map(cells::<T>);
    let epilogue = Epilogue {
        bias: bias.as_deref(),
        group_bias: shift.as_deref().map(|values| GroupBias { values, rows: (frames * height * width).max(1) }),
        activation: activation.into(),
        residual: residual.as_ref().map(slice::<T>),
        row_bias: None,
    };
    let mut result = Space::<T>::of(m * height * width * c_out);
    kernels::convolve(slice(&x), [m, h, w], packed, &epilogue, result.values());
    result.stored([m, height, width, c_out], MAP)
}

pub(super) fn upsample_convolve<T: Number>(
    x: Tensor<Flex, 4>,
    weight: Tensor<Flex, 4>,
    bias: Option<Tensor<Flex, 1>>,
) -> Tensor<Flex, 4> {
    let ([m, _, h, w], [c_out, c_in, _, _]) = (x.dims(), weight.dims());
    let form = upsample_form::<T>([c_in, c_out], 4 * m * h * w);
    let Pack::Upsample(packed) = &*packed::<T, 4>(weight, form) else { unreachable!("the pack of an upsampling") };
    let (x, bias) = (cells::<T>(x), bias.map(floats));
    let epilogue = Epilogue { bias: bias.as_deref(), ..Epilogue::default() };
    let mut result = Space::<T>::of(4 * m * h * w * c_out);
    kernels::upsample_convolve(slice(&x), [m, h, w], packed, &epilogue, result.values());
    result.stored([m, 2 * h, 2 * w, c_out], MAP)
}

/// A 3D convolution, run as a 2D convolution: each cell gathers the channels of `k_n` consecutive frames. The gathered channels
/// have the weight's order: by input channel, then by frame.
pub(super) fn convolve_video<T: Number>(
    x: Tensor<Flex, 5>,
    weight: Tensor<Flex, 5>,
    bias: Option<Tensor<Flex, 1>>,
    [before, sides, _]: [usize; 3],
) -> Tensor<Flex, 5> {
    let ([b, c, n, h, w], [c_out, _, k_n, k, _]) = (x.dims(), weight.dims());
    let frames = (n + 2 * before + 1).saturating_sub(k_n);
    let x = in_order::<T>(permuted(of(x), &[0, 2, 3, 4, 1]));
    let x = slice::<T>(&x);
    let frame = h * w * c;
    let mut gathered = Space::<T>::of(b * frames * frame * k_n);
    for (place, result) in gathered.values().chunks_exact_mut((frame * k_n).max(1)).enumerate() {
        let (clip, first) = (place / frames, place % frames);
        for tap in 0..k_n {
            let results = result[tap..].iter_mut().step_by(k_n);
            match (first + tap).checked_sub(before).filter(|from| *from < n) {
                Some(from) => {
                    let values = &x[(clip * n + from) * frame..][..frame];
                    results.zip(values).for_each(|(result, value)| *result = *value);
                }
                None => results.for_each(|result| *result = T::default()),
            }
        }
    }
    let gathered = gathered.stored([b * frames, h, w, c * k_n], MAP);
    let convolution = Convolution { padding: [sides; 2], ..Convolution::same(k, 1, bias) };
    let y = run::<T, 5>(gathered, weight, convolution);
    let [_, _, height, width] = y.dims();
    y.permute([0, 2, 3, 1]).reshape([b, frames, height, width, c_out]).permute([0, 4, 1, 2, 3])
}
