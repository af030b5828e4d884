//! Computes `2^x` on vectors. The exponent is split into the nearest integer and a fraction. A polynomial with minimax
//! relative error on [-1/2, 1/2] is evaluated at the fraction.

use super::vector::Simd;

/// `2^x` for [`Simd::exp2`], composed of the trait's other operations.
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn exp2_by_parts<S: Simd>(x: S::F, is_short: bool) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let x = S::max(S::splat(-127.0), S::min(S::splat(128.0), x));
        let whole = S::round(x);
        S::scale_by_power(exp2_of_fraction::<S>(S::sub(x, whole), is_short), whole)
    }
}

/// `2^x` on [-1/2, 1/2].
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn exp2_of_fraction<S: Simd>(x: S::F, is_short: bool) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { if is_short { polynomial::<S, 4>(x, SHORT_EXP2) } else { polynomial::<S, 6>(x, EXP2) } }
}

/// `c[0] + c[1] x + c[2] x^2 ..`
///
/// # Safety
/// The CPU supports `S`.
#[inline(always)]
pub(crate) unsafe fn polynomial<S: Simd, const N: usize>(x: S::F, coefficients: [f32; N]) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let mut y = S::splat(coefficients[N - 1]);
        for i in (0..N - 1).rev() {
            y = S::mul_add(y, x, S::splat(coefficients[i]));
        }
        y
    }
}

#[expect(clippy::approx_constant, reason = "a coefficient of the fit, near ln 2 but not it")]
const EXP2: [f32; 6] = [1.0, 0.693147, 0.24022242, 0.055507336, 0.009671513, 0.001326473];
const SHORT_EXP2: [f32; 4] = [0.999_928_07, 0.693_261, 0.242_611_12, 0.055_171_67];
