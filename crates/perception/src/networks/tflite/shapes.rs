//! Implements the shape rules of TensorFlow Lite and ONNX: windows and padding, broadcasting, and the conversion of
//! `[N, H, W, C]` to `[N, C, H, W]`.

use super::{Fault, Result};

/// The position of axis `axis` of `[N, H, W, C]` in `[N, C, H, W]`.
pub(crate) const CHANNELS_FIRST: [usize; 4] = [0, 2, 3, 1];

/// The ONNX shape of a value. Rank 4 moves its channels forward; other ranks stay.
pub(crate) fn onnx_shape(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [n, h, w, c] => vec![n, c, h, w],
        _ => shape.to_vec(),
    }
}

/// The ONNX axis of axis `axis` (negative counts from the end) of a value of rank `rank`.
pub(crate) fn onnx_axis(axis: i64, rank: usize) -> Result<usize> {
    let found = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(found).ok().filter(|found| *found < rank);
    let found =
        found.ok_or_else(|| Fault::malformed(format!("axis {axis} does not exist in a value of rank {rank}")))?;
    Ok(if rank == 4 { CHANNELS_FIRST[found] } else { found })
}

/// Moves the axes of a rank 4 array: result axis `i` is source axis `order[i]`.
pub(crate) fn transposed(values: &[f32], shape: [usize; 4], order: [usize; 4]) -> Vec<f32> {
    let mut strides = [1; 4];
    for axis in (0..3).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    let [a, b, c, d] = order;
    let mut result = Vec::with_capacity(values.len());
    for i in 0..shape[a] {
        for j in 0..shape[b] {
            for k in 0..shape[c] {
                let start = i * strides[a] + j * strides[b] + k * strides[c];
                result.extend((0..shape[d]).map(|l| values[start + l * strides[d]]));
            }
        }
    }
    result
}

/// The shape of an elementwise result.
pub(crate) fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>> {
    let rank = left.len().max(right.len());
    let side = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |index| shape[index]);
    let sides = (0..rank).map(|axis| match (side(left, axis), side(right, axis)) {
        (a, b) if a == b || b == 1 => Ok(a),
        (1, b) => Ok(b),
        _ => Err(Fault::malformed(format!("shapes {left:?} and {right:?} cannot be broadcast"))),
    });
    sides.collect()
}

/// The padding rule of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// The result has `ceil(side / stride)` cells.
    Same,
    /// The window never leaves the picture.
    Valid,
}

/// A window along one axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
}

/// Cells added before and after an axis, and the length of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) length: usize,
}

/// Largest size or stride of a window, which keeps all sums far from overflow.
const MAX_WINDOW: usize = 1 << 12;

impl Window {
    /// Computes the window along `side` cells.
    pub(crate) fn place(self, side: usize, padding: Padding) -> Result<Placed> {
        let Self { kernel, stride, dilation } = self;
        if [kernel, stride, dilation].iter().any(|value| !(1..=MAX_WINDOW).contains(value)) {
            return Err(Fault::malformed(format!("invalid window {self:?}")));
        }
        let reach = (kernel - 1) * dilation + 1;
        match padding {
            Padding::Valid if reach > side => {
                Err(Fault::malformed(format!("a window of size {reach} exceeds an axis of length {side}")))
            }
            Padding::Valid => Ok(Placed { before: 0, after: 0, length: (side - reach) / stride + 1 }),
            Padding::Same => {
                let length = side.div_ceil(stride);
                let total = ((length - 1) * stride + reach).saturating_sub(side);
                Ok(Placed { before: total / 2, after: total - total / 2, length })
            }
        }
    }

    /// Computes a transposed window that spreads `side` cells.
    pub(crate) fn spread(self, side: usize, padding: Padding) -> Result<Placed> {
        let Self { kernel, stride, dilation } = self;
        if dilation != 1 || [kernel, stride].iter().any(|value| !(1..=MAX_WINDOW).contains(value)) {
            return Err(Fault::malformed(format!("invalid transposed window {self:?}")));
        }
        let full = (side - 1) * stride + kernel;
        match padding {
            Padding::Valid => Ok(Placed { before: 0, after: 0, length: full }),
            Padding::Same if kernel < stride => Err(Fault::unsupported("a transposed window smaller than its stride")),
            Padding::Same => {
                let total = full - side * stride;
                Ok(Placed { before: total / 2, after: total - total / 2, length: side * stride })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_by_hand() {
        let check = |side, kernel, stride, padding, expected: [usize; 3]| {
            let [before, after, length] = expected;
            let placed = Window { kernel, stride, dilation: 1 }.place(side, padding).unwrap();
            assert_eq!(placed, Placed { before, after, length }, "{side} cells, window {kernel} by {stride}");
        };
        check(224, 3, 2, Padding::Same, [0, 1, 112]);
        check(8, 3, 1, Padding::Same, [1, 1, 8]);
        check(226, 3, 2, Padding::Valid, [0, 0, 112]);
        check(5, 2, 2, Padding::Same, [0, 1, 3]);
        let window = |stride| Window { kernel: 3, stride, dilation: 1 };
        assert!(window(1).place(2, Padding::Valid).is_err());
        assert!(window(0).place(8, Padding::Same).is_err());
        let doubled = Window { kernel: 2, stride: 2, dilation: 1 }.spread(128, Padding::Same).unwrap();
        assert_eq!(doubled, Placed { before: 0, after: 0, length: 256 });
    }

    #[test]
    fn axes_and_shapes_by_hand() {
        assert_eq!(onnx_shape(&[1, 2, 3, 4]), [1, 4, 2, 3]);
        assert_eq!(onnx_axis(-1, 4).unwrap(), 1);
        assert_eq!(onnx_axis(1, 3).unwrap(), 1);
        assert!(onnx_axis(4, 4).is_err());
        assert_eq!(broadcast(&[1, 4, 4, 8], &[8]).unwrap(), [1, 4, 4, 8]);
        assert!(broadcast(&[3], &[2]).is_err());
        // One row of two pixels with three channels.
        let planar = transposed(&[1., 2., 3., 4., 5., 6.], [1, 1, 2, 3], [0, 3, 1, 2]);
        assert_eq!(planar, [1., 4., 2., 5., 3., 6.]);
    }
}
