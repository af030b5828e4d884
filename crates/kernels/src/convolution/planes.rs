//! Convolves planes `[C, H, W]` where each result plane depends on only a few source planes, above all depthwise
//! convolution.
//!
//! A GEMM would not be efficient for this case. Instead, the planes of a group are copied with zero padding, and their
//! columns are sorted by their remainder modulo the stride. Every tap is then a contiguous load. Each weight is used
//! for four rows at once.

use crate::simd::dispatch::dispatch;
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Result rows computed with one load of a weight.
const ROWS: usize = 4;
/// Lanes of the widest vector of any instruction set.
const WIDEST: usize = 16;

/// Sizes of a convolution of planes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneGeometry {
    /// Number of source planes and of result planes.
    pub channels: [usize; 2],
    /// Groups of planes that do not mix; equal to the number of channels when depthwise.
    pub groups: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Stride along both axes.
    pub stride: usize,
    /// Zero padding above and to the left. Below and to the right there is as much padding as the result needs.
    pub before: [usize; 2],
    /// Rows and columns of a source plane.
    pub source: [usize; 2],
    /// Rows and columns of a result plane.
    pub result: [usize; 2],
    /// Results are clamped to this range; infinite bounds do nothing.
    pub range: [f32; 2],
}

impl PlaneGeometry {
    fn check(&self) {
        let [channels, filters] = self.channels;
        assert!(self.groups > 0 && self.stride > 0, "{self:?}");
        assert!(channels.is_multiple_of(self.groups) && filters.is_multiple_of(self.groups), "{self:?}");
    }

    /// Taps of a kernel over the planes of a group.
    fn taps(&self) -> usize {
        self.channels[0] / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Rows of a padded plane, and row pitch for each column remainder.
    fn padded(&self) -> [usize; 2] {
        let rows = self.result[0].next_multiple_of(ROWS) - 1;
        let columns = self.result[1].next_multiple_of(WIDEST) + (self.kernel[1] - 1) / self.stride;
        [rows * self.stride + self.kernel[0], columns]
    }

    /// Offset of each tap of a group in the padded planes, relative to the position of the result cell.
    fn offsets(&self) -> Vec<usize> {
        let ([rows, pitch], [height, width]) = (self.padded(), self.kernel);
        let place = |tap: usize| {
            let (plane, y, x) = (tap / (height * width), tap / width % height, tap % width);
            ((plane * self.stride + x % self.stride) * rows + y) * pitch + x / self.stride
        };
        (0..self.taps()).map(place).collect()
    }

    /// Copies one source plane into a zero-padded one.
    fn pad(&self, source: &[f32], padded: &mut [f32]) {
        let [rows, pitch] = self.padded();
        let [top, left] = self.before;
        for (y, row) in source.chunks_exact(self.source[1]).enumerate().take(rows.saturating_sub(top)) {
            for remainder in 0..self.stride {
                // The first column whose padded position has this remainder.
                let first = (remainder + self.stride - left % self.stride) % self.stride;
                let start = (first + left) / self.stride;
                if first >= row.len() || start >= pitch {
                    continue;
                }
                let target = &mut padded[(remainder * rows + y + top) * pitch..][start..pitch];
                if self.stride == 1 {
                    let count = target.len().min(row.len());
                    target[..count].copy_from_slice(&row[..count]);
                } else {
                    let cells = row[first..].iter().step_by(self.stride);
                    target.iter_mut().zip(cells).for_each(|(target, cell)| *target = *cell);
                }
            }
        }
    }
}

/// Convolves planes on the calling thread. `weight` is `[filters, channels / groups, rows, columns]`; `bias` has one
/// element per filter.
///
/// # Panics
/// When a slice's length does not match the geometry, or the groups do not divide the channels.
pub fn convolve_planes(
    cpu: Cpu,
    input: &[f32],
    geometry: &PlaneGeometry,
    weight: &[f32],
    bias: &[f32],
    result: &mut [f32],
) {
    geometry.check();
    let ([channels, filters], taps) = (geometry.channels, geometry.taps());
    let (source, cells) = (geometry.source.iter().product::<usize>(), geometry.result.iter().product::<usize>());
    assert_eq!([input.len(), weight.len()], [channels * source, filters * taps], "source and weights of {geometry:?}");
    assert_eq!([bias.len(), result.len()], [filters, filters * cells], "biases and results of {geometry:?}");
    if result.is_empty() {
        return;
    }
    let (mixed, made) = (channels / geometry.groups, filters / geometry.groups);
    let padded_plane = geometry.stride * geometry.padded().iter().product::<usize>();
    let mut padded = vec![0.0; mixed * padded_plane];
    let offsets = geometry.offsets();
    for group in 0..geometry.groups {
        let planes = input[group * mixed * source..].chunks_exact(source.max(1));
        for (plane, padded) in planes.zip(padded.chunks_exact_mut(padded_plane)) {
            geometry.pad(plane, padded);
        }
        for filter in group * made..(group + 1) * made {
            let plane = Plane {
                geometry,
                padded: &padded,
                offsets: &offsets,
                weight: &weight[filter * taps..][..taps],
                bias: bias[filter],
                result: &mut result[filter * cells..][..cells],
            };
            // SAFETY: the slices have the sizes of the geometry, checked above; `offsets` lie in `padded`.
            unsafe { dispatch(cpu, plane) };
        }
    }
}

/// One result plane.
struct Plane<'a> {
    geometry: &'a PlaneGeometry,
    padded: &'a [f32],
    offsets: &'a [usize],
    weight: &'a [f32],
    bias: f32,
    result: &'a mut [f32],
}

