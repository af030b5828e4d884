//! Defines the SIMD operations of an instruction set as one trait, and the trait of kernels that are generic over it.

use half::bf16;

/// Work that is compiled per instruction set.
pub(crate) trait Kernel {
    /// The result of [`run`](Kernel::run).
    type Output;

    /// Runs the kernel. Implementations are `#[inline(always)]`.
    ///
    /// # Safety
    /// The CPU supports `S`, and the pointers meet the requirements of the implementing struct.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// The vector operations of an instruction set.
///
/// # Safety
/// Every function requires a CPU that supports the instruction set. Functions that take pointers require `LANES` (or
/// `n`, where given) readable or writable elements there, with any alignment.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// `LANES` f32.
    type F: Copy;
    /// `LANES` bf16 pairs, in the form in which they are multiplied.
    type Pairs: Copy;
    /// Number of f32 in a vector.
    const LANES: usize;
    /// Rows of the largest register tile that is two vectors wide.
    const ROWS: usize;

    /// Calls `kernel` compiled for this set, across a function boundary.
    unsafe fn call<K: Kernel>(kernel: K) -> K::Output;

    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(p: *const f32) -> Self::F;
    unsafe fn store(p: *mut f32, x: Self::F);
    unsafe fn load_bf16(p: *const bf16) -> Self::F;
    /// Rounds to nearest even; NaN stays NaN.
    unsafe fn store_bf16(p: *mut bf16, x: Self::F);

    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`.
    unsafe fn mul_add(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The larger of both; `b` where either is NaN.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The smaller of both; `b` where either is NaN.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn abs(a: Self::F) -> Self::F;
    /// `magnitude` (non-negative) with the sign of `sign`.
    unsafe fn copy_sign(magnitude: Self::F, sign: Self::F) -> Self::F;
    /// Rounds to the nearest integer, ties to even.
    unsafe fn round(a: Self::F) -> Self::F;
    /// `x * 2^n` for integers `n` in -127..=128; 0 for `n = -127`.
    unsafe fn scale_by_power(x: Self::F, n: Self::F) -> Self::F;
    /// Whether `a > b` in any lane.
    unsafe fn any_greater(a: Self::F, b: Self::F) -> bool;
    unsafe fn sum(a: Self::F) -> f32;

    /// `2^x`: 0 below about -127, infinite from 128. NaN stays NaN. With `is_short`, accurate to 13 bits instead of
    /// full precision.
    unsafe fn exp2(x: Self::F, is_short: bool) -> Self::F;
    /// `a / b` for `b` of at least 1 (or NaN), accurate to two units in the last place, or to 14 bits if `is_short`.
    #[inline(always)]
    unsafe fn div_by_at_least_one(a: Self::F, b: Self::F, _is_short: bool) -> Self::F {
        // SAFETY: the caller upholds the contract.
        unsafe { Self::div(a, b) }
    }

    /// Rounds two vectors to bf16 and stores them one after the other.
    #[inline(always)]
    unsafe fn store_two_bf16(p: *mut bf16, first: Self::F, second: Self::F) {
        // SAFETY: the caller upholds the contract; there is room for `2 * LANES` elements.
        unsafe {
            Self::store_bf16(p, first);
            Self::store_bf16(p.add(Self::LANES), second);
        }
    }

    /// Loads `LANES` pairs from `[lane][2]` in memory.
    unsafe fn load_pairs(p: *const bf16) -> Self::Pairs;
    /// One pair in every lane; the low half of `pair` comes first.
    unsafe fn splat_pair(pair: u32) -> Self::Pairs;
    /// `acc + a.0 * b.0 + a.1 * b.1` in each lane.
    unsafe fn dot(acc: Self::F, a: Self::Pairs, b: Self::Pairs) -> Self::F;
    /// Rounds two vectors to bf16 and stores them as pairs, `[lane][2]`, `low` first.
    unsafe fn store_pairs(p: *mut bf16, low: Self::F, high: Self::F);

    /// Prefetches the cache line at `p`, which need not be readable.
    #[inline(always)]
    fn prefetch(_p: *const u8) {}

    /// Transposes a square of `LANES` by `LANES` 32-bit words: row `i`, word `j` goes to row `j`, word `i`. Strides are
    /// in bytes.
    #[inline(always)]
    unsafe fn transpose(from: *const u8, from_stride: usize, to: *mut u8, to_stride: usize) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: the caller guarantees that both squares are accessible.
                unsafe {
                    let word = from.add(i * from_stride + j * 4).cast::<u32>().read_unaligned();
                    to.add(j * to_stride + i * 4).cast::<u32>().write_unaligned(word);
                }
            }
        }
    }

    /// Loads `n < LANES` elements; the remaining lanes are zero.
    #[inline(always)]
    unsafe fn load_some(p: *const f32, n: usize) -> Self::F {
        let mut lanes = [0.0_f32; 16];
        // SAFETY: the caller guarantees that `n < LANES <= 16` elements are readable.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n);
            Self::load(lanes.as_ptr())
        }
    }

    /// Stores the first `n < LANES` elements.
    #[inline(always)]
    unsafe fn store_some(p: *mut f32, x: Self::F, n: usize) {
        let mut lanes = [0.0_f32; 16];
        // SAFETY: the caller guarantees that `n < LANES <= 16` elements are writable.
        unsafe {
            Self::store(lanes.as_mut_ptr(), x);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), p, n);
        }
    }

    /// As `load_some`, widened to f32.
    #[inline(always)]
    unsafe fn load_some_bf16(p: *const bf16, n: usize) -> Self::F {
        let mut lanes = [bf16::ZERO; 16];
        // SAFETY: as in `load_some`.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n);
            Self::load_bf16(lanes.as_ptr())
        }
    }

    /// As `store_some`, rounded to bf16.
    #[inline(always)]
    unsafe fn store_some_bf16(p: *mut bf16, x: Self::F, n: usize) {
        let mut lanes = [bf16::ZERO; 16];
        // SAFETY: as in `store_some`.
        unsafe {
            Self::store_bf16(lanes.as_mut_ptr(), x);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), p, n);
        }
    }
}
