//! Convolution on channels-last maps as a product of rows found through pointers: nothing is unfolded into memory.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, k, k]`, as checkpoints have it |
//! | result | `[B, H', W', C_out]`, `H' = (H + before + after - k) / stride + 1` |
//!
//! Direct: a row of the product is a pixel of the result, a segment of the summed axis one tap; a tap outside of the map
//! points to zeros. Source: the indirect formulation, Dukhan 2019 (arXiv 1907.02129). Or by `winograd`.

use crate::convolution::winograd::{self, Components, Map};
use crate::matmul::epilogue::Epilogue;
use crate::matmul::packed::PackedMatrix;
use crate::matmul::tiled::{Rows, multiply};
use crate::memory::buffer::{Address, Buffer};
use crate::memory::pack_file::{Mapping, PackFileError, as_bytes};
use crate::simd::element::Element;
use crate::simd::isa::Cpu;

/// Size and placement of a square convolution kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// Whether the convolution of [`PackedConvolution::winograd`] beats the direct one: from 64 channels `[C_in, C_out]` on both
/// sides and 1,024 pixels of the result on.
pub fn winograd_pays([inputs, outputs]: [usize; 2], pixels: usize) -> bool {
    inputs.min(outputs) >= 64 && pixels >= 1024
}

enum Form<T: Element> {
    Direct(PackedMatrix<T>),
    Winograd(Components),
}

/// Weights of a convolution, packed for one instruction set.
pub struct PackedConvolution<T: Element> {
    form: Form<T>,
    geometry: Geometry,
    columns: usize,
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
        Self { form: Form::Direct(matrix), geometry, columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// Transforms `weight`, `[outputs, inputs, 3, 3]`, for a 3x3 convolution of stride 1 with a quarter of the
    /// multiplications. `before` and `after` are zeros around the map, as in [`Geometry`].
    ///
    /// The sums are f32 for maps of either type, with about twice the direct sum's error. Two prices: weights take four
    /// times the memory of f32 ones (eight of bf16), and a NaN or an infinity may spoil every pixel of each 4x4 tile that sees
    /// it: up to 4 pixels away instead of 1. It pays from about 64 channels and 32 by 32 pixels on.
    ///
    /// # Panics
    /// When `weight` has another length.
    pub fn winograd(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize, [before, after]: [usize; 2]) -> Self {
        assert_eq!(weight.len(), outputs * inputs * 9, "convolution weight [{outputs}, {inputs}, 3, 3]");
        let geometry = Geometry { kernel: 3, stride: 1, before, after };
        let form = Form::Winograd(Components::new(cpu, weight, outputs, inputs));
        Self { form, geometry, columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// What [`new`](Self::new) or [`winograd`](Self::winograd) made before.
    pub(crate) fn mapped(
        cpu: Cpu,
        [outputs, inputs]: [usize; 2],
        geometry: Geometry,
        is_fast: bool,
        file: &mut Mapping,
    ) -> Result<Self, PackFileError> {
        let taps = geometry.kernel * geometry.kernel;
        let form = if is_fast {
            Form::Winograd(Components::mapped(cpu, outputs, inputs, file)?)
        } else {
            Form::Direct(PackedMatrix::mapped(cpu, [outputs, taps, inputs], false, file)?)
        };
        Ok(Self { form, geometry, columns: outputs, zeros: Buffer::zeros(inputs) })
    }

    /// The numbers of all matrices.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        match &self.form {
            Form::Direct(matrix) => vec![as_bytes(matrix.numbers())],
            Form::Winograd(components) => components.parts(),
        }
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
    fn inputs(&self, row: usize, taps: &mut [Address<T>]) {
        let Geometry { kernel, stride, before, .. } = self.weight.geometry;
        let channels = self.weight.zeros.len();
        let ([height, width], [output_height, output_width]) = (self.size, self.output_size);
        let (x, y) = (row % output_width * stride, row / output_width % output_height * stride);
        let picture = row / (output_width * output_height);
        for (tap, pointer) in taps.iter_mut().enumerate() {
            // Where a coordinate is negative it wraps to a number larger than any map.
            let tap_y = (y + tap / kernel).wrapping_sub(before);
            let tap_x = (x + tap % kernel).wrapping_sub(before);
            pointer.0 = if tap_y < height && tap_x < width {
                self.input[((picture * height + tap_y) * width + tap_x) * channels..].as_ptr()
            } else {
                self.weight.zeros.as_ptr()
            };
        }
    }
    fn output(&self, row: usize) -> usize {
        row * self.weight.columns
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
    let (geometry, columns, channels) = (weight.geometry, weight.columns, weight.zeros.len());
    let output_size = [geometry.output(height), geometry.output(width)];
    let rows = batch * output_size[0] * output_size[1];
    assert_eq!(
        input.len(),
        batch * height * width * channels,
        "convolve: input [{batch}, {height}, {width}, {channels}]"
    );
    assert_eq!(result.len(), rows * columns, "convolve: result [{batch}, {output_size:?}, {columns}]");
    epilogue.check(rows, columns, result.len());
    let size = [height, width];
    match &weight.form {
        Form::Direct(matrix) => {
            multiply(matrix, &Pixels { input, weight, size, output_size }, rows, epilogue, result);
        }
        Form::Winograd(components) => {
            let zeros = &weight.zeros;
            let map = Map { input, zeros, size, output_size, before: geometry.before, enlarge: 0 };
            winograd::multiply(components, &map, batch, epilogue, result);
        }
    }
}
