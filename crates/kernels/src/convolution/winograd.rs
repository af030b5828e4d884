//! Implements Winograd convolution F(4x4, 3x3): a 3x3 convolution with a quarter of the multiplications.
//!
//! | array | layout |
//! |---|---|
//! | weights | 36 packed matrices `[C_out, C_in]`, f32: component `(i, j)` is `(G g G^T)[i][j]` |
//! | spread | `[component][tile][C_in]` f32: `B^T d B` of the 6x6 input pixels of each tile |
//! | products | `[component][panel][tile][2 * LANES]` f32: weights times spread |
//! | result | `A^T products A`, 4x4 pixels per tile, through the epilogue |
//!
//! All arithmetic is f32. bf16 maps are widened to f32 in the input transform, so the op is faster for bf16 maps than
//! the direct convolution and loses no precision. Packed weights take 36/9 of the memory of plain f32 weights. A task
//! computes all stages for a block of tiles, in scratch memory of its thread. The algorithm is from Lavin and Gray 2016
//! (arXiv 1509.09308). `winograd_transform` explains the interpolation points.

use std::ops::Range;

use crate::convolution::winograd_transform::{SEEN, SIDE, gather, spread, transformed_weight, weight_rows};
use crate::matmul::epilogue::{Epilogue, Place};
use crate::matmul::micro_kernel::{Left, Tile, even_height};
use crate::matmul::packed::PackedMatrix;
use crate::memory::buffer::{Scratch, with_scratch};
use crate::memory::pack_file::{Mapping, PackFileError, as_bytes};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::dispatch::shape;
use crate::simd::element::Element;
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Multiplications per tile and pair of channels.
const COMPONENTS: usize = SEEN * SEEN;
/// Approximate bytes of scratch memory per task.
const MEMORY: usize = 12 << 20;
/// Minimum number of tasks for a convolution, if it is large enough.
const TASKS: usize = 8;

/// Transformed weights of a 3x3 convolution.
pub(crate) struct Components(Vec<PackedMatrix<f32>>);

impl Components {
    /// Transforms `weight`, `[outputs, inputs, 3, 3]`. The caller has checked its length.
    pub(crate) fn new<T: Element>(cpu: Cpu, weight: &[T], outputs: usize, inputs: usize) -> Self {
        let rows = weight_rows();
        let components = PackedMatrix::pack_many(cpu, [outputs, 1, inputs], false, |output, _, input| {
            let kernel = &weight[(output * inputs + input) * 9..][..9];
            let transformed = transformed_weight(&rows, std::array::from_fn(|tap| kernel[tap].to_f32().into()));
            let components: [f32; COMPONENTS] = std::array::from_fn(|i| transformed.as_flattened()[i] as f32);
            components
        });
        Self(components.into())
    }

    /// Maps weights that were transformed earlier.
    pub(crate) fn mapped(cpu: Cpu, outputs: usize, inputs: usize, file: &mut Mapping) -> Result<Self, PackFileError> {
        let matrix = |_| PackedMatrix::mapped(cpu, [outputs, 1, inputs], false, file);
        Ok(Self((0..COMPONENTS).map(matrix).collect::<Result<_, _>>()?))
    }

    /// The packed elements of all matrices.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        self.0.iter().map(|matrix| as_bytes(matrix.numbers())).collect()
    }

    pub(crate) fn columns(&self) -> usize {
        self.0[0].columns
    }

    pub(crate) fn channels(&self) -> usize {
        self.0[0].channels
    }
}

/// A batch of feature maps, addressed as the convolution needs it.
pub(crate) struct Map<'a, T> {
    pub(crate) input: &'a [T],
    /// One zero per channel.
    pub(crate) zeros: &'a [T],
    /// Height and width after upsampling.
    pub(crate) size: [usize; 2],
    pub(crate) output_size: [usize; 2],
    /// Zero padding above and to the left.
    pub(crate) before: usize,
    /// Every input pixel stands for a square of `1 << enlarge` by `1 << enlarge` pixels.
    pub(crate) enlarge: u32,
}

