//! Computes attention of one head for a block of queries: online softmax over tiles of keys, with queries along the
//! SIMD lanes.
//!
//! | array | layout |
//! |---|---|
//! | queries, keys, values, result | the `D` elements of a token are contiguous; tokens are `stride` apart |
//! | packed queries | `[part][D / STEP][NV * LANES][STEP]` |
//! | scores | `[key of the tile][NV * LANES]`; weights overwrite them or, if paired, have their own array |
//! | sums | `[part][D][NV * LANES]`; running maximum and total have no `D` axis |
//!
//! A part is a group of `NV * LANES` queries. Both matmuls are transposed: scores = K Q^T and sums = V^T weights. Keys
//! and values are broadcast directly from their position in memory, every lane is used for any `D`, and softmax needs
//! no sums across lanes. The algorithm is from Milakov and Gimelshein 2018 (arXiv 1805.02867) and Dao et al. 2022
//! (arXiv 2205.14135).

use crate::attention::memory::{KEYS, Memory, Queries, finish, pack_queries, pair_values};
use crate::matmul::micro_kernel::{Left, Segment, Tile, even_height};
use crate::simd::element::Element;
use crate::simd::vector::Simd;

/// SIMD vectors of queries in a part.
pub(crate) const VECTORS: usize = 2;

/// Keys and values of one head: `len` tokens, `stride` elements apart.
#[derive(Clone, Copy)]
pub(crate) struct Tokens<T> {
    pub(crate) keys: *const T,
    pub(crate) values: *const T,
    pub(crate) stride: usize,
    pub(crate) len: usize,
}

/// Computes attention of `queries` over all `sources`, for heads of `width` elements. Scores are multiplied by `scale`.
///
/// # Safety
/// The CPU supports `S`. `queries.count` is at most `PARTS * NV * LANES`. All tokens have `width` readable elements
/// (writable in the result), and `logs`, if not null, has one element per query. `memory` was taken for `width` and for
/// at least `NV * LANES` lanes.
#[inline(always)]
pub(crate) unsafe fn attend<S: Simd, T: Element, const NV: usize>(
    queries: Queries<T>,
    sources: &[Tokens<T>],
    width: usize,
    scale: f32,
    memory: &mut Memory<'_, T>,
) {
    let lanes = NV * S::LANES;
    let parts = queries.count.div_ceil(lanes);
    let (even, block) = (width.next_multiple_of(T::STEP), parts * lanes);
    debug_assert!(memory.packed.len() >= even * block && memory.sums.len() >= width * block);
    memory.maximum[..block].fill(f32::MIN);
    let mut started = false;
    // SAFETY: the caller upholds the contract; every range below lies within the lengths that `Memory::lengths` gives.
    unsafe {
        pack_queries::<S, T>(queries, lanes, width, &mut memory.packed[..even * block]);
        let scale = scale * std::f32::consts::LOG2_E;
        for source in sources {
            let mut first = 0;
            while first < source.len {
                let count = KEYS.min(source.len - first);
                let mut keys = [std::ptr::null(); KEYS];
                for (i, key) in keys.iter_mut().enumerate().take(count) {
                    *key = source.keys.add((first + i) * source.stride);
                }
                let values = source.values.add(first * source.stride);
                let left = if T::STEP == 1 {
                    Left::Column { base: values, stride: source.stride, steps: count }
                } else {
                    pair_values::<S, T>(values, source.stride, count, width, memory.values);
                    Left::Column {
                        base: memory.values.as_ptr(),
                        stride: T::STEP * width,
                        steps: count.div_ceil(T::STEP),
                    }
                };
                for part in 0..parts {
                    let packed = memory.packed[part * even * lanes..].as_ptr();
                    scores::<S, T, NV>(&keys[..count], width, packed, memory.scores.as_mut_ptr());
                    let sums = memory.sums[part * width * lanes..].as_mut_ptr();
                    let [maximum, total] =
                        [&mut memory.maximum, &mut memory.total].map(|all| all[part * lanes..].as_mut_ptr());
                    let weights =
                        if T::STEP == 1 { memory.scores.as_mut_ptr().cast() } else { memory.weights.as_mut_ptr() };
                    soften::<S, T, NV>(
                        memory.scores.as_mut_ptr(),
                        count,
                        scale,
                        [maximum, total, sums],
                        width,
                        weights,
                        started,
                    );
                    weigh::<S, T, NV>(left, width, weights, sums, started);
                }
                started = true;
                first += count;
            }
        }
        for part in 0..parts {
            let sums = memory.sums[part * width * lanes..].as_mut_ptr();
            let total = memory.total[part * lanes..].as_ptr();
            let packed = memory.packed.as_mut_ptr();
            finish::<S, T, NV>(queries, part * lanes, width, sums, total, packed);
            if !queries.logs.is_null() {
                for q in part * lanes..queries.count.min((part + 1) * lanes) {
                    *queries.logs.add(q) = memory.maximum[q] * scale + memory.total[q].log2();
                }
            }
        }
    }
}

