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
        let count = channels as f32;
        for (input, result) in self.input.chunks_exact(channels).zip(self.result.chunks_exact_mut(channels)) {
            // SAFETY: the slices have `channels` elements.
            unsafe {
                let mean = power_sum::<S, T, 1>(input, 0.0) / count;
                let square = power_sum::<S, T, 2>(input, mean);
                let centre = S::splat(mean);
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

/// The sum over a row of the difference from `centre` to the power of 1 or 2.
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
unsafe fn power_sum<S: Simd, T: Element, const POWER: usize>(row: &[T], centre: f32) -> f32 {
    let wide = S::LANES * 4;
    let (from, full) = (row.as_ptr(), row.len() - row.len() % S::LANES);
    // SAFETY: vectors end at most at `full`; the rest of the row is shorter than a vector.
    unsafe {
        let centres = S::splat(centre);
        let mut sums = [S::splat(0.0); 4];
        let mut at = 0;
        while at + wide <= full {
            for v in 0..4 {
                sums[v] = add_power::<S, T, POWER>(sums[v], from.add(at + v * S::LANES), centres);
            }
            at += wide;
        }
        while at < full {
            sums[0] = add_power::<S, T, POWER>(sums[0], from.add(at), centres);
            at += S::LANES;
        }
        let mut sum = S::sum(S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3])));
        for x in &row[full..] {
            let off = x.to_f32() - centre;
            sum += if POWER == 1 { off } else { off * off };
        }
        sum
    }
}

/// `sum` plus the difference of a vector at `p` from `centre`, to the power of 1 or 2.
///
/// # Safety
/// The machine has `S`; `LANES` elements are readable at `p`.
#[inline(always)]
unsafe fn add_power<S: Simd, T: Element, const POWER: usize>(sum: S::F, p: *const T, centre: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe {
        let off = S::sub(T::load::<S>(p), centre);
        if POWER == 1 { S::add(sum, off) } else { S::mul_add(off, off, sum) }
    }
}
