//! Implements vectors as plain Rust arrays of eight elements, which the compiler vectorises for the baseline of the
//! target.

use half::bf16;

use super::exponential::exp2_by_parts;
use super::vector::{Kernel, Simd};

/// No instruction set beyond the baseline of the target.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 8;
type F = [f32; LANES];

#[inline(always)]
fn map2(a: F, b: F, f: impl Fn(f32, f32) -> f32) -> F {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    type F = F;
    type Pairs = [F; 2];
    const LANES: usize = LANES;
    const ROWS: usize = 2;

    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: needs no instruction set; the caller upholds the rest of the contract.
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn exp2(x: F, is_short: bool) -> F {
        // SAFETY: the caller upholds the contract.
        unsafe { exp2_by_parts::<Self>(x, is_short) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> F {
        // SAFETY: `LANES` elements are readable by the contract of the trait; arrays of f32 are read unaligned.
        unsafe { p.cast::<F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: F) {
        // SAFETY: as in `load`, writable.
        unsafe { p.cast::<F>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> F {
        // SAFETY: as in `load`.
        unsafe { p.cast::<[bf16; LANES]>().read_unaligned() }.map(f32::from)
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut bf16, x: F) {
        // SAFETY: as in `store`.
        unsafe { p.cast::<[bf16; LANES]>().write_unaligned(x.map(bf16::from_f32)) }
    }

    #[inline(always)]
    unsafe fn add(a: F, b: F) -> F {
        map2(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: F, b: F) -> F {
        map2(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: F, b: F) -> F {
        map2(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: F, b: F) -> F {
        map2(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn mul_add(a: F, b: F, c: F) -> F {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn max(a: F, b: F) -> F {
        map2(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(a: F, b: F) -> F {
        map2(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn abs(a: F) -> F {
        a.map(f32::abs)
    }
    #[inline(always)]
    unsafe fn copy_sign(magnitude: F, sign: F) -> F {
        map2(magnitude, sign, f32::copysign)
    }
    #[inline(always)]
    unsafe fn round(a: F) -> F {
        // Adding and subtracting 1.5 * 2^23 rounds to an integer, ties to even, if |a| < 2^22. NaN stays NaN.
        a.map(|a| (a + 12_582_912.0) - 12_582_912.0)
    }
    #[inline(always)]
    unsafe fn scale_by_power(x: F, n: F) -> F {
        map2(x, n, |x, n| x * f32::from_bits((((n as i32) + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn any_greater(a: F, b: F) -> bool {
        (0..LANES).any(|i| a[i] > b[i])
    }
    #[inline(always)]
    unsafe fn sum(a: F) -> f32 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16) -> [F; 2] {
        // SAFETY: `LANES` pairs are readable, by the contract of the trait.
        let pairs = unsafe { p.cast::<[[bf16; 2]; LANES]>().read_unaligned() };
        [pairs.map(|pair| f32::from(pair[0])), pairs.map(|pair| f32::from(pair[1]))]
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> [F; 2] {
        [[f32::from_bits(pair << 16); LANES], [f32::from_bits(pair & 0xffff_0000); LANES]]
    }
    #[inline(always)]
    unsafe fn dot(acc: F, a: [F; 2], b: [F; 2]) -> F {
        std::array::from_fn(|i| (acc[i] + a[0][i] * b[0][i]) + a[1][i] * b[1][i])
    }
    #[inline(always)]
    unsafe fn store_pairs(p: *mut bf16, low: F, high: F) {
        let pairs: [[bf16; 2]; LANES] = std::array::from_fn(|i| [bf16::from_f32(low[i]), bf16::from_f32(high[i])]);
        // SAFETY: `LANES` pairs are writable, by the contract of the trait.
        unsafe { p.cast::<[[bf16; 2]; LANES]>().write_unaligned(pairs) }
    }
}
