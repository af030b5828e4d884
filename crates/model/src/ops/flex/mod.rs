//! The doors on the CPU: crate `kernels` on the storage of Flex's tensors, without copies where maps lie channels-last.
//!
//! What a tensor stores decides what is computed: maps and tokens of bf16 are multiplied as bf16 with sums in f32, and weights
//! are packed as whatever comes to them. Numbers that are neither f32 nor bf16 go to the composed doors.

mod packs;
mod space;
mod storage;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor, TensorPrimitive, bf16};
use kernels::{Clip, Convolved, Cpu, Epilogue, Geometry, GroupBias, GroupNorm, Heads, Source};

use super::{Activation, Added, Convolution, ConvolutionGradients, KeysValues, ModelBackend, Normalisation, composed};
use packs::{Form, Pack, packed};
use space::Space;
use storage::{Number, Stored, floats, in_order, of, slice};

impl ModelBackend for Flex {
    const CHANNELS_LAST: bool = true;
    const OWN_GRADIENTS: bool = true;

    fn conv2d_weight_gradient(known: ConvolutionGradients<Self>) -> Tensor<Self, 4> {
        let [c_out, c_in, k, _] = known.weight.dims();
        let of = convolved(&known);
        let [x, gradient] = [known.x, known.gradient].map(cells::<f32>);
        let mut result = Space::<f32>::of(c_out * c_in * k * k);
        kernels::weight_gradient(Cpu::detect(), &of, slice(&x), slice(&gradient), result.values());
        result.stored([c_out, c_in, k, k], [0, 1, 2, 3])
    }

    fn conv2d_input_gradient(known: ConvolutionGradients<Self>) -> Tensor<Self, 4> {
        let [m, c, h, w] = known.x.dims();
        let of = convolved(&known);
        let (gradient, weight) = (cells::<f32>(known.gradient), in_order::<f32>(storage::of(known.weight)));
        let mut result = Space::<f32>::of(m * c * h * w);
        kernels::input_gradient(Cpu::detect(), &of, slice(&weight), slice(&gradient), result.values());
        Self::plain_order(result.stored([m, h, w, c], MAP))
    }

    fn plain_order(map: Tensor<Self, 4>) -> Tensor<Self, 4> {
        match map.dtype() {
            DType::F32 => plain_order::<f32>(map),
            DType::BF16 => plain_order::<bf16>(map),
            _ => map,
        }
    }

    fn linear(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, added: Added<Self, 2>) -> Tensor<Self, 2> {
        match x.dtype() {
            DType::F32 => product::<f32>(x, weight, Form::Linear, added),
            DType::BF16 => product::<bf16>(x, weight, Form::Linear, added),
            _ => composed::linear(x, weight, added),
        }
    }

