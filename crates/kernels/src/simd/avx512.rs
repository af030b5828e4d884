//! Implements 512-bit vectors, with and without the dot product of bf16 pairs.
//!
//! SAFETY of every block in this file: by the contract of [`Simd`], the CPU supports the instruction set and the
//! pointers are valid for `LANES` elements. The load and store instructions used in this file need no alignment.

use std::arch::x86_64::*;

use half::bf16;

use super::exponential::exp2_of_fraction;
use super::vector::{Kernel, Simd};

/// AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

/// `Avx512` plus the bf16 instructions.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Bf16;

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the features are enabled here; the caller upholds the rest of the contract.
    unsafe { kernel.run::<Avx512>() }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn enter_bf16<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: as in `enter`.
    unsafe { kernel.run::<Avx512Bf16>() }
}

/// Rounds to bf16 in the low half of each lane: to nearest even, NaN to a quiet NaN.
#[inline(always)]
unsafe fn rounded(x: __m512) -> __m512i {
    // SAFETY: see the module documentation.
    unsafe {
        let bits = _mm512_castps_si512(x);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let sum = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        _mm512_srli_epi32::<16>(_mm512_mask_or_epi32(sum, nan, bits, _mm512_set1_epi32(0x0040_0000)))
    }
}

/// Transposes 16 rows of 16 words in 4 rounds. In each round, pairs of rows exchange larger blocks.
#[inline(always)]
unsafe fn transpose(from: *const u8, from_stride: usize, to: *mut u8, to_stride: usize) {
    // SAFETY: the caller upholds the contract; rows are `from_stride` and `to_stride` bytes apart.
    unsafe {
        let mut a = [_mm512_setzero_si512(); 16];
        for (i, a) in a.iter_mut().enumerate() {
            *a = _mm512_loadu_si512(from.add(i * from_stride).cast());
        }
        let mut b = a;
        for i in 0..8 {
            b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
        }
        // Row 4g + k of `a` holds, in each quarter q, column 4q + k of rows 4g..4g + 4.
        for g in 0..4 {
            a[4 * g] = _mm512_unpacklo_epi64(b[4 * g], b[4 * g + 2]);
            a[4 * g + 1] = _mm512_unpackhi_epi64(b[4 * g], b[4 * g + 2]);
            a[4 * g + 2] = _mm512_unpacklo_epi64(b[4 * g + 1], b[4 * g + 3]);
            a[4 * g + 3] = _mm512_unpackhi_epi64(b[4 * g + 1], b[4 * g + 3]);
        }
        for k in 0..4 {
            let even =
                [_mm512_shuffle_i32x4::<0x88>(a[k], a[4 + k]), _mm512_shuffle_i32x4::<0x88>(a[8 + k], a[12 + k])];
            let odd = [_mm512_shuffle_i32x4::<0xdd>(a[k], a[4 + k]), _mm512_shuffle_i32x4::<0xdd>(a[8 + k], a[12 + k])];
            b[k] = _mm512_shuffle_i32x4::<0x88>(even[0], even[1]);
            b[4 + k] = _mm512_shuffle_i32x4::<0x88>(odd[0], odd[1]);
            b[8 + k] = _mm512_shuffle_i32x4::<0xdd>(even[0], even[1]);
            b[12 + k] = _mm512_shuffle_i32x4::<0xdd>(odd[0], odd[1]);
        }
        for (i, b) in b.iter().enumerate() {
            _mm512_storeu_si512(to.add(i * to_stride).cast(), *b);
        }
    }
}

macro_rules! operations {
    ($($name:ident($($x:ident),*) = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($x: __m512),*) -> __m512 {
            // SAFETY: see the module documentation.
            unsafe { $intrinsic }
        }
    )*};
}

