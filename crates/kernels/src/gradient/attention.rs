//! Computes the gradients of attention with respect to the queries, and to the keys and values of every source, in f32.
//!
//! | operand | shape |
//! |---|---|
//! | query, result, their gradients | `[B, L, heads * D]` |
//! | logs | `[B, heads, L]`, from [`attention_with_log_sum_exp`](crate::attention_with_log_sum_exp) |
//! | keys, values of a source, their gradients | `[B_s, L_s, heads * D]`, `B_s` a divisor of `B` |
//!
//! A task covers one head of one picture. If there would be too few tasks, the queries of a picture are split into
//! several tasks. A task owns the gradients of its queries, and accumulates the gradients of all keys in its scratch
//! memory. Several tasks can share tokens: the pictures of a clip share the tokens of the reference, and the tasks of
//! one picture share all tokens. In that case each task writes its own copy of the sums, and the copies are then added
//! in task order.

use crate::attention::block::VECTORS;
use crate::attention::memory::PARTS;
use crate::attention::spatial::{Heads, Source, check, tokens_of};
use crate::gradient::attention_block::{Attended, GradientMemory, attend_backward};
use crate::memory::buffer::{Buffer, with_scratch};
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::dispatch::{dispatch, shape};
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Minimum number of tasks, if the work is large enough.
const TASKS: usize = 16;
/// Elements per task that adds copies.
const PIECE: usize = 16 * 1024;

/// The tensors that the forward pass leaves for the gradients, and the gradient of its result.
#[derive(Debug, Clone, Copy)]
pub struct AttentionState<'a> {
    /// `[B, L, heads * D]`
    pub query: &'a [f32],
    /// `[B, L, heads * D]`
    pub result: &'a [f32],
    /// `[B, heads, L]`
    pub logs: &'a [f32],
    /// `[B, L, heads * D]`
    pub gradient: &'a [f32],
}

/// Output: gradients of a source's tokens.
#[derive(Debug)]
pub struct SourceGradients<'a> {
    /// `[B_s, L_s, heads * D]`
    pub keys: &'a mut [f32],
    /// `[B_s, L_s, heads * D]`
    pub values: &'a mut [f32],
}

/// Where tasks write their sums for a source's tokens: directly into the result, or as separate copies.
struct Sums {
    places: [Shared<f32>; 2],
    /// Number of tasks that share the tokens.
    sharers: usize,
}

