//! Computes sigmoid, SiLU and GELU on vectors, with the accuracy that the type of the result needs.
//!
//! | function | f32 | bf16 |
//! |---|---|---|
//! | `2^x`, in `exponential` | polynomial of degree 5 | polynomial of degree 3, 2^-13.7 |
//! | erfc in GELU | Abramowitz and Stegun 7.1.26, 1.5e-7 | same form with 3 terms: GELU error at most 2.2e-4 relative or 6e-7 absolute |
//!
//! The polynomials have minimax relative error. GELU is computed in its erf form.

use super::element::Native;
use super::exponential::polynomial;
use super::vector::Simd;

/// `x * sigmoid(x)`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn silu<S: Simd, T: Native>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { S::div_by_at_least_one(x, one_and_exp::<S, T>(x), T::IS_SHORT) }
}

/// `1 / (1 + exp(-x))`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd, T: Native>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { S::div_by_at_least_one(S::splat(1.0), one_and_exp::<S, T>(x), T::IS_SHORT) }
}

/// `1 + exp(-x)`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
unsafe fn one_and_exp<S: Simd, T: Native>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { S::add(S::splat(1.0), S::exp2(S::mul(x, S::splat(-std::f32::consts::LOG2_E)), T::IS_SHORT)) }
}

/// `x * (1 + erf(x / sqrt 2)) / 2`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn gelu<S: Simd, T: Native>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { S::mul(x, normal_distribution::<S, T>(x)) }
}

/// `(1 + erf(x / sqrt 2)) / 2`.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn normal_distribution<S: Simd, T: Native>(x: S::F) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let z = S::abs(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
        let e = S::exp2(S::mul(S::mul(z, z), S::splat(-std::f32::consts::LOG2_E)), T::IS_SHORT);
        let p = if T::IS_SHORT { SHORT_ERFC_P } else { ERFC_P };
        let t = S::div_by_at_least_one(S::splat(1.0), S::mul_add(S::splat(p), z, S::splat(1.0)), T::IS_SHORT);
        let terms = if T::IS_SHORT { polynomial::<S, 3>(t, SHORT_ERFC) } else { polynomial::<S, 5>(t, ERFC) };
        // erfc(z) / 2.
        let tail = S::mul(S::mul(terms, t), e);
        let half = S::splat(0.5);
        S::add(S::copy_sign(S::sub(half, tail), x), half)
    }
}

const ERFC_P: f32 = 0.327_591_1;
const ERFC: [f32; 5] = [0.127_414_8, -0.142_248_36, 0.710_706_9, -0.726_576_05, 0.530_702_7];
const SHORT_ERFC_P: f32 = 0.49;
const SHORT_ERFC: [f32; 3] = [0.159_181_86, 0.026_744_81, 0.314_082_05];
