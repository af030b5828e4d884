//! Attention along time: every pixel's tokens over the frames of a clip, read and written where they lie in the video.
//!
//! | operand | shape |
//! |---|---|
//! | query, keys, values, result | `[B, N, pixels, heads * D]` |
//!
//! A pixel's tokens are `pixels * heads * D` elements apart, so nothing is transposed. A task is a run of pixels, all heads.

use crate::attention_block::{PARTS, Queries, Tokens, VECTORS, attend};
use crate::attention_memory::Memory;
use crate::buffer::with_scratch;
use crate::element::Element;
use crate::isa::Cpu;
use crate::partition::{Shared, for_each_task};
use crate::simd::{Kernel, Simd, shape};

/// Pixels of a task.
const PIXELS: usize = 32;

/// Sizes of a temporal attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// Clips.
    pub batch: usize,
    /// Frames of a clip.
    pub frames: usize,
    /// Pixels of a frame.
    pub pixels: usize,
    /// Heads.
    pub heads: usize,
    /// Elements of a token in one head, `D`.
    pub width: usize,
}

/// Attention of every pixel's frames over each other; scores are multiplied by `scale`, usually `1 / sqrt(D)`.
///
/// # Panics
/// When a slice does not have the size that `clip` asks for, or `scale` is not positive.
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
    let result = Shared::new(result);
    for_each_task(batch * runs, |task| {
        let (clip_start, first) = (task / runs * frames * pixels * heads * width, task % runs * PIXELS);
        let run = first..pixels.min(first + PIXELS);
        with_scratch(Memory::<T>::bytes(width, lanes), |mut scratch| {
            let memory = Memory::take(&mut scratch, width, lanes);
            let task = Task { query, keys, values, result, clip, clip_start, run, scale, memory };
            // SAFETY: tasks write different pixels or clips.
            unsafe { T::temporal(cpu, task) };
        });
    });
}

pub(crate) struct Task<'a, T> {
    query: &'a [T],
    keys: &'a [T],
    values: &'a [T],
    result: Shared<T>,
    clip: Clip,
    clip_start: usize,
    run: std::ops::Range<usize>,
    scale: f32,
    memory: Memory<'a, T>,
}

impl<T: Element> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let Clip { frames, pixels, heads, width, .. } = self.clip;
        let stride = pixels * heads * width;
        for pixel in self.run {
            for head in 0..heads {
                let start = self.clip_start + (pixel * heads + head) * width;
                let (keys, values) = (self.keys[start..].as_ptr(), self.values[start..].as_ptr());
                let tokens = [Tokens { keys, values, stride, len: frames }];
                let mut first = 0;
                while first < frames {
                    let from = start + first * stride;
                    let one = frames - first <= S::LANES;
                    let most = if one { S::LANES } else { PARTS * VECTORS * S::LANES };
                    let count = most.min(frames - first);
                    // SAFETY: `from` is the token of a frame of the clip, so in range; `count` frames are left from it. The
                    // memory is for `VECTORS * LANES` lanes.
                    unsafe {
                        let (query, result) = (self.query[from..].as_ptr(), self.result.pointer().add(from));
                        let queries = Queries { query, result, stride, count };
                        if one {
                            attend::<S, T, 1>(queries, &tokens, width, self.scale, &mut self.memory);
                        } else {
                            attend::<S, T, VECTORS>(queries, &tokens, width, self.scale, &mut self.memory);
                        }
                    }
                    first += count;
                }
            }
        }
    }
}
