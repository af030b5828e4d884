//! Computes the layer norm over the last axis.
//!
//! | operand | shape |
//! |---|---|
//! | input, result | `[rows, C]` |
//! | weight, bias | `[C]` f32 |
//!
//! A row is read twice: first for its statistics, and then, from L1 cache, for the result. The variance is the biased
//! estimate. Rows of f32 are summed as differences from the mean of their first vectors; `group_norm` discusses the
//! accuracy. Rows of bf16 are summed directly, by dot products with ones and with themselves. The error of the variance
//! is then about 2^-22 of the squared mean, comparable to the error that rounding to bf16 has already caused.

use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::element::{Element, load, store};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per task.
const TASK: usize = 32 * 1024;

/// Normalises each row of `[rows, C]`, where `C` is the length of `weight`:
/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn layer_norm<T: Element>(cpu: Cpu, input: &[T], weight: &[f32], bias: &[f32], epsilon: f64, result: &mut [T]) {
    let channels = weight.len();
    assert_eq!(bias.len(), channels, "layer_norm: bias");
    assert_eq!(result.len(), input.len(), "layer_norm: result");
    if input.is_empty() {
        return;
    }
    assert!(channels > 0 && input.len().is_multiple_of(channels), "layer_norm: {} of {channels}", input.len());
    let each = (TASK / channels).max(1) * channels;
    let shared = Shared::new(result);
    for_each_task(input.len().div_ceil(each), |task| {
        let input = &input[task * each..input.len().min((task + 1) * each)];
        // SAFETY: each task has its own range of the result, as long as its range of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * each), input.len()) };
        // SAFETY: the slices have the sizes that `Normalise` requires.
        unsafe { run_normalise(cpu, Normalise { input, result, weight, bias, epsilon: epsilon as f32 }) };
    });
}

/// Processes whole rows: `input` and `result` are `[rows, C]`, `weight` and `bias` are `[C]`.
pub(crate) struct Normalise<'a, T> {
    input: &'a [T],
    result: &'a mut [T],
    weight: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
}

compiled!(fn run_normalise(Normalise));

impl<T: Element> Kernel for Normalise<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.weight.len();
        for (input, result) in self.input.chunks_exact(channels).zip(self.result.chunks_exact_mut(channels)) {
            // SAFETY: the slices have `channels` elements.
            unsafe {
                let [mean, variance] =
                    if T::STEP == 1 { statistics::<S, T>(input) } else { pair_statistics::<S, T>(input) };
                let scale = 1.0 / (variance + self.epsilon).sqrt();
                let (scale, mean) = (S::splat(scale), S::splat(mean));
                let finished = |x, weight, bias| S::mul_add(S::mul(S::sub(x, mean), scale), weight, bias);
                let (from, to) = (input.as_ptr(), result.as_mut_ptr());
                let (weights, biases) = (self.weight.as_ptr(), self.bias.as_ptr());
                let mut c = 0;
                while c + 2 * S::LANES <= channels {
                    let next = c + S::LANES;
                    T::store_two::<S>(
                        to.add(c),
                        finished(T::load::<S>(from.add(c)), S::load(weights.add(c)), S::load(biases.add(c))),
                        finished(T::load::<S>(from.add(next)), S::load(weights.add(next)), S::load(biases.add(next))),
                    );
                    c = next + S::LANES;
                }
                while c < channels {
                    let n = S::LANES.min(channels - c);
                    let x = load::<S, T>(from.add(c), n);
                    let weight = load::<S, f32>(weights.add(c), n);
                    let bias = load::<S, f32>(biases.add(c), n);
                    store::<S, T>(to.add(c), finished(x, weight, bias), n);
                    c += n;
                }
            }
        }
    }
}

/// Mean and variance of a non-empty row.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
unsafe fn statistics<S: Simd, T: Element>(row: &[T]) -> [f32; 2] {
    let (from, full) = (row.as_ptr(), row.len() - row.len() % S::LANES);
    let head = full.min(4 * S::LANES);
    // SAFETY: vectors end at `full` at the latest; the rest of the row is shorter than a vector.
    unsafe {
        let mut first = S::splat(0.0);
        for at in (0..head).step_by(S::LANES) {
            first = S::add(first, T::load::<S>(from.add(at)));
        }
        let centre = if head > 0 { S::sum(first) / head as f32 } else { row[0].to_f32() };
        let centres = S::splat(centre);
        let (mut sums, mut squares) = ([S::splat(0.0); 4], [S::splat(0.0); 4]);
        let mut at = 0;
        while at + 4 * S::LANES <= full {
            for v in 0..4 {
                add::<S, T>(&mut sums[v], &mut squares[v], from.add(at + v * S::LANES), centres);
            }
            at += 4 * S::LANES;
        }
        while at < full {
            add::<S, T>(&mut sums[0], &mut squares[0], from.add(at), centres);
            at += S::LANES;
        }
        let mut sum = S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])));
        let mut square = S::sum(S::add(S::add(squares[0], squares[1]), S::add(squares[2], squares[3])));
        for x in &row[full..] {
            let off = x.to_f32() - centre;
            sum += off;
            square += off * off;
        }
        let [off, variance] = moments(sum, square, row.len());
        [centre + off, variance]
    }
}

/// Mean and variance of a row from dot products.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
unsafe fn pair_statistics<S: Simd, T: Element>(row: &[T]) -> [f32; 2] {
    let step = S::LANES * T::STEP;
    let full = row.len() - row.len() % step;
    let ones = [T::from_f32(1.0); 2];
    // SAFETY: operands end at `full` at the latest; a step has at most 2 elements.
    unsafe {
        let ones = T::broadcast::<S>(ones.as_ptr());
        let (mut sums, mut squares) = ([S::splat(0.0); 2], [S::splat(0.0); 2]);
        for (number, at) in (0..full).step_by(step).enumerate() {
            let x = T::operand::<S>(row.as_ptr().add(at));
            sums[number % 2] = T::multiply_add::<S>(sums[number % 2], x, ones);
            squares[number % 2] = T::multiply_add::<S>(squares[number % 2], x, x);
        }
        let (mut sum, mut square) = (S::sum(S::add(sums[0], sums[1])), S::sum(S::add(squares[0], squares[1])));
        for x in &row[full..] {
            sum += x.to_f32();
            square += x.to_f32() * x.to_f32();
        }
        moments(sum, square, row.len())
    }
}

/// Mean and variance from sums.
fn moments(sum: f32, square: f32, count: usize) -> [f32; 2] {
    let mean = sum / count as f32;
    let variance = square / count as f32 - mean * mean;
    // `f32::max` would turn a NaN into 0.
    [mean, if variance < 0.0 { 0.0 } else { variance }]
}

/// Adds the difference between the vector at `p` and `centre` to `sum`, and its square to `square`.
///
/// # Safety
/// The CPU supports `S`; `LANES` elements are readable at `p`.
#[inline(always)]
unsafe fn add<S: Simd, T: Element>(sum: &mut S::F, square: &mut S::F, p: *const T, centre: S::F) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let off = S::sub(T::load::<S>(p), centre);
        *sum = S::add(*sum, off);
        *square = S::mul_add(off, off, *square);
    }
}
