//! Exponential, SiLU and GELU on vectors.
//!
//! `exp2` splits off the nearest integer and takes a polynomial of degree 5 on [-1/2, 1/2] (minimax in
//! relative error). GELU is the erf form: erf by Abramowitz and Stegun 7.1.26 (1.5e-7 absolute).

use crate::simd::Simd;

/// `2^x` for [`Simd::exp2`], from its other operations.
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
pub(crate) unsafe fn exp2_by_parts<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe {
        let x = S::max(S::splat(-127.0), S::min(S::splat(128.0), x));
        let whole = S::round(x);
        S::scale_by_power(exp2_of_fraction::<S>(S::sub(x, whole)), whole)
    }
}

/// `2^x` on [-1/2, 1/2].
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
pub(crate) unsafe fn exp2_of_fraction<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe {
        let mut y = S::splat(EXP2[5]);
        for i in (0..5).rev() {
            y = S::mul_add(y, x, S::splat(EXP2[i]));
        }
        y
    }
}

/// `x * sigmoid(x)`.
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
pub(crate) unsafe fn silu<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe {
        let e = S::exp2(S::mul(x, S::splat(-std::f32::consts::LOG2_E)));
        S::div_by_at_least_one(x, S::add(S::splat(1.0), e))
    }
}

/// `x * (1 + erf(x / sqrt 2)) / 2`.
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
pub(crate) unsafe fn gelu<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe { S::mul(x, normal_distribution::<S>(x)) }
}

/// `(1 + erf(x / sqrt 2)) / 2`.
///
/// # Safety
/// The machine has `S`.
#[inline(always)]
pub(crate) unsafe fn normal_distribution<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller's.
    unsafe {
        let z = S::abs(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
        let t = S::div_by_at_least_one(S::splat(1.0), S::mul_add(S::splat(ERF_P), z, S::splat(1.0)));
        let mut poly = S::splat(ERF[4]);
        for i in (0..4).rev() {
            poly = S::mul_add(poly, t, S::splat(ERF[i]));
        }
        let e = S::exp2(S::mul(S::mul(z, z), S::splat(-std::f32::consts::LOG2_E)));
        let erf = S::sub(S::splat(1.0), S::mul(S::mul(poly, t), e));
        S::mul_add(S::copy_sign(erf, x), S::splat(0.5), S::splat(0.5))
    }
}

#[expect(clippy::approx_constant, reason = "a coefficient of the fit, near ln 2 but not it")]
const EXP2: [f32; 6] = [1.0, 0.693147, 0.24022242, 0.055507336, 0.009671513, 0.001326473];
const ERF_P: f32 = 0.327_591_1;
const ERF: [f32; 5] = [0.254_829_6, -0.284_496_72, 1.421_413_8, -1.453_152_1, 1.061_405_4];
