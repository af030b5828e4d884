//! Implements 256-bit vectors with fused multiply-add.
//!
//! SAFETY of every block in this file: by the contract of [`Simd`], the CPU supports the instruction set and the
//! pointers are valid for `LANES` elements. The load and store instructions used in this file need no alignment.

use std::arch::x86_64::*;

use half::bf16;

use super::exponential::exp2_by_parts;
use super::vector::{Kernel, Simd};

/// AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Fma;

#[target_feature(enable = "avx2,fma")]
unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the features are enabled here; the caller upholds the rest of the contract.
    unsafe { kernel.run::<Avx2Fma>() }
}

/// Rounds to bf16 in the low half of each lane: to nearest even, NaN to a quiet NaN.
#[inline(always)]
unsafe fn rounded(x: __m256) -> __m256i {
    // SAFETY: see the module documentation.
    unsafe {
        let bits = _mm256_castps_si256(x);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let sum = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
        _mm256_srli_epi32::<16>(_mm256_blendv_epi8(sum, quiet, nan))
    }
}

macro_rules! operations {
    ($($name:ident($($x:ident),*) = $intrinsic:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name($($x: __m256),*) -> __m256 {
            // SAFETY: see the module documentation.
            unsafe { $intrinsic }
        }
    )*};
}

impl Simd for Avx2Fma {
    type F = __m256;
    type Pairs = (__m256, __m256);
    const LANES: usize = 8;
    const ROWS: usize = 6;

    unsafe fn call<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller upholds the contract.
        unsafe { enter(kernel) }
    }

    #[inline(always)]
    unsafe fn exp2(x: __m256, is_short: bool) -> __m256 {
        // SAFETY: the caller upholds the contract.
        unsafe { exp2_by_parts::<Self>(x, is_short) }
    }

    operations! {
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        mul_add(a, b, c) = _mm256_fmadd_ps(a, b, c);
        max(a, b) = _mm256_max_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        abs(a) = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        copy_sign(magnitude, sign) = _mm256_or_ps(magnitude, _mm256_and_ps(_mm256_set1_ps(-0.0), sign));
        round(a) = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        scale_by_power(x, n) = {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        };
    }

    #[inline(always)]
    fn prefetch(p: *const u8) {
        // SAFETY: a prefetch is a hint; it never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: see the module documentation.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        // SAFETY: see the module documentation.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: __m256) {
        // SAFETY: see the module documentation.
        unsafe { _mm256_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> __m256 {
        // SAFETY: see the module documentation.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast())))) }
    }
    #[inline(always)]
    unsafe fn store_bf16(p: *mut bf16, x: __m256) {
        // SAFETY: see the module documentation.
        unsafe {
            let packed = _mm256_packus_epi32(rounded(x), _mm256_setzero_si256());
            let packed = _mm256_permute4x64_epi64::<0b1000>(packed);
            _mm_storeu_si128(p.cast(), _mm256_castsi256_si128(packed));
        }
    }
    #[inline(always)]
    unsafe fn any_greater(a: __m256, b: __m256) -> bool {
        // SAFETY: see the module documentation.
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b)) != 0 }
    }
    #[inline(always)]
    unsafe fn sum(a: __m256) -> f32 {
        // SAFETY: see the module documentation.
        unsafe {
            let a = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let a = _mm_add_ps(a, _mm_movehl_ps(a, a));
            _mm_cvtss_f32(_mm_add_ss(a, _mm_shuffle_ps::<1>(a, a)))
        }
    }

    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16) -> (__m256, __m256) {
        // SAFETY: see the module documentation; a lane is a pair.
        unsafe {
            let pairs = _mm256_loadu_si256(p.cast());
            let high = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000_u32 as i32));
            (_mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)), _mm256_castsi256_ps(high))
        }
    }
    #[inline(always)]
    unsafe fn splat_pair(pair: u32) -> (__m256, __m256) {
        // SAFETY: see the module documentation.
        unsafe { (Self::splat(f32::from_bits(pair << 16)), Self::splat(f32::from_bits(pair & 0xffff_0000))) }
    }
    #[inline(always)]
    unsafe fn dot(acc: __m256, a: (__m256, __m256), b: (__m256, __m256)) -> __m256 {
        // SAFETY: see the module documentation.
        unsafe { _mm256_fmadd_ps(a.1, b.1, _mm256_fmadd_ps(a.0, b.0, acc)) }
    }
    #[inline(always)]
    unsafe fn store_pairs(p: *mut bf16, low: __m256, high: __m256) {
        // SAFETY: see the module documentation.
        unsafe {
            let pairs = _mm256_or_si256(rounded(low), _mm256_slli_epi32::<16>(rounded(high)));
            _mm256_storeu_si256(p.cast(), pairs);
        }
    }
}
