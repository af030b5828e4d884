//! Computes the gradients of a convolution with respect to its weight and its input, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, k, k]` |
//! | gradient of the result | `[B, H', W', C_out]` |
//!
//! The weight gradient is a matmul over all result cells: the result gradient, `[C_out, R]`, times the input patches,
//! `[R, taps * C_in]`. Patches are gathered into a panel for a few cells at a time. The input gradient is a convolution
//! of the result gradient, dilated by the stride, with the flipped and transposed weight.

use std::ops::Range;

use crate::convolution::packed_convolution::{Geometry, PackedConvolution, convolve, winograd_pays};
use crate::gradient::outer::{copy_run, outer};
use crate::matmul::epilogue::Epilogue;
use crate::memory::partition::Shared;
use crate::simd::dispatch::shape;
use crate::simd::isa::Cpu;

/// The shapes of a convolution whose gradients are computed.
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
/// When a slice's length does not match the shapes.
pub fn weight_gradient(cpu: Cpu, of: &Convolved, input: &[f32], gradient: &[f32], result: &mut [f32]) {
    weight_sums(cpu, of, 0, input, gradient, result);
}

/// As [`weight_gradient`], with nearest upsampling by two, `enlarge` times, before the convolution. `of` describes the
/// upsampled map.
///
/// # Panics
/// When a slice's length does not match the shapes.
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
    // A column of the right operand is a channel of a tap, `[tap, channel]`; a row is a cell of the result.
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
                // The result cells of this chunk that lie in one row of a picture.
                let (first, picture) = (row % output_width, row / output_width / output_height);
                let cells = (output_width - first).min(rows.end - row);
                let runs = panel[(row - rows.start) * lanes..].chunks_mut(lanes).take(cells);
                // A negative coordinate wraps to a number larger than any map.
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
/// When a slice's length does not match the shapes, or the padding is not smaller than the kernel.
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
    // 1. Transpose and flip the weight: outputs become inputs, taps run backwards.
    let taps = kernel * kernel;
    let mut turned = vec![0.0; weight.len()];
    for (at, value) in weight.iter().enumerate() {
        let (output, input, tap) = (at / taps / inputs, at / taps % inputs, at % taps);
        turned[(input * outputs + output) * taps + taps - 1 - tap] = *value;
    }
    // 2. Dilate the gradient by the stride.
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
    // 3. Pad it so that it covers the input's last row and column. The side that needs less gets surplus rows or
    //    columns, which are cut off below.
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
