//! Implements backward passes for f32. Maps are channels-last in memory; rows and tokens are row-major.

use burn::backend::Flex;
use burn::tensor::Tensor;
use kernels::{Convolved, Cpu, Geometry, GroupNorm, LinearSizes};

use super::space::Space;
use super::storage::{floats, in_order, of, permuted, slice};
use crate::ops::{ConvolutionGradients, NormGradients, Normalisation};

/// The permutation of axes from `[B, C, ..]` to `[B, .., C]`, and its inverse.
fn last<const R: usize>() -> [[usize; R]; 2] {
    [
        std::array::from_fn(|axis| if axis == 0 { 0 } else { axis % (R - 1) + 1 }),
        std::array::from_fn(|axis| if axis == 0 { 0 } else { (axis + R - 3) % (R - 1) + 1 }),
    ]
}

fn convolved(known: &ConvolutionGradients<Flex>) -> Convolved {
    let ([m, _, h, w], [outputs, inputs, kernel, _]) = (known.x.dims(), known.weight.dims());
    let [before, after] = known.padding;
    Convolved { input: [m, h, w], inputs, outputs, geometry: Geometry { kernel, stride: known.stride, before, after } }
}

pub(super) fn conv2d_weight(known: ConvolutionGradients<Flex>) -> Tensor<Flex, 4> {
    let [c_out, c_in, k, _] = known.weight.dims();
    let convolved = convolved(&known);
    let [x, gradient] = [known.x, known.gradient].map(|map| in_order::<f32>(permuted(of(map), &last::<4>()[0])));
    let mut result = Space::<f32>::of(c_out * c_in * k * k);
    let (cpu, [x, gradient], to) = (Cpu::detect(), [slice(&x), slice(&gradient)], result.values());
    if known.enlarged {
        kernels::upsample_weight_gradient(cpu, convolved.input, [c_in, c_out], x, gradient, to);
    } else {
        kernels::weight_gradient(cpu, &convolved, x, gradient, to);
    }
    result.stored([c_out, c_in, k, k], [0, 1, 2, 3])
}

pub(super) fn conv2d_input(known: ConvolutionGradients<Flex>) -> Tensor<Flex, 4> {
    let ([m, c, h, w], [c_out, c_in, ..]) = (known.x.dims(), known.weight.dims());
    let convolved = convolved(&known);
    let [to, back] = last::<4>();
    let (gradient, weight) = (in_order::<f32>(permuted(of(known.gradient), &to)), in_order::<f32>(of(known.weight)));
    let mut result = Space::<f32>::of(m * c * h * w);
    let (cpu, [weight, gradient], to) = (Cpu::detect(), [slice(&weight), slice(&gradient)], result.values());
    if known.enlarged {
        kernels::upsample_input_gradient(cpu, convolved.input, [c_in, c_out], weight, gradient, to);
    } else {
        kernels::input_gradient(cpu, &convolved, weight, gradient, to);
    }
    result.stored([m, h, w, c], back)
}

fn sizes(rows: usize, [outputs, inputs]: [usize; 2]) -> LinearSizes {
    LinearSizes { rows, inputs, outputs }
}

pub(super) fn linear_weight(x: Tensor<Flex, 2>, gradient: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
    let ([rows, d_in], [_, d_out]) = (x.dims(), gradient.dims());
    let [x, gradient] = [x, gradient].map(|rows| in_order::<f32>(of(rows)));
    let mut result = Space::<f32>::of(d_out * d_in);
    let sizes = sizes(rows, [d_out, d_in]);
    kernels::linear_weight_gradient(Cpu::detect(), sizes, slice(&x), slice(&gradient), result.values());
    result.stored([d_out, d_in], [0, 1])
}

pub(super) fn linear_input(weight: Tensor<Flex, 2>, gradient: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
    let ([d_out, d_in], [rows, _]) = (weight.dims(), gradient.dims());
    let [weight, gradient] = [weight, gradient].map(|rows| in_order::<f32>(of(rows)));
    let mut result = Space::<f32>::of(rows * d_in);
    let sizes = sizes(rows, [d_out, d_in]);
    kernels::linear_input_gradient(Cpu::detect(), sizes, slice(&weight), slice(&gradient), result.values());
    result.stored([rows, d_in], [0, 1])
}

