//! Manages the scratch memory of attention, and copies tokens into and out of it.
//!
//! The layouts are those of `attention::block`. The elements of a token are contiguous, but in packed queries and sums
//! they lie in different rows. Copies in both directions therefore transpose squares of `LANES` by `LANES` words; a
//! word is one f32 or two bf16.

use crate::memory::buffer::Scratch;
use crate::simd::element::Element;
use crate::simd::vector::Simd;

/// Keys in a tile.
pub(crate) const KEYS: usize = 64;
/// Parts of a block. They share one pass over the keys.
pub(crate) const PARTS: usize = 4;

/// Queries of one head that are computed together.
#[derive(Clone, Copy)]
pub(crate) struct Queries<T> {
    pub(crate) query: *const T,
    pub(crate) result: *mut T,
    /// Output for the base-2 logarithm of each query's sum of weights, contiguous; or null.
    pub(crate) logs: *mut f32,
    pub(crate) stride: usize,
    pub(crate) count: usize,
}

/// Scratch arrays for a block.
pub(crate) struct Memory<'a, T> {
    pub(crate) packed: &'a mut [T],
    pub(crate) sums: &'a mut [f32],
    pub(crate) maximum: &'a mut [f32],
    pub(crate) total: &'a mut [f32],
    pub(crate) scores: &'a mut [f32],
    pub(crate) weights: &'a mut [T],
    pub(crate) values: &'a mut [T],
}

impl<'a, T: Element> Memory<'a, T> {
    /// Array lengths for heads of `width` elements and parts of `lanes` queries.
    fn lengths(width: usize, lanes: usize) -> [usize; 7] {
        let block = PARTS * lanes;
        let paired = if T::STEP == 1 { 0 } else { 1 };
        let even = width.next_multiple_of(T::STEP);
        [even * block, width * block, block, block, KEYS * lanes, paired * KEYS * lanes, paired * KEYS * width]
    }

    /// Bytes of scratch memory that `take` needs.
    pub(crate) fn bytes(width: usize, lanes: usize) -> usize {
        let [packed, sums, maximum, total, scores, weights, values] = Self::lengths(width, lanes);
        let whole = [sums, maximum, total, scores].map(Scratch::bytes::<f32>);
        let own = [packed, weights, values].map(Scratch::bytes::<T>);
        whole.iter().chain(&own).sum()
    }

    /// Splits scratch memory into the arrays.
    pub(crate) fn take(scratch: &mut Scratch<'a>, width: usize, lanes: usize) -> Self {
        let [packed, sums, maximum, total, scores, weights, values] = Self::lengths(width, lanes);
        Self {
            packed: scratch.take(packed),
            sums: scratch.take(sums),
            maximum: scratch.take(maximum),
            total: scratch.take(total),
            scores: scratch.take(scores),
            weights: scratch.take(weights),
            values: scratch.take(values),
        }
    }
}

/// Packs queries along the lanes. Lanes without a query are zero.
///
/// # Safety
/// The CPU supports `S`, `queries` are readable, and `packed` has room for all parts.
#[inline(always)]
pub(crate) unsafe fn pack_queries<S: Simd, T: Element>(
    queries: Queries<T>,
    lanes: usize,
    width: usize,
    packed: &mut [T],
) {
    let even = width.next_multiple_of(T::STEP);
    debug_assert!(packed.len() >= queries.count.div_ceil(lanes) * even * lanes);
    if queries.count * width < packed.len() {
        packed.fill(T::ZERO);
    }
    let mut first = 0;
    while first < queries.count {
        let part = packed[first * even..].as_mut_ptr();
        let count = lanes.min(queries.count - first);
        // SAFETY: `count` queries are left, each with `width` elements; a part has `even * lanes`.
        unsafe {
            let from = queries.query.add(first * queries.stride);
            transpose::<S, T>([count, width / T::STEP], from, queries.stride, part, lanes * T::STEP);
            if !width.is_multiple_of(T::STEP) {
                for q in 0..count {
                    let to = part.add((width / T::STEP * lanes + q) * T::STEP);
                    *to = *from.add(q * queries.stride + width - 1);
                    *to.add(1) = T::ZERO;
                }
            }
        }
        first += lanes;
    }
}

