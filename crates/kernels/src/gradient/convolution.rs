//! What training needs of a convolution: the gradients of its weight and of its input, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, k, k]` |
//! | gradient of the result | `[B, H', W', C_out]` |
//!
//! Weight: the sum over all cells of the result of the gradient's channels times what the taps saw there, `[C_out, R]` times
//! `[R, taps * C_in]`; a panel of what they saw is gathered for a few cells at a time. Input: a convolution of the gradient,
//! spread out by the stride, with the weight turned around.

use std::ops::Range;

use crate::convolution::packed_convolution::{Geometry, PackedConvolution, convolve, winograd_pays};
use crate::gradient::outer::{copy_run, outer};
use crate::matmul::epilogue::Epilogue;
use crate::memory::partition::Shared;
use crate::simd::dispatch::shape;
use crate::simd::isa::Cpu;

/// A convolution whose gradients are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolved {
    /// `B`, `H`, `W` of the input.
    pub input: [usize; 3],
    /// `C_in`.
    pub inputs: usize,
    /// `C_out`.
    pub outputs: usize,
    /// Kernel, stride and padding.
    pub geometry: Geometry,
}

impl Convolved {
    /// `[B, H', W']`.
    pub fn output(&self) -> [usize; 3] {
        let [batch, height, width] = self.input;
        [batch, self.geometry.output(height), self.geometry.output(width)]
    }

    fn check(&self, gradient: &[f32]) {
        let [batch, height, width] = self.output();
        assert_eq!(gradient.len(), batch * height * width * self.outputs, "gradient of {self:?}");
    }
}

/// The gradient of the weight, `[C_out, C_in, k, k]`.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for.
pub fn weight_gradient(cpu: Cpu, of: &Convolved, input: &[f32], gradient: &[f32], result: &mut [f32]) {
    weight_sums(cpu, of, 0, input, gradient, result);
}

/// The same with the input enlarged `enlarge` times by two before the convolution: `of` is that of the enlarged map.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for.
pub(crate) fn weight_sums(
    cpu: Cpu,
    of: &Convolved,
    enlarge: usize,
    input: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) {
    let Convolved { input: [batch, height, width], inputs, outputs, geometry } = *of;
    let Geometry { kernel, stride, before, .. } = geometry;
    of.check(gradient);
    let (small_height, small_width) = (height >> enlarge, width >> enlarge);
    assert_eq!(input.len(), batch * small_height * small_width * inputs, "weight_gradient: input of {of:?}");
    assert_eq!(result.len(), outputs * inputs * kernel * kernel, "weight_gradient: result of {of:?}");
    let [_, output_height, output_width] = of.output();
    if gradient.is_empty() || input.is_empty() {
        result.fill(0.0);
        return;
    }
    // A column of the right side is a channel of a tap, `[tap, channel]`; a row is a cell of the result.
    let taps = kernel * kernel;
    let lanes = 2 * shape(cpu).0;
    let fill = |rows: Range<usize>, column: usize, panel: &mut [f32]| {
        let end = (column + lanes).min(taps * inputs);
        if end < column + lanes {
            panel.fill(0.0);
        }
        let mut from = column;
        while from < end {
            let (tap, channel) = (from / inputs, from % inputs);
            let (count, place) = ((end - from).min(inputs - channel), from - column);
            let mut row = rows.start;
            while row < rows.end {
                // The cells of one row of a picture.
                let (first, picture) = (row % output_width, row / output_width / output_height);
                let cells = (output_width - first).min(rows.end - row);
                let runs = panel[(row - rows.start) * lanes..].chunks_mut(lanes).take(cells);
                // Where a coordinate is negative it wraps to a number larger than any map.
                let y = (row / output_width % output_height * stride + tap / kernel).wrapping_sub(before);
                for (cell, run) in runs.enumerate() {
                    let x = ((first + cell) * stride + tap % kernel).wrapping_sub(before);
                    let run = &mut run[place..place + count];
                    if y < height && x < width {
                        let (y, x) = (y >> enlarge, x >> enlarge);
                        let at = ((picture * small_height + y) * small_width + x) * inputs + channel;
                        copy_run(run, &input[at..at + count]);
                    } else {
                        run.fill(0.0);
                    }
                }
                row += cells;
            }
            from += count;
        }
    };
    let shared = Shared::new(result);
    outer(
        cpu,
        gradient,
        [batch * output_height * output_width, outputs, taps * inputs],
        fill,
        |output, column, sums| {
            for (column, sum) in (column..).zip(sums) {
                let (tap, input) = (column / inputs, column % inputs);
                // SAFETY: `output`, `input` and `tap` are in range of the result's shape, and each is stored once.
                unsafe { *shared.pointer().add((output * inputs + input) * taps + tap) = *sum };
            }
        },
    );
}