pub(super) fn group_sums(rows: Tensor<Flex, 2>, groups: usize) -> Tensor<Flex, 2> {
    let [count, width] = rows.dims();
    let rows = in_order::<f32>(of(rows));
    let mut result = vec![0.0; groups * width];
    let each = (count / groups * width).max(1);
    for (rows, result) in slice(&rows).chunks_exact(each).zip(result.chunks_exact_mut(width.max(1))) {
        kernels::column_sums(Cpu::detect(), rows, result);
    }
    Tensor::<Flex, 1>::from_floats(&result[..], &Default::default()).reshape([groups, width])
}

pub(super) fn group_norm<const R: usize>(
    x: Tensor<Flex, R>,
    norm: Normalisation<Flex>,
    gradient: Tensor<Flex, R>,
) -> NormGradients<Flex, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let (dims, [to, back]) = (x.dims(), last::<R>());
    let [x, gradient] = [x, gradient].map(|map| in_order::<f32>(permuted(of(map), &to)));
    let (weight, bias) = (floats(weight), floats(bias));
    let norm = GroupNorm { groups, weight: &weight, bias: &bias, epsilon, activation: activation.into() };
    let mut result = Space::<f32>::of(dims.iter().product());
    let (mut of_weight, mut of_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    let gradients = kernels::NormGradients { input: result.values(), weight: &mut of_weight, bias: &mut of_bias };
    kernels::group_norm_gradient(Cpu::detect(), slice(&x), dims[0], &norm, slice(&gradient), gradients);
    let [weight, bias] = [of_weight, of_bias].map(|of| Tensor::from_floats(&of[..], &Default::default()));
    NormGradients { input: result.stored(to.map(|axis| dims[axis]), back), weight, bias }
}

pub(super) fn layer_norm(
    x: Tensor<Flex, 2>,
    weight: Tensor<Flex, 1>,
    epsilon: f64,
    gradient: Tensor<Flex, 2>,
) -> NormGradients<Flex, 2> {
    let dims = x.dims();
    let [x, gradient] = [x, gradient].map(|rows| in_order::<f32>(of(rows)));
    let weight = floats(weight);
    let mut result = Space::<f32>::of(dims[0] * dims[1]);
    let (mut of_weight, mut of_bias) = (vec![0.0; weight.len()], vec![0.0; weight.len()]);
    let gradients = kernels::NormGradients { input: result.values(), weight: &mut of_weight, bias: &mut of_bias };
    kernels::layer_norm_gradient(Cpu::detect(), slice(&x), &weight, epsilon, slice(&gradient), gradients);
    let [weight, bias] = [of_weight, of_bias].map(|of| Tensor::from_floats(&of[..], &Default::default()));
    NormGradients { input: result.stored(dims, [0, 1]), weight, bias }
}

pub(super) fn silu<const R: usize>(x: Tensor<Flex, R>, gradient: Tensor<Flex, R>) -> Tensor<Flex, R> {
    let dims = x.dims();
    // Maps are channels-last; all other tensors are row-major.
    let own: [usize; R] = std::array::from_fn(|axis| axis);
    let [to, back] = if R < 4 { [own; 2] } else { last::<R>() };
    let [x, gradient] = [x, gradient].map(|map| in_order::<f32>(permuted(of(map), &to)));
    let mut result = Space::<f32>::of(dims.iter().product());
    kernels::silu_gradient(Cpu::detect(), slice(&x), slice(&gradient), result.values());
    result.stored(to.map(|axis| dims[axis]), back)
}

pub(super) fn geglu(x: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
    let [rows, both] = x.dims();
    let x = in_order::<f32>(of(x));
    let mut result = Space::<f32>::of(rows * both / 2);
    kernels::geglu(Cpu::detect(), slice(&x), both / 2, result.values());
    result.stored([rows, both / 2], [0, 1])
}

pub(super) fn geglu_gradient(x: Tensor<Flex, 2>, gradient: Tensor<Flex, 2>) -> Tensor<Flex, 2> {
    let [rows, both] = x.dims();
    let [x, gradient] = [x, gradient].map(|rows| in_order::<f32>(of(rows)));
    let mut result = Space::<f32>::of(rows * both);
    kernels::geglu_gradient(Cpu::detect(), slice(&x), both / 2, slice(&gradient), result.values());
    result.stored([rows, both], [0, 1])
}
