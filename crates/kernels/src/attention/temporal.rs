//! Computes temporal attention: for every pixel, attention over the frames of a clip, in the video's own memory layout.
//!
//! | operand | shape |
//! |---|---|
//! | query, keys, values, result | `[B, N, pixels, heads * D]` |
//!
//! The video is not transposed. The tokens of one pixel are `pixels * heads * D` elements apart. This distance is often
//! a multiple of the page size, so the tokens would map to the same cache sets and evict each other. The tokens of a
//! few pixels are therefore first copied into contiguous memory, which touches each cache line of the video once. The
//! results are copied back in the same way. A task covers a run of pixels with all heads.

use crate::attention::block::{Tokens, VECTORS, attend};
use crate::attention::memory::{Memory, PARTS, Queries};
use crate::memory::buffer::{Scratch, with_scratch};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::dispatch::shape;
use crate::simd::element::Element;
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Pixels per task.
const PIXELS: usize = 32;
/// Approximate bytes of neighbouring tokens copied at once.
const RUN: usize = 4096;
/// Approximate bytes of all copies.
const COPIES: usize = 512 * 1024;

/// Sizes of a temporal attention op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// Number of clips.
    pub batch: usize,
    /// Frames per clip.
    pub frames: usize,
    /// Pixels per frame.
    pub pixels: usize,
    /// Number of heads.
    pub heads: usize,
    /// Elements of a token in one head, `D`.
    pub width: usize,
}

/// Attention of every pixel over the frames of its clip. Scores are multiplied by `scale`, usually `1 / sqrt(D)`.
///
/// # Panics
/// When a slice's length does not match `clip`, or `scale` is not positive.
pub fn temporal_attention<T: Element>(
    cpu: Cpu,
    [query, keys, values]: [&[T]; 3],
    clip: Clip,
    scale: f32,
    result: &mut [T],
) {
    let Clip { batch, frames, pixels, heads, width } = clip;
    assert!(scale > 0.0, "temporal_attention: scale {scale}");
    let sizes = [query, keys, values, result].map(|slice| slice.len());
    assert_eq!(sizes, [batch * frames * pixels * heads * width; 4], "temporal_attention: {clip:?}");
    if result.is_empty() {
        return;
    }
    let lanes = VECTORS * shape(cpu).0;
    let runs = pixels.div_ceil(PIXELS);
    let token = heads * width;
    let bytes = token * size_of::<T>();
    let together = (RUN / bytes).min(COPIES / (4 * frames * bytes)).clamp(1, PIXELS);
    // The gap keeps the row length from being a multiple of a cache size.
    let row = together * token + 64 / size_of::<T>();
    let result = Shared::new(result);
    for_each_task(batch * runs, |task| {
        let (clip_start, first) = (task / runs * frames * pixels * heads * width, task % runs * PIXELS);
        let run = first..pixels.min(first + PIXELS);
        with_scratch(Memory::<T>::bytes(width, lanes) + 4 * Scratch::bytes::<T>(frames * row), |mut scratch| {
            let memory = Memory::take(&mut scratch, width, lanes);
            let copies = std::array::from_fn(|_| scratch.take(frames * row));
            let task = Task {
                videos: [query, keys, values],
                result,
                clip,
                clip_start,
                run,
                scale,
                memory,
                copies,
                row,
                together,
            };
            // SAFETY: tasks write different pixels or clips.
            unsafe { run_pixels(cpu, task) };
        });
    });
}

pub(crate) struct Task<'a, T> {
    videos: [&'a [T]; 3],
    result: Shared<T>,
    clip: Clip,
    clip_start: usize,
    run: std::ops::Range<usize>,
    scale: f32,
    memory: Memory<'a, T>,
    /// Query, keys, values and result, `[frames, row]` each. A row holds the tokens of `together` pixels and a gap.
    copies: [&'a mut [T]; 4],
    row: usize,
    together: usize,
}

compiled!(fn run_pixels(Task));

impl<T: Element> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Clip { frames, pixels, heads, width, .. } = self.clip;
        let (token, row, together, mut memory) = (heads * width, self.row, self.together, self.memory);
        let [query, keys, values, result] = self.copies;
        let mut first = self.run.start;
        while first < self.run.end {
            let count = together.min(self.run.end - first) * token;
            let place = |frame: usize| self.clip_start + (frame * pixels + first) * token;
            for (copy, video) in [&mut *query, &mut *keys, &mut *values].into_iter().zip(self.videos) {
                for (frame, copy) in copy.chunks_exact_mut(row).enumerate() {
                    copy[..count].copy_from_slice(&video[place(frame)..][..count]);
                }
            }
            for head in (0..count).step_by(width) {
                let tokens =
                    [Tokens { keys: keys[head..].as_ptr(), values: values[head..].as_ptr(), stride: row, len: frames }];
                let mut frame = 0;
                while frame < frames {
                    let one = frames - frame <= S::LANES;
                    let most = if one { S::LANES } else { PARTS * VECTORS * S::LANES };
                    let at = frame * row + head;
                    let (query, result) = (query[at..].as_ptr(), result[at..].as_mut_ptr());
                    let logs = std::ptr::null_mut();
                    let queries = Queries { query, result, logs, stride: row, count: most.min(frames - frame) };
                    // SAFETY: `count` frames are left; every copy has `frames` rows, with a token at `head` in each.
                    // The memory was taken for `VECTORS * LANES` lanes.
                    unsafe {
                        if one {
                            attend::<S, T, 1>(queries, &tokens, width, self.scale, &mut memory);
                        } else {
                            attend::<S, T, VECTORS>(queries, &tokens, width, self.scale, &mut memory);
                        }
                    }
                    frame += queries.count;
                }
            }
            for (frame, copy) in result.chunks_exact(row).enumerate() {
                // SAFETY: `place` is inside the clip, as for the query, and no other task writes these pixels.
                unsafe { std::ptr::copy_nonoverlapping(copy.as_ptr(), self.result.pointer().add(place(frame)), count) };
            }
            first += together;
        }
    }
}
