//! Sums the columns of a matrix. The column sums of a gradient are the gradient of a bias. They are also used to add up
//! partial gradients.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[rows, columns]` |
//! | result | `[columns]` |
//!
//! Chunks of rows are summed in parallel. The sums of the chunks are then added in a fixed order.
#![expect(clippy::needless_range_loop, reason = "vectors are counted, in step with pointers")]

use crate::memory::buffer::Buffer;
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::dispatch;
use crate::simd::element::{load, store};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per chunk.
const PIECE: usize = 32 * 1024;
/// Minimum rows per chunk, so that there are far fewer chunks than rows.
const ROWS: usize = 16;

/// Sums each column of `input`. `result.len()` is the number of columns.
///
/// # Panics
/// When `input` is not a whole number of rows.
pub fn column_sums(cpu: Cpu, input: &[f32], result: &mut [f32]) {
    let columns = result.len();
    if columns == 0 || input.is_empty() {
        assert!(input.is_empty(), "column_sums: {} elements, no column", input.len());
        result.fill(0.0);
        return;
    }
    assert!(input.len().is_multiple_of(columns), "column_sums: {} elements of {columns} columns", input.len());
    let piece = (PIECE / columns).max(ROWS) * columns;
    let pieces = input.len().div_ceil(piece);
    if pieces == 1 {
        // SAFETY: the slices have the sizes that `Sums` requires.
        unsafe { dispatch(cpu, Sums { input, result }) };
        return;
    }
    let mut parts = Buffer::<f32>::zeros(pieces * columns);
    let shared = Shared::new(&mut parts);
    for_each_task(pieces, |task| {
        let input = &input[task * piece..input.len().min((task + 1) * piece)];
        // SAFETY: each task has its own `columns` elements of `parts`, which outlives the tasks.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * columns), columns) };
        // SAFETY: the slices have the sizes that `Sums` requires.
        unsafe { dispatch(cpu, Sums { input, result }) };
    });
    column_sums(cpu, &parts, result);
}

/// `input` is `[rows, columns]`, `result` is `[columns]`.
struct Sums<'a> {
    input: &'a [f32],
    result: &'a mut [f32],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let columns = self.result.len();
        let rows = self.input.len() / columns;
        let mut column = 0;
        while column < columns {
            let left = columns - column;
            // SAFETY: the columns from `column` that a call covers exist, in each row and in the result.
            unsafe {
                let (input, result) = (self.input.as_ptr().add(column), self.result.as_mut_ptr().add(column));
                if left >= 4 * S::LANES {
                    sums::<S, 4>(input, rows, columns, S::LANES, result);
                    column += 4 * S::LANES;
                } else {
                    let n = S::LANES.min(left);
                    sums::<S, 1>(input, rows, columns, n, result);
                    column += n;
                }
            }
        }
    }
}

/// Sums of `NV` vectors of columns. A single vector has `n` columns.
///
/// # Safety
/// The CPU supports `S`. Each of `rows` rows, `stride` apart, and the result have these columns.
#[inline(always)]
unsafe fn sums<S: Simd, const NV: usize>(input: *const f32, rows: usize, stride: usize, n: usize, result: *mut f32) {
    let n = if NV > 1 { S::LANES } else { n };
    // SAFETY: the caller upholds the contract.
    unsafe {
        let mut sums = [S::splat(0.0); NV];
        for row in 0..rows {
            for v in 0..NV {
                sums[v] = S::add(sums[v], load::<S, f32>(input.add(row * stride + v * S::LANES), n));
            }
        }
        for v in 0..NV {
            store::<S, f32>(result.add(v * S::LANES), sums[v], n);
        }
    }
}
