//! Computes the attention gradients of one head for a block of queries, one tile of keys at a time. The softmax weights
//! are recomputed; the forward pass does not store them.
//!
//! | array | layout |
//! |---|---|
//! | operands, gradients of queries | the `D` elements of a token are contiguous; tokens are `stride` apart |
//! | packed queries and gradients | `[part][D][NV * LANES]` |
//! | rows of queries and gradients | `[part][panel][query][width of the panel]`; a panel has two vectors; the last panel has one or two |
//! | weights, slopes | `[key of the tile][NV * LANES]` |
//! | sums for queries | `[part][D][NV * LANES]` |
//! | sums for keys and values | `[panel][key of all sources][width of the panel]` |
//!
//! Let `w` be the softmax weights, recomputed from the scores and the logarithm of their sum, and `delta = gradient .
//! result`. The gradient of a value is `sum w * gradient`. The slope of a score is `w * (gradient . value - delta)`.
//! The gradients of the queries are slopes times keys, and the gradients of the keys are slopes times queries. This is
//! Algorithm 2 of Dao 2023 (arXiv 2307.08691).

use crate::attention::block::{Tokens, scores, weigh};
use crate::attention::memory::{KEYS, PARTS, Queries, finish, pack_queries};
use crate::matmul::micro_kernel::{Left, Segment, Tile, even_height};
use crate::memory::buffer::Scratch;
use crate::simd::element::load;
use crate::simd::vector::Simd;

/// Queries of one head, the forward results needed for them, and where their gradients go.
#[derive(Clone, Copy)]
pub(crate) struct Attended {
    pub(crate) query: *const f32,
    pub(crate) result: *const f32,
    /// One per query, contiguous.
    pub(crate) logs: *const f32,
    /// Gradient of the result.
    pub(crate) gradient: *const f32,
    pub(crate) of_query: *mut f32,
    pub(crate) stride: usize,
    pub(crate) count: usize,
}

