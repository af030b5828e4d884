//! Multiplies matrices with packed weights, for linear layers, projections and feed-forward layers.
//!
//! | operand | shape |
//! |---|---|
//! | left | `[rows, channels]`, rows `stride >= channels` apart |
//! | weight | [`PackedMatrix::linear`] or [`PackedMatrix::geglu`] |
//! | result | `[rows, columns]` |

use crate::matmul::epilogue::Epilogue;
use crate::matmul::packed::PackedMatrix;
use crate::matmul::tiled::{Rows, multiply};
use crate::memory::buffer::Address;
use crate::simd::element::Element;

/// Rows of a matrix, `stride` elements apart.
struct Strided<'a, T> {
    left: &'a [T],
    stride: usize,
    columns: usize,
}

// SAFETY: `matmul` has checked that all rows lie in `left`; the results of different rows are `columns` apart.
unsafe impl<T: Element> Rows<T> for Strided<'_, T> {
    fn inputs(&self, row: usize, taps: &mut [Address<T>]) {
        taps[0] = Address(self.left[row * self.stride..].as_ptr());
    }
    fn output(&self, row: usize) -> usize {
        row * self.columns
    }
}

/// `result = epilogue(left * weight^T)`: `left` is `[rows, channels]` with rows `stride` apart, `result` is
/// `[rows, columns]`.
///
/// # Panics
/// When a slice's length does not match the shapes, or the weight is that of a convolution.
pub fn matmul<T: Element>(
    left: &[T],
    rows: usize,
    stride: usize,
    weight: &PackedMatrix<T>,
    epilogue: &Epilogue<'_, T>,
    result: &mut [T],
) {
    let (channels, columns) = (weight.channels, weight.columns());
    assert_eq!(weight.taps, 1, "matmul with the weight of a convolution");
    assert!(stride >= channels, "matmul: rows of {channels} elements lie {stride} apart");
    let needed = if rows == 0 { 0 } else { (rows - 1) * stride + channels };
    assert!(left.len() >= needed, "matmul: left of {} elements, needs {needed}", left.len());
    assert_eq!(result.len(), rows * columns, "matmul: result [{rows}, {columns}]");
    epilogue.check(rows, weight.columns, result.len());
    multiply(weight, &Strided { left, stride, columns }, rows, epilogue, result);
}
