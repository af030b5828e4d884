//! Implements the GEMM micro-kernel: a register tile of up to `ROWS` rows by `NV` vectors of accumulators, which stay
//! in registers along the whole summed axis.
//!
//! | operand | layout |
//! |---|---|
//! | left, [`Left::Rows`] | one pointer per row and segment, summed axis contiguous: `[segment][ROWS]` pointers |
//! | left, [`Left::Column`] | rows contiguous (one step of each), summed axis strided: `stride` elements per step |
//! | right | packed: `[step][NV * LANES][STEP]` |
//! | sums | `[row][NV * LANES]` f32 |
//!
//! Every matmul of the crate uses this micro-kernel: linear layers, convolutions (a segment is a tap) and both matmuls
//! of attention. The order in which a row is summed does not depend on the height of its tile. Source: indirect
//! convolution, Dukhan 2019 (arXiv 1907.02129); register tiles as in BLIS.
#![expect(clippy::needless_range_loop, reason = "rows and vectors of a tile are counted, in step with pointers")]

use crate::simd::element::Native;
use crate::simd::vector::{Kernel, Simd};

/// A run of the summed axis: `len` elements that start `offset` elements after the row pointers of index `pointers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) pointers: usize,
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// How the rows of the left operand are addressed.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a, T> {
    /// `pointers[segment.pointers * height + row]`.
    Rows { pointers: *const *const T, height: usize, segments: &'a [Segment] },
    /// Row `r` at step `s`: `base + s * stride + r * STEP`.
    Column { base: *const T, stride: usize, steps: usize },
}

/// One tile of at most [`height`] rows.
pub(crate) struct Tile<'a, T, const NV: usize> {
    pub(crate) rows: usize,
    pub(crate) left: Left<'a, T>,
    pub(crate) right: *const T,
    pub(crate) sums: *mut f32,
    /// Whether to accumulate into `sums` instead of overwriting it.
    pub(crate) add: bool,
    /// Memory that will be needed soon, or null. While the tile is computed, it prefetches as many bytes as the rows
    /// have.
    pub(crate) ahead: *const T,
}

/// The height of the next tile when `rows` rows are left. It gives the fewest tiles, of nearly equal height.
#[inline(always)]
pub(crate) fn even_height<S: Simd>(rows: usize) -> usize {
    let each = rows.div_ceil(rows.div_ceil(S::ROWS).max(1));
    if each == height::<S>(each) { each } else { height::<S>(rows.min(each + 1)) }
}

/// The largest available tile height for `rows` rows.
#[inline(always)]
pub(crate) fn height<S: Simd>(rows: usize) -> usize {
    match rows.min(S::ROWS) {
        13.. => S::ROWS.min(14).min(rows) & !1,
        n @ (1..=4 | 6 | 8 | 10 | 12) => n,
        n => n - 1,
    }
}

impl<T: Native, const NV: usize> Tile<'_, T, NV> {
    /// Computes the tile.
    ///
    /// # Safety
    /// The CPU supports `S`. `rows` is a value of [`height`]. `left` and `right` are readable, and `sums` is writable,
    /// over the ranges given by the table in the module documentation.
    #[inline(always)]
    pub(crate) unsafe fn compute<S: Simd>(self) {
        debug_assert!(self.rows == height::<S>(self.rows), "tile of {} rows", self.rows);
        macro_rules! by_height {
            ($($rows:literal)*) => {
                match self.rows {
                    // SAFETY: the caller upholds the contract.
                    $($rows if $rows <= S::ROWS => unsafe { S::call(Fixed::<T, NV, $rows>(self)) },)*
                    _ => unreachable!("tile of {} rows", self.rows),
                }
            };
        }
        by_height!(14 12 10 8 6 4 3 2 1);
    }
}

struct Fixed<'a, T, const NV: usize, const R: usize>(Tile<'a, T, NV>);

