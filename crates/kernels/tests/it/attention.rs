//! Tests spatial and temporal attention.

use proptest::prelude::*;
use stuntdouble_kernels::{Clip, Cpu, Heads, Source, attention, bf16, temporal_attention};

use crate::reference::{Exact, Number, Random, assert_close, each_cpu, on_one_and_two_threads};

/// Softmax attention of one query over tokens, each given as the index of its first element.
fn exact<T: Number>(query: &[T], tokens: &[(&[T], &[T], usize)], width: usize, scale: f32) -> Vec<Exact> {
    let scores: Vec<f64> = tokens
        .iter()
        .map(|(keys, _, at)| (0..width).map(|d| query[d].wide() * keys[at + d].wide()).sum::<f64>() * f64::from(scale))
        .collect();
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    let span = 2.0 + scores.iter().fold(0.0_f64, |span, score| span.max(score.abs()));
    (0..width)
        .map(|d| {
            let mut sum = Exact::default();
            for (weight, (_, values, at)) in weights.iter().zip(tokens) {
                sum.add(weight / total * values[at + d].wide());
            }
            sum.scale *= span;
            sum
        })
        .collect()
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

fn run<T: Number>(cpu: Cpu, case: &Case, damage: impl Fn(&mut [T], &mut [(Vec<T>, Vec<T>)])) {
    let Heads { batch, queries, heads, width } = case.sizes;
    let token = heads * width;
    let mut random = Random(case.seed);
    let mut query = random.shifted::<T>(batch * queries * token);
    let sharing = |share: usize| if batch.is_multiple_of(share) { share } else { 1 };
    let mut data: Vec<_> = case
        .sources
        .iter()
        .map(|(len, share)| {
            let n = batch / sharing(*share) * len * token;
            (random.many::<T>(n), random.many::<T>(n))
        })
        .collect();
    damage(&mut query[1..], &mut data);
    let query = &query[1..];
    let sources: Vec<_> = case
        .sources
        .iter()
        .zip(&data)
        .map(|((len, share), (keys, values))| Source { keys, values, batch: batch / sharing(*share), len: *len })
        .collect();
    let result = on_one_and_two_threads(query.len(), |result| {
        attention(cpu, query, &sources, case.sizes, case.scale, result);
    });
    let mut expected = vec![];
    for (row, query) in query.chunks_exact(token).enumerate() {
        for head in 0..heads {
            let mut tokens = vec![];
            for ((len, share), (keys, values)) in case.sources.iter().zip(&data) {
                let picture = row / queries / sharing(*share);
                tokens.extend((0..*len).map(|i| (&keys[..], &values[..], (picture * len + i) * token + head * width)));
            }
            expected.extend(exact(&query[head * width..], &tokens, width, case.scale));
        }
    }
    assert_close(&result, &expected, &format!("{cpu:?} {case:?}"));
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (0_usize..5, 0_usize..80, 1_usize..4, 1_usize..50);
    let source = (0_usize..150, 1_usize..5);
    (sizes, proptest::collection::vec(source, 1..3), 0.05_f32..2.0, any::<u64>()).prop_map(
        |((batch, queries, heads, width), sources, scale, seed)| Case {
            sizes: Heads { batch, queries, heads, width },
            sources,
            scale,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn attention_agrees_with_the_reference(case in case()) {
        each_cpu(|cpu| {
            run::<f32>(cpu, &case, |_, _| ());
            run::<bf16>(cpu, &case, |_, _| ());
        });
    }

    #[test]
    fn temporal_attention_agrees_with_the_reference(
        batch in 0_usize..3, frames in 0_usize..40, pixels in 0_usize..40, heads in 1_usize..3, width in 1_usize..20, seed: u64,
    ) {
        let clip = Clip { batch, frames, pixels, heads, width };
        each_cpu(|cpu| {
            temporal::<f32>(cpu, clip, seed, |_| ());
            temporal::<bf16>(cpu, clip, seed, |_| ());
        });
    }
}

fn temporal<T: Number>(cpu: Cpu, clip: Clip, seed: u64, damage: impl Fn(&mut [Vec<T>; 3])) {
    let Clip { batch, frames, pixels, heads, width } = clip;
    let mut random = Random(seed);
    let mut data = std::array::from_fn(|_| random.many::<T>(batch * frames * pixels * heads * width));
    damage(&mut data);
    let [query, keys, values] = data;
    let result = on_one_and_two_threads(query.len(), |result| {
        temporal_attention(cpu, [&query, &keys, &values], clip, 0.7, result);
    });
    let mut expected = vec![];
    for at in (0..query.len()).step_by(width) {
        let frame = pixels * heads * width;
        let first = at / (frames * frame) * frames * frame + at % frame;
        let tokens: Vec<_> = (0..frames).map(|n| (&keys[..], &values[..], first + n * frame)).collect();
        expected.extend(exact(&query[at..], &tokens, width, 0.7));
    }
    assert_close(&result, &expected, &format!("{cpu:?} {clip:?}"));
}

#[test]
fn large_scores_and_the_last_key_wins() {
    // The maximum grows in every tile, so the early weights vanish.
    let sizes = Heads { batch: 1, queries: 3, heads: 1, width: 2 };
    let case = Case { sizes, sources: vec![(200, 1)], scale: 1.0, seed: 4 };
    fn grow<T: Number>(_: &mut [T], data: &mut [(Vec<T>, Vec<T>)]) {
        for (i, key) in data[0].0.iter_mut().enumerate() {
            *key = T::of((i as f64) * 0.5);
        }
    }
    each_cpu(|cpu| {
        run::<f32>(cpu, &case, grow);
        run::<bf16>(cpu, &case, grow);
    });
}

#[test]
fn not_a_number_and_infinity_as_in_the_reference() {
    fn damage<T: Number>(query: &mut [T], data: &mut [(Vec<T>, Vec<T>)]) {
        // With 2 heads of width 3 and 5 queries: a NaN in a query of head 0, an infinity in a value of head 0, and a
        // NaN in a key of head 1, which affects all queries.
        query[6] = T::of(f64::NAN);
        data[0].1[6 * 4 + 1] = T::of(f64::INFINITY);
        data[0].0[6 * 70 + 4] = T::of(f64::NAN);
    }
    fn one_sided<T: Number>(query: &mut [T], data: &mut [(Vec<T>, Vec<T>)]) {
        // A whole tile of keys with score minus infinity, then keys with finite scores.
        query.fill(T::of(0.5));
        data[0].0[..6 * 64].fill(T::of(f64::NEG_INFINITY));
    }
    let sizes = Heads { batch: 1, queries: 5, heads: 2, width: 3 };
    let case = Case { sizes, sources: vec![(100, 1)], scale: 0.5, seed: 8 };
    each_cpu(|cpu| {
        run::<f32>(cpu, &case, damage);
        run::<bf16>(cpu, &case, damage);
        run::<f32>(cpu, &case, one_sided);
        run::<bf16>(cpu, &case, one_sided);
    });
}

#[test]
fn temporal_attention_of_a_network() {
    // As many pixels as are copied at once, and a pixel with non-finite values.
    let clip = Clip { batch: 1, frames: 33, pixels: 35, heads: 2, width: 40 };
    fn damage<T: Number>(data: &mut [Vec<T>; 3]) {
        data[0][81] = T::of(f64::NAN);
        data[2][35 * 80 + 5] = T::of(f64::INFINITY);
    }
    each_cpu(|cpu| {
        temporal::<f32>(cpu, clip, 6, damage);
        temporal::<bf16>(cpu, Clip { frames: 16, ..clip }, 7, damage);
    });
}

#[test]
fn no_keys_give_zeros() {
    each_cpu(|cpu| {
        let sizes = Heads { batch: 1, queries: 2, heads: 1, width: 2 };
        let mut result = [7.0_f32; 4];
        attention(cpu, &[1.0; 4], &[], sizes, 1.0, &mut result);
        assert_eq!(result, [0.0; 4]);
    });
}
