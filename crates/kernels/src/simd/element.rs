//! Defines the element types that kernels load, store and multiply: f32, and bf16 with f32 accumulation.
//!
//! | type | elements per step | operand of a vector multiplication |
//! |---|---|---|
//! | `f32` | 1 | `LANES` f32 |
//! | `bf16` | 2 | `LANES` pairs of neighbours along the summed axis |

use half::bf16;

use super::vector::Simd;
use crate::memory::buffer::Plain;

/// An element type of kernels: `f32` or [`bf16`]. Both accumulate in f32.
#[expect(private_bounds, reason = "sealed: kernels are written for these two types")]
pub trait Element: Native {}
impl Element for f32 {}
impl Element for bf16 {}

/// Which of the two types an [`Element`] is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Single,
    Brain,
}

/// Loading, storing and multiplying of an element type. The contracts of the unsafe functions are those of [`Simd`].
pub(crate) trait Native: Plain + PartialEq + std::fmt::Debug {
    /// Elements along the summed axis that one multiplication consumes.
    const STEP: usize;
    const ZERO: Self;
    const KIND: Kind;
    /// Whether results have so few bits that the short approximations, accurate to 2^-13, suffice.
    const IS_SHORT: bool;
    /// `LANES * STEP` elements in the form in which they are multiplied.
    type Operand<S: Simd>: Copy;

    fn from_f32(x: f32) -> Self;
    fn to_f32(self) -> f32;
    unsafe fn load<S: Simd>(p: *const Self) -> S::F;
    unsafe fn load_some<S: Simd>(p: *const Self, n: usize) -> S::F;
    unsafe fn store<S: Simd>(p: *mut Self, x: S::F);
    unsafe fn store_some<S: Simd>(p: *mut Self, x: S::F, n: usize);
    /// Stores two vectors, one after the other.
    unsafe fn store_two<S: Simd>(p: *mut Self, first: S::F, second: S::F);

    /// Loads an operand from `[lane][STEP]` in memory.
    unsafe fn operand<S: Simd>(p: *const Self) -> Self::Operand<S>;
    /// Loads the `STEP` elements at `p` into every lane.
    unsafe fn broadcast<S: Simd>(p: *const Self) -> Self::Operand<S>;
    /// Loads the one element at `p`, followed by zeros, into every lane.
    unsafe fn broadcast_one<S: Simd>(p: *const Self) -> Self::Operand<S>;
    /// `acc` plus the sum over `STEP` of `a * b`.
    unsafe fn multiply_add<S: Simd>(acc: S::F, a: Self::Operand<S>, b: Self::Operand<S>) -> S::F;
    /// Stores `STEP` vectors, neighbours along the summed axis, as an operand. If `STEP` is 1, it stores only `low`.
    unsafe fn store_operand<S: Simd>(p: *mut Self, low: S::F, high: S::F);
}

/// Defines forwarding functions. SAFETY: the contract is the same on both sides.
macro_rules! forward {
    ($($name:ident$(<$g:ident: Simd>)?($($x:ident: $t:ty),*) $(-> $r:ty)? = $call:expr;)*) => {$(
        #[inline(always)]
        unsafe fn $name$(<$g: Simd>)?($($x: $t),*) $(-> $r)? {
            // SAFETY: the contract is the same on both sides.
            unsafe { $call }
        }
    )*};
}

impl Native for f32 {
    const STEP: usize = 1;
    const ZERO: Self = 0.0;
    const KIND: Kind = Kind::Single;
    const IS_SHORT: bool = false;
    type Operand<S: Simd> = S::F;

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    forward! {
        load<S: Simd>(p: *const f32) -> S::F = S::load(p);
        load_some<S: Simd>(p: *const f32, n: usize) -> S::F = S::load_some(p, n);
        store<S: Simd>(p: *mut f32, x: S::F) = S::store(p, x);
        store_some<S: Simd>(p: *mut f32, x: S::F, n: usize) = S::store_some(p, x, n);
        store_two<S: Simd>(p: *mut f32, first: S::F, second: S::F) = {
            S::store(p, first);
            S::store(p.add(S::LANES), second)
        };
        operand<S: Simd>(p: *const f32) -> S::F = S::load(p);
        broadcast<S: Simd>(p: *const f32) -> S::F = S::splat(*p);
        broadcast_one<S: Simd>(p: *const f32) -> S::F = S::splat(*p);
        multiply_add<S: Simd>(acc: S::F, a: S::F, b: S::F) -> S::F = S::mul_add(a, b, acc);
        store_operand<S: Simd>(p: *mut f32, low: S::F, _high: S::F) = S::store(p, low);
    }
}

impl Native for bf16 {
    const STEP: usize = 2;
    const ZERO: Self = bf16::ZERO;
    const KIND: Kind = Kind::Brain;
    const IS_SHORT: bool = true;
    type Operand<S: Simd> = S::Pairs;

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        bf16::from_f32(x)
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        bf16::to_f32(self)
    }
    forward! {
        load<S: Simd>(p: *const bf16) -> S::F = S::load_bf16(p);
        load_some<S: Simd>(p: *const bf16, n: usize) -> S::F = S::load_some_bf16(p, n);
        store<S: Simd>(p: *mut bf16, x: S::F) = S::store_bf16(p, x);
        store_some<S: Simd>(p: *mut bf16, x: S::F, n: usize) = S::store_some_bf16(p, x, n);
        store_two<S: Simd>(p: *mut bf16, first: S::F, second: S::F) = S::store_two_bf16(p, first, second);
        operand<S: Simd>(p: *const bf16) -> S::Pairs = S::load_pairs(p);
        broadcast<S: Simd>(p: *const bf16) -> S::Pairs = S::splat_pair(p.cast::<u32>().read_unaligned().to_le());
        broadcast_one<S: Simd>(p: *const bf16) -> S::Pairs = S::splat_pair(u32::from((*p).to_bits()));
        multiply_add<S: Simd>(acc: S::F, a: S::Pairs, b: S::Pairs) -> S::F = S::dot(acc, a, b);
        store_operand<S: Simd>(p: *mut bf16, low: S::F, high: S::F) = S::store_pairs(p, low, high);
    }
}

/// Loads `n <= LANES` elements; the remaining lanes are zero.
///
/// # Safety
/// The CPU supports `S`; `n` elements are readable at `p`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, T: Native>(p: *const T, n: usize) -> S::F {
    // SAFETY: the caller upholds the contract.
    unsafe { if n == S::LANES { T::load::<S>(p) } else { T::load_some::<S>(p, n) } }
}

/// Stores `n <= LANES` elements.
///
/// # Safety
/// The CPU supports `S`; `n` elements are writable at `p`.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd, T: Native>(p: *mut T, x: S::F, n: usize) {
    // SAFETY: the caller upholds the contract.
    unsafe { if n == S::LANES { T::store::<S>(p, x) } else { T::store_some::<S>(p, x, n) } }
}