impl<T> Map<'_, T> {
    fn tiles(&self) -> [usize; 2] {
        self.output_size.map(|pixels| pixels.div_ceil(SIDE))
    }

    /// Picture, first row and first column of a tile.
    fn place(&self, tile: usize) -> [usize; 3] {
        let [rows, columns] = self.tiles();
        [tile / (rows * columns), tile / columns % rows * SIDE, tile % columns * SIDE]
    }

    /// The 6x6 input pixels of a tile: pointers to their channels, or to zeros.
    fn seen(&self, tile: usize) -> [*const T; COMPONENTS] {
        let ([picture, y, x], [height, width]) = (self.place(tile), self.size);
        let channels = self.zeros.len();
        let mut pixels = [self.zeros.as_ptr(); COMPONENTS];
        for (i, pixel) in pixels.iter_mut().enumerate() {
            // A negative coordinate wraps to a number larger than any map.
            let (y, x) = ((y + i / SEEN).wrapping_sub(self.before), (x + i % SEEN).wrapping_sub(self.before));
            if y < height && x < width {
                let row = picture * (height >> self.enlarge) + (y >> self.enlarge);
                let at = row * (width >> self.enlarge) + (x >> self.enlarge);
                *pixel = self.input[at * channels..].as_ptr();
            }
        }
        pixels
    }
}

/// Sizes of a task's arrays, in f32. Planes have a small gap, so that equal positions of all 36 do not fall into one
/// cache set.
#[derive(Clone, Copy)]
struct Layout {
    /// Maximum number of tiles in a task.
    tiles: usize,
    /// Length of one tile in a plane of `spread`.
    spread_row: usize,
    spread_plane: usize,
    /// Length of one panel in a plane of `products`.
    panel: usize,
    product_plane: usize,
}

impl Layout {
    fn new(components: &Components, total: usize) -> Self {
        let (lanes, rows) = shape(components.0[0].cpu);
        let (spread_row, width) = (components.channels().next_multiple_of(lanes), 2 * lanes);
        let panels = components.0[0].panels();
        let each = COMPONENTS * size_of::<f32>() * (spread_row + panels * width);
        let most = (MEMORY / each.max(1)).min(total.div_ceil(TASKS).max(2 * rows));
        let tiles = if most > rows { most / rows * rows } else { most.max(1) }.min(total);
        let (spread_plane, panel) = (tiles * spread_row + lanes, tiles * width);
        Self { tiles, spread_row, spread_plane, panel, product_plane: panels * panel + width }
    }
}

/// `result = epilogue(map * components)`. The caller has checked all lengths against the shapes.
pub(crate) fn multiply<T: Element>(
    components: &Components,
    map: &Map<'_, T>,
    batch: usize,
    epilogue: &Epilogue<'_, T>,
    result: &mut [T],
) {
    let [rows, columns] = map.tiles();
    let total = batch * rows * columns;
    if total == 0 || result.is_empty() {
        return;
    }
    let layout = Layout::new(components, total);
    let result = Shared::new(result);
    for_each_task(total.div_ceil(layout.tiles), |task| {
        let tiles = task * layout.tiles..total.min((task + 1) * layout.tiles);
        let sizes = [layout.spread_plane, layout.product_plane].map(|plane| COMPONENTS * plane);
        with_scratch(sizes.map(Scratch::bytes::<f32>).iter().sum(), |mut scratch| {
            let [spread, products] = sizes.map(|size| scratch.take(size));
            let task = Task { components, map, epilogue, result, tiles, layout, spread, products };
            // SAFETY: tasks have different tiles, so they write different pixels; the caller has checked the lengths.
            unsafe { run_tiles(components.0[0].cpu, task) };
        });
    });
}

pub(crate) struct Task<'a, T: Element> {
    components: &'a Components,
    map: &'a Map<'a, T>,
    epilogue: &'a Epilogue<'a, T>,
    result: Shared<T>,
    tiles: Range<usize>,
    layout: Layout,
    spread: &'a mut [f32],
    products: &'a mut [f32],
}

compiled!(fn run_tiles(Task));

impl<T: Element> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        // SAFETY: the caller upholds the contract; `multiply` has sized the arrays by the layout.
        unsafe {
            self.spread::<S>();
            self.multiply::<S>();
            self.gather::<S>();
        }
    }
}

