//! Computes the gradients of temporal attention with respect to queries, keys and values, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | query, keys, values, gradient of the result, all gradients | `[B, N, pixels, heads * D]` |
//!
//! As in `attention::temporal`, the tokens of a few pixels are copied into contiguous memory. The forward pass stores
//! nothing: a pixel has few frames, so the backward pass recomputes its result.

use crate::attention::block::{Tokens, VECTORS, attend};
use crate::attention::memory::{Memory, PARTS, Queries};
use crate::attention::temporal::Clip;
use crate::gradient::attention_block::{Attended, GradientMemory, attend_backward};
use crate::memory::buffer::{Scratch, with_scratch};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::{dispatch, shape};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Pixels per task.
const PIXELS: usize = 32;
/// Approximate bytes of neighbouring tokens copied at once.
const RUN: usize = 4096;
/// Approximate bytes of all copies.
const COPIES: usize = 512 * 1024;
/// Copies: query, keys, values and gradient, then the result and three gradients.
const ALL: usize = 8;

/// Output: gradients of the operands of a temporal attention, `[B, N, pixels, heads * D]` each.
#[derive(Debug)]
pub struct TemporalGradients<'a> {
    /// Gradient of the queries.
    pub query: &'a mut [f32],
    /// Gradient of the keys.
    pub keys: &'a mut [f32],
    /// Gradient of the values.
    pub values: &'a mut [f32],
}

/// Gradients of [`temporal_attention`](crate::temporal_attention) of the same operands and `scale`, from the gradient
/// of the result.
///
/// # Panics
/// When a slice's length does not match `clip`, or `scale` is not positive.
pub fn temporal_attention_gradient(
    cpu: Cpu,
    operands: [&[f32]; 3],
    clip: Clip,
    scale: f32,
    gradient: &[f32],
    result: TemporalGradients<'_>,
) {
    let Clip { batch, frames, pixels, heads, width } = clip;
    let TemporalGradients { query: of_query, keys: of_keys, values: of_values } = result;
    assert!(scale > 0.0, "temporal_attention_gradient: scale {scale}");
    let [query, keys, values] = operands;
    let sizes = [query, keys, values, gradient, of_query, of_keys, of_values].map(|slice| slice.len());
    assert_eq!(sizes, [batch * frames * pixels * heads * width; 7], "temporal_attention_gradient: {clip:?}");
    if gradient.is_empty() {
        return;
    }
    let vector = shape(cpu).0;
    let lanes = VECTORS * vector;
    let runs = pixels.div_ceil(PIXELS);
    let token = heads * width;
    let bytes = token * size_of::<f32>();
    let together = (RUN / bytes).min(COPIES / (ALL * frames * bytes)).clamp(1, PIXELS);
    // The gap keeps the row length from being a multiple of a cache size.
    let row = together * token + 64 / size_of::<f32>();
    let results = [of_query, of_keys, of_values].map(Shared::new);
    let needed = Memory::<f32>::bytes(width, lanes)
        + GradientMemory::bytes(width, lanes, vector, frames)
        + ALL * Scratch::bytes::<f32>(frames * row)
        + Scratch::bytes::<f32>(frames);
    for_each_task(batch * runs, |task| {
        let (clip_start, first) = (task / runs * frames * pixels * token, task % runs * PIXELS);
        with_scratch(needed, |mut scratch| {
            let task = Task {
                videos: [query, keys, values, gradient],
                results,
                clip,
                clip_start,
                run: first..pixels.min(first + PIXELS),
                scale,
                memory: Memory::take(&mut scratch, width, lanes),
                gradients: GradientMemory::take(&mut scratch, width, lanes, vector, frames),
                logs: scratch.take(frames),
                copies: std::array::from_fn(|_| scratch.take(frames * row)),
                row,
                together,
            };
            // SAFETY: tasks write different pixels or clips.
            unsafe { dispatch(cpu, task) };
        });
    });
}

struct Task<'a> {
    videos: [&'a [f32]; 4],
    results: [Shared<f32>; 3],
    clip: Clip,
    clip_start: usize,
    run: std::ops::Range<usize>,
    scale: f32,
    memory: Memory<'a, f32>,
    gradients: GradientMemory<'a>,
    logs: &'a mut [f32],
    /// `[frames, row]` each. A row holds the tokens of `together` pixels and a gap.
    copies: [&'a mut [f32]; ALL],
    row: usize,
    together: usize,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let Clip { frames, pixels, heads, width, .. } = self.clip;
        let (token, row, start) = (heads * width, self.row, self.clip_start);
        let mut first = self.run.start;
        while first < self.run.end {
            let count = self.together.min(self.run.end - first) * token;
            let place = |frame: usize| start + (frame * pixels + first) * token;
            for (copy, video) in self.copies.iter_mut().zip(self.videos) {
                for (frame, copy) in copy.chunks_exact_mut(row).enumerate() {
                    copy[..count].copy_from_slice(&video[place(frame)..][..count]);
                }
            }
            for head in (0..count).step_by(width) {
                // SAFETY: every copy has `frames` rows, with a token at `head` in each.
                unsafe {
                    if frames <= S::LANES {
                        self.head::<S, 1>(head);
                    } else {
                        self.head::<S, VECTORS>(head);
                    }
                }
            }
            for (copy, result) in self.copies[ALL - 3..].iter().zip(self.results) {
                for (frame, copy) in copy.chunks_exact(row).enumerate() {
                    // SAFETY: `place` is inside the clip, as for the query, and no other task writes these pixels.
                    unsafe { std::ptr::copy_nonoverlapping(copy.as_ptr(), result.pointer().add(place(frame)), count) };
                }
            }
            first += self.together;
        }
    }
}

impl Task<'_> {
    /// The gradients of one head of one pixel, at offset `head` in the rows of the copies.
    ///
    /// # Safety
    /// The CPU supports `S`; `head` is a valid offset.
    #[inline(always)]
    unsafe fn head<S: Simd, const NV: usize>(&mut self, head: usize) {
        let (Clip { frames, width, .. }, row, block) = (self.clip, self.row, PARTS * NV * S::LANES);
        let [query, keys, values, gradient, result, of_query, of_keys, of_values] = &mut self.copies;
        let tokens =
            [Tokens { keys: keys[head..].as_ptr(), values: values[head..].as_ptr(), stride: row, len: frames }];
        self.gradients.clear(0..frames, frames, [width, S::LANES]);
        for frame in (0..frames).step_by(block) {
            let (at, count) = (frame * row + head, block.min(frames - frame));
            let logs = self.logs[frame..].as_mut_ptr();
            let (query, result) = (query[at..].as_ptr(), result[at..].as_mut_ptr());
            let queries = Queries { query, result, logs, stride: row, count };
            let (gradient, of_query) = (gradient[at..].as_ptr(), of_query[at..].as_mut_ptr());
            let attended = Attended { query, result, logs, gradient, of_query, stride: row, count };
            // SAFETY: `count` frames are left; both memories were taken for `VECTORS * LANES` lanes, the second for
            // `frames` keys.
            unsafe {
                attend::<S, f32, NV>(queries, &tokens, width, self.scale, &mut self.memory);
                attend_backward::<S, NV>(attended, &tokens, frames, width, self.scale, &mut self.gradients);
            }
        }
        let to = [of_keys[head..].as_mut_ptr(), of_values[head..].as_mut_ptr()];
        // SAFETY: each of `frames` rows has a token at `head`.
        unsafe { self.gradients.write(0..frames, frames, [width, S::LANES], to, row) };
    }
}
