//! Computes the convolution of channels-last maps as a GEMM whose rows are addressed through pointers. There is no
//! im2col buffer.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, k, k]`, as in checkpoints |
//! | result | `[B, H', W', C_out]`, `H' = (H + before + after - k) / stride + 1` |
//!
//! In the direct form, a row of the GEMM is a pixel of the result, and each tap is one segment of the summed axis. Taps
//! outside the map point to zeros. The method is the indirect convolution of Dukhan 2019 (arXiv 1907.02129). `winograd`
//! is an alternative for 3x3 convolutions with stride 1.

use crate::convolution::winograd::{self, Components, Map};
use crate::matmul::epilogue::Epilogue;
use crate::matmul::packed::PackedMatrix;
use crate::matmul::tiled::{Rows, multiply};
use crate::memory::buffer::{Address, Buffer};
use crate::memory::pack_file::{Mapping, PackFileError, as_bytes};
use crate::simd::element::Element;
use crate::simd::isa::Cpu;

/// Size, stride and padding of a square convolution kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Kernel size along each side, 1 or 3 in these networks.
    pub kernel: usize,
    /// Input pixels between neighbouring results.
    pub stride: usize,
    /// Zero padding above and to the left.
    pub before: usize,
    /// Zero padding below and to the right.
    pub after: usize,
}

impl Geometry {
    /// Pads by half the kernel size, so that stride 1 keeps the size of the map.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, before: kernel / 2, after: kernel / 2 }
    }

    /// Result pixels along a side of `input` pixels; 0 where the kernel does not fit.
    pub fn output(&self, input: usize) -> usize {
        let padded = input + self.before + self.after;
        if input == 0 || padded < self.kernel { 0 } else { (padded - self.kernel) / self.stride + 1 }
    }
}

/// Whether [`PackedConvolution::winograd`] is faster than the direct convolution. It is from 64 channels
/// `[C_in, C_out]` on both sides and 1,024 result pixels.
pub fn winograd_pays([inputs, outputs]: [usize; 2], pixels: usize) -> bool {
    inputs.min(outputs) >= 64 && pixels >= 1024
}

enum Form<T: Element> {
    Direct(PackedMatrix<T>),
    Winograd(Components),
}

/// Convolution weights packed for one instruction set.
pub struct PackedConvolution<T: Element> {
    form: Form<T>,
    geometry: Geometry,
    columns: usize,
    /// Read by taps outside the map.
    zeros: Buffer<T>,
}

impl<T: Element> PackedConvolution<T> {
    /// Packs `weight`, `[outputs, inputs, kernel, kernel]`.
    ///
    /// # Panics
    /// When `weight` has the wrong length, or the kernel or the stride is 0.
    pub fn new(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize, geometry: Geometry) -> Self {
        let taps = geometry.kernel * geometry.kernel;
        assert!(taps > 0 && geometry.stride > 0, "convolution: {geometry:?}");
        assert_eq!(weight.len(), outputs * inputs * taps, "convolution weight [{outputs}, {inputs}], {geometry:?}");
        let matrix = PackedMatrix::pack(cpu, [outputs, taps, inputs], false, |output, tap, input| {
            weight[(output * inputs + input) * taps + tap]
        });
        Self { form: Form::Direct(matrix), geometry, columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// Transforms `weight`, `[outputs, inputs, 3, 3]`, for a Winograd convolution of stride 1, which needs a quarter of
    /// the multiplications. `before` and `after` are the zero padding, as in [`Geometry`].
    ///
    /// Sums are f32 for both element types, with about twice the error of the direct convolution. There are two costs.
    /// The weights take four times the memory of f32 weights (eight times that of bf16). And a NaN or an infinity can
    /// spread to every pixel of each 4x4 tile that reads it: up to 4 pixels away instead of 1. Winograd is faster from
    /// about 64 channels and 32 by 32 pixels.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn winograd(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize, [before, after]: [usize; 2]) -> Self {
        assert_eq!(weight.len(), outputs * inputs * 9, "convolution weight [{outputs}, {inputs}, 3, 3]");
        let geometry = Geometry { kernel: 3, stride: 1, before, after };
        let form = Form::Winograd(Components::new(cpu, weight, outputs, inputs));
        Self { form, geometry, columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// Maps weights that [`new`](Self::new) or [`winograd`](Self::winograd) packed earlier.
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

    /// The packed elements of all matrices.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        match &self.form {
            Form::Direct(matrix) => vec![as_bytes(matrix.numbers())],
            Form::Winograd(components) => components.parts(),
        }
    }

    /// Kernel size, stride and padding.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }
}

/// The result pixels as GEMM rows, in order.
struct Pixels<'a, T: Element> {
    input: &'a [T],
    weight: &'a PackedConvolution<T>,
    size: [usize; 2],
    output_size: [usize; 2],
}

// SAFETY: a pixel inside the map has `channels` elements in `input`, whose length is checked. A pixel outside points to
// as many zeros. Result rows are `columns` apart.
unsafe impl<T: Element> Rows<T> for Pixels<'_, T> {
    fn inputs(&self, row: usize, taps: &mut [Address<T>]) {
        let Geometry { kernel, stride, before, .. } = self.weight.geometry;
        let channels = self.weight.zeros.len();
        let ([height, width], [output_height, output_width]) = (self.size, self.output_size);
        let (x, y) = (row % output_width * stride, row / output_width % output_height * stride);
        let picture = row / (output_width * output_height);
        for (tap, pointer) in taps.iter_mut().enumerate() {
            // A negative coordinate wraps to a number larger than any map.
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

/// `result = epilogue(input * weight)`, where `input` is `batch` maps of `[height, width, C_in]`.
///
/// The time embedding is passed as the epilogue's group bias, `[B, C_out]` with `H' * W'` rows per group.
///
/// # Panics
/// When a slice's length does not match the shapes.
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
