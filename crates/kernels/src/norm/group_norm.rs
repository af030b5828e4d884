//! Computes the group norm of channels-last maps, with optional fused SiLU.
//!
//! | operand | shape |
//! |---|---|
//! | input, result | `[B, pixels, C]` |
//! | weight, bias | `[C]` f32 |
//!
//! Statistics are computed in two levels. One sweep over each chunk of a map computes, for every channel, the mean and
//! the sum of squared deviations from the mean. The chunks are then combined in f64 (Chan, Golub, LeVeque 1983). A map
//! is therefore read once for the statistics and once for the result; the second read hits the last-level cache if the
//! map fits. The variance is the biased estimate.
//!
//! The sweep processes runs of `RUN` pixels. The sweep sums differences from the current mean (initially the first
//! pixel) and their squares. If the current mean is far from the mean of the run, that distance is itself part of the
//! variance. Rounding errors therefore grow by at most a factor of `RUN + 1`, and by far less on real maps.
#![expect(clippy::needless_range_loop, reason = "vectors are counted, in step with pointers")]

use std::ops::Range;

use crate::matmul::epilogue::Activation;
use crate::memory::buffer::Buffer;
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::element::{Element, load, store};
use crate::simd::isa::Cpu;
use crate::simd::math;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per chunk: what L2 cache keeps between two sweeps.
const PIECE: usize = 32 * 1024;

/// Pixels between updates of the mean.
const RUN: usize = 16;

/// Parameters of a group norm, and the activation after it.
#[derive(Debug, Clone, Copy)]
pub struct GroupNorm<'a> {
    /// Number of groups of neighbouring channels.
    pub groups: usize,
    /// `[C]`
    pub weight: &'a [f32],
    /// `[C]`
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied to the result.
    pub activation: Activation,
}

/// Normalises `batch` maps of `[pixels, C]`, where `C` is the length of the weight.
///
/// # Panics
/// When a slice's length does not match the shapes, or `C` is not a multiple of the groups.
pub fn group_norm<T: Element>(cpu: Cpu, input: &[T], batch: usize, norm: &GroupNorm<'_>, result: &mut [T]) {
    let channels = norm.weight.len();
    assert!(
        norm.groups > 0 && channels.is_multiple_of(norm.groups),
        "group_norm: {channels} channels, {} groups",
        norm.groups
    );
    assert_eq!(norm.bias.len(), channels, "group_norm: bias");
    assert_eq!(result.len(), input.len(), "group_norm: result");
    let each = batch * channels;
    assert!(input.len().is_multiple_of(each.max(1)), "group_norm: {} elements, [{batch}, _, {channels}]", input.len());
    if input.is_empty() {
        return;
    }
    assert!(each > 0, "group_norm: {} elements, [{batch}, _, {channels}]", input.len());
    let pixels = input.len() / each;
    let piece = (PIECE / channels).clamp(1, pixels);
    let pieces = pixels.div_ceil(piece);
    let range = |number: usize| number * piece..pixels.min((number + 1) * piece);
    let mut partial = Buffer::<f32>::zeros(batch * pieces * 2 * channels);
    let mut affine = Buffer::<f32>::zeros(batch * 2 * channels);
    // A task is a chunk of a picture.
    let place = |task: usize| (task / pieces * pixels + range(task % pieces).start) * channels;
    let length = |task: usize| range(task % pieces).len() * channels;
    let shared_partial = Shared::new(&mut partial);
    for_each_task(batch * pieces, |task| {
        let input = &input[place(task)..][..length(task)];
        // SAFETY: each task has its own `2 * channels` elements of `partial`, which outlives the tasks.
        let partial =
            unsafe { std::slice::from_raw_parts_mut(shared_partial.pointer().add(task * 2 * channels), 2 * channels) };
        // SAFETY: the slices have the sizes that `Moments` requires.
        unsafe { run_moments(cpu, Moments { input, partial, channels }) };
    });
    let sizes = |number: usize| range(number).len() as f64;
    let pictures = partial.chunks_exact(pieces * 2 * channels).zip(affine.chunks_exact_mut(2 * channels));
    pictures.for_each(|(partial, affine)| join(partial, sizes, norm, affine));
    let shared_result = Shared::new(result);
    for_each_task(batch * pieces, |task| {
        let input = &input[place(task)..][..length(task)];
        // SAFETY: each task has its own range of the result, as long as its range of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared_result.pointer().add(place(task)), input.len()) };
        let affine = &affine[task / pieces * 2 * channels..][..2 * channels];
        let apply = Apply { input, result, affine, activation: norm.activation };
        // SAFETY: the slices have the sizes that `Apply` requires.
        unsafe { run_apply(cpu, apply) };
    });
}