/// Interleaves neighbouring values as `[pair][width][2]`. If the count is odd, the missing half is zero.
///
/// # Safety
/// The CPU supports `S`, `count` values are readable, `stride` apart, and `paired` has room for all pairs.
#[inline(always)]
pub(crate) unsafe fn pair_values<S: Simd, T: Element>(
    values: *const T,
    stride: usize,
    count: usize,
    width: usize,
    paired: &mut [T],
) {
    debug_assert!(paired.len() >= count.next_multiple_of(2) * width);
    for pair in 0..count.div_ceil(2) {
        // SAFETY: value `2 * pair` and the next one, if it exists, have `width` elements; a pair has `2 * width`.
        unsafe {
            let to = paired.as_mut_ptr().add(pair * 2 * width);
            let low = values.add(2 * pair * stride);
            let high = (2 * pair + 1 < count).then(|| low.add(stride));
            let mut d = 0;
            while d < width {
                if width >= S::LANES {
                    // The last vector starts early enough to end with the row.
                    d = d.min(width - S::LANES);
                    let second = match high {
                        Some(high) => T::load::<S>(high.add(d)),
                        None => S::splat(0.0),
                    };
                    T::store_operand::<S>(to.add(2 * d), T::load::<S>(low.add(d)), second);
                    d += S::LANES;
                } else {
                    *to.add(2 * d) = *low.add(d);
                    *to.add(2 * d + 1) = high.map_or(T::ZERO, |high| *high.add(d));
                    d += 1;
                }
            }
        }
    }
}

/// Divides the sums of one part by their totals and writes the results of its queries.
///
/// # Safety
/// As for `attend`; `rows` has room for a part of packed queries.
#[inline(always)]
pub(crate) unsafe fn finish<S: Simd, T: Element, const NV: usize>(
    queries: Queries<T>,
    first: usize,
    width: usize,
    sums: *const f32,
    total: *const f32,
    rows: *mut T,
) {
    let lanes = NV * S::LANES;
    // SAFETY: the caller upholds the contract; lane `q` of the part is query `first + q`, below `count`.
    unsafe {
        for v in 0..NV {
            let inverse = S::div(S::splat(1.0), S::load(total.add(v * S::LANES)));
            for d in (0..width).step_by(T::STEP) {
                let from = sums.add(d * lanes + v * S::LANES);
                let low = S::mul(S::load(from), inverse);
                let paired = T::STEP == 2 && d + 1 < width;
                let high = if paired { S::mul(S::load(from.add(lanes)), inverse) } else { low };
                T::store_operand::<S>(rows.add(d * lanes + v * S::LANES * T::STEP), low, high);
            }
        }
        let count = lanes.min(queries.count - first);
        let result = queries.result.add(first * queries.stride);
        transpose::<S, T>([width / T::STEP, count], rows, lanes * T::STEP, result, queries.stride);
        if !width.is_multiple_of(T::STEP) {
            for q in 0..count {
                *result.add(q * queries.stride + width - 1) = *rows.add((width - 1) * lanes + q * T::STEP);
            }
        }
    }
}

/// Transposes words (`STEP` elements each) of `from`: row `i`, word `j` goes to row `j`, word `i`. Strides are in
/// elements.
///
/// # Safety
/// The CPU supports `S`. `from` has `size[0]` rows of `size[1]` words, and `to` the reverse.
#[inline(always)]
unsafe fn transpose<S: Simd, T: Element>(
    size: [usize; 2],
    from: *const T,
    from_stride: usize,
    to: *mut T,
    to_stride: usize,
) {
    let lanes = S::LANES;
    // SAFETY: the caller upholds the contract; at the edges squares move back and overlap, so they stay inside.
    unsafe {
        if size[0] >= lanes && size[1] >= lanes {
            for i in (0..size[0]).step_by(lanes).map(|i| i.min(size[0] - lanes)) {
                for j in (0..size[1]).step_by(lanes).map(|j| j.min(size[1] - lanes)) {
                    let (from, to) = (from.add(i * from_stride + j * T::STEP), to.add(j * to_stride + i * T::STEP));
                    let bytes = size_of::<T>();
                    S::transpose(from.cast(), from_stride * bytes, to.cast(), to_stride * bytes);
                }
            }
        } else {
            for i in 0..size[0] {
                for j in 0..size[1] {
                    let word = from.add(i * from_stride + j * T::STEP).cast::<u32>().read_unaligned();
                    to.add(j * to_stride + i * T::STEP).cast::<u32>().write_unaligned(word);
                }
            }
        }
    }
}
