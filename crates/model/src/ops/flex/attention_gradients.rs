//! Implements the backward passes of attention, for f32. Tokens are contiguous and row-major.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use kernels::{AttentionState, Clip, Cpu, Heads, Source, SourceGradients, TemporalGradients};

use super::products::scale;
use super::space::Space;
use super::storage::{in_order, of, slice};
use crate::ops::{AttentionGradients, KeysValues};

/// Keys, values and their shape, `[B_s, L_s, heads*d]`.
type Stored = (FlexTensor, FlexTensor, [usize; 3]);

fn stored(source: &KeysValues<Flex>) -> Stored {
    let [keys, values] = [&source.keys, &source.values].map(|x| in_order::<f32>(of(x.clone())));
    (keys, values, source.keys.dims())
}

fn as_source((keys, values, [batch, len, _]): &Stored) -> Source<'_, f32> {
    Source { keys: slice(keys), values: slice(values), batch: *batch, len: *len }
}

pub(super) fn with_logs(
    query: Tensor<Flex, 3>,
    sources: &[&KeysValues<Flex>],
    heads: usize,
) -> (Tensor<Flex, 3>, Tensor<Flex, 3>) {
    let [m, l, c] = query.dims();
    let query = in_order::<f32>(of(query));
    let stored: Vec<_> = sources.iter().map(|source| stored(source)).collect();
    let sources: Vec<_> = stored.iter().map(as_source).collect();
    let sizes = Heads { batch: m, queries: l, heads, width: c / heads };
    let (mut result, mut logs) = (Space::<f32>::of(m * l * c), Space::<f32>::of(m * heads * l));
    let (cpu, scale) = (Cpu::detect(), scale(c / heads));
    kernels::attention_with_log_sum_exp(cpu, slice(&query), &sources, sizes, scale, result.values(), logs.values());
    (result.stored([m, l, c], [0, 1, 2]), logs.stored([m, heads, l], [0, 1, 2]))
}

pub(super) fn attention(known: AttentionGradients<Flex>) -> (Tensor<Flex, 3>, Vec<KeysValues<Flex>>) {
    let AttentionGradients { query, sources, heads, result, logs, gradient } = known;
    let [m, l, c] = query.dims();
    let [query, result, logs, gradient] = [query, result, logs, gradient].map(|x| in_order::<f32>(of(x)));
    let state =
        AttentionState { query: slice(&query), result: slice(&result), logs: slice(&logs), gradient: slice(&gradient) };
    let stored: Vec<_> = sources.iter().map(stored).collect();
    let sources: Vec<_> = stored.iter().map(as_source).collect();
    let sizes = Heads { batch: m, queries: l, heads, width: c / heads };
    let mut of_query = Space::<f32>::of(m * l * c);
    let mut of_sources: Vec<[Space<f32>; 2]> =
        sources.iter().map(|source| [0; 2].map(|_| Space::of(source.keys.len()))).collect();
    let mut gradients: Vec<_> = of_sources
        .iter_mut()
        .map(|[keys, values]| SourceGradients { keys: keys.values(), values: values.values() })
        .collect();
    let (cpu, scale) = (Cpu::detect(), scale(c / heads));
    kernels::attention_gradient(cpu, &state, &sources, sizes, scale, of_query.values(), &mut gradients);
    let of_sources = of_sources.into_iter().zip(&stored).map(|(of, (_, _, shape))| {
        let [keys, values] = of.map(|of| of.stored(*shape, [0, 1, 2]));
        KeysValues { keys, values }
    });
    (of_query.stored([m, l, c], [0, 1, 2]), of_sources.collect())
}

pub(super) fn temporal(
    query: Tensor<Flex, 4>,
    own: KeysValues<Flex, 4>,
    heads: usize,
    gradient: Tensor<Flex, 4>,
) -> [Tensor<Flex, 4>; 3] {
    let dims = query.dims();
    let [batch, frames, pixels, c] = dims;
    let [query, keys, values, gradient] = [query, own.keys, own.values, gradient].map(|x| in_order::<f32>(of(x)));
    let clip = Clip { batch, frames, pixels, heads, width: c / heads };
    let mut results: [Space<f32>; 3] = std::array::from_fn(|_| Space::of(dims.iter().product()));
    let [of_query, of_keys, of_values] = &mut results;
    let to = TemporalGradients { query: of_query.values(), keys: of_keys.values(), values: of_values.values() };
    let operands = [slice(&query), slice(&keys), slice(&values)];
    let (cpu, scale) = (Cpu::detect(), scale(c / heads));
    kernels::temporal_attention_gradient(cpu, operands, clip, scale, slice(&gradient), to);
    results.map(|result| result.stored(dims, [0, 1, 2, 3]))
}