impl<T: Native, const NV: usize, const R: usize> Kernel for Fixed<'_, T, NV, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let tile = self.0;
        // SAFETY: the contract of `Tile::compute`; each pointer stays in the ranges listed there.
        unsafe {
            let mut sums = [[S::splat(0.0); NV]; R];
            if tile.add {
                for r in 0..R {
                    for v in 0..NV {
                        sums[r][v] = S::load(tile.sums.add((r * NV + v) * S::LANES));
                    }
                }
            }
            let (mut right, mut ahead) = (tile.right, tile.ahead);
            match tile.left {
                Left::Rows { pointers, height, segments } => {
                    for segment in segments {
                        let mut rows = [std::ptr::null(); R];
                        for r in 0..R {
                            rows[r] = (*pointers.add(segment.pointers * height + r)).add(segment.offset);
                        }
                        right = rows_by_panel::<S, T, NV, R>(&mut sums, rows, segment.len, right, ahead);
                        ahead = ahead.wrapping_add(R * segment.len);
                    }
                }
                Left::Column { base, stride, steps } => {
                    let mut base = base;
                    for _ in 0..steps {
                        step::<S, T, NV, R>(&mut sums, right, |r| base.add(r * T::STEP));
                        base = base.wrapping_add(stride);
                        right = right.add(NV * S::LANES * T::STEP);
                    }
                }
            }
            for r in 0..R {
                for v in 0..NV {
                    S::store(tile.sums.add((r * NV + v) * S::LANES), sums[r][v]);
                }
            }
        }
    }
}

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Unrolled steps. Row pointers are loaded once for all of them.
const UNROLL: usize = 4;

/// Adds the matmul of `len` elements of each row with the panel. Returns the end of the panel range it has read.
///
/// # Safety
/// As for [`Tile::compute`].
#[inline(always)]
unsafe fn rows_by_panel<S: Simd, T: Native, const NV: usize, const R: usize>(
    sums: &mut [[S::F; NV]; R],
    rows: [*const T; R],
    len: usize,
    mut right: *const T,
    ahead: *const T,
) -> *const T {
    let width = NV * S::LANES * T::STEP;
    let mut k = 0;
    // SAFETY: `k + UNROLL * STEP <= len` (then `k + STEP`, then one element), and a panel row exists for each step.
    unsafe {
        while k + UNROLL * T::STEP <= len {
            for u in 0..UNROLL {
                step::<S, T, NV, R>(sums, right.add(u * width), |r| rows[r].add(k + u * T::STEP));
            }
            if !ahead.is_null() {
                let bytes = R * UNROLL * T::STEP * size_of::<T>();
                for line in (0..bytes).step_by(LINE) {
                    S::prefetch(ahead.wrapping_add(R * k).cast::<u8>().wrapping_add(line));
                }
            }
            k += UNROLL * T::STEP;
            right = right.add(UNROLL * width);
        }
        while k + T::STEP <= len {
            step::<S, T, NV, R>(sums, right, |r| rows[r].add(k));
            k += T::STEP;
            right = right.add(width);
        }
        if k < len {
            for r in 0..R {
                let a = T::broadcast_one::<S>(rows[r].add(k));
                for v in 0..NV {
                    let b = T::operand::<S>(right.add(v * S::LANES * T::STEP));
                    sums[r][v] = T::multiply_add::<S>(sums[r][v], a, b);
                }
            }
            right = right.add(width);
        }
    }
    right
}

/// One step of the summed axis for the whole tile.
///
/// # Safety
/// As for [`Tile::compute`]; `left` points to `STEP` readable elements.
#[inline(always)]
unsafe fn step<S: Simd, T: Native, const NV: usize, const R: usize>(
    sums: &mut [[S::F; NV]; R],
    right: *const T,
    left: impl Fn(usize) -> *const T,
) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let mut b = [T::operand::<S>(right); NV];
        for v in 1..NV {
            b[v] = T::operand::<S>(right.add(v * S::LANES * T::STEP));
        }
        for r in 0..R {
            let a = T::broadcast::<S>(left(r));
            for v in 0..NV {
                sums[r][v] = T::multiply_add::<S>(sums[r][v], a, b[v]);
            }
        }
    }
}
