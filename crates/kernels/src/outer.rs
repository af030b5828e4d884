//! Sums over rows of outer products: what the gradient of a weight is.
//!
//! | operand | shape |
//! |---|---|
//! | left | `[rows, M]` |
//! | right | `[rows, columns]`, given panel by panel: `[rows of a chunk][2 * LANES]` |
//! | result | `[M, columns]` |
//!
//! A task is a panel of columns times a range of `M`; it goes through all rows in their order, a chunk at a time, so that a
//! chunk of the panel stays in the nearest cache. The left side's part of a tile is copied there too: its rows often lie a
//! multiple of the page apart, and would push each other out.

use std::ops::Range;

use crate::buffer::{Scratch, with_scratch};
use crate::epilogue::load;
use crate::group_norm::store;
use crate::isa::Cpu;
use crate::micro::{Left, Tile, even_height};
use crate::partition::for_each_task;
use crate::simd::{Kernel, Simd, dispatch, shape};

/// Rows of a chunk.
const CHUNK: usize = 256;
/// Tasks that a sum is cut into at least, where it is large enough.
const TASKS: usize = 16;
/// Elements of `M` that a task has at least, if there are as many: each costs as much as it does to fill a row of the panel.
const LEAST: usize = 24;

/// Sums of `left^T * right`: `fill(rows, column, panel)` writes those rows of the right side from `column` on, `2 * LANES` each
/// with zeros behind the last column; `store(row, column, sums)` receives each row of the result, a panel at a time.
pub(crate) fn outer(
    cpu: Cpu,
    left: &[f32],
    [rows, height, columns]: [usize; 3],
    fill: impl Fn(Range<usize>, usize, &mut [f32]) + Sync + Send,
    store: impl Fn(usize, usize, &[f32]) + Sync + Send,
) {
    assert_eq!(left.len(), rows * height, "outer: left [{rows}, {height}]");
    let (lanes, tile) = shape(cpu);
    let width = 2 * lanes;
    let panels = columns.div_ceil(width);
    if panels == 0 || height == 0 {
        return;
    }
    let blocks = TASKS.div_ceil(panels).min(height / LEAST).max(1);
    let block = height.div_ceil(blocks);
    let blocks = height.div_ceil(block);
    for_each_task(panels * blocks, |task| {
        let (column, first) = (task % panels * width, task / panels * block);
        let count = block.min(height - first);
        let lengths = [CHUNK * width, count * width, CHUNK * tile];
        with_scratch(lengths.map(Scratch::bytes::<f32>).iter().sum(), |mut scratch| {
            let [panel, sums, copy] = lengths.map(|length| scratch.take::<f32>(length));
            sums.fill(0.0);
            for start in (0..rows).step_by(CHUNK) {
                let chunk = start..rows.min(start + CHUNK);
                let steps = chunk.len();
                fill(chunk, column, &mut panel[..steps * width]);
                let left = &left[start * height + first..];
                // SAFETY: `left` has `steps` rows, `height` apart, of which `count` elements are read; `panel` has as many
                // steps, `sums` as many rows; `copy` has room for a tile of them.
                unsafe { dispatch(cpu, Chunk { left, stride: height, steps, panel, copy, sums }) };
            }
            let last = width.min(columns - column);
            for (row, sums) in sums.chunks_exact(width).enumerate() {
                store(first + row, column, &sums[..last]);
            }
        });
    });
}

/// Adds the products of a chunk to the sums: `left` `[steps, ..]` with rows `stride` apart, `panel` `[steps, 2 * LANES]`, `sums`
/// `[count, 2 * LANES]`.
struct Chunk<'a> {
    left: &'a [f32],
    stride: usize,
    steps: usize,
    panel: &'a [f32],
    /// `[steps, rows of a tile]`
    copy: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { left, stride, steps, panel, copy, sums } = self;
        let width = 2 * S::LANES;
        let count = sums.len() / width;
        debug_assert!(steps == 0 || left.len() >= (steps - 1) * stride + count, "outer: left");
        debug_assert!(panel.len() >= steps * width, "outer: panel");
        let mut at = 0;
        while at < count {
            let rows = even_height::<S>(count - at);
            debug_assert!(copy.len() >= steps * rows, "outer: copy");
            // SAFETY: elements `at..at + rows` of each row of `left` exist, and as many rows of sums.
            unsafe {
                for step in 0..steps {
                    for row in (0..rows).step_by(S::LANES) {
                        let n = S::LANES.min(rows - row);
                        let x = load::<S, f32>(left.as_ptr().add(step * stride + at + row), n);
                        store::<S, f32>(copy.as_mut_ptr().add(step * rows + row), x, n);
                    }
                }
                let left = Left::Column { base: copy.as_ptr(), stride: rows, steps };
                let sums = sums.as_mut_ptr().add(at * width);
                Tile::<f32, 2> { rows, left, right: panel.as_ptr(), sums, add: true, ahead: std::ptr::null() }
                    .compute::<S>();
            }
            at += rows;
        }
    }
}

/// Copies a short run; the lengths that whole panels have are copied without a call.
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
        8 => fixed::<8>(to, from),
        _ => false,
    };
    if !done {
        to.copy_from_slice(from);
    }
}