/// Scratch arrays for a block, and the sums of all keys.
pub(crate) struct GradientMemory<'a> {
    packed: [&'a mut [f32]; 2],
    rows: [&'a mut [f32]; 2],
    of_query: &'a mut [f32],
    logs: &'a mut [f32],
    deltas: &'a mut [f32],
    ones: &'a mut [f32],
    weights: &'a mut [f32],
    slopes: &'a mut [f32],
    /// For keys, then for values.
    sums: [&'a mut [f32]; 2],
}

impl<'a> GradientMemory<'a> {
    /// Lengths of the arrays, by kind, for heads of `width` elements, parts of `lanes` queries, SIMD vectors of
    /// `vector` lanes and `keys` keys.
    fn lengths(width: usize, lanes: usize, vector: usize, keys: usize) -> [usize; 5] {
        let padded = width.next_multiple_of(vector);
        [width * PARTS * lanes, padded * PARTS * lanes, PARTS * lanes, KEYS * lanes, padded * keys]
    }

    /// Bytes of scratch memory that `take` needs.
    pub(crate) fn bytes(width: usize, lanes: usize, vector: usize, keys: usize) -> usize {
        let [packed, rows, block, tile, sums] = Self::lengths(width, lanes, vector, keys).map(Scratch::bytes::<f32>);
        3 * packed + 2 * rows + 3 * block + 2 * tile + 2 * sums
    }

    /// Splits scratch memory into the arrays.
    pub(crate) fn take(scratch: &mut Scratch<'a>, width: usize, lanes: usize, vector: usize, keys: usize) -> Self {
        let [packed, rows, block, tile, sums] = Self::lengths(width, lanes, vector, keys);
        Self {
            packed: [scratch.take(packed), scratch.take(packed)],
            rows: [scratch.take(rows), scratch.take(rows)],
            of_query: scratch.take(packed),
            logs: scratch.take(block),
            deltas: scratch.take(block),
            ones: scratch.take(block),
            weights: scratch.take(tile),
            slopes: scratch.take(tile),
            sums: [scratch.take(sums), scratch.take(sums)],
        }
    }

    /// Clears the sums of `range` out of `keys` keys.
    pub(crate) fn clear(&mut self, range: std::ops::Range<usize>, keys: usize, [width, vector]: [usize; 2]) {
        for sums in &mut self.sums {
            for (start, columns) in panels(width, vector) {
                sums[start * keys..][range.start * columns..range.end * columns].fill(0.0);
            }
        }
    }

    /// Writes the sums of `range` out of `keys` keys to tokens `stride` apart: first the gradients of keys, then of
    /// values.
    ///
    /// # Safety
    /// `width` elements are writable at each token.
    pub(crate) unsafe fn write(
        &self,
        range: std::ops::Range<usize>,
        keys: usize,
        [width, vector]: [usize; 2],
        to: [*mut f32; 2],
        stride: usize,
    ) {
        for (sums, to) in self.sums.iter().zip(to) {
            for (start, columns) in panels(width, vector) {
                let count = columns.min(width - start);
                let rows = sums[start * keys..][range.start * columns..range.end * columns].chunks_exact(columns);
                for (row, sums) in rows.enumerate() {
                    // SAFETY: the caller upholds the contract; `start + count` is at most `width`.
                    unsafe { std::ptr::copy_nonoverlapping(sums.as_ptr(), to.add(row * stride + start), count) };
                }
            }
        }
    }
}

/// First column and width of each panel of a head, for SIMD vectors of `vector` lanes.
fn panels(width: usize, vector: usize) -> impl Iterator<Item = (usize, usize)> {
    let padded = width.next_multiple_of(vector);
    (0..padded).step_by(2 * vector).map(move |start| (start, (2 * vector).min(padded - start)))
}

/// Writes the gradients of `queries`, and adds to the sums of the keys and values of `sources`, which have `keys` keys
/// in all.
///
/// # Safety
/// The CPU supports `S`. `queries.count` is at most `PARTS * NV * LANES`. All tokens have `width` readable elements
/// (writable in gradients). `memory` was taken for `width`, at least `NV * LANES` lanes, vectors of `LANES` lanes and
/// `keys` keys.
#[inline(always)]
pub(crate) unsafe fn attend_backward<S: Simd, const NV: usize>(
    queries: Attended,
    sources: &[Tokens<f32>],
    keys: usize,
    width: usize,
    scale: f32,
    memory: &mut GradientMemory<'_>,
) {
    let lanes = NV * S::LANES;
    let parts = queries.count.div_ceil(lanes);
    let padded = width.next_multiple_of(S::LANES);
    debug_assert!(sources.iter().map(|source| source.len).sum::<usize>() == keys, "{keys} keys");
    debug_assert!(memory.packed[0].len() >= width * parts * lanes && memory.sums[0].len() >= padded * keys);
    // SAFETY: the caller upholds the contract; every range below lies within the lengths that `GradientMemory::lengths`
    // gives.
    unsafe {
        prepare::<S>(queries, lanes, width, scale, memory);
        let mut started = false;
        let mut base = 0;
        for source in sources {
            for first in (0..source.len).step_by(KEYS) {
                let count = KEYS.min(source.len - first);
                let tokens = |of: *const f32| {
                    let mut pointers = [std::ptr::null(); KEYS];
                    for (i, pointer) in pointers.iter_mut().enumerate().take(count) {
                        *pointer = of.add((first + i) * source.stride);
                    }
                    pointers
                };
                let (key_rows, value_rows) = (tokens(source.keys), tokens(source.values));
                for part in 0..parts {
                    let packed = |which: usize| memory.packed[which][part * width * lanes..].as_ptr();
                    let (weights, slopes) = (memory.weights.as_mut_ptr(), memory.slopes.as_mut_ptr());
                    scores::<S, f32, NV>(&key_rows[..count], width, packed(0), weights);
                    scores::<S, f32, NV>(&value_rows[..count], width, packed(1), slopes);
                    let [logs, deltas] = [&memory.logs, &memory.deltas].map(|all| all[part * lanes..].as_ptr());
                    slope::<S, NV>([weights, slopes], count, scale, logs, deltas);
                    let left = Left::Column { base: key_rows[0], stride: source.stride, steps: count };
                    let of_query = memory.of_query[part * width * lanes..].as_mut_ptr();
                    weigh::<S, f32, NV>(left, width, slopes, of_query, started);
                    let some = lanes.min(queries.count - part * lanes);
                    for (start, columns) in panels(width, S::LANES) {
                        let place = (part * padded + start) * lanes;
                        let at = start * keys + (base + first) * columns;
                        let [of_key, of_value] = &mut memory.sums;
                        let [of_key, of_value] = [of_key, of_value].map(|sums| sums[at..].as_mut_ptr());
                        let [query_rows, gradient_rows] = [0, 1].map(|which| memory.rows[which][place..].as_ptr());
                        if columns == S::LANES {
                            add::<S, 1>(slopes, [count, some, lanes], query_rows, of_key);
                            add::<S, 1>(weights, [count, some, lanes], gradient_rows, of_value);
                        } else {
                            add::<S, 2>(slopes, [count, some, lanes], query_rows, of_key);
                            add::<S, 2>(weights, [count, some, lanes], gradient_rows, of_value);
                        }
                    }
                }
                started = true;
            }
            base += source.len;
        }
        for part in 0..parts {
            let sums = memory.of_query[part * width * lanes..].as_ptr();
            let Attended { query, of_query, stride, count, .. } = queries;
            let queries = Queries { query, result: of_query, logs: std::ptr::null_mut(), stride, count };
            let packed = memory.packed[0].as_mut_ptr();
            finish::<S, f32, NV>(queries, part * lanes, width, sums, memory.ones.as_ptr(), packed);
        }
    }
}

/// Packs queries and gradients in both layouts, and fills logarithms and deltas. Lanes without a query get zero weight.
///
/// # Safety
/// As for `attend_backward`.
#[inline(always)]
unsafe fn prepare<S: Simd>(queries: Attended, lanes: usize, width: usize, scale: f32, memory: &mut GradientMemory<'_>) {
    let Attended { query, result, logs, gradient, stride, count, .. } = queries;
    let (padded, all) = (width.next_multiple_of(S::LANES), count.next_multiple_of(lanes));
    memory.ones.fill(1.0);
    // SAFETY: the caller upholds the contract; `count` tokens are readable, each `width` long, and the panels of a
    // token are `padded` long.
    unsafe {
        for (which, from) in [query, gradient].into_iter().enumerate() {
            let tokens =
                Queries { query: from, result: std::ptr::null_mut(), logs: std::ptr::null_mut(), stride, count };
            pack_queries::<S, f32>(tokens, lanes, width, &mut memory.packed[which][..width * all]);
            for (start, columns) in panels(width, S::LANES) {
                let some = columns.min(width - start);
                for q in 0..count {
                    let place = (q / lanes * padded + start) * lanes + q % lanes * columns;
                    let row = &mut memory.rows[which][place..place + columns];
                    std::ptr::copy_nonoverlapping(from.add(q * stride + start), row.as_mut_ptr(), some);
                    row[some..].fill(0.0);
                }
            }
        }
        for q in 0..count {
            let mut sum = S::splat(0.0);
            for d in (0..width).step_by(S::LANES) {
                let n = S::LANES.min(width - d);
                let at = q * stride + d;
                sum = S::mul_add(load::<S, f32>(gradient.add(at), n), load::<S, f32>(result.add(at), n), sum);
            }
            memory.deltas[q] = -scale * S::sum(sum);
            memory.logs[q] = -*logs.add(q);
        }
        memory.deltas[count..all].fill(0.0);
        memory.logs[count..all].fill(f32::MIN);
    }
}

/// Turns scores into weights, and dot products of gradients and values into the slopes of the scores, `scale` included.
///
/// # Safety
/// As for `attend_backward`; there are `count` rows of `NV * LANES` at both pointers.
#[inline(always)]
unsafe fn slope<S: Simd, const NV: usize>(
    [weights, slopes]: [*mut f32; 2],
    count: usize,
    scale: f32,
    logs: *const f32,
    deltas: *const f32,
) {
    // SAFETY: the caller upholds the contract.
    unsafe {
        let (scale, binary) = (S::splat(scale), S::splat(scale * std::f32::consts::LOG2_E));
        for v in 0..NV {
            let (log, delta) = (S::load(logs.add(v * S::LANES)), S::load(deltas.add(v * S::LANES)));
            for key in 0..count {
                let at = (key * NV + v) * S::LANES;
                let weight = S::exp2(S::mul_add(S::load(weights.add(at)), binary, log), false);
                S::store(weights.add(at), weight);
                let slope = S::mul(weight, S::mul_add(S::load(slopes.add(at)), scale, delta));
                S::store(slopes.add(at), slope);
            }
        }
    }
}

/// Adds to the sums of each key the matmul of its row of `numbers` (`some` of `lanes` elements) with the queries' rows
/// of a panel of `P` vectors.
///
/// # Safety
/// As for `attend_backward`; there are `count` rows at `numbers` and at `sums`, and `some` at `rows`.
#[inline(always)]
unsafe fn add<S: Simd, const P: usize>(
    numbers: *const f32,
    [count, some, lanes]: [usize; 3],
    rows: *const f32,
    sums: *mut f32,
) {
    let segments = [Segment { pointers: 0, offset: 0, len: some }];
    let mut pointers = [std::ptr::null(); KEYS];
    for (key, pointer) in pointers.iter_mut().enumerate().take(count) {
        *pointer = numbers.wrapping_add(key * lanes);
    }
    let mut key = 0;
    while key < count {
        let height = even_height::<S>(count - key);
        let left = Left::Rows { pointers: pointers[key..].as_ptr(), height, segments: &segments };
        // SAFETY: `height` keys are left, each with `lanes` numbers and `P` vectors of sums.
        unsafe {
            let sums = sums.add(key * P * S::LANES);
            Tile::<f32, P> { rows: height, left, right: rows, sums, add: true, ahead: std::ptr::null() }.compute::<S>();
        }
        key += height;
    }
}
