//! Implements the elementwise ops SiLU and addition, for cases in which they cannot be fused into a GEMM or norm.

use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::element::{Element, load, store};
use crate::simd::isa::Cpu;
use crate::simd::math;
use crate::simd::vector::{Kernel, Simd};

/// Elements per task.
const PIECE: usize = 16 * 1024;

/// `x * sigmoid(x)` for every element.
///
/// # Panics
/// When the slices differ in length.
pub fn silu<T: Element>(cpu: Cpu, input: &[T], result: &mut [T]) {
    assert_eq!(input.len(), result.len(), "silu");
    let shared = Shared::new(result);
    for_each_task(input.len().div_ceil(PIECE), |task| {
        let input = &input[task * PIECE..input.len().min((task + 1) * PIECE)];
        // SAFETY: each task has its own range of the result, as long as its range of the input.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(task * PIECE), input.len()) };
        // SAFETY: the slices are equally long.
        unsafe { run_silu(cpu, Silu { input, result }) };
    });
}

/// The elementwise sum of two maps.
///
/// # Panics
/// When the slices differ in length.
pub fn add<T: Element>(cpu: Cpu, [x, y]: [&[T]; 2], result: &mut [T]) {
    assert_eq!([y.len(), result.len()], [x.len(); 2], "add");
    let shared = Shared::new(result);
    for_each_task(x.len().div_ceil(PIECE), |task| {
        let range = task * PIECE..x.len().min((task + 1) * PIECE);
        // SAFETY: each task has its own range of the result, as long as its ranges of the maps.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(range.start), range.len()) };
        // SAFETY: the slices are equally long.
        unsafe { run_add(cpu, Add { maps: [&x[range.clone()], &y[range]], result }) };
    });
}

/// Slices of one length.
pub(crate) struct Add<'a, T> {
    maps: [&'a [T]; 2],
    result: &'a mut [T],
}

compiled!(fn run_add(Add));

impl<T: Element> Kernel for Add<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (x, y, len) = (self.maps[0].as_ptr(), self.maps[1].as_ptr(), self.result.len());
        // SAFETY: vectors end at `len` at the latest, the length of all slices.
        unsafe {
            for at in (0..len).step_by(S::LANES) {
                let n = S::LANES.min(len - at);
                let sum = S::add(load::<S, T>(x.add(at), n), load::<S, T>(y.add(at), n));
                store::<S, T>(self.result.as_mut_ptr().add(at), sum, n);
            }
        }
    }
}

/// Slices of one length.
pub(crate) struct Silu<'a, T> {
    input: &'a [T],
    result: &'a mut [T],
}

compiled!(fn run_silu(Silu));

impl<T: Element> Kernel for Silu<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (from, to, len) = (self.input.as_ptr(), self.result.as_mut_ptr(), self.input.len());
        let full = len - len % S::LANES;
        // SAFETY: whole vectors end at `full`, and the last one has the remaining elements; both slices are `len` long.
        unsafe {
            for at in (0..full).step_by(S::LANES) {
                T::store::<S>(to.add(at), math::silu::<S, T>(T::load::<S>(from.add(at))));
            }
            if full < len {
                T::store_some::<S>(
                    to.add(full),
                    math::silu::<S, T>(load::<S, T>(from.add(full), len - full)),
                    len - full,
                );
            }
        }
    }
}
