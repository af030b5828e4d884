//! Measures the peak speed of the machine, with multiply-adds on registers only.

use std::hint::black_box;

use crate::simd::compiled::compiled;
use crate::simd::element::Element;
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Independent chains. More than latency times throughput of any known CPU.
const CHAINS: usize = 12;

/// Runs `rounds` rounds of multiply-adds of `T` on registers and returns the number of floating-point operations. A
/// multiplication and an addition count as two. Compare kernel timings with this peak.
pub fn peak_loop<T: Element>(cpu: Cpu, rounds: usize) -> f64 {
    let one = [T::from_f32(1.0); 32];
    // SAFETY: the kernel reads `LANES * STEP` elements, at most 32.
    let lanes = unsafe { run_loop(cpu, Loop { one: &one, rounds }) };
    2.0 * (rounds * CHAINS * lanes * T::STEP) as f64
}

pub(crate) struct Loop<'a, T> {
    one: &'a [T; 32],
    rounds: usize,
}

compiled!(fn run_loop(Loop) -> usize);

impl<T: Element> Kernel for Loop<'_, T> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        let one = black_box(self.one).as_ptr();
        // SAFETY: `one` has as many elements as the widest operand.
        unsafe {
            let (a, b) = (T::broadcast::<S>(one), T::operand::<S>(one));
            let mut sums = [S::splat(0.0); CHAINS];
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = T::multiply_add::<S>(*sum, a, b);
                }
            }
            let mut total = sums[0];
            for sum in &sums[1..] {
                total = S::add(total, *sum);
            }
            black_box(S::sum(total));
        }
        S::LANES
    }
}