impl<T: Element> Task<'_, T> {
    /// Input transform.
    ///
    /// # Safety
    /// The CPU supports `S`.
    #[inline(always)]
    unsafe fn spread<S: Simd>(&mut self) {
        let Layout { spread_row, spread_plane, .. } = self.layout;
        let channels = self.map.zeros.len();
        for (number, tile) in self.tiles.clone().enumerate() {
            let pixels = self.map.seen(tile);
            for channel in (0..channels).step_by(S::LANES) {
                let n = S::LANES.min(channels - channel);
                let at = number * spread_row + channel;
                debug_assert!((COMPONENTS - 1) * spread_plane + at + S::LANES <= self.spread.len());
                // SAFETY: each pixel has `n` channels from `channel`; a row has room for whole vectors.
                unsafe { spread::<S, T>(&pixels, channel, n, self.spread.as_mut_ptr().add(at), spread_plane) };
            }
        }
    }

    /// One GEMM per component.
    ///
    /// # Safety
    /// The CPU supports `S`.
    #[inline(always)]
    unsafe fn multiply<S: Simd>(&mut self) {
        let Layout { spread_row, spread_plane, panel: panel_len, product_plane, .. } = self.layout;
        let width = 2 * S::LANES;
        for (component, matrix) in self.components.0.iter().enumerate() {
            let spread = self.spread[component * spread_plane..].as_ptr();
            for panel in 0..matrix.panels() {
                let products = &mut self.products[component * product_plane + panel * panel_len..][..panel_len];
                for (number, block) in matrix.blocks.iter().enumerate() {
                    let right = matrix.right(panel, block).as_ptr();
                    let mut at = 0;
                    while at < self.tiles.len() {
                        let rows = even_height::<S>(self.tiles.len() - at);
                        let mut pointers = [std::ptr::null(); 16];
                        for (r, pointer) in pointers.iter_mut().enumerate().take(rows) {
                            *pointer = spread.wrapping_add((at + r) * spread_row);
                        }
                        let left = Left::Rows { pointers: pointers.as_ptr(), height: rows, segments: &block.segments };
                        let sums = products[at * width..(at + rows) * width].as_mut_ptr();
                        let tile = Tile::<f32, 2> { rows, left, right, sums, add: number > 0, ahead: std::ptr::null() };
                        // SAFETY: each row has the channels of the block's segments; the panel has a step for each.
                        unsafe { tile.compute::<S>() };
                        at += rows;
                    }
                }
            }
        }
    }

    /// Output transform and epilogue.
    ///
    /// # Safety
    /// The CPU supports `S`.
    #[inline(always)]
    unsafe fn gather<S: Simd>(&mut self) {
        let Layout { panel: panel_len, product_plane, .. } = self.layout;
        let ([height, width], columns) = (self.map.output_size, self.components.columns());
        let mut sums = [0.0_f32; SIDE * SIDE * 32];
        for (number, tile) in self.tiles.clone().enumerate() {
            let [picture, y, x] = self.map.place(tile);
            for panel in 0..self.components.0[0].panels() {
                let column = panel * 2 * S::LANES;
                let at = panel * panel_len + number * 2 * S::LANES;
                debug_assert!((COMPONENTS - 1) * product_plane + at + 2 * S::LANES <= self.products.len());
                // SAFETY: every plane has two vectors at `at`; `sums` holds two vectors of at most 16 lanes for each
                // pixel.
                unsafe {
                    let products = self.products.as_ptr().add(at);
                    gather::<S>(products, product_plane, sums.as_mut_ptr());
                    if column + S::LANES < columns {
                        gather::<S>(products.add(S::LANES), product_plane, sums.as_mut_ptr().add(S::LANES));
                    }
                }
                for (i, sums) in sums.chunks_exact(2 * S::LANES).enumerate().take(SIDE * SIDE) {
                    let (y, x) = (y + i / SIDE, x + i % SIDE);
                    if y < height && x < width {
                        let row = (picture * height + y) * width + x;
                        let result = self.result.pointer();
                        let place = Place { row, column, columns, gated: false, result, at: row * columns };
                        // SAFETY: the pixel and the column exist, and no other task writes them.
                        unsafe { self.epilogue.finish::<S>(place, sums.as_ptr()) };
                    }
                }
            }
        }
    }
}
