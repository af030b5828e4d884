//! Implements the loops around the register tile: a matmul of rows, addressed through pointers, with a packed matrix.
//!
//! A task covers a range of rows and a range of panels. The task loops over panels, then over blocks of the summed
//! axis, then over tiles of rows. The panel's block stays in L1 cache, and the rows stay in L2 cache. Between blocks,
//! sums are kept in f32.

use crate::matmul::epilogue::{Epilogue, TilePlace};
use crate::matmul::micro_kernel::{LINE, Left, Tile, height};
use crate::matmul::packed::PackedMatrix;
use crate::memory::buffer::{Address, Scratch, with_scratch};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::dispatch::shape;
use crate::simd::element::Element;
use crate::simd::vector::{Kernel, Simd};

/// Tiles in the row range of a task.
const TILES: usize = 16;
/// Minimum number of tasks of a matmul, if it is large enough.
const TASKS: usize = 16;
/// A task with fewer multiplications is not worth its overhead.
const SMALL: usize = 1 << 20;

/// Where the rows of a matmul are read from and where results are written.
///
/// # Safety
/// For every row below the count given to [`multiply`], `inputs` gives pointers to `channels` readable elements, and
/// `output` gives an offset at which the result has `columns` elements. Outputs of different rows do not overlap.
pub(crate) unsafe trait Rows<T>: Sync {
    /// Writes the pointer for each tap.
    fn inputs(&self, row: usize, taps: &mut [Address<T>]);
    /// The offset of the row in the result.
    fn output(&self, row: usize) -> usize;
}

/// `result = epilogue(rows * packed)`.
///
/// The caller has checked the epilogue against the shape.
pub(crate) fn multiply<T: Element>(
    packed: &PackedMatrix<T>,
    rows: &dyn Rows<T>,
    count: usize,
    epilogue: &Epilogue<'_, T>,
    result: &mut [T],
) {
    let (panels, (lanes, tile)) = (packed.panels(), shape(packed.cpu));
    if count == 0 || panels == 0 {
        return;
    }
    let row_blocks = count.div_ceil(tile * TILES);
    let row_block = count.div_ceil(row_blocks).next_multiple_of(tile);
    let row_blocks = count.div_ceil(row_block);
    let work = count * packed.columns * packed.taps * packed.channels;
    let groups = TASKS.div_ceil(row_blocks).min(work.div_ceil(SMALL)).clamp(1, panels);
    let group = panels.div_ceil(groups);
    let groups = panels.div_ceil(group);
    let result = Shared::new(result);
    for_each_task(row_blocks * groups, |task| {
        let (first, panel) = (task / groups * row_block, task % groups * group);
        let rows_end = count.min(first + row_block);
        let panels_end = panels.min(panel + group);
        let (range, panels) = (first..rows_end, panel..panels_end);
        let (len, taps) = (range.len() * 2 * lanes, packed.taps);
        let table = (range.len() + 1) * taps;
        let bytes =
            Scratch::bytes::<f32>(len) + Scratch::bytes::<Address<T>>(table) + Scratch::bytes::<usize>(range.len());
        with_scratch(bytes, |mut scratch| {
            let (sums, pointers, starts) = (scratch.take(len), scratch.take(table), scratch.take(range.len()));
            let task = Task { packed, rows, epilogue, result, range, panels, sums, pointers, starts };
            // SAFETY: tasks have disjoint ranges, so they write disjoint elements of `result`; the rest is guaranteed
            // by `Rows`.
            unsafe { run_tiles(packed.cpu, task) };
        });
    });
}

pub(crate) struct Task<'a, T: Element> {
    packed: &'a PackedMatrix<T>,
    rows: &'a dyn Rows<T>,
    epilogue: &'a Epilogue<'a, T>,
    result: Shared<T>,
    range: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
    /// `[rows of the range, 2 * LANES]`
    sums: &'a mut [f32],
    /// The taps of one row, then those of each tile of the range, tile after tile: `[tap][row of the tile]`.
    pointers: &'a mut [Address<T>],
    /// Offset in the result of each row of the range.
    starts: &'a mut [usize],
}

