//! Blends two feature maps spatially with one weight per cell (paper Eq. 3 and 4): `a = sigmoid(w . [x; y] + b)`, then
//! `x + (y - x) * a`. Each cell is read from memory once.
//!
//! | operand | shape |
//! |---|---|
//! | `x`, `y`, result | `[cells, C]` |
//! | weight | `[2C]` f32, the weight of `x` first |
//! | bias | scalar |

use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::element::{Element, load, store};
use crate::simd::isa::Cpu;
use crate::simd::math;
use crate::simd::vector::{Kernel, Simd};

/// Approximate elements per task.
const TASK: usize = 32 * 1024;

/// Blends `y` into `x`. `C` is half the length of `weight`.
///
/// # Panics
/// When a slice's length does not match the shapes.
pub fn blend<T: Element>(cpu: Cpu, [x, y]: [&[T]; 2], weight: &[f32], bias: f32, result: &mut [T]) {
    let channels = weight.len() / 2;
    assert_eq!(weight.len(), 2 * channels, "blend: weight");
    assert_eq!([y.len(), result.len()], [x.len(); 2], "blend: second map and result");
    if x.is_empty() {
        return;
    }
    assert!(channels > 0 && x.len().is_multiple_of(channels), "blend: {} elements of {channels}", x.len());
    let each = (TASK / channels).max(1) * channels;
    let shared = Shared::new(result);
    for_each_task(x.len().div_ceil(each), |task| {
        let range = task * each..x.len().min((task + 1) * each);
        // SAFETY: each task has its own range of the result, as long as its ranges of the maps.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(range.start), range.len()) };
        let maps = [&x[range.clone()], &y[range]];
        // SAFETY: the slices have the sizes that `Blend` requires.
        unsafe { run_blend(cpu, Blend { maps, weight, bias, result }) };
    });
}

/// Blends whole cells: `maps` and `result` are `[cells, C]`, `weight` is `[2C]`.
pub(crate) struct Blend<'a, T> {
    maps: [&'a [T]; 2],
    weight: &'a [f32],
    bias: f32,
    result: &'a mut [T],
}

compiled!(fn run_blend(Blend));

impl<T: Element> Kernel for Blend<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.weight.len() / 2;
        let cells = self.maps[0].chunks_exact(channels).zip(self.maps[1].chunks_exact(channels));
        for ((x, y), result) in cells.zip(self.result.chunks_exact_mut(channels)) {
            let (x, y, weight) = (x.as_ptr(), y.as_ptr(), self.weight.as_ptr());
            // SAFETY: the channels from `c` that a vector covers exist in both cells, in both halves of the weight and
            // in the result.
            unsafe {
                let mut sums = [S::splat(0.0); 2];
                let mut c = 0;
                while c < channels {
                    let n = S::LANES.min(channels - c);
                    let of_y = load::<S, f32>(weight.add(channels + c), n);
                    sums[0] = S::mul_add(load::<S, T>(x.add(c), n), load::<S, f32>(weight.add(c), n), sums[0]);
                    sums[1] = S::mul_add(load::<S, T>(y.add(c), n), of_y, sums[1]);
                    c += n;
                }
                let alpha = math::sigmoid::<S, f32>(S::splat(S::sum(S::add(sums[0], sums[1])) + self.bias));
                let mut c = 0;
                while c < channels {
                    let n = S::LANES.min(channels - c);
                    let (a, b) = (load::<S, T>(x.add(c), n), load::<S, T>(y.add(c), n));
                    store::<S, T>(result.as_mut_ptr().add(c), S::mul_add(S::sub(b, a), alpha, a), n);
                    c += n;
                }
            }
        }
    }
}
