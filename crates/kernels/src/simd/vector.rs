//! The operations of an instruction set on vectors, behind one trait, and kernels that are generic over it.

use half::bf16;

/// Work that is compiled per instruction set.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;

    /// Does the work; implementations are `#[inline(always)]`.
    ///
    /// # Safety
    /// The machine has `S`, and whatever the implementing struct asks of its pointers.
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// A set of vector operations.
///
/// # Safety
/// Every function needs a machine that has the instruction set; those that take pointers need `LANES` (or `n`, where it is
/// given) readable or writable elements there, of any alignment.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// `LANES` f32.
    type F: Copy;
    /// `LANES` bf16 pairs, in the form in which they are multiplied.
    type Pairs: Copy;
    /// f32 in a vector.
    const LANES: usize;
    /// Rows of the widest tile of two vectors that fits the registers.
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
    /// The larger; `b` where either is NaN.
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    /// The smaller; `b` where either is NaN.
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn abs(a: Self::F) -> Self::F;
    /// `magnitude` (not negative) with the sign of `sign`.
    unsafe fn copy_sign(magnitude: Self::F, sign: Self::F) -> Self::F;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::F) -> Self::F;
    /// `x * 2^n` for integers `n` in -127..=128; 0 at -127.
    unsafe fn scale_by_power(x: Self::F, n: Self::F) -> Self::F;
    /// Whether `a > b` in any lane.
    unsafe fn any_greater(a: Self::F, b: Self::F) -> bool;
    unsafe fn sum(a: Self::F) -> f32;

    /// `2^x`; 0 below about -127, infinite from 128. NaN stays. `is_short` asks for 13 bits instead of all.
    unsafe fn exp2(x: Self::F, is_short: bool) -> Self::F;
    /// `a / b` for `b` of at least 1 (or NaN): to two units in the last place, or to 14 bits if `is_short`.
    #[inline(always)]
    unsafe fn div_by_at_least_one(a: Self::F, b: Self::F, _is_short: bool) -> Self::F {
        // SAFETY: the caller's.
        unsafe { Self::div(a, b) }
    }

    /// Rounds two vectors to bf16 and stores them one behind the other.
    #[inline(always)]
    unsafe fn store_two_bf16(p: *mut bf16, first: Self::F, second: Self::F) {
        // SAFETY: the caller's; there is room for `2 * LANES` elements.
        unsafe {
            Self::store_bf16(p, first);
            Self::store_bf16(p.add(Self::LANES), second);
        }
    }

    /// Loads `LANES` pairs: `[lane][2]` in memory.
    unsafe fn load_pairs(p: *const bf16) -> Self::Pairs;
    /// One pair in every lane: the low half first.
    unsafe fn splat_pair(pair: u32) -> Self::Pairs;
    /// `acc + a.0 * b.0 + a.1 * b.1` in each lane.
    unsafe fn dot(acc: Self::F, a: Self::Pairs, b: Self::Pairs) -> Self::F;
    /// Rounds two vectors to bf16 and stores them as pairs, `[lane][2]`, `low` first.
    unsafe fn store_pairs(p: *mut bf16, low: Self::F, high: Self::F);

    /// Asks for the line of memory at `p`, which need not be readable.
    #[inline(always)]
    fn prefetch(_p: *const u8) {}

    /// Turns a square of `LANES` by `LANES` 32-bit words: row `i`, word `j` goes to row `j`, word `i`. Strides are in bytes.
    #[inline(always)]
    unsafe fn transpose(from: *const u8, from_stride: usize, to: *mut u8, to_stride: usize) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: both squares are accessible, by the caller.
                unsafe {
                    let word = from.add(i * from_stride + j * 4).cast::<u32>().read_unaligned();
                    to.add(j * to_stride + i * 4).cast::<u32>().write_unaligned(word);
                }
            }
        }
    }

    /// Loads `n < LANES` elements, zeros after them.
    #[inline(always)]
    unsafe fn load_some(p: *const f32, n: usize) -> Self::F {
        let mut lanes = [0.0_f32; 16];
        // SAFETY: `n < LANES <= 16` elements are readable, by the caller.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n);
            Self::load(lanes.as_ptr())
        }
    }

    /// Stores the first `n < LANES` elements.
    #[inline(always)]
    unsafe fn store_some(p: *mut f32, x: Self::F, n: usize) {
        let mut lanes = [0.0_f32; 16];
        // SAFETY: `n < LANES <= 16` elements are writable, by the caller.
        unsafe {
            Self::store(lanes.as_mut_ptr(), x);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), p, n);
        }
    }

    /// As `load_some`, widened.
    #[inline(always)]
    unsafe fn load_some_bf16(p: *const bf16, n: usize) -> Self::F {
        let mut lanes = [bf16::ZERO; 16];
        // SAFETY: as in `load_some`.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n);
            Self::load_bf16(lanes.as_ptr())
        }
    }

    /// As `store_some`, rounded.
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