/// Mean and reciprocal deviation of a group's `members`, from the statistics of the chunks.
pub(crate) fn of_group(
    partial: &[f32],
    sizes: impl Fn(usize) -> f64,
    norm: &GroupNorm<'_>,
    members: Range<usize>,
) -> [f64; 2] {
    let channels = norm.weight.len();
    let pieces = || partial.chunks_exact(2 * channels).enumerate();
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (number, piece) in pieces() {
        count += sizes(number) * members.len() as f64;
        sum += sizes(number) * piece[members.clone()].iter().map(|mean| f64::from(*mean)).sum::<f64>();
    }
    let mean = sum / count;
    for (number, piece) in pieces() {
        for channel in members.clone() {
            let off = f64::from(piece[channel]) - mean;
            squares += f64::from(piece[channels + channel]) + sizes(number) * off * off;
        }
    }
    [mean, 1.0 / (squares / count + norm.epsilon).sqrt()]
}

/// Combines the statistics of the chunks into a factor and a constant term for each channel.
fn join(partial: &[f32], sizes: impl Fn(usize) -> f64, norm: &GroupNorm<'_>, affine: &mut [f32]) {
    let channels = norm.weight.len();
    let width = channels / norm.groups;
    for group in 0..norm.groups {
        let members = group * width..(group + 1) * width;
        let [mean, scale] = of_group(partial, &sizes, norm, members.clone());
        for channel in members {
            let factor = scale * f64::from(norm.weight[channel]);
            affine[channel] = factor as f32;
            affine[channels + channel] = (f64::from(norm.bias[channel]) - mean * factor) as f32;
        }
    }
}

/// Mean and sum of squared deviations of each channel: `input` is `[pixels, channels]`, `partial` is `[2, channels]`.
pub(crate) struct Moments<'a, T> {
    pub(crate) input: &'a [T],
    pub(crate) partial: &'a mut [f32],
    pub(crate) channels: usize,
}

compiled!(fn run_moments(Moments));

impl<T: Element> Kernel for Moments<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (channels, pixels) = (self.channels, self.input.len() / self.channels);
        let mut channel = 0;
        while channel < channels {
            let left = channels - channel;
            // SAFETY: the channels from `channel` that a call covers exist, in each pixel and in `partial`.
            unsafe {
                let (input, partial) = (self.input.as_ptr().add(channel), self.partial.as_mut_ptr().add(channel));
                if left >= 4 * S::LANES {
                    moments::<S, T, 4>(input, pixels, channels, S::LANES, partial);
                    channel += 4 * S::LANES;
                } else {
                    let n = S::LANES.min(left);
                    moments::<S, T, 1>(input, pixels, channels, n, partial);
                    channel += n;
                }
            }
        }
    }
}

