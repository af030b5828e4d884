//! Layer normalisation over the last axis.
//!
//! | operand | shape |
//! |---|---|
//! | input, result | `[rows, C]` |
//! | weight, bias | `[C]` f32 |
//!
//! A row is read three times, from the nearest cache after the first: mean, squared deviations from it, result. The
//! variance is the biased one.

use crate::element::Element;
use crate::epilogue::load;
use crate::group_norm::store;
use crate::isa::Cpu;
use crate::partition::{Shared, for_each_task};
use crate::simd::{Kernel, Simd};

/// Elements of a task, about.
const TASK: usize = 32 * 1024;

/// Normalises each row of `[rows, C]`, `C` being the length of `weight`: `(x - mean) / sqrt(variance + epsilon) * weight +
/// bias`.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for.
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
        // SAFETY: each task has its own part of the result, as long as its part of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * each), input.len()) };
        // SAFETY: the slices have the sizes that `Normalise` asks for.
        unsafe { T::normalise(cpu, Normalise { input, result, weight, bias, epsilon: epsilon as f32 }) };
    });
}

/// Whole rows: `input`, `result` `[rows, C]`, `weight`, `bias` `[C]`.
pub(crate) struct Normalise<'a, T> {
    input: &'a [T],
    result: &'a mut [T],
    weight: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
}

impl<T: Element> Kernel for Normalise<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.weight.len();
        let (full, count) = (channels - channels % S::LANES, channels as f32);
        for (input, result) in self.input.chunks_exact(channels).zip(self.result.chunks_exact_mut(channels)) {
            // SAFETY: vectors start below `full` and end at most there; the rest of a row is `channels - full` elements.
            unsafe {
                let mut sums = [S::splat(0.0); 2];
                for c in (0..full).step_by(S::LANES) {
                    let sum = &mut sums[c / S::LANES % 2];
                    *sum = S::add(*sum, T::load::<S>(input.as_ptr().add(c)));
                }
                let mut sum = S::sum(S::add(sums[0], sums[1]));
                for x in &input[full..] {
                    sum += x.to_f32();
                }
                let mean = sum / count;
                let centre = S::splat(mean);
                let mut squares = [S::splat(0.0); 2];
                for c in (0..full).step_by(S::LANES) {
                    let off = S::sub(T::load::<S>(input.as_ptr().add(c)), centre);
                    let sum = &mut squares[c / S::LANES % 2];
                    *sum = S::mul_add(off, off, *sum);
                }
                let mut square = S::sum(S::add(squares[0], squares[1]));
                for x in &input[full..] {
                    square += (x.to_f32() - mean) * (x.to_f32() - mean);
                }
                let scale = S::splat(1.0 / (square / count + self.epsilon).sqrt());
                let mut c = 0;
                while c < channels {
                    let n = S::LANES.min(channels - c);
                    let off = S::sub(load::<S, T>(input.as_ptr().add(c), n), centre);
                    let weight = load::<S, f32>(self.weight.as_ptr().add(c), n);
                    let bias = load::<S, f32>(self.bias.as_ptr().add(c), n);
                    store::<S, T>(result.as_mut_ptr().add(c), S::mul_add(S::mul(off, scale), weight, bias), n);
                    c += n;
                }
            }
        }
    }
}
