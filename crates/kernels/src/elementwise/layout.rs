//! Transposes to and from channels-last, concatenates, and converts between f32 and bf16.
//!
//! Each op reads and writes its data once, so memory bandwidth limits it. Each op takes about a thousandth of the time
//! of a convolution with 320 channels, and a tenth of the time of a normalisation.

use half::bf16;
use rayon::prelude::*;

use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::dispatch::dispatch;
use crate::simd::element::{Element, Native};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Columns per task.
const COLUMNS: usize = 64;
/// Elements per conversion task.
const PIECE: usize = 64 * 1024;

/// Transposes each of `batch` matrices: `input` is `[batch, rows, columns]`, `result` is `[batch, columns, rows]`.
///
/// With shape `[B, C, H * W]` it turns `[B, C, H, W]` into channels-last; with `[B, H * W, C]` it turns it back.
/// Subnormal bf16 values may become zero.
///
/// # Panics
/// When a slice's length does not match the shape.
pub fn transpose<T: Element>(cpu: Cpu, input: &[T], shape: [usize; 3], result: &mut [T]) {
    let [batch, rows, columns] = shape;
    assert_eq!(input.len(), batch * rows * columns, "transpose: input {shape:?}");
    assert_eq!(result.len(), input.len(), "transpose: result of {shape:?}");
    if input.is_empty() {
        return;
    }
    let blocks = columns.div_ceil(COLUMNS);
    let result = Shared::new(result);
    for_each_task(batch * blocks, |task| {
        let first = task % blocks * COLUMNS;
        let matrix = task / blocks * rows * columns;
        let input = &input[matrix..matrix + rows * columns];
        let task = Turn { input, result, matrix, size: [rows, columns], range: first..columns.min(first + COLUMNS) };
        // SAFETY: tasks have different matrices or columns, so they write different rows of the result.
        unsafe { run_turn(cpu, task) };
    });
}

/// Concatenates the rows of several matrices: `parts` of `[rows, columns_i]` into `result` `[rows, sum of columns_i]`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn concat_columns<T: Element>(parts: &[(&[T], usize)], rows: usize, result: &mut [T]) {
    let width: usize = parts.iter().map(|(_, columns)| columns).sum();
    assert_eq!(result.len(), rows * width, "concat_columns: result");
    for (part, columns) in parts {
        assert_eq!(part.len(), rows * columns, "concat_columns: [{rows}, {columns}]");
    }
    let each = (PIECE / width.max(1)).max(1);
    result.par_chunks_mut((each * width).max(1)).enumerate().for_each(|(task, result)| {
        for (row, result) in result.chunks_exact_mut(width).enumerate() {
            let mut at = 0;
            for (part, columns) in parts {
                let from = (task * each + row) * columns;
                result[at..at + columns].copy_from_slice(&part[from..from + columns]);
                at += columns;
            }
        }
    });
}

pub(crate) struct Turn<'a, T> {
    /// One matrix of shape `size`.
    input: &'a [T],
    result: Shared<T>,
    /// Offset of the matrix in the result.
    matrix: usize,
    size: [usize; 2],
    /// Columns to transpose.
    range: std::ops::Range<usize>,
}

compiled!(fn run_turn(Turn));

impl<T: Element> Kernel for Turn<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let ([rows, columns], lanes) = (self.size, S::LANES);
        debug_assert!(self.range.end <= columns && self.input.len() == rows * columns);
        // SAFETY: the matrix has `rows * columns` elements on both sides; squares and single elements stay inside it.
        unsafe {
            let to = self.result.pointer().add(self.matrix);
            for column in self.range.clone().step_by(lanes) {
                for row in (0..rows).step_by(lanes) {
                    let from = self.input.as_ptr().add(row * columns + column);
                    let to = to.add(column * rows + row);
                    if row + lanes <= rows && column + lanes <= self.range.end {
                        turn_square::<S, T>(from, columns, to, rows);
                        continue;
                    }
                    for r in 0..lanes.min(rows - row) {
                        for c in 0..lanes.min(self.range.end - column) {
                            *to.add(c * rows + r) = *from.add(r * columns + c);
                        }
                    }
                }
            }
        }
    }
}

/// Transposes a square of `LANES` by `LANES`, with rows `stride` elements apart.
///
/// # Safety
/// The CPU supports `S`; both squares are accessible.
#[inline(always)]
unsafe fn turn_square<S: Simd, T: Element>(from: *const T, from_stride: usize, to: *mut T, to_stride: usize) {
    let (mut wide, mut turned) = ([0.0_f32; 256], [0.0_f32; 256]);
    let row = S::LANES * size_of::<f32>();
    // SAFETY: the caller upholds the contract; the f32 squares have room for 16 by 16.
    unsafe {
        if size_of::<T>() == size_of::<f32>() {
            S::transpose(from.cast(), from_stride * 4, to.cast(), to_stride * 4);
            return;
        }
        for i in 0..S::LANES {
            S::store(wide.as_mut_ptr().add(i * S::LANES), T::load::<S>(from.add(i * from_stride)));
        }
        S::transpose(wide.as_ptr().cast(), row, turned.as_mut_ptr().cast(), row);
        for i in 0..S::LANES {
            T::store::<S>(to.add(i * to_stride), S::load(turned.as_ptr().add(i * S::LANES)));
        }
    }
}

/// Rounds f32 to bf16, to nearest with ties to even. NaN stays NaN; subnormals may become zero.
///
/// # Panics
/// When the slices differ in length.
pub fn narrow(cpu: Cpu, input: &[f32], result: &mut [bf16]) {
    convert(cpu, input, result);
}

/// Widens bf16 to f32. The conversion is exact.
///
/// # Panics
/// When the slices differ in length.
pub fn widen(cpu: Cpu, input: &[bf16], result: &mut [f32]) {
    convert(cpu, input, result);
}

fn convert<T: Native, U: Native>(cpu: Cpu, input: &[T], result: &mut [U]) {
    assert_eq!(input.len(), result.len(), "conversion");
    let shared = Shared::new(result);
    for_each_task(input.len().div_ceil(PIECE), |task| {
        let input = &input[task * PIECE..input.len().min((task + 1) * PIECE)];
        // SAFETY: each task has its own range of the result, as long as its range of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * PIECE), input.len()) };
        // SAFETY: the slices are equally long.
        unsafe { dispatch(cpu, Convert { input, result }) };
    });
}

struct Convert<'a, T, U> {
    input: &'a [T],
    result: &'a mut [U],
}

impl<T: Native, U: Native> Kernel for Convert<'_, T, U> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (count, from, to) = (self.input.len(), self.input.as_ptr(), self.result.as_mut_ptr());
        let full = count - count % S::LANES;
        // SAFETY: both slices have `count` elements; vectors end at `full` at the latest.
        unsafe {
            for at in (0..full).step_by(S::LANES) {
                U::store::<S>(to.add(at), T::load::<S>(from.add(at)));
            }
            if full < count {
                U::store_some::<S>(to.add(full), T::load_some::<S>(from.add(full), count - full), count - full);
            }
        }
    }
}
