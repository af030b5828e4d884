//! Computes the gradients of nearest upsampling by two followed by a 3x3 convolution, with respect to weight and input,
//! in f32.
//!
//! | operand | shape |
//! |---|---|
//! | input | `[B, H, W, C_in]` |
//! | weight | `[C_out, C_in, 3, 3]` |
//! | gradient of the result | `[B, 2H, 2W, C_out]` |
//!
//! The weight gradient is computed like that of a convolution, but its input cells are read from the map before
//! upsampling. The input gradient is the gradient of the upsampled map, summed over the four cells that correspond to
//! each input cell.

use crate::convolution::packed_convolution::Geometry;
use crate::gradient::convolution::{Convolved, input_gradient, weight_sums};
use crate::memory::buffer::Buffer;
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::isa::Cpu;

fn convolved([batch, height, width]: [usize; 3], [inputs, outputs]: [usize; 2]) -> Convolved {
    Convolved { input: [batch, 2 * height, 2 * width], inputs, outputs, geometry: Geometry::same(3, 1) }
}

/// The gradient of the weight, `[C_out, C_in, 3, 3]`. `size` is `[B, H, W]` of the input, `channels` is
/// `[C_in, C_out]`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn upsample_weight_gradient(
    cpu: Cpu,
    size: [usize; 3],
    channels: [usize; 2],
    input: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) {
    weight_sums(cpu, &convolved(size, channels), 1, input, gradient, result);
}

/// The gradient of the input, `[B, H, W, C_in]`. `size` and `channels` are as in [`upsample_weight_gradient`].
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn upsample_input_gradient(
    cpu: Cpu,
    size: [usize; 3],
    channels: [usize; 2],
    weight: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) {
    let ([batch, height, width], [inputs, _]) = (size, channels);
    assert_eq!(
        result.len(),
        batch * height * width * inputs,
        "upsample_input_gradient: result of {size:?}, {channels:?}"
    );
    let mut large = Buffer::<f32>::zeros(4 * result.len());
    input_gradient(cpu, &convolved(size, channels), weight, gradient, &mut large);
    let row = width * inputs;
    let shared = Shared::new(result);
    for_each_task(if row == 0 { 0 } else { batch * height }, |task| {
        // SAFETY: each task has its own row of the result.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * row), row) };
        let (upper, lower) = large[4 * task * row..4 * (task + 1) * row].split_at(2 * row);
        let cells = upper.chunks_exact(2 * inputs).zip(lower.chunks_exact(2 * inputs));
        for (result, (upper, lower)) in result.chunks_exact_mut(inputs).zip(cells) {
            let ((a, b), (c, d)) = (upper.split_at(inputs), lower.split_at(inputs));
            for (channel, result) in result.iter_mut().enumerate() {
                *result = (a[channel] + b[channel]) + (c[channel] + d[channel]);
            }
        }
    });
}
