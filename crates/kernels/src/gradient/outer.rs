//! Sums outer products over rows, `left^T * right`. Sums of outer products are the core of weight gradients.
//!
//! | operand | shape |
//! |---|---|
//! | left | `[rows, M]` |
//! | right | `[rows, columns]`, supplied one panel at a time: `[rows of a chunk][2 * LANES]` |
//! | result | `[M, columns]` |
//!
//! The left operand is packed once for all panels: the elements of a tile are contiguous, row after row. A task covers
//! a panel of columns and a block of `M`. The task processes all rows in order, one chunk at a time, so that the
//! panel's chunk stays in L1 cache.

use std::ops::Range;

use crate::matmul::micro_kernel::{Left, Tile, even_height};
use crate::memory::buffer::{Buffer, Scratch, with_scratch};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::{dispatch, shape};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Rows per chunk.
const CHUNK: usize = 256;
/// Minimum number of tasks, if the work is large enough.
const TASKS: usize = 16;
/// Minimum elements of `M` per task, if there are as many. Every task pays again for filling the rows of the panel.
const LEAST: usize = 24;

/// Sums of `left^T * right`. `fill(rows, column, panel)` writes the given rows of the right operand from `column` on,
/// `2 * LANES` elements each, with zeros after the last column. `store(row, column, sums)` receives each row of the
/// result, one panel at a time.
pub(crate) fn outer(
    cpu: Cpu,
    left: &[f32],
    [rows, height, columns]: [usize; 3],
    fill: impl Fn(Range<usize>, usize, &mut [f32]) + Sync + Send,
    store: impl Fn(usize, usize, &[f32]) + Sync + Send,
) {
    assert_eq!(left.len(), rows * height, "outer: left [{rows}, {height}]");
    let width = 2 * shape(cpu).0;
    let panels = columns.div_ceil(width);
    if panels == 0 || height == 0 {
        return;
    }
    let blocks = TASKS.div_ceil(panels).min(height / LEAST).max(1);
    let block = height.div_ceil(blocks);
    let blocks = height.div_ceil(block);
    let packed = packed(cpu, left, [rows, height, block]);
    for_each_task(panels * blocks, |task| {
        let (column, first) = (task % panels * width, task / panels * block);
        let count = block.min(height - first);
        let lengths = [CHUNK * width, count * width];
        with_scratch(lengths.map(Scratch::bytes::<f32>).iter().sum(), |mut scratch| {
            let [panel, sums] = lengths.map(|length| scratch.take::<f32>(length));
            sums.fill(0.0);
            let left = &packed[first * rows..][..count * rows];
            for start in (0..rows).step_by(CHUNK) {
                let chunk = start..rows.min(start + CHUNK);
                let panel = &mut panel[..chunk.len() * width];
                fill(chunk.clone(), column, panel);
                // SAFETY: `left` has the tiles of `count` elements for all rows, `panel` has a row for each row of the
                // chunk, and `sums` has one for each element.
                unsafe { dispatch(cpu, Chunk { left, rows, chunk, panel, sums }) };
            }
            let last = width.min(columns - column);
            for (row, sums) in sums.chunks_exact(width).enumerate() {
                store(first + row, column, &sums[..last]);
            }
        });
    });
}

/// The left operand `[rows, M]`, split into blocks of `block` elements and these into tiles of
/// `[rows, elements of the tile]`.
fn packed(cpu: Cpu, left: &[f32], [rows, height, block]: [usize; 3]) -> Buffer<f32> {
    let mut packed = Buffer::<f32>::zeros(rows * height);
    let shared = Shared::new(&mut packed);
    for_each_task(rows.div_ceil(CHUNK), |task| {
        let chunk = task * CHUNK..rows.min((task + 1) * CHUNK);
        for first in (0..height).step_by(block) {
            let count = block.min(height - first);
            // SAFETY: `first * rows..(first + count) * rows` is the block's range of the result; each task writes its
            // own rows of it.
            unsafe {
                let to = shared.pointer().add(first * rows);
                dispatch(cpu, Packing { left: &left[first..], height, count, rows, chunk: chunk.clone(), to });
            }
        }
    });
    packed
}

