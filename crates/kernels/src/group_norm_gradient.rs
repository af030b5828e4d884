//! What training needs of a group normalisation, with SiLU after it or without: the gradients of its input, weight and bias,
//! in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input, gradient of the result, gradient of the input | `[B, pixels, C]` |
//! | weight, bias, their gradients | `[C]` |
//!
//! With `n = (x - mean) / deviation` and `g` the gradient (through SiLU) times the weight:
//! `(g - mean(g) - n * mean(g * n)) / deviation`, means over a group. Three sweeps over pieces of a map: statistics, which are
//! taken anew; `g` before the weight, which waits in the result, with its sums; the result. Pieces are joined in f64.
#![expect(clippy::needless_range_loop, reason = "vectors are counted, in step with pointers")]

use crate::buffer::Buffer;
use crate::epilogue::{Activation, load};
use crate::group_norm::{GroupNorm, store};
use crate::isa::Cpu;
use crate::layer_norm_gradient::NormGradients;
use crate::partition::{Shared, for_each_task};
use crate::pointwise_gradient::silu_slope;
use crate::simd::{Kernel, Simd, dispatch};

/// Elements of a piece, about.
const PIECE: usize = 32 * 1024;
/// Pixels whose mean statistics are taken from.
const FIRST: usize = 16;
/// Numbers of a picture's channel: mean, factor, bias; then the result's factors and summand.
const NUMBERS: usize = 5;

/// Gradients of [`group_norm`](crate::group_norm) of `batch` maps, from the result's.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for, or `C` is not a multiple of the groups.
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
    // Two numbers of each channel of a piece; five of each channel of a picture.
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
            // SAFETY: the slices have the sizes that `Sweep` asks for.
            unsafe { dispatch(cpu, Sweep { which, input, gradient, result, numbers, partial }) };
        });
    };
    let sizes = |number: usize| (pixels.min((number + 1) * piece) - number * piece) as f64;
    sweep(&mut partial, &numbers, Which::Statistics);
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

/// Mean, factor and bias of each channel from the pieces' statistics; returns one over each group's deviation.
fn statistics(partial: &[f32], sizes: impl Fn(usize) -> f64, norm: &GroupNorm<'_>, numbers: &mut [f32]) -> Vec<f64> {
    let channels = norm.weight.len();
    let width = channels / norm.groups;
    let of_group = |group: usize| {
        let members = group * width..(group + 1) * width;
        let pieces = || partial.chunks_exact(2 * channels).enumerate();
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (number, piece) in pieces() {
            count += sizes(number) * width as f64;
            sum += sizes(number) * piece[members.clone()].iter().map(|mean| f64::from(*mean)).sum::<f64>();
        }
        let mean = sum / count;
        for (number, piece) in pieces() {
            for channel in members.clone() {
                let off = f64::from(piece[channel]) - mean;
                squares += f64::from(piece[channels + channel]) + sizes(number) * off * off;
            }
        }
        let scale = 1.0 / (squares / count + norm.epsilon).sqrt();
        for channel in members {
            numbers[channel] = mean as f32;
            numbers[channels + channel] = (scale * f64::from(norm.weight[channel])) as f32;
            numbers[2 * channels + channel] = norm.bias[channel];
        }
        scale
    };
    (0..norm.groups).map(of_group).collect()
}

/// The result's factor of `x - mean` and its summand, from the pieces' sums, which are added to the parameters' gradients.
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Mean of each channel of the piece, and squared deviations from it.
    Statistics,
    /// The gradient to the result; its sum, and that of its product with `x - mean`.
    Sums,
    /// The same through SiLU.
    SiluSums,
    /// The result from what lies there.
    Result,
}

/// One sweep over a piece: `input`, `gradient`, `result` `[pixels, C]`, `numbers` `[NUMBERS, C]`, `partial` `[2, C]`.
struct Sweep<'a> {
    which: Which,
    input: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
    numbers: &'a [f32],
    partial: &'a mut [f32],
}

impl Kernel for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.partial.len() / 2;
        debug_assert!(self.gradient.len() == self.input.len() && self.result.len() == self.input.len());
        debug_assert!(self.numbers.len() == NUMBERS * channels && self.input.len().is_multiple_of(channels));
        let mut channel = 0;
        while channel < channels {
            let wide = channels - channel >= 4 * S::LANES;
            let columns = Columns {
                channels,
                pixels: self.input.len() / channels,
                n: if wide { S::LANES } else { S::LANES.min(channels - channel) },
                input: self.input[channel..].as_ptr(),
                gradient: self.gradient[channel..].as_ptr(),
                result: self.result[channel..].as_mut_ptr(),
                numbers: self.numbers[channel..].as_ptr(),
                partial: self.partial[channel..].as_mut_ptr(),
            };
            // SAFETY: the channels from `channel` that a call covers exist, in each pixel and each row of numbers.
            unsafe { if wide { columns.sweep::<S, 4>(self.which) } else { columns.sweep::<S, 1>(self.which) } };
            channel += if wide { 4 * S::LANES } else { columns.n };
        }
    }
}

/// Some neighbouring channels of all pixels of a piece: whole vectors, or one of `n` channels.
#[derive(Clone, Copy)]
struct Columns {
    channels: usize,
    pixels: usize,
    n: usize,
    input: *const f32,
    gradient: *const f32,
    result: *mut f32,
    numbers: *const f32,
    partial: *mut f32,
}

