//! Computes the gradients of a group norm, with or without SiLU after it, with respect to its input, weight and bias,
//! in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input, gradient of the result, gradient of the input | `[B, pixels, C]` |
//! | weight, bias, their gradients | `[C]` |
//!
//! With `n = (x - mean) / deviation` and `g` the gradient (through SiLU) times the weight, the input gradient is `(g -
//! mean(g) - n * mean(g * n)) / deviation`, with means over a group. The computation makes three sweeps over chunks of
//! a map. The first sweep recomputes the statistics. The second sweep writes `g` without the weight into the result,
//! and sums these values. The third sweep computes the input gradient from `g` and its sums. Sums of chunks are added
//! in f64.

use crate::gradient::group_norm_sweep::{NUMBERS, Sweep, Which};
use crate::gradient::layer_norm::NormGradients;
use crate::matmul::epilogue::Activation;
use crate::memory::buffer::Buffer;
use crate::memory::partition::{Shared, for_each_task};
use crate::norm::group_norm::{GroupNorm, Moments, of_group};
use crate::simd::dispatch::dispatch;
use crate::simd::isa::Cpu;

/// Approximate elements per chunk.
const PIECE: usize = 32 * 1024;

/// Gradients of [`group_norm`](crate::group_norm) of `batch` maps, from the gradient of the result.
///
/// # Panics
/// When a slice's length does not match the shapes, or `C` is not a multiple of the groups.
pub fn group_norm_gradient(
    cpu: Cpu,
    input: &[f32],
    batch: usize,
    norm: &GroupNorm<'_>,
    gradient: &[f32],
    result: NormGradients<'_>,
) {
    let channels = norm.weight.len();
    let fits = norm.groups > 0 && channels.is_multiple_of(norm.groups) && norm.bias.len() == channels;
    assert!(fits, "group_norm_gradient: {channels} channels, {} groups, {} biases", norm.groups, norm.bias.len());
    assert_eq!([gradient.len(), result.input.len()], [input.len(); 2], "group_norm_gradient: gradient and result");
    assert_eq!([result.weight.len(), result.bias.len()], [channels; 2], "group_norm_gradient: parameters");
    result.weight.fill(0.0);
    result.bias.fill(0.0);
    if input.is_empty() {
        return;
    }
    let each = batch * channels;
    let whole = each > 0 && input.len().is_multiple_of(each);
    assert!(whole, "group_norm_gradient: {} elements, [{batch}, _, {channels}]", input.len());
    let pixels = input.len() / each;
    let piece = (PIECE / channels).clamp(1, pixels);
    let pieces = pixels.div_ceil(piece);
    let range = |task: usize| {
        let (start, first) = (task / pieces * pixels, task % pieces * piece);
        (start + first) * channels..(start + pixels.min(first + piece)) * channels
    };
    // Two numbers per channel of a chunk, and five per channel of a picture.
    let mut partial = Buffer::<f32>::zeros(batch * pieces * 2 * channels);
    let mut numbers = Buffer::<f32>::zeros(batch * NUMBERS * channels);
    let shared_result = Shared::new(result.input);
    let sweep = |partial: &mut [f32], numbers: &[f32], which: Which| {
        let partial = Shared::new(partial);
        for_each_task(batch * pieces, |task| {
            // SAFETY: each task has its own pixels of the result and its own sums.
            let (result, partial) = unsafe {
                (
                    std::slice::from_raw_parts_mut(shared_result.pointer().add(range(task).start), range(task).len()),
                    std::slice::from_raw_parts_mut(partial.pointer().add(task * 2 * channels), 2 * channels),
                )
            };
            let (input, gradient) = (&input[range(task)], &gradient[range(task)]);
            let numbers = &numbers[task / pieces * NUMBERS * channels..][..NUMBERS * channels];
            // SAFETY: the slices have the sizes that `Sweep` requires.
            unsafe { dispatch(cpu, Sweep { which, input, gradient, result, numbers, partial }) };
        });
    };
    let sizes = |number: usize| (pixels.min((number + 1) * piece) - number * piece) as f64;
    let shared_partial = Shared::new(&mut partial);
    for_each_task(batch * pieces, |task| {
        // SAFETY: each task has its own sums.
        let partial =
            unsafe { std::slice::from_raw_parts_mut(shared_partial.pointer().add(task * 2 * channels), 2 * channels) };
        // SAFETY: the slices have the sizes that `Moments` requires.
        unsafe { dispatch(cpu, Moments { input: &input[range(task)], partial, channels }) };
    });
    let pictures = partial.chunks_exact(pieces * 2 * channels).zip(numbers.chunks_exact_mut(NUMBERS * channels));
    let scales: Vec<Vec<f64>> = pictures.map(|(partial, numbers)| statistics(partial, sizes, norm, numbers)).collect();
    let silu = norm.activation == Activation::Silu;
    sweep(&mut partial, &numbers, if silu { Which::SiluSums } else { Which::Sums });
    let mut parameters = vec![0.0_f64; 2 * channels];
    let pictures = partial.chunks_exact(pieces * 2 * channels).zip(numbers.chunks_exact_mut(NUMBERS * channels));
    for ((partial, numbers), scales) in pictures.zip(&scales) {
        join(partial, pixels, norm, scales, numbers, &mut parameters);
    }
    for channel in 0..channels {
        result.weight[channel] = parameters[channel] as f32;
        result.bias[channel] = parameters[channels + channel] as f32;
    }
    sweep(&mut partial, &numbers, Which::Result);
}

/// Computes mean, factor and bias of each channel from the statistics of the chunks. Returns the reciprocal deviation
/// of each group.
fn statistics(partial: &[f32], sizes: impl Fn(usize) -> f64, norm: &GroupNorm<'_>, numbers: &mut [f32]) -> Vec<f64> {
    let channels = norm.weight.len();
    let width = channels / norm.groups;
    let fill = |group: usize| {
        let members = group * width..(group + 1) * width;
        let [mean, scale] = of_group(partial, &sizes, norm, members.clone());
        for channel in members {
            numbers[channel] = mean as f32;
            numbers[channels + channel] = (scale * f64::from(norm.weight[channel])) as f32;
            numbers[2 * channels + channel] = norm.bias[channel];
        }
        scale
    };
    (0..norm.groups).map(fill).collect()
}

/// Computes the factor of `x - mean` and the constant term of the result from the sums of the chunks. Adds those sums
/// to the gradients of the parameters.
fn join(
    partial: &[f32],
    pixels: usize,
    norm: &GroupNorm<'_>,
    scales: &[f64],
    numbers: &mut [f32],
    parameters: &mut [f64],
) {
    let channels = norm.weight.len();
    let width = channels / norm.groups;
    for (group, scale) in scales.iter().enumerate() {
        let (mut plain, mut along) = (0.0, 0.0);
        for channel in group * width..(group + 1) * width {
            let sum = |at: usize| partial.chunks_exact(2 * channels).map(|piece| f64::from(piece[at])).sum::<f64>();
            let (sum, product) = (sum(channel), sum(channels + channel) * scale);
            parameters[channel] += product;
            parameters[channels + channel] += sum;
            plain += sum * f64::from(norm.weight[channel]);
            along += product * f64::from(norm.weight[channel]);
        }
        let count = (pixels * width) as f64;
        for channel in group * width..(group + 1) * width {
            numbers[3 * channels + channel] = (-scale * scale * along / count) as f32;
            numbers[4 * channels + channel] = (-scale * plain / count) as f32;
        }
    }
}