/// The gradient of the input, `[B, H, W, C_in]`.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for, or the padding is wider than the kernel reaches.
pub fn input_gradient(cpu: Cpu, of: &Convolved, weight: &[f32], gradient: &[f32], result: &mut [f32]) {
    let Convolved { input: [batch, height, width], inputs, outputs, geometry } = *of;
    let Geometry { kernel, stride, before, .. } = geometry;
    of.check(gradient);
    assert_eq!(weight.len(), outputs * inputs * kernel * kernel, "input_gradient: weight of {of:?}");
    assert_eq!(result.len(), batch * height * width * inputs, "input_gradient: result of {of:?}");
    assert!(before < kernel, "input_gradient: {geometry:?}");
    let [_, output_height, output_width] = of.output();
    if gradient.is_empty() || result.is_empty() {
        result.fill(0.0);
        return;
    }
    // 1. The weight turned around: outputs become inputs, taps run backwards.
    let taps = kernel * kernel;
    let mut turned = vec![0.0; weight.len()];
    for (at, value) in weight.iter().enumerate() {
        let (output, input, tap) = (at / taps / inputs, at / taps % inputs, at % taps);
        turned[(input * outputs + output) * taps + taps - 1 - tap] = *value;
    }
    // 2. The gradient with the stride between its cells, where there is one.
    let lead = kernel - 1 - before;
    let (spread, grid);
    let (gradient, [grid_height, grid_width]) = if stride == 1 {
        (gradient, [output_height, output_width])
    } else {
        grid = [(output_height - 1) * stride + 1, (output_width - 1) * stride + 1];
        let mut cells = vec![0.0; batch * grid[0] * grid[1] * outputs];
        for (at, values) in gradient.chunks_exact(outputs).enumerate() {
            let (x, row) = (at % output_width * stride, at / output_width);
            let (y, picture) = (row % output_height * stride, row / output_height);
            let at = ((picture * grid[0] + y) * grid[1] + x) * outputs;
            cells[at..at + outputs].copy_from_slice(values);
        }
        spread = cells;
        (&spread[..], grid)
    };
    // 3. Zeros around it up to where the input's last row and column reach; the longer side gets what is too much.
    let missing = |side: usize, grid: usize| (side + kernel - 1).saturating_sub(lead + grid);
    let after = missing(height, grid_height).max(missing(width, grid_width));
    let geometry = Geometry { kernel, stride: 1, before: lead, after };
    let packed = if kernel == 3 && winograd_pays([outputs, inputs], batch * height * width) {
        PackedConvolution::winograd(cpu, &turned, inputs, outputs, [lead, after])
    } else {
        PackedConvolution::new(cpu, &turned, inputs, outputs, geometry)
    };
    let [wide_height, wide_width] = [geometry.output(grid_height), geometry.output(grid_width)];
    let size = [batch, grid_height, grid_width];
    if [wide_height, wide_width] == [height, width] {
        convolve(gradient, size, &packed, &Epilogue::default(), result);
        return;
    }
    let mut wide = vec![0.0; batch * wide_height * wide_width * inputs];
    convolve(gradient, size, &packed, &Epilogue::default(), &mut wide);
    for (row, values) in result.chunks_exact_mut(width * inputs).enumerate() {
        let at = (row / height * wide_height + row % height) * wide_width * inputs;
        values.copy_from_slice(&wide[at..at + width * inputs]);
    }
}
