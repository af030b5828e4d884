//! Implements every operation as a composition of Burn operations. Backends without their own kernels run these
//! versions; backends with kernels are tested against them.
//!
//! In sums, the left operand is a tensor that the operation itself computed. burn-tch 0.21 treats some views of shared memory as
//! owners of that memory, and it adds in place to the left operand first.

use burn::tensor::activation::{gelu, sigmoid, silu};
use burn::tensor::backend::Backend;
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions};
use burn::tensor::{Tensor, module};

use super::{
    Activation, Convolution, KeysValues, LinearEpilogue, ModelBackend, Normalisation, cells_from_map, map_from_cells,
};

pub(super) fn linear<B: Backend>(x: Tensor<B, 2>, weight: Tensor<B, 2>, added: LinearEpilogue<B, 2>) -> Tensor<B, 2> {
    let LinearEpilogue { bias, shift, residual } = added;
    let mut y = x.matmul(weight.transpose());
    if let Some(bias) = bias {
        y = y + bias.unsqueeze();
    }
    if let Some(shift) = shift {
        let ([rows, d], [groups, _]) = (y.dims(), shift.dims());
        y = (y.reshape([groups, rows / groups, d]) + shift.reshape([groups, 1, d])).reshape([rows, d]);
    }
    match residual {
        Some(residual) => y + residual,
        None => y,
    }
}

pub(super) fn linear_geglu<B: Backend>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 2> {
    let y = linear(x, weight, LinearEpilogue { bias, shift: None, residual: None });
    let width = y.dims()[1] / 2;
    y.clone().narrow(1, 0, width) * gelu(y.narrow(1, width, width))
}

pub(super) fn conv2d<B: Backend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, convolution: Convolution<B>) -> Tensor<B, 4> {
    let Convolution { bias, stride, padding: [before, after], shift, residual, activation } = convolution;
    let (x, padding) = if before == after { (x, before) } else { (x.pad((before, after, before, after), 0.0), 0) };
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    finish_conv2d(module::conv2d(x, weight, bias, options), shift, activation, residual)
}

/// The epilogue of a convolution: bias per clip, activation, residual.
pub(super) fn finish_conv2d<B: Backend>(
    mut y: Tensor<B, 4>,
    shift: Option<Tensor<B, 2>>,
    activation: Activation,
    residual: Option<Tensor<B, 4>>,
) -> Tensor<B, 4> {
    if let Some(shift) = shift {
        let ([m, c, h, w], [b, _]) = (y.dims(), shift.dims());
        y = (y.reshape([b, m / b, c, h * w]) + shift.reshape([b, 1, c, 1])).reshape([m, c, h, w]);
    }
    if activation == Activation::Silu {
        y = silu(y);
    }
    match residual {
        Some(residual) => y + residual,
        None => y,
    }
}

pub(super) fn upsample_conv2d<B: Backend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 4> {
    conv2d(repeat_cells(x), weight, Convolution::same(3, 1, bias))
}

pub(super) fn conv3d<B: Backend>(
    x: Tensor<B, 5>,
    weight: Tensor<B, 5>,
    bias: Option<Tensor<B, 1>>,
    padding: [usize; 3],
) -> Tensor<B, 5> {
    module::conv3d(x, weight, bias, ConvOptions::new([1; 3], padding, [1; 3], 1))
}

/// 2x nearest upsampling: `[M, C, h, w]` to `[M, C, 2h, 2w]`.
pub(super) fn repeat_cells<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, c, h, w] = x.dims();
    x.reshape([m * c * h, 1, w, 1]).expand([m * c * h, 2, w, 2]).reshape([m, c, 2 * h, 2 * w])
}

