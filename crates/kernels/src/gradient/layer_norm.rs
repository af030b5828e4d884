//! Computes the gradients of a layer norm with respect to its input, weight and bias, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input, gradient of the result, gradient of the input | `[rows, C]` |
//! | weight, gradients of weight and bias | `[C]` |
//!
//! With `n = (x - mean) / deviation` and `g` the gradient times the weight, the input gradient is `(g - mean(g) - n *
//! mean(g * n)) / deviation`. Statistics are recomputed while the row is in L1 cache. Each task sums the weight and
//! bias gradients over its rows; the sums of the tasks are added in a fixed order.

use crate::gradient::column_sums::column_sums;
use crate::memory::buffer::Buffer;
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::dispatch;
use crate::simd::element::{load, store};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per task.
const TASK: usize = 32 * 1024;

/// Output: gradients of the operands of a norm.
#[derive(Debug)]
pub struct NormGradients<'a> {
    /// In the shape of the input.
    pub input: &'a mut [f32],
    /// `[C]`
    pub weight: &'a mut [f32],
    /// `[C]`
    pub bias: &'a mut [f32],
}

/// Gradients of [`layer_norm`](crate::layer_norm) of `input` with `weight`, from the gradient of the result.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn layer_norm_gradient(
    cpu: Cpu,
    input: &[f32],
    weight: &[f32],
    epsilon: f64,
    gradient: &[f32],
    result: NormGradients<'_>,
) {
    let channels = weight.len();
    assert_eq!(gradient.len(), input.len(), "layer_norm_gradient: gradient");
    assert_eq!(result.input.len(), input.len(), "layer_norm_gradient: result");
    assert_eq!([result.weight.len(), result.bias.len()], [channels; 2], "layer_norm_gradient: parameters");
    if input.is_empty() {
        result.weight.fill(0.0);
        result.bias.fill(0.0);
        return;
    }
    assert!(channels > 0 && input.len().is_multiple_of(channels), "layer_norm_gradient: {} of {channels}", input.len());
    let each = (TASK / channels).max(1) * channels;
    let tasks = input.len().div_ceil(each);
    let mut sums = Buffer::<f32>::zeros(tasks * 2 * channels);
    let (shared, shared_sums) = (Shared::new(result.input), Shared::new(&mut sums));
    for_each_task(tasks, |task| {
        let range = task * each..input.len().min((task + 1) * each);
        // SAFETY: each task has its own range of the result, as long as its range of the input, and its own
        // `2 * channels` sums.
        let (result, sums) = unsafe {
            (
                std::slice::from_raw_parts_mut(shared.pointer().add(range.start), range.len()),
                std::slice::from_raw_parts_mut(shared_sums.pointer().add(task * 2 * channels), 2 * channels),
            )
        };
        let (input, gradient) = (&input[range.clone()], &gradient[range]);
        // SAFETY: the slices have the sizes that `Rows` requires.
        unsafe { dispatch(cpu, Rows { input, gradient, weight, epsilon: epsilon as f32, result, sums }) };
    });
    let mut both = vec![0.0; 2 * channels];
    column_sums(cpu, &sums, &mut both);
    result.weight.copy_from_slice(&both[..channels]);
    result.bias.copy_from_slice(&both[channels..]);
}

/// Processes whole rows: `input`, `gradient`, `result` are `[rows, C]`, `weight` is `[C]`, `sums` is `[2, C]`,
/// initially zero.
struct Rows<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    result: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (channels, inverse) = (self.weight.len(), 1.0 / self.weight.len() as f32);
        debug_assert!(self.gradient.len() == self.input.len() && self.result.len() == self.input.len());
        debug_assert!(self.sums.len() == 2 * channels);
        let rows = self.input.chunks_exact(channels).zip(self.gradient.chunks_exact(channels));
        for ((input, gradient), result) in rows.zip(self.result.chunks_exact_mut(channels)) {
            let (x, dy, weight) = (input.as_ptr(), gradient.as_ptr(), self.weight.as_ptr());
            let (of_weight, of_bias) = (self.sums.as_mut_ptr(), self.sums[channels..].as_mut_ptr());
            // SAFETY: every pointer is valid for `channels` elements, and `vectors` yields only ranges within them.
            unsafe {
                // 1. Mean, then variance. The row is in L1 cache.
                let mut sum = S::splat(0.0);
                for (c, n) in vectors::<S>(channels) {
                    sum = S::add(sum, load::<S, f32>(x.add(c), n));
                }
                let mean = S::sum(sum) * inverse;
                let means = S::splat(mean);
                let mut squares = S::splat(0.0);
                for (c, n) in vectors::<S>(channels) {
                    let off = S::sub(load::<S, f32>(x.add(c), n), means);
                    // Lanes past the end of the row hold `-mean` and must not count.
                    squares =
                        if n == S::LANES { S::mul_add(off, off, squares) } else { add_some::<S>(squares, off, n) };
                }
                let scale = 1.0 / (S::sum(squares) * inverse + self.epsilon).sqrt();
                let scales = S::splat(scale);
                // 2. Sums of the row, and its contribution to the gradients of the parameters.
                let (mut plain, mut along) = (S::splat(0.0), S::splat(0.0));
                for (c, n) in vectors::<S>(channels) {
                    let normal = S::mul(S::sub(load::<S, f32>(x.add(c), n), means), scales);
                    let dy = load::<S, f32>(dy.add(c), n);
                    let g = S::mul(dy, load::<S, f32>(weight.add(c), n));
                    plain = S::add(plain, g);
                    along = S::mul_add(g, normal, along);
                    store::<S, f32>(of_weight.add(c), S::mul_add(dy, normal, load::<S, f32>(of_weight.add(c), n)), n);
                    store::<S, f32>(of_bias.add(c), S::add(dy, load::<S, f32>(of_bias.add(c), n)), n);
                }
                // 3. The gradient of the row.
                let (plain, along) = (S::splat(S::sum(plain) * inverse), S::splat(S::sum(along) * inverse));
                for (c, n) in vectors::<S>(channels) {
                    let normal = S::mul(S::sub(load::<S, f32>(x.add(c), n), means), scales);
                    let g = S::mul(load::<S, f32>(dy.add(c), n), load::<S, f32>(weight.add(c), n));
                    let rest = S::sub(S::sub(g, plain), S::mul(normal, along));
                    store::<S, f32>(result.as_mut_ptr().add(c), S::mul(rest, scales), n);
                }
            }
        }
    }
}

/// The start and length of each vector of a row. A plain loop over it keeps the SIMD target features; a closure might
/// be compiled without them.
#[inline(always)]
fn vectors<S: Simd>(channels: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..channels).step_by(S::LANES).map(move |c| (c, S::LANES.min(channels - c)))
}

/// Adds the squares of the first `n` lanes.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
unsafe fn add_some<S: Simd>(sum: S::F, x: S::F, n: usize) -> S::F {
    let mut lanes = [0.0_f32; 16];
    // SAFETY: `n < LANES <= 16`.
    unsafe {
        S::store_some(lanes.as_mut_ptr(), x, n);
        let x = S::load(lanes.as_ptr());
        S::mul_add(x, x, sum)
    }
}
