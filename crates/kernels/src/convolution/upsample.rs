//! Fuses nearest upsampling by two with the 3x3 convolution that follows. The upsampled map is never stored.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, 3, 3]` |
//! | result | `[B, 2H, 2W, C_out]` |
//!
//! Along each axis, a result pixel reads only two input pixels. An even result pixel reads the previous input pixel
//! (tap 0) and its own (taps 1 + 2). An odd result pixel reads its own input pixel (taps 0 + 1) and the next (tap 2).
//! The op is therefore four 2x2 convolutions with summed weights, one per parity, with 4/9 of the multiplications. bf16
//! weights are rounded once more after summing. The alternative is `winograd`, which reads the small map with the
//! indices of the upsampled map.

use crate::convolution::winograd::{self, Components, Map};
use crate::matmul::epilogue::{Epilogue, GroupBias};
use crate::matmul::packed::PackedMatrix;
use crate::matmul::tiled::{Rows, multiply};
use crate::memory::buffer::{Address, Buffer};
use crate::memory::pack_file::{Mapping, PackFileError, as_bytes};
use crate::simd::element::Element;
use crate::simd::isa::Cpu;

/// Weights of a 3x3 convolution after nearest upsampling, summed per parity and packed.
pub struct PackedUpsample<T: Element> {
    form: Form<T>,
    columns: usize,
    zeros: Buffer<T>,
}

enum Form<T: Element> {
    /// Four matrices, indexed by the parity of y, then of x.
    Direct(Vec<PackedMatrix<T>>),
    Winograd(Components),
}

impl<T: Element> PackedUpsample<T> {
    /// Packs `weight`, `[outputs, inputs, 3, 3]`.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn new(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * 9, "upsampling weight [{outputs}, {inputs}, 3, 3]");
        /// Taps that read the first or second input pixel.
        fn taps(parity: usize, pixel: usize) -> std::ops::Range<usize> {
            match (parity, pixel) {
                (0, 0) => 0..1,
                (0, _) => 1..3,
                (_, 0) => 0..2,
                _ => 2..3,
            }
        }
        let matrix = |parity: usize| {
            PackedMatrix::pack(cpu, [outputs, 4, inputs], false, |output, tap, input| {
                let kernel = &weight[(output * inputs + input) * 9..][..9];
                let mut sum = 0.0;
                for y in taps(parity / 2, tap / 2) {
                    for x in taps(parity % 2, tap % 2) {
                        sum += kernel[y * 3 + x].to_f32();
                    }
                }
                T::from_f32(sum)
            })
        };
        Self { form: Form::Direct((0..4).map(matrix).collect()), columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// Transforms `weight`, `[outputs, inputs, 3, 3]`, for 1/4 of the multiplications instead of 4/9. The costs are
    /// those of [`PackedConvolution::winograd`](crate::PackedConvolution::winograd). It is faster for f32. For bf16,
    /// [`PackedUpsample::new`] is faster on CPUs with bf16 dot products.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn winograd(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * 9, "upsampling weight [{outputs}, {inputs}, 3, 3]");
        let form = Form::Winograd(Components::new(cpu, weight, outputs, inputs));
        Self { form, columns: outputs, zeros: Buffer::zeros(inputs) }
    }

    /// Maps weights that [`new`](Self::new) or [`winograd`](Self::winograd) packed earlier.
    pub(crate) fn mapped(
        cpu: Cpu,
        [outputs, inputs]: [usize; 2],
        is_fast: bool,
        file: &mut Mapping,
    ) -> Result<Self, PackFileError> {
        let mut parity = |_| PackedMatrix::mapped(cpu, [outputs, 4, inputs], false, file);
        let form = if is_fast {
            Form::Winograd(Components::mapped(cpu, outputs, inputs, file)?)
        } else {
            Form::Direct((0..4).map(&mut parity).collect::<Result<_, _>>()?)
        };
        Ok(Self { form, columns: outputs, zeros: Buffer::zeros(inputs) })
    }

    /// The packed elements of all matrices.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        match &self.form {
            Form::Direct(parities) => parities.iter().map(|matrix| as_bytes(matrix.numbers())).collect(),
            Form::Winograd(components) => components.parts(),
        }
    }
}

/// Result pixels of one parity, in the order of the input pixels.
struct Parity<'a, T: Element> {
    input: &'a [T],
    zeros: &'a [T],
    size: [usize; 2],
    parity: [usize; 2],
    columns: usize,
}

// SAFETY: as for convolutions; a row's result is the pixel `2 * (y, x) + parity`, which no other row has.
unsafe impl<T: Element> Rows<T> for Parity<'_, T> {
    fn inputs(&self, row: usize, taps: &mut [Address<T>]) {
        let ([height, width], channels) = (self.size, self.zeros.len());
        let (x, y, picture) = (row % width, row / width % height, row / (width * height));
        for (tap, pointer) in taps.iter_mut().enumerate() {
            // For even parities the first pixel is the previous one; -1 wraps to a number larger than any map.
            let tap_y = (y + self.parity[0] + tap / 2).wrapping_sub(1);
            let tap_x = (x + self.parity[1] + tap % 2).wrapping_sub(1);
            pointer.0 = if tap_y < height && tap_x < width {
                self.input[((picture * height + tap_y) * width + tap_x) * channels..].as_ptr()
            } else {
                self.zeros.as_ptr()
            };
        }
    }
    fn output(&self, row: usize) -> usize {
        let [height, width] = self.size;
        let (x, y) = (row % width, row / width);
        debug_assert!(height > 0);
        ((2 * y + self.parity[0]) * 2 * width + 2 * x + self.parity[1]) * self.columns
    }
}

/// `result = epilogue(upsampled(input) * weight)`, where `input` is `batch` maps of `[height, width, C_in]`.
///
/// # Panics
/// When a slice's length does not match the shapes, a group of the group bias is not a whole number of pictures, or
/// there is a row bias.
pub fn upsample_convolve<T: Element>(
    input: &[T],
    [batch, height, width]: [usize; 3],
    weight: &PackedUpsample<T>,
    epilogue: &Epilogue<'_, T>,
    result: &mut [T],
) {
    let (rows, columns, channels) = (batch * height * width, weight.columns, weight.zeros.len());
    assert_eq!(input.len(), rows * channels, "upsample_convolve: input [{batch}, {height}, {width}, {channels}]");
    assert_eq!(result.len(), 4 * rows * columns, "upsample_convolve: result [{batch}, 2 * {height}, 2 * {width}]");
    assert!(epilogue.row_bias.is_none(), "upsample_convolve with a row bias");
    epilogue.check(4 * rows, columns, result.len());
    if result.is_empty() {
        return;
    }
    let parities = match &weight.form {
        Form::Direct(parities) => parities,
        Form::Winograd(components) => {
            let size = [2 * height, 2 * width];
            let map = Map { input, zeros: &weight.zeros, size, output_size: size, before: 1, enlarge: 1 };
            winograd::multiply(components, &map, batch, epilogue, result);
            return;
        }
    };
    let group_bias = epilogue.group_bias.map(|GroupBias { values, rows }| {
        assert!(rows % (4 * height * width) == 0, "group of {rows} rows, pictures of 4 * {height} * {width}");
        GroupBias { values, rows: rows / 4 }
    });
    let epilogue = Epilogue { group_bias, ..*epilogue };
    for (number, matrix) in parities.iter().enumerate() {
        let parity = [number / 2, number % 2];
        let pixels = Parity { input, zeros: &weight.zeros, size: [height, width], parity, columns };
        multiply(matrix, &pixels, rows, &epilogue, result);
    }
}