/// Moments of `NV` vectors of channels. A single vector has `n` channels.
///
/// # Safety
/// The CPU supports `S`. Every pixel has these channels; pixels are `stride` elements apart. `partial` has room for the
/// means and, `stride` elements later, for the squares.
#[inline(always)]
unsafe fn moments<S: Simd, T: Element, const NV: usize>(
    input: *const T,
    pixels: usize,
    stride: usize,
    n: usize,
    partial: *mut f32,
) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        // Whole vectors skip the length check of `load`.
        let at = |pixel: *const T, v: usize| pixel.wrapping_add(v * S::LANES);
        let mut means = [S::splat(0.0); NV];
        for v in 0..NV {
            means[v] = if NV > 1 { T::load::<S>(at(input, v)) } else { load::<S, T>(input, n) };
        }
        let mut total = [S::splat(0.0); NV];
        let (mut pixel, mut seen) = (input, 0);
        while seen < pixels {
            let run = RUN.min(pixels - seen);
            let (mut sums, mut squares) = ([S::splat(0.0); NV], [S::splat(0.0); NV]);
            for _ in 0..run {
                for v in 0..NV {
                    let x = if NV > 1 { T::load::<S>(at(pixel, v)) } else { load::<S, T>(pixel, n) };
                    let off = S::sub(x, means[v]);
                    sums[v] = S::add(sums[v], off);
                    squares[v] = S::mul_add(off, off, squares[v]);
                }
                pixel = pixel.wrapping_add(stride);
            }
            seen += run;
            // The mean of the run differs from the current mean by `off`. Combine both means and both sums of squares.
            let (each, weight) = (S::splat(1.0 / run as f32), S::splat(run as f32 / seen as f32));
            let less = S::splat(-((run * run) as f32) / seen as f32);
            for v in 0..NV {
                let off = S::mul(sums[v], each);
                means[v] = S::mul_add(off, weight, means[v]);
                total[v] = S::add(total[v], S::mul_add(S::mul(off, off), less, squares[v]));
            }
        }
        for v in 0..NV {
            store::<S, f32>(partial.add(v * S::LANES), means[v], n);
            store::<S, f32>(partial.add(stride + v * S::LANES), S::max(S::splat(0.0), total[v]), n);
        }
    }
}

/// `activation(input * affine[0] + affine[1])`: `input` and `result` are `[pixels, channels]`, `affine` is
/// `[2, channels]`.
pub(crate) struct Apply<'a, T> {
    input: &'a [T],
    result: &'a mut [T],
    affine: &'a [f32],
    activation: Activation,
}

compiled!(fn run_apply(Apply));

impl<T: Element> Kernel for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.affine.len() / 2;
        let silu = self.activation == Activation::Silu;
        for (input, result) in self.input.chunks_exact(channels).zip(self.result.chunks_exact_mut(channels)) {
            let mut channel = 0;
            while channel < channels {
                let left = channels - channel;
                // SAFETY: the channels that a call covers exist in both chunks and in each half of `affine`.
                unsafe {
                    let (input, result) = (input.as_ptr().add(channel), result.as_mut_ptr().add(channel));
                    let affine = self.affine.as_ptr().add(channel);
                    if left >= 4 * S::LANES {
                        apply::<S, T, 4>(input, result, affine, channels, S::LANES, silu);
                        channel += 4 * S::LANES;
                    } else {
                        let n = S::LANES.min(left);
                        apply::<S, T, 1>(input, result, affine, channels, n, silu);
                        channel += n;
                    }
                }
            }
        }
    }
}

/// Processes `NV` vectors of channels. A single vector has `n` channels. Constant terms lie `channels` elements after
/// factors.
///
/// # Safety
/// The CPU supports `S`; all pointers are valid for these channels.
#[inline(always)]
unsafe fn apply<S: Simd, T: Element, const NV: usize>(
    input: *const T,
    result: *mut T,
    affine: *const f32,
    channels: usize,
    n: usize,
    silu: bool,
) {
    let n = if NV > 1 { S::LANES } else { n };
    // SAFETY: the caller upholds the contract.
    unsafe {
        let mut y = [S::splat(0.0); NV];
        for v in 0..NV {
            let at = v * S::LANES;
            let factor = load::<S, f32>(affine.add(at), n);
            let summand = load::<S, f32>(affine.add(channels + at), n);
            y[v] = S::mul_add(load::<S, T>(input.add(at), n), factor, summand);
        }
        if silu {
            for v in 0..NV {
                y[v] = math::silu::<S, T>(y[v]);
            }
        }
        if NV == 1 {
            return store::<S, T>(result, y[0], n);
        }
        for v in (0..NV).step_by(2) {
            T::store_two::<S>(result.add(v * S::LANES), y[v], y[v + 1]);
        }
    }
}
