//! Computes attention over the tokens of feature maps. Keys and values can come from several sources, which are not
//! concatenated in memory.
//!
//! | operand | shape |
//! |---|---|
//! | query, result | `[B, L, heads * D]` |
//! | keys, values of a source | `[B_s, L_s, heads * D]`, `B_s` a divisor of `B` |
//!
//! The result is `softmax(scale * Q K^T) V` per head, where `K` and `V` contain the keys and values of all sources, one
//! after another. A task covers up to `PARTS * VECTORS` SIMD vectors of queries of one head.

use crate::attention::block::{Tokens, VECTORS, attend};
use crate::attention::memory::{Memory, PARTS, Queries};
use crate::memory::buffer::with_scratch;
use crate::memory::partition::{Shared, for_each_task};
use crate::simd::compiled::compiled;
use crate::simd::dispatch::shape;
use crate::simd::element::Element;
use crate::simd::isa::Cpu;
use crate::simd::vector::{Kernel, Simd};

/// Keys and values to attend to, for instance of the same map or of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a, T> {
    /// `[batch, len, heads * D]`
    pub keys: &'a [T],
    /// `[batch, len, heads * D]`
    pub values: &'a [T],
    /// The batch of the queries, or a divisor of it. Each item is shared by equally many consecutive pictures.
    pub batch: usize,
    /// Number of tokens.
    pub len: usize,
}

/// Sizes of an attention op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Number of pictures.
    pub batch: usize,
    /// Query tokens per picture.
    pub queries: usize,
    /// Number of heads.
    pub heads: usize,
    /// Elements of a token in one head, `D`.
    pub width: usize,
}

/// Attention of `query` over all `sources`. Scores are multiplied by `scale`, usually `1 / sqrt(D)`. If there are no
/// keys, the result is zero.
///
/// # Panics
/// When a slice's length does not match the shapes, or `scale` is not positive.
pub fn attention<T: Element>(
    cpu: Cpu,
    query: &[T],
    sources: &[Source<'_, T>],
    sizes: Heads,
    scale: f32,
    result: &mut [T],
) {
    run(cpu, query, sources, sizes, scale, result, None);
}

/// Like [`attention`], and also writes the base-2 logarithm of every query's sum of `exp(scale * score)`,
/// `[B, heads, L]`. [`attention_gradient`](crate::attention_gradient) recomputes the weights from it. If there are no
/// keys, `logs` is not written.
///
/// # Panics
/// As [`attention`], and when `logs` has the wrong length.
pub fn attention_with_log_sum_exp<T: Element>(
    cpu: Cpu,
    query: &[T],
    sources: &[Source<'_, T>],
    sizes: Heads,
    scale: f32,
    result: &mut [T],
    logs: &mut [f32],
) {
    assert_eq!(logs.len(), sizes.batch * sizes.heads * sizes.queries, "attention: logs of {sizes:?}");
    run(cpu, query, sources, sizes, scale, result, Some(Shared::new(logs)));
}

/// Panics unless the lengths of query and sources match the shapes.
pub(crate) fn check<T>(query: &[T], sources: &[Source<'_, T>], sizes: Heads, scale: f32) {
    let Heads { batch, queries, heads, width } = sizes;
    let token = heads * width;
    assert!(scale > 0.0, "attention: scale {scale}");
    assert_eq!(query.len(), batch * queries * token, "attention: query of {sizes:?}");
    for Source { keys, values, batch: own, len } in sources {
        let fits = *own == batch || *own > 0 && batch.is_multiple_of(*own);
        assert!(fits, "attention: source of batch {own}, queries of batch {batch}");
        let sizes = [keys.len(), values.len()];
        assert_eq!(sizes, [own * len * token; 2], "attention: source [{own}, {len}, {token}]");
    }
}

/// The tokens of one head in the source item that belongs to `picture`.
pub(crate) fn tokens_of<T>(
    source: &Source<'_, T>,
    picture: usize,
    batch: usize,
    head: usize,
    token: usize,
) -> Tokens<T> {
    // An empty source has no element to point to.
    let start = if source.len == 0 { 0 } else { picture / (batch / source.batch) * source.len * token + head };
    let (keys, values) = (source.keys[start..].as_ptr(), source.values[start..].as_ptr());
    Tokens { keys, values, stride: token, len: source.len }
}

fn run<T: Element>(
    cpu: Cpu,
    query: &[T],
    sources: &[Source<'_, T>],
    sizes: Heads,
    scale: f32,
    result: &mut [T],
    logs: Option<Shared<f32>>,
) {
    let Heads { batch, queries, heads, width } = sizes;
    let token = heads * width;
    check(query, sources, sizes, scale);
    assert_eq!(result.len(), query.len(), "attention: result of {sizes:?}");
    if sources.iter().all(|source| source.len == 0) {
        result.fill(T::ZERO);
        return;
    }
    if result.is_empty() {
        return;
    }
    let lanes = VECTORS * shape(cpu).0;
    let block = (PARTS * lanes).min(queries.next_multiple_of(lanes));
    let blocks = queries.div_ceil(block);
    let shared = Shared::new(result);
    for_each_task(batch * heads * blocks, |task| {
        let (picture, head, first) = (task / (heads * blocks), task / blocks % heads, task % blocks * block);
        let start = (picture * queries + first) * token + head * width;
        let tokens: Vec<_> =
            sources.iter().map(|source| tokens_of(source, picture, batch, head * width, token)).collect();
        let count = block.min(queries - first);
        // SAFETY: `start` is in range, because `picture`, `first` and `head` are.
        let place = unsafe { shared.pointer().add(start) };
        // SAFETY: `logs` has one element for each picture, head and query, and no other task has this task's queries.
        let logs = logs.map_or(std::ptr::null_mut(), |logs| unsafe {
            logs.pointer().add((picture * heads + head) * queries + first)
        });
        let queries = Queries { query: query[start..].as_ptr(), result: place, logs, stride: token, count };
        with_scratch(Memory::<T>::bytes(width, lanes), |mut scratch| {
            let memory = Memory::take(&mut scratch, width, lanes);
            // SAFETY: the lengths checked above keep all tokens inside their slices; tasks write different queries or
            // heads.
            unsafe { run_block(cpu, Task { queries, tokens: &tokens, width, scale, memory }) };
        });
    });
}

pub(crate) struct Task<'a, T> {
    queries: Queries<T>,
    tokens: &'a [Tokens<T>],
    width: usize,
    scale: f32,
    memory: Memory<'a, T>,
}

compiled!(fn run_block(Task));

impl<T: Element> Kernel for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        // SAFETY: the caller upholds the contract; `attention` has sized block and memory.
        unsafe { attend::<S, T, VECTORS>(self.queries, self.tokens, self.width, self.scale, &mut self.memory) };
    }
}