/// Gradients of [`attention`](crate::attention) over `sources` with the same `scale`.
///
/// # Panics
/// When a slice's length does not match the shapes, or `scale` is not positive.
pub fn attention_gradient(
    cpu: Cpu,
    state: &AttentionState<'_>,
    sources: &[Source<'_, f32>],
    sizes: Heads,
    scale: f32,
    of_query: &mut [f32],
    of_sources: &mut [SourceGradients<'_>],
) {
    let Heads { batch, queries, heads, width } = sizes;
    let AttentionState { query, result, logs, gradient } = *state;
    check(query, sources, sizes, scale);
    let lengths = [result.len(), gradient.len(), of_query.len()];
    assert_eq!(lengths, [query.len(); 3], "attention_gradient: result and gradients of {sizes:?}");
    assert_eq!(logs.len(), batch * heads * queries, "attention_gradient: logs of {sizes:?}");
    assert_eq!(of_sources.len(), sources.len(), "attention_gradient: sources");
    for (source, of) in sources.iter().zip(&*of_sources) {
        assert_eq!([of.keys.len(), of.values.len()], [source.keys.len(); 2], "attention_gradient: {source:?}");
    }
    let keys: usize = sources.iter().map(|source| source.len).sum();
    if keys == 0 || query.is_empty() {
        of_query.fill(0.0);
        of_sources.iter_mut().flat_map(|of| [&mut *of.keys, &mut *of.values]).for_each(|of| of.fill(0.0));
        return;
    }
    let (token, vector) = (heads * width, shape(cpu).0);
    let lanes = VECTORS * vector;
    // 1. Split the queries of a picture, in whole blocks.
    let blocks = queries.div_ceil(PARTS * lanes);
    let part = blocks.div_ceil(TASKS.div_ceil(batch * heads).min(blocks)) * PARTS * lanes;
    let parts = queries.div_ceil(part);
    let sharers = |source: &Source<'_, f32>| batch / source.batch * parts;
    let mut shared: Vec<[Buffer<f32>; 2]> = sources
        .iter()
        .map(|source| {
            let len = if sharers(source) == 1 { 0 } else { sharers(source) * source.keys.len() };
            [Buffer::zeros(len), Buffer::zeros(len)]
        })
        .collect();
    let sums =
        |((source, of), [keys, values]): ((&Source<'_, f32>, &mut SourceGradients<'_>), &mut [Buffer<f32>; 2])| {
            let places =
                if sharers(source) == 1 { [&mut *of.keys, &mut *of.values] } else { [&mut **keys, &mut **values] };
            Sums { places: places.map(Shared::new), sharers: sharers(source) }
        };
    let sums: Vec<Sums> = sources.iter().zip(of_sources.iter_mut()).zip(&mut shared).map(sums).collect();
    let place = Shared::new(of_query);
    // 2. Run the tasks.
    for_each_task(batch * heads * parts, |task| {
        let (picture, head, number) = (task / (heads * parts), task / parts % heads, task % parts);
        let start = picture * queries * token + head * width;
        let tokens: Vec<_> =
            sources.iter().map(|source| tokens_of(source, picture, batch, head * width, token)).collect();
        with_scratch(GradientMemory::bytes(width, lanes, vector, keys), |mut scratch| {
            let mut memory = GradientMemory::take(&mut scratch, width, lanes, vector, keys);
            memory.clear(0..keys, keys, [width, vector]);
            for first in (number * part..queries.min((number + 1) * part)).step_by(PARTS * lanes) {
                let at = start + first * token;
                let attended = Attended {
                    query: query[at..].as_ptr(),
                    result: result[at..].as_ptr(),
                    logs: logs[(picture * heads + head) * queries + first..].as_ptr(),
                    gradient: gradient[at..].as_ptr(),
                    // SAFETY: `at` is in range, because `picture`, `first` and `head` are.
                    of_query: unsafe { place.pointer().add(at) },
                    stride: token,
                    count: (PARTS * lanes).min(queries - first),
                };
                let block = Block { attended, tokens: &tokens, keys, width, scale, memory: &mut memory };
                // SAFETY: the lengths checked above keep all tokens inside their slices; tasks write the gradients of
                // different queries or heads.
                unsafe { dispatch(cpu, block) };
            }
            let mut base = 0;
            for (source, sums) in sources.iter().zip(&sums) {
                let own = picture / (batch / source.batch);
                let sharer = (picture % (batch / source.batch)) * parts + number;
                let at = (own * sums.sharers + sharer) * source.len * token + head * width;
                if source.len > 0 {
                    // SAFETY: every sharer has its own copy of the tokens of a source item, and heads do not overlap.
                    unsafe {
                        let to = sums.places.map(|place| place.pointer().add(at));
                        memory.write(base..base + source.len, keys, [width, vector], to, token);
                    }
                }
                base += source.len;
            }
        });
    });
    // 3. Add the copies of the sharers.
    for ((source, of), shared) in sources.iter().zip(of_sources).zip(&shared) {
        let [keys, values] = shared;
        add_up(keys, source.len * token, sharers(source), of.keys);
        add_up(values, source.len * token, sharers(source), of.values);
    }
}

/// Adds `sharers` copies of each source item of `each` elements.
fn add_up(copies: &[f32], each: usize, sharers: usize, result: &mut [f32]) {
    if sharers == 1 || result.is_empty() {
        return;
    }
    debug_assert_eq!(copies.len(), sharers * result.len(), "add_up");
    let pieces = each.div_ceil(PIECE);
    let pictures = result.len() / each;
    let shared = Shared::new(result);
    for_each_task(pictures * pieces, |task| {
        let (picture, first) = (task / pieces, task % pieces * PIECE);
        let count = PIECE.min(each - first);
        // SAFETY: each task has its own elements of the result.
        let result = unsafe { std::slice::from_raw_parts_mut(shared.pointer().add(picture * each + first), count) };
        for sharer in 0..sharers {
            let copy = &copies[(picture * sharers + sharer) * each + first..][..count];
            if sharer == 0 {
                result.copy_from_slice(copy);
            } else {
                result.iter_mut().zip(copy).for_each(|(sum, x)| *sum += x);
            }
        }
    });
}

struct Block<'a, 'm> {
    attended: Attended,
    tokens: &'a [crate::attention::block::Tokens<f32>],
    keys: usize,
    width: usize,
    scale: f32,
    memory: &'a mut GradientMemory<'m>,
}

impl Kernel for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { attended, tokens, keys, width, scale, memory } = self;
        // SAFETY: the caller upholds the contract; `attention_gradient` has sized block and memory.
        unsafe { attend_backward::<S, VECTORS>(attended, tokens, keys, width, scale, memory) };
    }
}