/// The implementation shared by both sets.
macro_rules! shared {
    () => {
        type F = __m512;
        const LANES: usize = 16;
        const ROWS: usize = 14;

        operations! {
            add(a, b) = _mm512_add_ps(a, b);
            sub(a, b) = _mm512_sub_ps(a, b);
            mul(a, b) = _mm512_mul_ps(a, b);
            div(a, b) = _mm512_div_ps(a, b);
            mul_add(a, b, c) = _mm512_fmadd_ps(a, b, c);
            max(a, b) = _mm512_max_ps(a, b);
            min(a, b) = _mm512_min_ps(a, b);
            abs(a) = _mm512_abs_ps(a);
            copy_sign(magnitude, sign) = _mm512_or_ps(magnitude, _mm512_and_ps(_mm512_set1_ps(-0.0), sign));
            round(a) = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
            scale_by_power(x, n) = {
                let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
                _mm512_mul_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
            };
        }

        #[inline(always)]
        unsafe fn exp2(x: __m512, is_short: bool) -> __m512 {
            // SAFETY: see the module documentation. An infinity has fraction 0; the scaling gives its power.
            unsafe {
                let fraction = _mm512_reduce_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
                _mm512_scalef_ps(exp2_of_fraction::<Self>(fraction, is_short), Self::round(x))
            }
        }
        #[inline(always)]
        unsafe fn div_by_at_least_one(a: __m512, b: __m512, is_short: bool) -> __m512 {
            // SAFETY: see the module documentation. One Newton step; where `b` is infinite, the estimate is 0 and stays
            // 0.
            unsafe {
                let estimate = _mm512_rcp14_ps(b);
                if is_short {
                    return _mm512_mul_ps(a, estimate);
                }
                let finite = Self::min(_mm512_set1_ps(f32::MAX), b);
                let rest = _mm512_fnmadd_ps(finite, estimate, _mm512_set1_ps(1.0));
                _mm512_mul_ps(a, _mm512_fmadd_ps(estimate, rest, estimate))
            }
        }
        #[inline(always)]
        fn prefetch(p: *const u8) {
            // SAFETY: a prefetch is a hint; it never faults, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            // SAFETY: see the module documentation.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> __m512 {
            // SAFETY: see the module documentation.
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, x: __m512) {
            // SAFETY: see the module documentation.
            unsafe { _mm512_storeu_ps(p, x) }
        }
        #[inline(always)]
        unsafe fn load_bf16(p: *const bf16) -> __m512 {
            // SAFETY: see the module documentation.
            unsafe {
                let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
                _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
            }
        }
        #[inline(always)]
        unsafe fn any_greater(a: __m512, b: __m512) -> bool {
            // SAFETY: see the module documentation.
            unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) != 0 }
        }
        #[inline(always)]
        unsafe fn sum(a: __m512) -> f32 {
            // SAFETY: see the module documentation.
            unsafe { _mm512_reduce_add_ps(a) }
        }
        #[inline(always)]
        unsafe fn transpose(from: *const u8, from_stride: usize, to: *mut u8, to_stride: usize) {
            // SAFETY: see the module documentation; 16 rows of 16 words on both sides.
            unsafe { transpose(from, from_stride, to, to_stride) }
        }
        #[inline(always)]
        unsafe fn load_some(p: *const f32, n: usize) -> __m512 {
            // SAFETY: see the module documentation; lanes outside of the mask are not read.
            unsafe { _mm512_maskz_loadu_ps((1 << n) - 1, p) }
        }
        #[inline(always)]
        unsafe fn store_some(p: *mut f32, x: __m512, n: usize) {
            // SAFETY: see the module documentation; lanes outside of the mask are not written.
            unsafe { _mm512_mask_storeu_ps(p, (1 << n) - 1, x) }
        }
    };
}

impl Simd for Avx512 {
    shared!();
    type Pairs = (__m512, __m512);

    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller upholds the contract.
        unsafe { enter(kernel) }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut bf16, x: __m512) {
        // SAFETY: see the module documentation.
        unsafe { _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(rounded(x))) }
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16) -> (__m512, __m512) {
        // SAFETY: see the module documentation; a lane is a pair.
        unsafe {
            let pairs = _mm512_loadu_si512(p.cast());
            let high = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
            (_mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)), _mm512_castsi512_ps(high))
        }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> (__m512, __m512) {
        // SAFETY: see the module documentation.
        unsafe { (Self::splat(f32::from_bits(pair << 16)), Self::splat(f32::from_bits(pair & 0xffff_0000))) }
    }
    #[inline(always)]
    unsafe fn dot(acc: __m512, a: (__m512, __m512), b: (__m512, __m512)) -> __m512 {
        // SAFETY: see the module documentation.
        unsafe { _mm512_fmadd_ps(a.1, b.1, _mm512_fmadd_ps(a.0, b.0, acc)) }
    }
    #[inline(always)]
    unsafe fn store_pairs(p: *mut bf16, low: __m512, high: __m512) {
        // SAFETY: see the module documentation.
        unsafe {
            let pairs = _mm512_or_si512(rounded(low), _mm512_slli_epi32::<16>(rounded(high)));
            _mm512_storeu_si512(p.cast(), pairs);
        }
    }
}

impl Simd for Avx512Bf16 {
    shared!();
    type Pairs = __m512i;

    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller upholds the contract.
        unsafe { enter_bf16(kernel) }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut bf16, x: __m512) {
        // SAFETY: see the module documentation; the vector type is a transparent integer vector.
        unsafe { _mm256_storeu_si256(p.cast(), std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x))) }
    }
    #[inline(always)]
    unsafe fn store_two_bf16(p: *mut bf16, first: __m512, second: __m512) {
        // SAFETY: see the module documentation; room for two vectors, and the vector types are transparent.
        unsafe {
            let both = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
            _mm512_storeu_si512(p.cast(), both);
        }
    }
    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16) -> __m512i {
        // SAFETY: see the module documentation; a lane is a pair.
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> __m512i {
        // SAFETY: see the module documentation.
        unsafe { _mm512_set1_epi32(pair as i32) }
    }
    #[inline(always)]
    unsafe fn dot(acc: __m512, a: __m512i, b: __m512i) -> __m512 {
        // SAFETY: see the module documentation; the vector types are transparent.
        unsafe {
            let (a, b) = (std::mem::transmute::<__m512i, __m512bh>(a), std::mem::transmute::<__m512i, __m512bh>(b));
            _mm512_dpbf16_ps(acc, a, b)
        }
    }
    #[inline(always)]
    unsafe fn store_pairs(p: *mut bf16, low: __m512, high: __m512) {
        // SAFETY: see the module documentation; the vector types are transparent.
        unsafe {
            let low = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(low));
            let high = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(high));
            let high = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(high));
            _mm512_storeu_si512(p.cast(), _mm512_or_si512(high, _mm512_cvtepu16_epi32(low)));
        }
    }
}