/// Scores of one part, one row per key.
///
/// # Safety
/// As for `attend`.
#[inline(always)]
pub(crate) unsafe fn scores<S: Simd, T: Element, const NV: usize>(
    keys: &[*const T],
    width: usize,
    packed: *const T,
    scores: *mut f32,
) {
    let segments = [Segment { pointers: 0, offset: 0, len: width }];
    let mut key = 0;
    while key < keys.len() {
        let rows = even_height::<S>(keys.len() - key);
        let left = Left::Rows { pointers: keys[key..].as_ptr(), height: rows, segments: &segments };
        // SAFETY: at least `rows` keys are left, each with `width` elements; the part has `width` packed steps.
        unsafe {
            let sums = scores.add(key * NV * S::LANES);
            Tile::<T, NV> { rows, left, right: packed, sums, add: false, ahead: std::ptr::null() }.compute::<S>();
        }
        key += rows;
    }
}

/// Turns scores into weights, `2^(scale * (score - maximum))`. Updates the maximum, the total and, once `started`, the
/// sums.
///
/// # Safety
/// As for `attend`. `weights` may alias `scores` when a step is one element.
#[inline(always)]
unsafe fn soften<S: Simd, T: Element, const NV: usize>(
    scores: *mut f32,
    count: usize,
    scale: f32,
    [maximum, total, sums]: [*mut f32; 3],
    width: usize,
    weights: *mut T,
    started: bool,
) {
    let lanes = NV * S::LANES;
    // SAFETY: the caller upholds the contract; rows are below `count <= KEYS`. The missing half of a pair is never
    // read; it is set to zero.
    unsafe {
        let scale = S::splat(scale);
        for v in 0..NV {
            let at = v * S::LANES;
            let old = S::load(maximum.add(at));
            let (mut new, mut other) = (old, old);
            let mut i = 0;
            while i + 2 <= count {
                new = S::max(S::load(scores.add(i * lanes + at)), new);
                other = S::max(S::load(scores.add((i + 1) * lanes + at)), other);
                i += 2;
            }
            if i < count {
                new = S::max(S::load(scores.add(i * lanes + at)), new);
            }
            new = S::max(other, new);
            let mut sum = if started { S::load(total.add(at)) } else { S::splat(0.0) };
            if !started {
                S::store(maximum.add(at), new);
            } else if S::any_greater(new, old) {
                let factor = S::exp2(S::mul(S::sub(old, new), scale), T::IS_SHORT);
                sum = S::mul(sum, factor);
                for d in 0..width {
                    let p = sums.add(d * lanes + at);
                    S::store(p, S::mul(S::load(p), factor));
                }
                S::store(maximum.add(at), new);
            }
            let shift = S::sub(S::splat(0.0), S::mul(new, scale));
            let mut second = S::splat(0.0);
            let mut i = 0;
            while i + 2 <= count {
                let low = S::exp2(S::mul_add(S::load(scores.add(i * lanes + at)), scale, shift), T::IS_SHORT);
                let high = S::exp2(S::mul_add(S::load(scores.add((i + 1) * lanes + at)), scale, shift), T::IS_SHORT);
                sum = S::add(sum, low);
                second = S::add(second, high);
                if T::STEP == 1 {
                    T::store::<S>(weights.add(i * lanes + at), low);
                    T::store::<S>(weights.add((i + 1) * lanes + at), high);
                } else {
                    T::store_operand::<S>(weights.add(i * lanes + at * T::STEP), low, high);
                }
                i += 2;
            }
            if i < count {
                let low = S::exp2(S::mul_add(S::load(scores.add(i * lanes + at)), scale, shift), T::IS_SHORT);
                sum = S::add(sum, low);
                T::store_operand::<S>(weights.add(i * lanes + at * T::STEP), low, S::splat(0.0));
            }
            S::store(total.add(at), S::add(sum, second));
        }
    }
}

/// Multiplies a tile of values by their weights. With `add` it accumulates into the sums, otherwise it overwrites them.
///
/// # Safety
/// As for `attend`.
#[inline(always)]
pub(crate) unsafe fn weigh<S: Simd, T: Element, const NV: usize>(
    left: Left<'_, T>,
    width: usize,
    weights: *const T,
    sums: *mut f32,
    add: bool,
) {
    let Left::Column { base, stride, steps } = left else { return };
    let mut d = 0;
    while d < width {
        let rows = even_height::<S>(width - d);
        // SAFETY: each value has `d + rows <= width` elements, and there are as many rows of sums.
        unsafe {
            let left = Left::Column { base: base.add(d * T::STEP), stride, steps };
            let sums = sums.add(d * NV * S::LANES);
            Tile::<T, NV> { rows, left, right: weights, sums, add, ahead: std::ptr::null() }.compute::<S>();
        }
        d += rows;
    }
}
