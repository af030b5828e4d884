//! Computes the elementwise gradients of SiLU and of GEGLU's gating, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | SiLU: input, gradient, result | any, all the same |
//! | GEGLU: input, gradient of the input | `[rows, 2 * width]`, values, then gates |
//! | GEGLU: result, its gradient | `[rows, width]` |

use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::dispatch;
use crate::simd::element::{load, store};
use crate::simd::isa::Cpu;
use crate::simd::math;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per task.
const PIECE: usize = 16 * 1024;

/// The gradient of the input of [`silu`](crate::silu), from the gradient of the result.
///
/// # Panics
/// When the slices differ in length.
pub fn silu_gradient(cpu: Cpu, input: &[f32], gradient: &[f32], result: &mut [f32]) {
    assert_eq!([input.len(), gradient.len()], [result.len(); 2], "silu_gradient");
    let shared = Shared::new(result);
    for_each_task(input.len().div_ceil(PIECE), |task| {
        let range = task * PIECE..input.len().min((task + 1) * PIECE);
        let (input, gradient) = (&input[range.clone()], &gradient[range.clone()]);
        // SAFETY: each task has its own range of the result, as long as its range of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(range.start), range.len()) };
        // SAFETY: the slices are equally long.
        unsafe { dispatch(cpu, SiluGradient { input, gradient, result }) };
    });
}

/// `values * gelu(gates)` for rows `[2 * width]`. [`PackedMatrix::geglu`](crate::PackedMatrix::geglu) fuses the same
/// operation into the matmul.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn geglu(cpu: Cpu, input: &[f32], width: usize, result: &mut [f32]) {
    assert_eq!(input.len(), 2 * result.len(), "geglu: width {width}");
    each_run(width, result, 1, |rows, result| {
        let input = &input[2 * width * rows.start..2 * width * rows.end];
        // SAFETY: `input` has `2 * width` elements for each row of the result.
        unsafe { dispatch(cpu, Geglu { input, width, result }) };
    });
}

/// The gradient of the input of [`geglu`], from the gradient of the result.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn geglu_gradient(cpu: Cpu, input: &[f32], width: usize, gradient: &[f32], result: &mut [f32]) {
    assert_eq!([input.len(), 2 * gradient.len()], [result.len(); 2], "geglu_gradient: width {width}");
    each_run(width, result, 2, |rows, result| {
        let input = &input[2 * width * rows.start..2 * width * rows.end];
        let gradient = &gradient[width * rows.start..width * rows.end];
        // SAFETY: `input` and `result` have `2 * width` elements for each row of the gradient.
        unsafe { dispatch(cpu, GegluGradient { input, width, gradient, result }) };
    });
}

/// Calls `work` in parallel on runs of rows; a row of the result has `times * width` elements.
fn each_run(
    width: usize,
    result: &mut [f32],
    times: usize,
    work: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync + Send,
) {
    if result.is_empty() {
        return;
    }
    let row = times * width;
    assert!(row > 0 && result.len().is_multiple_of(row), "geglu: {} elements in rows of {row}", result.len());
    let (rows, run) = (result.len() / row, (PIECE / width).max(1));
    let shared = Shared::new(result);
    for_each_task(rows.div_ceil(run), |task| {
        let range = task * run..rows.min((task + 1) * run);
        // SAFETY: tasks have different rows.
        let result =
            unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(range.start * row), range.len() * row) };
        work(range, result);
    });
}

/// Slices of equal length.
struct SiluGradient<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for SiluGradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let len = self.input.len();
        for at in (0..len).step_by(S::LANES) {
            let n = S::LANES.min(len - at);
            // SAFETY: each slice has `n` more elements from `at`.
            unsafe {
                let (x, g) = (load::<S, f32>(self.input.as_ptr().add(at), n), self.gradient.as_ptr().add(at));
                let slope = silu_slope::<S>(x);
                store::<S, f32>(self.result.as_mut_ptr().add(at), S::mul(load::<S, f32>(g, n), slope), n);
            }
        }
    }
}

/// The derivative of `x * sigmoid(x)`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn silu_slope<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let (one, sigmoid) = (S::splat(1.0), math::sigmoid::<S, f32>(x));
        S::mul(sigmoid, S::mul_add(x, S::sub(one, sigmoid), one))
    }
}

/// `input` is `[rows, 2 * width]`, `result` is `[rows, width]`.
struct Geglu<'a> {
    input: &'a [f32],
    width: usize,
    result: &'a mut [f32],
}

impl Kernel for Geglu<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.width;
        for (input, result) in self.input.chunks_exact(2 * width).zip(self.result.chunks_exact_mut(width)) {
            for at in (0..width).step_by(S::LANES) {
                let n = S::LANES.min(width - at);
                // SAFETY: `n` values and as many gates remain from `at`.
                unsafe {
                    let value = load::<S, f32>(input.as_ptr().add(at), n);
                    let gate = load::<S, f32>(input.as_ptr().add(width + at), n);
                    store::<S, f32>(result.as_mut_ptr().add(at), S::mul(value, math::gelu::<S, f32>(gate)), n);
                }
            }
        }
    }
}

/// `input` and `result` are `[rows, 2 * width]`, `gradient` is `[rows, width]`.
struct GegluGradient<'a> {
    input: &'a [f32],
    width: usize,
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for GegluGradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.width;
        let rows = self.input.chunks_exact(2 * width).zip(self.gradient.chunks_exact(width));
        for ((input, gradient), result) in rows.zip(self.result.chunks_exact_mut(2 * width)) {
            for at in (0..width).step_by(S::LANES) {
                let n = S::LANES.min(width - at);
                // SAFETY: `n` values and as many gates remain from `at`.
                unsafe {
                    let value = load::<S, f32>(input.as_ptr().add(at), n);
                    let gate = load::<S, f32>(input.as_ptr().add(width + at), n);
                    let g = load::<S, f32>(gradient.as_ptr().add(at), n);
                    store::<S, f32>(result.as_mut_ptr().add(at), S::mul(g, math::gelu::<S, f32>(gate)), n);
                    let of_gate = S::mul(S::mul(g, value), gelu_slope::<S>(gate));
                    store::<S, f32>(result.as_mut_ptr().add(width + at), of_gate, n);
                }
            }
        }
    }
}

/// The derivative of `x * Phi(x)`, where `Phi` is the normal distribution: `Phi(x) + x * exp(-x^2 / 2) / sqrt(2 pi)`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
unsafe fn gelu_slope<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let distribution = math::normal_distribution::<S, f32>(x);
        let density = S::exp2(S::mul(S::mul(x, x), S::splat(-0.5 * std::f32::consts::LOG2_E)), false);
        let factor = 0.5 * std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
        S::mul_add(S::mul(x, density), S::splat(factor), distribution)
    }
}