impl Columns {
    /// # Safety
    /// The machine has `S`; `NV` vectors, the last with `n` channels, lie at every pointer, for every pixel and number.
    #[inline(always)]
    unsafe fn sweep<S: Simd, const NV: usize>(self, which: Which) {
        // SAFETY: the caller's.
        unsafe {
            match which {
                Which::Statistics => self.statistics::<S, NV>(),
                Which::Sums => self.sums::<S, NV>(|gradient, _| gradient),
                Which::SiluSums => self.sums::<S, NV>(|gradient, y| S::mul(gradient, silu_slope::<S>(y))),
                Which::Result => self.result::<S, NV>(),
            }
        }
    }

    /// The vectors of a row of channels at `p`.
    ///
    /// # Safety
    /// As `sweep`.
    #[inline(always)]
    unsafe fn load<S: Simd, const NV: usize>(self, p: *const f32) -> [S::F; NV] {
        let n = if NV > 1 { S::LANES } else { self.n };
        // SAFETY: the caller's.
        unsafe {
            let mut x = [S::splat(0.0); NV];
            for v in 0..NV {
                x[v] = load::<S, f32>(p.add(v * S::LANES), n);
            }
            x
        }
    }

    /// # Safety
    /// As `sweep`.
    #[inline(always)]
    unsafe fn store<S: Simd, const NV: usize>(self, p: *mut f32, x: [S::F; NV]) {
        let n = if NV > 1 { S::LANES } else { self.n };
        for v in 0..NV {
            // SAFETY: the caller's.
            unsafe { store::<S, f32>(p.add(v * S::LANES), x[v], n) };
        }
    }

    /// # Safety
    /// As `sweep`.
    #[inline(always)]
    unsafe fn statistics<S: Simd, const NV: usize>(self) {
        let first = FIRST.min(self.pixels);
        // SAFETY: the caller's; pixels are below their number.
        unsafe {
            let mut centre = [S::splat(0.0); NV];
            for pixel in 0..first {
                let x = self.load::<S, NV>(self.input.add(pixel * self.channels));
                for v in 0..NV {
                    centre[v] = S::mul_add(x[v], S::splat(1.0 / first as f32), centre[v]);
                }
            }
            let (mut sums, mut squares) = ([S::splat(0.0); NV], [S::splat(0.0); NV]);
            for pixel in 0..self.pixels {
                let x = self.load::<S, NV>(self.input.add(pixel * self.channels));
                for v in 0..NV {
                    let off = S::sub(x[v], centre[v]);
                    sums[v] = S::add(sums[v], off);
                    squares[v] = S::mul_add(off, off, squares[v]);
                }
            }
            let inverse = S::splat(1.0 / self.pixels as f32);
            for v in 0..NV {
                let off = S::mul(sums[v], inverse);
                squares[v] = S::max(S::splat(0.0), S::sub(squares[v], S::mul(off, sums[v])));
                centre[v] = S::add(centre[v], off);
            }
            self.store::<S, NV>(self.partial, centre);
            self.store::<S, NV>(self.partial.add(self.channels), squares);
        }
    }

    /// # Safety
    /// As `sweep`.
    #[inline(always)]
    unsafe fn sums<S: Simd, const NV: usize>(self, through: impl Fn(S::F, S::F) -> S::F) {
        // SAFETY: the caller's; pixels are below their number.
        unsafe {
            let number = |i: usize| self.load::<S, NV>(self.numbers.add(i * self.channels));
            let (mean, factor, bias) = (number(0), number(1), number(2));
            let (mut sums, mut products) = ([S::splat(0.0); NV], [S::splat(0.0); NV]);
            for pixel in 0..self.pixels {
                let at = pixel * self.channels;
                let (x, mut g) = (self.load::<S, NV>(self.input.add(at)), self.load::<S, NV>(self.gradient.add(at)));
                for v in 0..NV {
                    let off = S::sub(x[v], mean[v]);
                    g[v] = through(g[v], S::mul_add(off, factor[v], bias[v]));
                    sums[v] = S::add(sums[v], g[v]);
                    products[v] = S::mul_add(g[v], off, products[v]);
                }
                self.store::<S, NV>(self.result.add(at), g);
            }
            self.store::<S, NV>(self.partial, sums);
            self.store::<S, NV>(self.partial.add(self.channels), products);
        }
    }

    /// # Safety
    /// As `sweep`.
    #[inline(always)]
    unsafe fn result<S: Simd, const NV: usize>(self) {
        // SAFETY: the caller's; pixels are below their number.
        unsafe {
            let number = |i: usize| self.load::<S, NV>(self.numbers.add(i * self.channels));
            let (mean, factor, slope, summand) = (number(0), number(1), number(3), number(4));
            for pixel in 0..self.pixels {
                let at = pixel * self.channels;
                let (x, mut g) = (self.load::<S, NV>(self.input.add(at)), self.load::<S, NV>(self.result.add(at)));
                for v in 0..NV {
                    let rest = S::mul_add(S::sub(x[v], mean[v]), slope[v], summand[v]);
                    g[v] = S::mul_add(g[v], factor[v], rest);
                }
                self.store::<S, NV>(self.result.add(at), g);
            }
        }
    }
}
