//! Packs weights once, in the order in which tiles read them.
//!
//! | level | layout |
//! |---|---|
//! | source | `weight(column, tap, channel)`; a linear layer has one tap |
//! | summed axis | chunks of at most `CHUNK` steps of channels; in each chunk all taps; in each tap the channels of the chunk |
//! | packed | `[panel][step][2 * LANES][STEP]`; columns and odd channel counts are zero-padded |
//!
//! In a GEGLU matrix, the first vector of a panel holds values and the second vector their gates.

use std::ops::Range;

use rayon::prelude::*;

use crate::matmul::micro_kernel::Segment;
use crate::memory::buffer::Buffer;
use crate::memory::pack_file::{CHUNK, Mapping, PackFileError, Panels};
use crate::simd::dispatch::shape;
use crate::simd::element::Element;
use crate::simd::isa::Cpu;

/// Steps after which sums are written to memory. The panel range of so many steps stays in L1 or L2 cache.
const BLOCK: usize = 512;

/// A weight matrix, or the weights of a convolution, packed for one instruction set.
pub struct PackedMatrix<T: Element> {
    pub(crate) cpu: Cpu,
    pub(crate) columns: usize,
    pub(crate) taps: usize,
    pub(crate) channels: usize,
    pub(crate) gated: bool,
    /// Result columns per panel.
    pub(crate) panel_columns: usize,
    /// Elements per panel.
    pub(crate) panel_len: usize,
    pub(crate) blocks: Vec<Block>,
    data: Panels<T>,
}

/// Segments whose sums stay in registers, and the offset of their range in a panel.
pub(crate) struct Block {
    pub(crate) segments: Vec<Segment>,
    pub(crate) start: usize,
}