pub(super) fn group_norm<B: Backend, const R: usize>(x: Tensor<B, R>, norm: Normalisation<B>) -> Tensor<B, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let dims = x.dims();
    let (b, c) = (dims[0], dims[1]);
    let cells = dims[2..].iter().product::<usize>();
    let rows = x.reshape([b * groups, c / groups * cells]);
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let normal = centred * variance.add_scalar(epsilon).sqrt().recip();
    let y = normal.reshape([b, c, cells]) * weight.reshape([1, c, 1]) + bias.reshape([1, c, 1]);
    let y = match activation {
        Activation::None => y,
        Activation::Silu => silu(y),
    };
    y.reshape(dims)
}

pub(super) fn layer_norm<B: Backend>(
    x: Tensor<B, 2>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    epsilon: f64,
) -> Tensor<B, 2> {
    // `x` stays alive until the difference exists. burn-tch 0.21 treats a transposed view as the owner of its memory, so it would
    // subtract in place and overwrite the tensor behind the view.
    let mean = x.clone().mean_dim(1);
    let centred = x.clone() - mean;
    drop(x);
    let variance = centred.clone().square().mean_dim(1);
    centred * variance.add_scalar(epsilon).sqrt().recip() * weight.unsqueeze() + bias.unsqueeze()
}

/// Spatial blending (Eq. 3, 4) of the maps `z_noise` and `z_object`. Concatenation and convolution are the backend's own
/// operations.
pub(super) fn blend<B: ModelBackend>(
    [noise, object]: [Tensor<B, 4>; 2],
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
) -> Tensor<B, 4> {
    let both = <B as ModelBackend>::concat_channels(vec![noise.clone(), object.clone()]);
    let alpha = sigmoid(cells_from_map(<B as ModelBackend>::conv2d(both, weight, Convolution::same(1, 1, Some(bias))))); // Eq. 3
    let (noise, object) = (cells_from_map(noise), cells_from_map(object));
    // Neither map may be overwritten in place: with libtorch, a tensor of tokens may share its memory.
    let difference = object.clone() - noise.clone();
    drop(object);
    map_from_cells(difference * alpha + noise) // Eq. 4
}

pub(super) fn attention<B: Backend>(query: Tensor<B, 3>, sources: &[&KeysValues<B>], heads: usize) -> Tensor<B, 3> {
    let [m, l, width] = query.dims();
    let all = |of: fn(&KeysValues<B>) -> &Tensor<B, 3>| {
        let mut parts: Vec<_> = sources.iter().map(|source| repeat_for_frames(of(source).clone(), m)).collect();
        let joined = if parts.len() == 1 { parts.swap_remove(0) } else { Tensor::cat(parts, 1) };
        split_heads(joined, heads)
    };
    let (keys, values) = (all(|source| &source.keys), all(|source| &source.values));
    let y = module::attention(split_heads(query, heads), keys, values, None, None, AttentionModuleOptions::default());
    y.swap_dims(1, 2).reshape([m, l, width])
}

/// `[M, L, heads*d]` to `[M, heads, L, d]`.
fn split_heads<B: Backend>(x: Tensor<B, 3>, heads: usize) -> Tensor<B, 4> {
    let [m, l, width] = x.dims();
    x.reshape([m, l, heads, width / heads]).swap_dims(1, 2)
}

/// Repeats the tokens of each clip for all of its frames: `[B, L, C]` to `[M, L, C]`.
fn repeat_for_frames<B: Backend>(x: Tensor<B, 3>, m: usize) -> Tensor<B, 3> {
    let [b, l, c] = x.dims();
    if m == b {
        return x;
    }
    x.reshape([b, 1, l, c]).expand([b, m / b, l, c]).reshape([m, l, c])
}

pub(super) fn temporal_attention<B: Backend>(
    query: Tensor<B, 4>,
    KeysValues { keys, values }: KeysValues<B, 4>,
    heads: usize,
) -> Tensor<B, 4> {
    let [b, n, cells, c] = query.dims();
    let tracks = |x: Tensor<B, 4>| x.swap_dims(1, 2).reshape([b * cells, n, c]);
    let own = KeysValues { keys: tracks(keys), values: tracks(values) };
    attention(tracks(query), &[&own], heads).reshape([b, cells, n, c]).swap_dims(1, 2)
}