    fn linear_geglu(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, bias: Option<Tensor<Self, 1>>) -> Tensor<Self, 2> {
        let added = |bias| Added { bias, shift: None, residual: None };
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

fn product<T: Number>(
    x: Tensor<Flex, 2>,
    weight: Tensor<Flex, 2>,
    form: Form,
    Added { bias, shift, residual }: Added<Flex, 2>,
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

/// The axes of a map in the order in which kernels want it, and the way back.
const CELLS: [usize; 4] = [0, 2, 3, 1];
const MAP: [usize; 4] = [0, 3, 1, 2];

fn cells<T: Number>(map: Tensor<Flex, 4>) -> FlexTensor {
    in_order::<T>(Stored::permuted(of(map), &CELLS))
}

fn convolved(known: &ConvolutionGradients<Flex>) -> Convolved {
    let ([m, _, h, w], [outputs, inputs, kernel, _]) = (known.x.dims(), known.weight.dims());
    let [before, after] = known.padding;
    Convolved { input: [m, h, w], inputs, outputs, geometry: Geometry { kernel, stride: known.stride, before, after } }
}

fn plain_order<T: Number>(map: Tensor<Flex, 4>) -> Tensor<Flex, 4> {
    let [m, c, h, w] = map.dims();
    let map = of(map);
    if Stored::is_run(&map) {
        return Tensor::from_primitive(TensorPrimitive::Float(map));
    }
    let cells = in_order::<T>(Stored::permuted(map, &CELLS));
    let mut result = Space::<T>::of(m * c * h * w);
    kernels::transpose(Cpu::detect(), slice(&cells), [m, h * w, c], result.values());
    result.stored([m, c, h, w], [0, 1, 2, 3])
}

fn convolve<T: Number>(x: Tensor<Flex, 4>, weight: Tensor<Flex, 4>, convolution: Convolution<Flex>) -> Tensor<Flex, 4> {
    let ([m, _, h, w], [c_out, c_in, k, _]) = (x.dims(), weight.dims());
    let Convolution { bias, stride, padding: [before, after], shift, residual, activation } = convolution;
    let geometry = Geometry { kernel: k, stride, before, after };
    let [height, width] = [geometry.output(h), geometry.output(w)];
    let form = Form::of_convolution::<T>(geometry, [c_in, c_out], m * height * width);
    let Pack::Convolution(packed) = &*packed::<T, 4>(weight, form) else { unreachable!("the pack of a convolution") };
    let (x, bias) = (cells::<T>(x), bias.map(floats));
    let frames = shift.as_ref().map_or(1, |shift| m / shift.dims()[0]);
    let shift = shift.map(floats);
    let residual = residual.map(cells::<T>);
    let epilogue = Epilogue {
        bias: bias.as_deref(),
        group_bias: shift.as_deref().map(|values| GroupBias { values, rows: (frames * height * width).max(1) }),
        activation: kernel_activation(activation),
        residual: residual.as_ref().map(slice::<T>),
        row_bias: None,
    };
    let mut result = Space::<T>::of(m * height * width * c_out);
    kernels::convolve(slice(&x), [m, h, w], packed, &epilogue, result.values());
    result.stored([m, height, width, c_out], MAP)
}

fn upsample_convolve<T: Number>(
    x: Tensor<Flex, 4>,
    weight: Tensor<Flex, 4>,
    bias: Option<Tensor<Flex, 1>>,
) -> Tensor<Flex, 4> {
    let ([m, _, h, w], [c_out, c_in, _, _]) = (x.dims(), weight.dims());
    let form = Form::of_upsample::<T>([c_in, c_out], 4 * m * h * w);
    let Pack::Upsample(packed) = &*packed::<T, 4>(weight, form) else { unreachable!("the pack of an upsampling") };
    let (x, bias) = (cells::<T>(x), bias.map(floats));
    let epilogue = Epilogue { bias: bias.as_deref(), ..Epilogue::default() };
    let mut result = Space::<T>::of(4 * m * h * w * c_out);
    kernels::upsample_convolve(slice(&x), [m, h, w], packed, &epilogue, result.values());
    result.stored([m, 2 * h, 2 * w, c_out], MAP)
}

/// A 2D convolution over cells that have the channels of `k_n` frames, in the order in which the weight has them: by
/// channel, then by frame.
fn convolve_video<T: Number>(
    x: Tensor<Flex, 5>,
    weight: Tensor<Flex, 5>,
    bias: Option<Tensor<Flex, 1>>,
    [before, sides, _]: [usize; 3],
) -> Tensor<Flex, 5> {
    let ([b, c, n, h, w], [c_out, _, k_n, k, _]) = (x.dims(), weight.dims());
    let frames = (n + 2 * before + 1).saturating_sub(k_n);
    let x = in_order::<T>(Stored::permuted(of(x), &[0, 2, 3, 4, 1]));
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
    let y = convolve::<T>(gathered, weight.reshape([c_out, c * k_n, k, k]), convolution);
    let [_, _, height, width] = y.dims();
    y.permute([0, 2, 3, 1]).reshape([b, frames, height, width, c_out]).permute([0, 4, 1, 2, 3])
}

fn kernel_activation(activation: Activation) -> kernels::Activation {
    match activation {
        Activation::None => kernels::Activation::None,
        Activation::Silu => kernels::Activation::Silu,
    }
}

fn group_norm<T: Number, const R: usize>(x: Tensor<Flex, R>, norm: Normalisation<Flex>) -> Tensor<Flex, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let dims = x.dims();
    // `[B, C, ..]` to `[B, .., C]`, and the way back.
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
    let x = in_order::<T>(Stored::permuted(of(x), &to));
    let (weight, bias) = (floats(weight), floats(bias));
    let norm = GroupNorm { groups, weight: &weight, bias: &bias, epsilon, activation: kernel_activation(activation) };
    let mut result = Space::<T>::of(dims.iter().product());
    kernels::group_norm(Cpu::detect(), slice(&x), dims[0], &norm, result.values());
    result.stored(to.map(|axis| dims[axis]), back)
}

fn layer_norm<T: Number>(
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

fn silu<T: Number, const R: usize>(x: Tensor<Flex, R>) -> Tensor<Flex, R> {
    let dims = x.dims();
    // Any order of the axes will do that makes the memory one run: as stored, or channels-last.
    let last: [usize; R] = std::array::from_fn(|axis| if axis == 0 || R < 3 { axis } else { axis % (R - 1) + 1 });
    let back: [usize; R] = std::array::from_fn(|axis| last.iter().position(|of| *of == axis).unwrap_or(axis));
    let x = of(x);
    let turned = Stored::permuted(x.clone(), &last);
    let (x, shape, axes) = if Stored::is_run(&turned) {
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
fn scale(width: usize) -> f32 {
    (width as f32).sqrt().recip()
}

fn attention<T: Number>(query: Tensor<Flex, 3>, sources: &[&KeysValues<Flex>], heads: usize) -> Tensor<Flex, 3> {
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

fn temporal_attention<T: Number>(
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