impl Kernel for Plane<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let [height, width] = self.geometry.result;
        let step = self.geometry.stride * self.geometry.padded()[1];
        // SAFETY: for every tap, padded rows extend `ROWS` result rows and one widest vector beyond the last cell.
        // Stores end with the row.
        unsafe {
            let (low, high) = (S::splat(self.geometry.range[0]), S::splat(self.geometry.range[1]));
            for y in (0..height).step_by(ROWS) {
                for x in (0..width).step_by(S::LANES) {
                    let from = self.padded.as_ptr().add(y * step + x);
                    let mut sums = [S::splat(self.bias); ROWS];
                    for (offset, weight) in self.offsets.iter().zip(self.weight) {
                        let weight = S::splat(*weight);
                        for (row, sum) in sums.iter_mut().enumerate() {
                            *sum = S::mul_add(S::load(from.add(offset + row * step)), weight, *sum);
                        }
                    }
                    for (row, sum) in sums.into_iter().enumerate().take(height - y) {
                        let to = self.result.as_mut_ptr().add((y + row) * width + x);
                        // This operand order preserves NaN.
                        let clamped = S::min(high, S::max(low, sum));
                        if x + S::LANES <= width {
                            S::store(to, clamped)
                        } else {
                            S::store_some(to, clamped, width - x)
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(input: &[f32], of: &PlaneGeometry, weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let ([_, filters], [rows, columns]) = (of.channels, of.result);
        let (mixed, made, taps) = (of.channels[0] / of.groups, filters / of.groups, of.taps());
        let mut result = Vec::new();
        for index in 0..filters * rows * columns {
            let (filter, y, x) = (index / (rows * columns), index / columns % rows, index % columns);
            let mut sum = bias[filter];
            for tap in 0..taps {
                let (plane, ky, kx) =
                    (tap / (of.kernel[0] * of.kernel[1]), tap / of.kernel[1] % of.kernel[0], tap % of.kernel[1]);
                let (row, column) =
                    ((y * of.stride + ky).wrapping_sub(of.before[0]), (x * of.stride + kx).wrapping_sub(of.before[1]));
                if row < of.source[0] && column < of.source[1] {
                    let plane = filter / made * mixed + plane;
                    sum += weight[filter * taps + tap] * input[(plane * of.source[0] + row) * of.source[1] + column];
                }
            }
            result.push(sum.clamp(of.range[0], of.range[1]));
        }
        result
    }

    #[test]
    fn agrees_with_plain_loops() {
        let numbers = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|index| ((index * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
        };
        let check = |channels: [usize; 2], groups, kernel, stride, before, source, result| {
            for range in [[f32::NEG_INFINITY, f32::INFINITY], [0.0, 0.5]] {
                let of = PlaneGeometry { channels, groups, kernel, stride, before, source, result, range };
                let input = numbers(channels[0] * source[0] * source[1], 1);
                let (weight, bias) = (numbers(channels[1] * of.taps(), 2), numbers(channels[1], 3));
                let expected = plain(&input, &of, &weight, &bias);
                for cpu in Cpu::available() {
                    let mut found = vec![9.0; expected.len()];
                    convolve_planes(cpu, &input, &of, &weight, &bias, &mut found);
                    for (found, expected) in found.iter().zip(&expected) {
                        assert!((found - expected).abs() < 1e-5, "{of:?} on {cpu:?}: {found}, not {expected}");
                    }
                }
            }
        };
        check([3, 3], 3, [3, 3], 1, [1, 1], [9, 11], [9, 11]);
        check([2, 2], 2, [5, 5], 1, [2, 2], [8, 8], [8, 8]);
        check([2, 2], 2, [3, 3], 2, [0, 0], [34, 34], [16, 16]);
        check([2, 2], 2, [3, 3], 2, [1, 1], [9, 7], [5, 4]);
        check([2, 4], 2, [5, 5], 2, [1, 1], [16, 32], [8, 16]);
        check([8, 1], 1, [3, 3], 1, [1, 1], [6, 40], [6, 40]);
        check([2, 2], 2, [2, 3], 3, [0, 1], [7, 20], [3, 7]);
        check([1, 1], 1, [3, 3], 1, [1, 1], [1, 1], [1, 1]);
    }

    #[test]
    fn a_nan_stays() {
        let range = [0.0, 6.0];
        let (one, two) = ([1, 1], [1, 2]);
        let of = PlaneGeometry {
            channels: one,
            groups: 1,
            kernel: one,
            stride: 1,
            before: [0, 0],
            source: two,
            result: two,
            range,
        };
        for cpu in Cpu::available() {
            let mut found = [0.0; 2];
            convolve_planes(cpu, &[f32::NAN, 9.0], &of, &[1.0], &[0.0], &mut found);
            assert!(found[0].is_nan() && found[1] == 6.0, "{found:?}");
        }
    }
}