/// Packs the rows `chunk` of `count` elements. Rows of `left` are `height` apart; `to` is the start of the block.
struct Packing<'a> {
    left: &'a [f32],
    height: usize,
    count: usize,
    rows: usize,
    chunk: Range<usize>,
    to: *mut f32,
}

impl Kernel for Packing<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { left, height, count, rows, chunk, to } = self;
        debug_assert!(chunk.end <= rows && (rows == 0 || left.len() >= (rows - 1) * height + count), "packing: left");
        let mut at = 0;
        while at < count {
            let tile = even_height::<S>(count - at);
            for row in chunk.clone() {
                // SAFETY: `at + tile <= count`; the row lies in `left` and in the tile's range of the block.
                unsafe {
                    let from = left.as_ptr().add(row * height + at);
                    copy_few(from, to.add(at * rows + row * tile), tile);
                }
            }
            at += tile;
        }
    }
}

/// Copies the elements of one tile row. The usual counts are copied without a call.
///
/// # Safety
/// `count` elements are readable and writable, and do not overlap.
#[inline(always)]
unsafe fn copy_few(from: *const f32, to: *mut f32, count: usize) {
    // SAFETY: the caller upholds the contract; `[f32; N]` has the alignment of `f32`.
    unsafe {
        match count {
            4 => *to.cast::<[f32; 4]>() = *from.cast(),
            6 => *to.cast::<[f32; 6]>() = *from.cast(),
            8 => *to.cast::<[f32; 8]>() = *from.cast(),
            12 => *to.cast::<[f32; 12]>() = *from.cast(),
            14 => *to.cast::<[f32; 14]>() = *from.cast(),
            _ => std::ptr::copy_nonoverlapping(from, to, count),
        }
    }
}

/// Adds the outer products of the rows `chunk` to the sums. `left` is a packed block of all `rows`, `panel` is
/// `[chunk, 2 * LANES]`, `sums` is `[count, 2 * LANES]`.
struct Chunk<'a> {
    left: &'a [f32],
    rows: usize,
    chunk: Range<usize>,
    panel: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { left, rows, chunk, panel, sums } = self;
        let (width, steps) = (2 * S::LANES, chunk.len());
        let count = sums.len() / width;
        debug_assert!(chunk.end <= rows && left.len() == rows * count, "outer: left");
        debug_assert!(panel.len() >= steps * width, "outer: panel");
        let mut at = 0;
        while at < count {
            let tile = even_height::<S>(count - at);
            // SAFETY: the tile's elements of the chunk's rows lie in `left`, and as many rows lie in `sums`.
            unsafe {
                let base = left.as_ptr().add(at * rows + chunk.start * tile);
                let left = Left::Column { base, stride: tile, steps };
                let sums = sums.as_mut_ptr().add(at * width);
                Tile::<f32, 2> { rows: tile, left, right: panel.as_ptr(), sums, add: true, ahead: std::ptr::null() }
                    .compute::<S>();
            }
            at += tile;
        }
    }
}

/// Copies a short run. The lengths that occur in whole panels are copied without a call.
#[inline(always)]
pub(crate) fn copy_run(to: &mut [f32], from: &[f32]) {
    debug_assert_eq!(to.len(), from.len(), "copy_run");
    fn fixed<const N: usize>(to: &mut [f32], from: &[f32]) -> bool {
        match (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
            (Some(to), Some(from)) => {
                *to = *from;
                true
            }
            _ => false,
        }
    }
    let done = match to.len() {
        32 => fixed::<32>(to, from),
        16 => fixed::<16>(to, from),
        12 => fixed::<12>(to, from),
        8 => fixed::<8>(to, from),
        4 => fixed::<4>(to, from),
        _ => false,
    };
    if !done {
        to.copy_from_slice(from);
    }
}
