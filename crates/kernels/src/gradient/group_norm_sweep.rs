//! Implements the sweeps over a chunk of a map that compute the gradients of a group norm.
//!
//! | operand | shape |
//! |---|---|
//! | input, gradient, result | `[pixels, C]` |
//! | numbers | `[NUMBERS, C]`: mean, weight over deviation, bias; then the factor of `x - mean` and the constant term of the result |
//! | partial | `[2, C]`: the sums of a sweep |
//!
//! A sweep covers all pixels for four vectors of channels, then for the next four, so that the numbers of each channel
//! stay in registers.
#![expect(clippy::needless_range_loop, reason = "vectors are counted, in step with pointers")]

use crate::gradient::pointwise::silu_slope;
use crate::simd::element::{load, store};
use crate::simd::vector::{Kernel, Simd};

/// Numbers per channel of a picture.
pub(crate) const NUMBERS: usize = 5;

/// The kind of sweep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Copies the gradient to the result. Sums it, and its product with `x - mean`.
    Sums,
    /// The same with the gradient through SiLU.
    SiluSums,
    /// Computes the final result from the contents of `result`.
    Result,
}

/// One sweep over a chunk: `input`, `gradient`, `result` are `[pixels, C]`, `numbers` `[NUMBERS, C]`, `partial`
/// `[2, C]`.
pub(crate) struct Sweep<'a> {
    pub(crate) which: Which,
    pub(crate) input: &'a [f32],
    pub(crate) gradient: &'a [f32],
    pub(crate) result: &'a mut [f32],
    pub(crate) numbers: &'a [f32],
    pub(crate) partial: &'a mut [f32],
}

impl Kernel for Sweep<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let channels = self.partial.len() / 2;
        debug_assert!(self.gradient.len() == self.input.len() && self.result.len() == self.input.len());
        debug_assert!(self.numbers.len() == NUMBERS * channels && self.input.len().is_multiple_of(channels));
        let mut channel = 0;
        while channel < channels {
            let wide = channels - channel >= 4 * S::LANES;
            let columns = Columns {
                channels,
                pixels: self.input.len() / channels,
                n: if wide { S::LANES } else { S::LANES.min(channels - channel) },
                input: self.input[channel..].as_ptr(),
                gradient: self.gradient[channel..].as_ptr(),
                result: self.result[channel..].as_mut_ptr(),
                numbers: self.numbers[channel..].as_ptr(),
                partial: self.partial[channel..].as_mut_ptr(),
            };
            // SAFETY: the channels from `channel` that a call covers exist, in each pixel and each row of numbers.
            unsafe { if wide { columns.sweep::<S, 4>(self.which) } else { columns.sweep::<S, 1>(self.which) } };
            channel += if wide { 4 * S::LANES } else { columns.n };
        }
    }
}

/// Neighbouring channels of all pixels of a chunk: whole vectors, or one vector of `n` channels.
#[derive(Clone, Copy)]
struct Columns {
    channels: usize,
    pixels: usize,
    n: usize,
    input: *const f32,
    gradient: *const f32,
    result: *mut f32,
    numbers: *const f32,
    partial: *mut f32,
}

impl Columns {
    /// # Safety
    /// The CPU supports `S`. For every pixel and number, `NV` vectors lie at every pointer; a single vector has `n`
    /// channels.
    #[inline(always)]
    unsafe fn sweep<S: Simd, const NV: usize>(self, which: Which) {
        // SAFETY: the caller upholds the contract.
        unsafe {
            match which {
                Which::Sums => self.sums::<S, NV>(|gradient, _| gradient),
                Which::SiluSums => self.sums::<S, NV>(|gradient, y| S::mul(gradient, silu_slope::<S>(y))),
                Which::Result => self.result::<S, NV>(),
            }
        }
    }

    /// Loads the vectors of a row of channels at `p`.
    ///
    /// # Safety
    /// As for `sweep`.
    #[inline(always)]
    unsafe fn load<S: Simd, const NV: usize>(self, p: *const f32) -> [S::F; NV] {
        let n = if NV > 1 { S::LANES } else { self.n };
        // SAFETY: the caller upholds the contract.
        unsafe {
            let mut x = [S::splat(0.0); NV];
            for v in 0..NV {
                x[v] = load::<S, f32>(p.add(v * S::LANES), n);
            }
            x
        }
    }

    /// # Safety
    /// As for `sweep`.
    #[inline(always)]
    unsafe fn store<S: Simd, const NV: usize>(self, p: *mut f32, x: [S::F; NV]) {
        let n = if NV > 1 { S::LANES } else { self.n };
        for v in 0..NV {
            // SAFETY: the caller upholds the contract.
            unsafe { store::<S, f32>(p.add(v * S::LANES), x[v], n) };
        }
    }

    /// # Safety
    /// As for `sweep`.
    #[inline(always)]
    unsafe fn sums<S: Simd, const NV: usize>(self, through: impl Fn(S::F, S::F) -> S::F) {
        // SAFETY: the caller upholds the contract; `pixel` is below the number of pixels.
        unsafe {
            let number = |i: usize| self.load::<S, NV>(self.numbers.add(i * self.channels));
            let (mean, factor, bias) = (number(0), number(1), number(2));
            let (mut sums, mut products) = ([S::splat(0.0); NV], [S::splat(0.0); NV]);
            for pixel in 0..self.pixels {
                let at = pixel * self.channels;
                let (x, mut g) = (self.load::<S, NV>(self.input.add(at)), self.load::<S, NV>(self.gradient.add(at)));
                for v in 0..NV {
                    let off = S::sub(x[v], mean[v]);
                    g[v] = through(g[v], S::mul_add(off, factor[v], bias[v]));
                    sums[v] = S::add(sums[v], g[v]);
                    products[v] = S::mul_add(g[v], off, products[v]);
                }
                self.store::<S, NV>(self.result.add(at), g);
            }
            self.store::<S, NV>(self.partial, sums);
            self.store::<S, NV>(self.partial.add(self.channels), products);
        }
    }

    /// # Safety
    /// As for `sweep`.
    #[inline(always)]
    unsafe fn result<S: Simd, const NV: usize>(self) {
        // SAFETY: the caller upholds the contract; `pixel` is below the number of pixels.
        unsafe {
            let number = |i: usize| self.load::<S, NV>(self.numbers.add(i * self.channels));
            let (mean, factor, slope, summand) = (number(0), number(1), number(3), number(4));
            for pixel in 0..self.pixels {
                let at = pixel * self.channels;
                let (x, mut g) = (self.load::<S, NV>(self.input.add(at)), self.load::<S, NV>(self.result.add(at)));
                for v in 0..NV {
                    let rest = S::mul_add(S::sub(x[v], mean[v]), slope[v], summand[v]);
                    g[v] = S::mul_add(g[v], factor[v], rest);
                }
                self.store::<S, NV>(self.result.add(at), g);
            }
        }
    }
}