compiled!(fn run_tiles(Task));

impl<T: Element> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { packed, rows, epilogue, result, range, panels, sums, pointers, starts } = self;
        let (taps, width) = (packed.taps, 2 * S::LANES);
        let pointers = fill_pointers::<S, T>(rows, range.clone(), taps, pointers);
        starts.iter_mut().zip(range.clone()).for_each(|(start, row)| *start = rows.output(row));
        let first = panels.start;
        for panel in panels {
            let column = panel * packed.panel_columns;
            for (number, block) in packed.blocks.iter().enumerate() {
                let right = packed.right(panel, block).as_ptr();
                let last = number + 1 == packed.blocks.len();
                let mut at = 0;
                while at < range.len() {
                    let tile_rows = height::<S>(range.len() - at);
                    // With a single block, all tiles reuse one place for their sums, which stays in L1 cache.
                    let slot = if packed.blocks.len() == 1 { 0 } else { at };
                    let tile_sums = &mut sums[slot * width..(slot + tile_rows) * width];
                    if last {
                        // Prefetch the result and residual lines that the epilogue will access.
                        let residual = epilogue.residual.map_or(std::ptr::null(), <[T]>::as_ptr);
                        for start in &starts[at..at + tile_rows] {
                            for line in (0..packed.panel_columns * size_of::<T>()).step_by(LINE) {
                                let bytes = (start + column) * size_of::<T>() + line;
                                S::prefetch(result.pointer().cast::<u8>().wrapping_add(bytes));
                                if !residual.is_null() {
                                    S::prefetch(residual.cast::<u8>().wrapping_add(bytes));
                                }
                            }
                        }
                    }
                    // The first panel reads rows from memory, so prefetch the tile after the next.
                    let is_first = panel == first && taps == 1 && number == 0;
                    let ahead = pointers
                        .get((at + 2 * tile_rows) * taps)
                        .filter(|_| is_first && at + 3 * tile_rows <= range.len());
                    let ahead = ahead.map_or(std::ptr::null(), |row| row.0);
                    let left = Left::Rows {
                        pointers: pointers[at * taps..].as_ptr().cast(),
                        height: tile_rows,
                        segments: &block.segments,
                    };
                    let tile = Tile::<T, 2> {
                        rows: tile_rows,
                        left,
                        right,
                        sums: tile_sums.as_mut_ptr(),
                        add: number > 0,
                        ahead,
                    };
                    // SAFETY: the pointer table has `taps` pointers per row, each valid for `channels` elements; the
                    // panel has a row for each step of the block's segments; `tile_sums` has the size of the tile.
                    unsafe { tile.compute::<S>() };
                    if last {
                        let place = TilePlace {
                            row: range.start + at,
                            starts: &starts[at..at + tile_rows],
                            column,
                            columns: packed.columns,
                            gated: packed.gated,
                            result: result.pointer(),
                        };
                        // SAFETY: rows and columns are in range, and no other task writes them.
                        unsafe { epilogue.finish_tile::<S>(place, tile_sums.as_ptr()) };
                    }
                    at += tile_rows;
                }
            }
        }
    }
}

/// Fills the pointer table of a task. Returns the range that tiles read.
#[inline(always)]
fn fill_pointers<'a, S: Simd, T: Element>(
    rows: &dyn Rows<T>,
    range: std::ops::Range<usize>,
    taps: usize,
    pointers: &'a mut [Address<T>],
) -> &'a [Address<T>] {
    let (of_row, table) = pointers.split_at_mut(taps);
    let mut at = 0;
    while at < range.len() {
        let tile_rows = height::<S>(range.len() - at);
        for r in 0..tile_rows {
            rows.inputs(range.start + at + r, of_row);
            for (tap, pointer) in of_row.iter().enumerate() {
                table[at * taps + tap * tile_rows + r] = *pointer;
            }
        }
        at += tile_rows;
    }
    table
}
