//! Implements the 128-bit vectors of 64-bit ARM.
//!
//! SAFETY of every block in this file: by the contract of [`Simd`], the CPU supports the instruction set and the
//! pointers are valid for `LANES` elements. The load and store instructions used in this file need no alignment.

use std::arch::aarch64::*;

use half::bf16;

use super::exponential::exp2_by_parts;
use super::vector::{Kernel, Simd};

/// NEON.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

#[target_feature(enable = "neon")]
unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the features are enabled here; the caller upholds the rest of the contract.
    unsafe { kernel.run::<Neon>() }
}

/// Rounds to bf16 in the low half of each lane: to nearest even, NaN to a quiet NaN.
#[inline(always)]
unsafe fn rounded(x: float32x4_t) -> uint32x4_t {
    // SAFETY: see the module documentation.
    unsafe {
        let bits = vreinterpretq_u32_f32(x);
        let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
        let sum = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
        let quiet = vorrq_u32(bits, vdupq_n_u32(0x0040_0000));
        vshrq_n_u32::<16>(vbslq_u32(vceqq_f32(x, x), sum, quiet))
    }
}

macro_rules! operations {
    ($($name:ident($($x:ident),*) = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($x: float32x4_t),*) -> float32x4_t {
            // SAFETY: see the module documentation.
            unsafe { $intrinsic }
        }
    )*};
}

impl Simd for Neon {
    type F = float32x4_t;
    type Pairs = (float32x4_t, float32x4_t);
    const LANES: usize = 4;
    const ROWS: usize = 12;

    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller upholds the contract.
        unsafe { enter(kernel) }
    }

    #[inline(always)]
    unsafe fn exp2(x: float32x4_t, is_short: bool) -> float32x4_t {
        // SAFETY: the caller upholds the contract.
        unsafe { exp2_by_parts::<Self>(x, is_short) }
    }

    operations! {
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        mul_add(a, b, c) = vfmaq_f32(c, a, b);
        max(a, b) = vbslq_f32(vcgtq_f32(a, b), a, b);
        min(a, b) = vbslq_f32(vcltq_f32(a, b), a, b);
        abs(a) = vabsq_f32(a);
        copy_sign(magnitude, sign) = vbslq_f32(vdupq_n_u32(0x8000_0000), sign, magnitude);
        round(a) = vrndnq_f32(a);
        scale_by_power(x, n) = {
            let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
            vmulq_f32(x, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
        };
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> float32x4_t {
        // SAFETY: see the module documentation.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> float32x4_t {
        // SAFETY: see the module documentation.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: float32x4_t) {
        // SAFETY: see the module documentation.
        unsafe { vst1q_f32(p, x) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> float32x4_t {
        // SAFETY: see the module documentation.
        unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(p.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut bf16, x: float32x4_t) {
        // SAFETY: see the module documentation.
        unsafe { vst1_u16(p.cast(), vmovn_u32(rounded(x))) }
    }
    #[inline(always)]
    unsafe fn any_greater(a: float32x4_t, b: float32x4_t) -> bool {
        // SAFETY: see the module documentation.
        unsafe { vmaxvq_u32(vcgtq_f32(a, b)) != 0 }
    }
    #[inline(always)]
    unsafe fn sum(a: float32x4_t) -> f32 {
        // SAFETY: see the module documentation.
        unsafe { vaddvq_f32(a) }
    }

    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16) -> (float32x4_t, float32x4_t) {
        // SAFETY: see the module documentation; a lane is a pair.
        unsafe {
            let pairs = vreinterpretq_u32_u16(vld1q_u16(p.cast()));
            let high = vandq_u32(pairs, vdupq_n_u32(0xffff_0000));
            (vreinterpretq_f32_u32(vshlq_n_u32::<16>(pairs)), vreinterpretq_f32_u32(high))
        }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> (float32x4_t, float32x4_t) {
        // SAFETY: see the module documentation.
        unsafe { (Self::splat(f32::from_bits(pair << 16)), Self::splat(f32::from_bits(pair & 0xffff_0000))) }
    }
    #[inline(always)]
    unsafe fn dot(acc: float32x4_t, a: (float32x4_t, float32x4_t), b: (float32x4_t, float32x4_t)) -> float32x4_t {
        // SAFETY: see the module documentation.
        unsafe { vfmaq_f32(vfmaq_f32(acc, a.0, b.0), a.1, b.1) }
    }
    #[inline(always)]
    unsafe fn store_pairs(p: *mut bf16, low: float32x4_t, high: float32x4_t) {
        // SAFETY: see the module documentation.
        unsafe {
            let pairs = vorrq_u32(rounded(low), vshlq_n_u32::<16>(rounded(high)));
            vst1q_u16(p.cast(), vreinterpretq_u16_u32(pairs));
        }
    }
}
