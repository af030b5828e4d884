//! Convolution on channels-last maps as a product of rows found through pointers: nothing is unfolded into memory.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, k, k]`, as checkpoints have it |
//! | result | `[B, H', W', C_out]`, `H' = (H + before + after - k) / stride + 1` |
//!
//! A row of the product is a pixel of the result, a segment of the summed axis one tap; a tap outside of the map points to
//! zeros. Source: the indirect formulation, Dukhan 2019 (arXiv 1907.02129).

use crate::buffer::Buffer;
use crate::element::Element;
use crate::epilogue::Epilogue;
use crate::isa::Cpu;
use crate::packed::PackedMatrix;
use crate::product::{Rows, multiply};

/// Size and placement of a square convolution kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Taps along each side, 1 or 3 in our networks.
    pub kernel: usize,
    /// Pixels between neighbouring results.
    pub stride: usize,
    /// Zeros above and to the left.
    pub before: usize,
    /// Zeros below and to the right.
    pub after: usize,
}

impl Geometry {
    /// A kernel that keeps the size at stride 1: half of its width in zeros on all sides.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, before: kernel / 2, after: kernel / 2 }
    }

    /// Pixels of the result along a side of `input` pixels; 0 where the kernel does not fit.
    pub fn output(&self, input: usize) -> usize {
        let padded = input + self.before + self.after;
        if input == 0 || padded < self.kernel { 0 } else { (padded - self.kernel) / self.stride + 1 }
    }
}

/// Weights of a convolution, packed for one instruction set.
pub struct PackedConvolution<T: Element> {
    matrix: PackedMatrix<T>,
    geometry: Geometry,
    /// What taps outside of the map read.
    zeros: Buffer<T>,
}

impl<T: Element> PackedConvolution<T> {
    /// Packs `weight`, `[outputs, inputs, kernel, kernel]`.
    ///
    /// # Panics
    /// When `weight` has another length, or the kernel or the stride is 0.
    pub fn new(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize, geometry: Geometry) -> Self {
        let taps = geometry.kernel * geometry.kernel;
        assert!(taps > 0 && geometry.stride > 0, "convolution: {geometry:?}");
        assert_eq!(weight.len(), outputs * inputs * taps, "convolution weight [{outputs}, {inputs}], {geometry:?}");
        let matrix = PackedMatrix::pack(cpu, [outputs, taps, inputs], false, |output, tap, input| {
            weight[(output * inputs + input) * taps + tap]
        });
        Self { matrix, geometry, zeros: Buffer::zeros(inputs) }
    }

    /// Kernel, stride and padding.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }
}

/// Pixels of the result, in order.
struct Pixels<'a, T: Element> {
    input: &'a [T],
    weight: &'a PackedConvolution<T>,
    size: [usize; 2],
    output_size: [usize; 2],
}

// SAFETY: a pixel inside of the map has `channels` elements in `input` (its length is checked), one outside points to as
// many zeros; results lie `columns` apart.
unsafe impl<T: Element> Rows<T> for Pixels<'_, T> {
    fn inputs(&self, row: usize, taps: &mut [*const T]) {
        let Geometry { kernel, stride, before, .. } = self.weight.geometry;
        let channels = self.weight.matrix.channels;
        let ([height, width], [output_height, output_width]) = (self.size, self.output_size);
        let (x, y) = (row % output_width * stride, row / output_width % output_height * stride);
        let picture = row / (output_width * output_height);
        for (tap, pointer) in taps.iter_mut().enumerate() {
            // Where a coordinate is negative it wraps to a number larger than any map.
            let tap_y = (y + tap / kernel).wrapping_sub(before);
            let tap_x = (x + tap % kernel).wrapping_sub(before);
            *pointer = if tap_y < height && tap_x < width {
                self.input[((picture * height + tap_y) * width + tap_x) * channels..].as_ptr()
            } else {
                self.weight.zeros.as_ptr()
            };
        }
    }
    fn output(&self, row: usize) -> usize {
        row * self.weight.matrix.columns
    }
}

/// `result = epilogue(input * weight)`: `input` is `batch` maps of `[height, width, C_in]`.
///
/// The time embedding is the epilogue's group bias, `[B, C_out]` with `H' * W'` rows a group.
///
/// # Panics
/// When a slice does not have the size that the shapes ask for.
pub fn convolve<T: Element>(
    input: &[T],
    [batch, height, width]: [usize; 3],
    weight: &PackedConvolution<T>,
    epilogue: &Epilogue<'_, T>,
    result: &mut [T],
) {
    let (matrix, geometry) = (&weight.matrix, weight.geometry);
    let output_size = [geometry.output(height), geometry.output(width)];
    let rows = batch * output_size[0] * output_size[1];
    assert_eq!(input.len(), batch * height * width * matrix.channels, "convolve: input [{batch}, {height}, {width}]");
    assert_eq!(result.len(), rows * matrix.columns, "convolve: result [{batch}, {output_size:?}]");
    epilogue.check(rows, matrix.columns, result.len());
    multiply(matrix, &Pixels { input, weight, size: [height, width], output_size }, rows, epilogue, result);
}