impl<T: Element> PackedMatrix<T> {
    /// Packs the weight of a linear layer, `[columns, channels]` as in checkpoints.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn linear(cpu: Cpu, weight: &[T], columns: usize, channels: usize) -> Self {
        assert_eq!(weight.len(), columns * channels, "linear weight [{columns}, {channels}]");
        Self::pack(cpu, [columns, 1, channels], false, |column, _, channel| weight[column * channels + channel])
    }

    /// Packs the weight of a GEGLU layer, `[2 * width, channels]`: values, then gates. The result of the matmul has
    /// `width` columns.
    ///
    /// # Panics
    /// When `weight` has the wrong length.
    pub fn geglu(cpu: Cpu, weight: &[T], width: usize, channels: usize) -> Self {
        assert_eq!(weight.len(), 2 * width * channels, "GEGLU weight [2 * {width}, {channels}]");
        Self::pack(cpu, [2 * width, 1, channels], true, |column, _, channel| weight[column * channels + channel])
    }

    /// Columns of the matmul's result.
    pub fn columns(&self) -> usize {
        if self.gated { self.columns / 2 } else { self.columns }
    }

    /// The instruction set that the matrix is packed for. Matmuls with it run on the same set.
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Packs `weight(column, tap, channel)`. With `gated`, the second half of the columns are the gates of the first
    /// half.
    pub(crate) fn pack(
        cpu: Cpu,
        sizes: [usize; 3],
        gated: bool,
        weight: impl Fn(usize, usize, usize) -> T + Sync,
    ) -> Self {
        let [packed] = Self::pack_many(cpu, sizes, gated, |column, tap, channel| [weight(column, tap, channel)]);
        packed
    }

    /// Packs `M` matrices of the same sizes. `weights(column, tap, channel)` returns one element of each.
    pub(crate) fn pack_many<const M: usize>(
        cpu: Cpu,
        sizes: [usize; 3],
        gated: bool,
        weights: impl Fn(usize, usize, usize) -> [T; M] + Sync,
    ) -> [Self; M] {
        let layout = Self::without_numbers(cpu, sizes, gated);
        let (result, width) = (layout.columns(), 2 * shape(cpu).0);
        let mut data: [Buffer<T>; M] = std::array::from_fn(|_| Buffer::zeros(layout.len()));
        let mut panels: Vec<Vec<&mut [T]>> = (0..layout.panels()).map(|_| Vec::with_capacity(M)).collect();
        for data in &mut data {
            let parts = data.chunks_exact_mut(layout.panel_len.max(1));
            panels.iter_mut().zip(parts).for_each(|(panel, part)| panel.push(part));
        }
        panels.into_par_iter().enumerate().for_each(|(panel, mut parts)| {
            let source = |lane: usize| {
                let column = panel * layout.panel_columns + lane % layout.panel_columns;
                (column < result).then_some(column + if lane < layout.panel_columns { 0 } else { result })
            };
            let mut at = 0;
            for segment in layout.blocks.iter().flat_map(|block| &block.segments) {
                for lane in 0..width {
                    let Some(column) = source(lane) else { continue };
                    for k in 0..segment.len {
                        let place = at + (k / T::STEP * width + lane) * T::STEP + k % T::STEP;
                        let weights = weights(column, segment.pointers, segment.offset + k);
                        for (part, weight) in parts.iter_mut().zip(weights) {
                            part[place] = weight;
                        }
                    }
                }
                at += segment.len.next_multiple_of(T::STEP) * width;
            }
        });
        data.map(|data| Self { data: Panels::Owned(data), ..Self::without_numbers(cpu, sizes, gated) })
    }

    /// Maps a matrix that was packed earlier.
    pub(crate) fn mapped(cpu: Cpu, sizes: [usize; 3], gated: bool, file: &mut Mapping) -> Result<Self, PackFileError> {
        let mut packed = Self::without_numbers(cpu, sizes, gated);
        packed.data = file.take(packed.len())?;
        Ok(packed)
    }

    fn without_numbers(cpu: Cpu, [columns, taps, channels]: [usize; 3], gated: bool) -> Self {
        let (lanes, _) = shape(cpu);
        let width = 2 * lanes;
        let panel_columns = if gated { lanes } else { width };
        let blocks = blocks::<T>(taps, channels, width);
        let panel_len = blocks.last().map_or(0, |block| block.start + block.elements::<T>(width));
        let data = Panels::Owned(Buffer::zeros(0));
        Self { cpu, columns, taps, channels, gated, panel_columns, panel_len, blocks, data }
    }

    /// Number of elements in all panels.
    fn len(&self) -> usize {
        self.panels() * self.panel_len
    }

    /// The elements of all panels.
    pub(crate) fn numbers(&self) -> &[T] {
        &self.data
    }

    /// Number of panels.
    pub(crate) fn panels(&self) -> usize {
        self.columns().div_ceil(self.panel_columns)
    }

    /// `panel` from the start of `block` to its end.
    pub(crate) fn right(&self, panel: usize, block: &Block) -> &[T] {
        let start = panel * self.panel_len + block.start;
        &self.data[start..(panel + 1) * self.panel_len]
    }
}

impl Block {
    fn elements<T: Element>(&self, width: usize) -> usize {
        self.segments.iter().map(|segment| segment.len.next_multiple_of(T::STEP) * width).sum()
    }
}

/// Splits the summed axis into segments, and groups these into blocks. An empty axis gives one block without segments.
fn blocks<T: Element>(taps: usize, channels: usize, width: usize) -> Vec<Block> {
    let chunks = channels.div_ceil(CHUNK * T::STEP).max(1);
    let chunk = channels.div_ceil(chunks).next_multiple_of(T::STEP);
    let mut blocks = vec![Block { segments: vec![], start: 0 }];
    let mut steps = 0;
    let mut start = 0;
    for offset in (0..channels).step_by(chunk.max(1)) {
        for pointers in 0..taps {
            let Range { start: from, end } = offset..channels.min(offset + chunk);
            let segment = Segment { pointers, offset: from, len: end - from };
            let more = segment.len.div_ceil(T::STEP);
            if steps > 0 && steps + more > BLOCK {
                blocks.push(Block { segments: vec![], start });
                steps = 0;
            }
            steps += more;
            start += more * T::STEP * width;
            if let Some(block) = blocks.last_mut() {
                block.segments.push(segment);
            }
        }
    }
    blocks
}
