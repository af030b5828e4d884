//! Computes the gradients of a linear layer with respect to its input and its weight, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[rows, D_in]` |
//! | weight | `[D_out, D_in]` |
//! | gradient of the result | `[rows, D_out]` |
//!
//! The input gradient is the result gradient times the weight. The weight gradient is the transposed result gradient
//! times the input. The bias gradient is the [`column_sums`](crate::column_sums) of the result gradient.

use crate::gradient::outer::{copy_run, outer};
use crate::matmul::epilogue::Epilogue;
use crate::matmul::gemm::matmul;
use crate::matmul::packed::PackedMatrix;
use crate::memory::partition::Shared;
use crate::simd::dispatch::shape;
use crate::simd::isa::Cpu;

/// The sizes of a linear layer whose gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearSizes {
    /// Rows of the input.
    pub rows: usize,
    /// `D_in`.
    pub inputs: usize,
    /// `D_out`.
    pub outputs: usize,
}

/// The gradient of the input, `[rows, D_in]`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn linear_input_gradient(cpu: Cpu, sizes: LinearSizes, weight: &[f32], gradient: &[f32], result: &mut [f32]) {
    let LinearSizes { rows, inputs, outputs } = sizes;
    assert_eq!(weight.len(), outputs * inputs, "linear_input_gradient: weight of {sizes:?}");
    assert_eq!(gradient.len(), rows * outputs, "linear_input_gradient: gradient of {sizes:?}");
    assert_eq!(result.len(), rows * inputs, "linear_input_gradient: result of {sizes:?}");
    let turned =
        PackedMatrix::pack(cpu, [inputs, 1, outputs], false, |column, _, channel| weight[channel * inputs + column]);
    matmul(gradient, rows, outputs, &turned, &Epilogue::default(), result);
}

/// The gradient of the weight, `[D_out, D_in]`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn linear_weight_gradient(cpu: Cpu, sizes: LinearSizes, input: &[f32], gradient: &[f32], result: &mut [f32]) {
    let LinearSizes { rows, inputs, outputs } = sizes;
    assert_eq!(input.len(), rows * inputs, "linear_weight_gradient: input of {sizes:?}");
    assert_eq!(gradient.len(), rows * outputs, "linear_weight_gradient: gradient of {sizes:?}");
    assert_eq!(result.len(), outputs * inputs, "linear_weight_gradient: result of {sizes:?}");
    let width = 2 * shape(cpu).0;
    let shared = Shared::new(result);
    outer(
        cpu,
        gradient,
        [rows, outputs, inputs],
        |rows, column, panel| {
            let count = width.min(inputs - column);
            for (row, panel) in rows.zip(panel.chunks_exact_mut(width)) {
                copy_run(&mut panel[..count], &input[row * inputs + column..][..count]);
                panel[count..].fill(0.0);
            }
        },
        |row, column, sums| {
            // SAFETY: `row` and the columns are in range, and each is stored once.
            let to = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(row * inputs + column), sums.len()) };
            to.copy_from_slice(sums);
        },
    );
}
