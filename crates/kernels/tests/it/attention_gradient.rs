//! Tests the gradients of spatial and temporal attention.

use proptest::prelude::*;
use stuntdouble_kernels::{
    AttentionState, Clip, Cpu, Heads, Source, SourceGradients, TemporalGradients, attention_gradient,
    attention_with_log_sum_exp, temporal_attention_gradient,
};

use crate::reference::{Exact, Random, assert_close, each_cpu, on_one_and_two_threads};

/// One query row with all its keys: the offset of the query's token in `query`, and for each key its source and its
/// offset there.
struct Row<'a> {
    query: &'a [f32],
    gradient: &'a [f32],
    at: usize,
    tokens: Vec<(usize, usize)>,
    width: usize,
    scale: f64,
}

/// Gradients of the queries, and of the keys and values of each source.
type All = (Vec<Exact>, Vec<[Vec<Exact>; 2]>);

impl Row<'_> {
    /// Adds the contributions of this query to all gradients.
    fn add(&self, data: &[(Vec<f32>, Vec<f32>)], (of_query, of_sources): &mut All) {
        let Self { at, width, scale, .. } = *self;
        let query = |d: usize| f64::from(self.query[at + d]);
        let gradient = |d: usize| f64::from(self.gradient[at + d]);
        let key = |(source, at): (usize, usize), d: usize| f64::from(data[source].0[at + d]);
        let value = |(source, at): (usize, usize), d: usize| f64::from(data[source].1[at + d]);
        let dot = |of: &dyn Fn(usize) -> f64| (0..width).map(of).sum::<f64>();
        let scores: Vec<f64> = self.tokens.iter().map(|token| scale * dot(&|d| query(d) * key(*token, d))).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
        let total: f64 = weights.iter().sum();
        let products: Vec<f64> = self.tokens.iter().map(|token| dot(&|d| gradient(d) * value(*token, d))).collect();
        let delta: f64 = weights.iter().zip(&products).map(|(weight, product)| weight / total * product).sum();
        let span = 2.0 + scores.iter().fold(0.0_f64, |span, score| span.max(score.abs()));
        let size = products.iter().fold(1.0_f64, |size, product| size.max(product.abs())) * span * 2.0;
        for ((token, weight), product) in self.tokens.iter().zip(&weights).zip(&products) {
            let weight = weight / total;
            let slope = weight * (product - delta) * scale;
            for d in 0..width {
                let put = |to: &mut Exact, value: f64, size: f64| {
                    to.value += value;
                    to.scale += size.abs();
                };
                put(&mut of_query[at + d], slope * key(*token, d), weight * scale * size * key(*token, d));
                let [keys, values] = &mut of_sources[token.0];
                put(&mut keys[token.1 + d], slope * query(d), weight * scale * size * query(d));
                put(&mut values[token.1 + d], weight * gradient(d), weight * span * gradient(d));
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Case {
    sizes: Heads,
    /// For each source the number of tokens, and how many pictures share an item. If that does not divide the batch,
    /// one.
    sources: Vec<(usize, usize)>,
    scale: f32,
    seed: u64,
}

fn run(cpu: Cpu, case: &Case) {
    let Heads { batch, queries, heads, width } = case.sizes;
    let token = heads * width;
    let mut random = Random(case.seed);
    let (query, gradient) = (random.many::<f32>(batch * queries * token), random.many::<f32>(batch * queries * token));
    let sharing = |share: usize| if batch.is_multiple_of(share) { share } else { 1 };
    let own = |share: usize| batch / sharing(share);
    let lengths: Vec<usize> = case.sources.iter().map(|(len, share)| own(*share) * len * token).collect();
    let data: Vec<_> = lengths.iter().map(|n| (random.many::<f32>(*n), random.many::<f32>(*n))).collect();
    let zeros = |n: usize| vec![Exact::default(); n];
    let mut exact: All = (zeros(query.len()), lengths.iter().map(|n| [zeros(*n), zeros(*n)]).collect());
    for row in 0..batch * queries {
        for head in 0..heads {
            let mut tokens = vec![];
            for (number, (len, share)) in case.sources.iter().enumerate() {
                let picture = row / queries / sharing(*share);
                tokens.extend((0..*len).map(|i| (number, (picture * len + i) * token + head * width)));
            }
            let (at, scale) = (row * token + head * width, f64::from(case.scale));
            Row { query: &query, gradient: &gradient, at, tokens, width, scale }.add(&data, &mut exact);
        }
    }
    let sources: Vec<_> = case
        .sources
        .iter()
        .zip(&data)
        .map(|((len, share), (keys, values))| Source { keys, values, batch: own(*share), len: *len })
        .collect();
    // All gradients in one slice: the queries', then the keys' and values' of each source.
    let all = query.len() + 2 * lengths.iter().sum::<usize>();
    let found = on_one_and_two_threads(all, |found| {
        let (mut result, mut logs) = (vec![0.0; query.len()], vec![0.0; batch * heads * queries]);
        attention_with_log_sum_exp(cpu, &query, &sources, case.sizes, case.scale, &mut result, &mut logs);
        let state = AttentionState { query: &query, result: &result, logs: &logs, gradient: &gradient };
        let (of_query, mut rest) = found.split_at_mut(query.len());
        let mut of_sources = vec![];
        for length in &lengths {
            let (keys, more) = std::mem::take(&mut rest).split_at_mut(*length);
            let (values, more) = more.split_at_mut(*length);
            of_sources.push(SourceGradients { keys, values });
            rest = more;
        }
        attention_gradient(cpu, &state, &sources, case.sizes, case.scale, of_query, &mut of_sources);
    });
    let (of_query, of_sources) = exact;
    let expected: Vec<Exact> = of_query.into_iter().chain(of_sources.into_iter().flatten().flatten()).collect();
    assert_close(&found, &expected, &format!("{cpu:?} {case:?}"));
}

fn temporal(cpu: Cpu, clip: Clip, seed: u64) {
    let Clip { batch, frames, pixels, heads, width } = clip;
    let mut random = Random(seed);
    let length = batch * frames * pixels * heads * width;
    let [query, keys, values, gradient] = std::array::from_fn(|_| random.many::<f32>(length));
    let zeros = || vec![Exact::default(); length];
    let mut exact: All = (zeros(), vec![[zeros(), zeros()]]);
    let data = [(keys.clone(), values.clone())];
    for at in (0..length).step_by(width) {
        let frame = pixels * heads * width;
        let first = at / (frames * frame) * frames * frame + at % frame;
        let tokens = (0..frames).map(|n| (0, first + n * frame)).collect();
        Row { query: &query, gradient: &gradient, at, tokens, width, scale: f64::from(0.7_f32) }.add(&data, &mut exact);
    }
    let found = on_one_and_two_threads(3 * length, |found| {
        let (of_query, rest) = found.split_at_mut(length);
        let (of_keys, of_values) = rest.split_at_mut(length);
        let result = TemporalGradients { query: of_query, keys: of_keys, values: of_values };
        temporal_attention_gradient(cpu, [&query, &keys, &values], clip, 0.7, &gradient, result);
    });
    let (of_query, of_sources) = exact;
    let expected: Vec<Exact> = of_query.into_iter().chain(of_sources.into_iter().flatten().flatten()).collect();
    assert_close(&found, &expected, &format!("{cpu:?} {clip:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_of_attention_agree_with_the_reference(
        (batch, queries, heads, width) in (0_usize..5, 0_usize..80, 1_usize..4, 1_usize..50),
        sources in proptest::collection::vec((0_usize..150, 1_usize..5), 1..3),
        scale in 0.05_f32..2.0,
        seed: u64,
    ) {
        let case = Case { sizes: Heads { batch, queries, heads, width }, sources, scale, seed };
        each_cpu(|cpu| run(cpu, &case));
    }

    #[test]
    fn gradients_of_temporal_attention_agree_with_the_reference(
        batch in 0_usize..3, frames in 0_usize..40, pixels in 0_usize..40, heads in 1_usize..3, width in 1_usize..20, seed: u64,
    ) {
        let clip = Clip { batch, frames, pixels, heads, width };
        each_cpu(|cpu| temporal(cpu, clip, seed));
    }
}

#[test]
fn parts_of_one_picture_and_pictures_of_one_reference() {
    // Several blocks of queries; with few heads, the queries of a picture are split into several tasks.
    let sizes = Heads { batch: 1, queries: 300, heads: 1, width: 40 };
    let few = Case { sizes, sources: vec![(200, 1), (70, 1)], scale: 0.3, seed: 5 };
    let shared =
        Case { sizes: Heads { batch: 6, queries: 20, heads: 2, width: 33 }, sources: vec![(30, 3), (65, 2)], ..few };
    each_cpu(|cpu| {
        run(cpu, &few);
        run(cpu, &shared);
        temporal(cpu, Clip { batch: 1, frames: 33, pixels: 35, heads: 2, width: 40 }, 6);
    });
}
