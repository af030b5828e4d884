//! Compares operations with results computed by hand, and Flex's operations with the composed operations.

use std::sync::Arc;

use burn::backend::Flex;
use burn::tensor::{DType, Distribution, Tensor, TensorData, Tolerance};
use proptest::prelude::*;

use super::*;
use crate::weights::pack_folder::PackFolder;
use crate::weights::{Fingerprint, WeightSource};

pub(super) fn random<const R: usize>(shape: [usize; R]) -> Tensor<Flex, R> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Default::default())
}

/// The same map in channels-last memory.
pub(super) fn turned(map: Tensor<Flex, 4>) -> Tensor<Flex, 4> {
    let [m, c, h, w] = map.dims();
    map.permute([0, 2, 3, 1]).reshape([m * h * w * c]).reshape([m, h, w, c]).permute([0, 3, 1, 2])
}

pub(super) fn assert_close(found: TensorData, expected: TensorData, tolerance: f32) {
    found.convert::<f32>().assert_approx_eq::<f32>(&expected, Tolerance::absolute(tolerance).set_relative(tolerance));
}

/// Compares `op` with `composed` for `x` in f32. For bf16, compares `op` with `composed` on the rounded `x` in f32. The tolerance
/// grows with `sums`, about the number of terms in each sum.
fn check<const R: usize, const Q: usize>(
    x: Tensor<Flex, R>,
    sums: usize,
    op: impl Fn(Tensor<Flex, R>) -> Tensor<Flex, Q>,
    composed: impl Fn(Tensor<Flex, R>) -> Tensor<Flex, Q>,
) {
    assert_close(op(x.clone()).into_data(), composed(x.clone()).into_data(), 2e-6 * (sums as f32 + 8.0));
    let narrow = x.cast(DType::BF16);
    let expected = composed(narrow.clone().cast(DType::F32)).into_data();
    let found = op(narrow);
    assert_eq!(found.dtype(), DType::BF16);
    assert_close(found.into_data(), expected, 8e-3 * (1.0 + (sums as f32).sqrt()));
}

fn plain() -> LinearEpilogue<Flex, 2> {
    LinearEpilogue { bias: None, shift: None, residual: None }
}

#[test]
fn two_tokens_by_hand() {
    let device = Default::default();
    // One head of width 1: q = 0 gives equal weights, q = ln 3 on keys (1, 0) gives weights 3/4 and 1/4.
    let query = Tensor::<Flex, 3>::from_data([[[0.0_f32], [3.0_f32.ln()]]], &device);
    let keys = Tensor::<Flex, 3>::from_data([[[1.0_f32], [0.0]]], &device);
    let values = Tensor::<Flex, 3>::from_data([[[8.0_f32], [4.0]]], &device);
    let expected = TensorData::from([[[6.0_f32], [7.0]]]);
    assert_close(attention(query, &[&KeysValues { keys, values }], 1).into_data(), expected, 1e-5);
}

#[test]
fn norms_by_hand() {
    let device = Default::default();
    let (weight, bias) =
        (Tensor::<Flex, 1>::from_floats([2.0, 1.0], &device), Tensor::from_floats([0.5, 0.0], &device));
    // One group over both channels: values 1, 3, 5, 7 have mean 4 and biased variance 5.
    let x = Tensor::<Flex, 3>::from_floats([[[1.0, 3.0], [5.0, 7.0]]], &device);
    let s = 5.0_f32.sqrt();
    let expected = TensorData::from([[[-6.0 / s + 0.5, -2.0 / s + 0.5], [1.0 / s, 3.0 / s]]]);
    let norm = Normalisation {
        groups: 1,
        weight: weight.clone(),
        bias: bias.clone(),
        epsilon: 0.0,
        activation: Activation::None,
    };
    assert_close(group_norm(x, norm).into_data(), expected, 1e-5);
    let row = Tensor::<Flex, 2>::from_floats([[2.0, 4.0]], &device);
    assert_close(layer_norm(row, weight, bias, 0.0).into_data(), TensorData::from([[-1.5_f32, 1.0]]), 1e-5);
}

#[test]
fn trained_weights_get_a_new_pack() {
    let x = random([3, 8]);
    let mut weight = random([5, 8]);
    for _ in 0..4 {
        let expected = composed::linear(x.clone(), weight.clone(), plain()).into_data();
        assert_close(linear(x.clone(), weight.clone(), plain()).into_data(), expected, 1e-5);
        // Burn computes this in place, because no other tensor shares the weight's memory.
        weight = weight * 2.0 + 0.25;
    }
    // Two views of the same memory that differ only in their strides, and a tensor with its own memory.
    let square = random([6, 6]);
    for view in [square.clone(), square.clone().transpose(), square.slice([2..4, 0..6]).repeat_dim(0, 3)] {
        let x = random([2, 6]);
        let expected = composed::linear(x.clone(), view.clone(), plain()).into_data();
        assert_close(linear(x, view, plain()).into_data(), expected, 1e-5);
    }
}

#[test]
fn memory_is_used_again_only_when_it_is_free() {
    let (x, weight) = (random([400, 64]), random([96, 64]));
    let run = |x: &Tensor<Flex, 2>| linear(x.clone(), weight.clone(), plain());
    let expected = composed::linear(x.clone(), weight.clone(), plain()).into_data();
    let held = run(&x);
    let view = held.clone().narrow(0, 100, 200);
    // `held` is shared, so the product must not overwrite it. `other` below is unshared: it may be overwritten, and its memory is
    // used again.
    let doubled = held.clone() * 2.0;
    for turn in 0..6 {
        let other = run(&(x.clone() + turn as f32));
        drop(other * 0.0);
    }
    assert_close(held.clone().into_data(), expected.clone(), 1e-4);
    assert_close((doubled / 2.0).into_data(), expected, 1e-4);
    view.into_data().assert_eq(&held.narrow(0, 100, 200).into_data(), true);
}

#[test]
fn weights_of_another_type_than_the_map() {
    let (x, weight) = (random([2, 3, 5, 4]), random([6, 3, 3, 3]));
    let narrow = weight.cast(DType::BF16);
    let expected = composed::conv2d(x.clone(), narrow.clone().cast(DType::F32), Convolution::same(3, 1, None));
    let found = conv2d(x, narrow, Convolution::same(3, 1, None));
    assert_eq!(found.dtype(), DType::F32);
    assert_close(found.into_data(), expected.into_data(), 1e-5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn maps_of_cells(
        (m, c, other, h, w) in (1_usize..4, 1_usize..40, 1_usize..40, 1_usize..6, 1_usize..6),
        (per_channel, last) in any::<(bool, bool)>(),
    ) {
        let weight = random([if per_channel { c } else { 1 }, 2 * c, 1, 1]);
        let (bias, second, wide) = (random([weight.dims()[0]]), random([m, c, h, w]), random([m, other, h, w]));
        let map = |x: Tensor<Flex, 4>| if last { turned(x) } else { x };
        check(random([m, c, h, w]), 1, |x| add(map(x), second.clone()), |x| x + second.clone());
        check(
            random([m, c, h, w]),
            1,
            |x| concat_channels(vec![map(x), wide.clone()]),
            |x| Tensor::cat(vec![x, wide.clone()], 1),
        );
        check(
            random([m, c, h, w]),
            2 * c,
            |x| blend([map(x.clone()), second.clone().cast(x.dtype())], weight.clone(), bias.clone()),
            |x| {
                let both = Tensor::cat(vec![x.clone(), second.clone()], 1);
                let sums = composed::conv2d(both, weight.clone(), Convolution::same(1, 1, Some(bias.clone())));
                x.clone() + (second.clone() - x) * burn::tensor::activation::sigmoid(sums)
            },
        );
    }

    #[test]
    fn products(
        (groups, rows) in (1_usize..4, 1_usize..15),
        d_in in 1_usize..70,
        half in 1_usize..40,
        (biased, shifted, added) in any::<(bool, bool, bool)>(),
    ) {
        let rows = groups * rows;
        let weight = random([2 * half, d_in]);
        let bias = biased.then(|| random([2 * half]));
        let shift = shifted.then(|| random([groups, 2 * half]));
        let all = LinearEpilogue { bias: bias.clone(), shift, residual: added.then(|| random([rows, 2 * half])) };
        check(
            random([rows, d_in]),
            d_in,
            |x| linear(x, weight.clone(), all.clone()),
            |x| composed::linear(x, weight.clone(), all.clone()),
        );
        check(
            random([rows, d_in]),
            2 * d_in,
            |x| linear_geglu(x, weight.clone(), bias.clone()),
            |x| composed::linear_geglu(x, weight.clone(), bias.clone()),
        );
    }

    #[test]
    fn convolutions(
        (clips, frames) in (1_usize..3, 1_usize..3),
        (c_in, c_out) in (1_usize..20, 1_usize..20),
        (h, w) in (2_usize..9, 2_usize..9),
        (kernel, stride) in (prop_oneof![Just(1_usize), Just(3)], 1_usize..3),
        (shifted, added, active, last, uneven) in any::<(bool, bool, bool, bool, bool)>(),
    ) {
        let m = clips * frames;
        let weight = random([c_out, c_in, kernel, kernel]);
        let mut convolution = Convolution::same(kernel, stride, Some(random([c_out])));
        if uneven && kernel == 3 {
            convolution.padding = [0, 1];
        }
        convolution.shift = shifted.then(|| random([clips, c_out]));
        if active {
            convolution.activation = Activation::Silu;
        }
        let x = random([m, c_in, h, w]);
        if added {
            let size = composed::conv2d(x.clone(), weight.clone(), Convolution { shift: None, ..convolution.clone() });
            convolution.residual = Some(random(size.dims()));
        }
        let x = if last { turned(x) } else { x };
        check(
            x.clone(),
            c_in * kernel * kernel,
            |x| conv2d(x, weight.clone(), convolution.clone()),
            |x| composed::conv2d(x, weight.clone(), convolution.clone()),
        );
        if kernel == 3 {
            let bias = Some(random([c_out]));
            check(
                x,
                9 * c_in,
                |x| upsample_conv2d(x, weight.clone(), bias.clone()),
                |x| composed::upsample_conv2d(x, weight.clone(), bias.clone()),
            );
        }
    }

    #[test]
    fn convolutions_in_time(
        (b, n) in (1_usize..3, 1_usize..5),
        (c_in, c_out) in (1_usize..5, 1_usize..5),
        (h, w) in (2_usize..6, 2_usize..6),
        (k_n, k, padded) in (1_usize..4, prop_oneof![Just(1_usize), Just(3)], any::<bool>()),
    ) {
        let padding = if padded || n < k_n || h.min(w) < k { [k_n / 2, k / 2, k / 2] } else { [0; 3] };
        prop_assume!(n + 2 * padding[0] >= k_n);
        let (weight, bias) = (random([c_out, c_in, k_n, k, k]), Some(random([c_out])));
        check(
            random([b, c_in, n, h, w]),
            c_in * k_n * k * k,
            |x| conv3d(x, weight.clone(), bias.clone(), padding),
            |x| composed::conv3d(x, weight.clone(), bias.clone(), padding),
        );
    }

    #[test]
    fn norms(
        (b, n) in (1_usize..3, 1_usize..4),
        (groups, width) in (1_usize..4, 1_usize..9),
        (h, w) in (1_usize..7, 1_usize..7),
        (active, last) in any::<(bool, bool)>(),
    ) {
        let c = groups * width;
        let (weight, bias) = (random([c]), random([c]));
        let activation = if active { Activation::Silu } else { Activation::None };
        let norm = Normalisation { groups, weight: weight.clone(), bias: bias.clone(), epsilon: 1e-3, activation };
        let x = random([b, c, h, w]);
        let x = if last { turned(x) } else { x };
        check(x, 40, |x| group_norm(x, norm.clone()), |x| composed::group_norm(x, norm.clone()));
        let video = random([b, c, n, h, w]);
        check(video, 40, |x| group_norm(x, norm.clone()), |x| composed::group_norm(x, norm.clone()));
        check(
            random([b * h, c]),
            40,
            |x| layer_norm(x, weight.clone(), bias.clone(), 1e-3),
            |x| composed::layer_norm(x, weight.clone(), bias.clone(), 1e-3),
        );
        let map = random([b, c, h, w]);
        let map = if last { turned(map) } else { map };
        check(map, 1, silu, burn::tensor::activation::silu);
    }

    #[test]
    fn attentions(
        (clips, frames) in (1_usize..3, 1_usize..4),
        (heads, width) in (1_usize..3, 1_usize..12),
        (l, shared) in (1_usize..20, 0_usize..9),
    ) {
        let (m, c) = (clips * frames, heads * width);
        let own = KeysValues { keys: random([m, l, c]), values: random([m, l, c]) };
        let other = KeysValues { keys: random([clips, shared, c]), values: random([clips, shared, c]) };
        let mut sources = vec![&own];
        if shared > 0 {
            sources.push(&other);
        }
        let composed = |x| composed::attention(x, &sources, heads);
        check(random([m, l, c]), 10, |x| attention(x, &sources, heads), composed);
        let own = KeysValues { keys: random([clips, frames, l, c]), values: random([clips, frames, l, c]) };
        check(
            random([clips, frames, l, c]),
            10,
            |x| temporal_attention(x, own.clone(), heads),
            |x| composed::temporal_attention(x, own.clone(), heads),
        );
    }

    #[test]
    fn maps_turn_to_tokens_and_back(m in 1_usize..3, c in 1_usize..5, h in 1_usize..5, w in 1_usize..5) {
        let map = random([m, c, h, w]);
        let expected = map.clone().reshape([m, c, h * w]).swap_dims(1, 2).into_data();
        for map in [map.clone(), turned(map)] {
            let tokens = tokens_from_map(map.clone());
            tokens.clone().into_data().assert_eq(&expected, true);
            map_from_tokens(tokens, [h, w]).into_data().assert_eq(&map.clone().into_data(), true);
            let both = concat_channels(vec![map.clone(), map.clone()]);
            both.into_data().assert_eq(&Tensor::cat(vec![map.clone(), map.clone()], 1).into_data(), true);
            add(map.clone(), map.clone()).into_data().assert_eq(&(map.clone() * 2.0).into_data(), true);
        }
    }
}

/// The weight cache on disk changes no result, for every operation with a weight, in f32 and bf16. Cases: packed and mapped at once,
/// mapped in a later run, evicted, and packed again after the cache is damaged.
#[test]
fn kept_packs_are_the_same_weights() {
    fn check<const R: usize, const Q: usize>(shape: [usize; R], op: impl Fn(Tensor<Flex, R>) -> Tensor<Flex, Q>) {
        let root = tempfile::tempdir().unwrap();
        let folder = || Arc::new(PackFolder::open(root.path(), Fingerprint::of_text("weights")));
        let source = WeightSource::drawn(&shape, 1, 0.1);
        let of = |source: &WeightSource| op(Flex::lazy_weight(source).unwrap()).into_data();
        let expected = of(&source);
        let first = source.kept_in(Some(folder()));
        assert_eq!(of(&first), expected);
        assert_eq!(of(&first), expected, "found by the same process");
        // Other values under the same name: the cache is hit, and they are not read.
        let wrong = WeightSource::drawn(&shape, 2, 0.1).named(first.name());
        assert_eq!(of(&wrong.kept_in(Some(folder()))), expected);
        // Only an evicted weight is looked up in the cache on disk again.
        let weight = Flex::lazy_weight(&first).unwrap();
        for (evicts, is_back) in [(false, false), (true, true)] {
            op(weight.clone());
            walk(root.path()).iter().for_each(|path| std::fs::remove_file(path).unwrap());
            if evicts {
                Flex::evict(weight.clone(), true);
            }
            assert_eq!(op(weight.clone()).into_data(), expected);
            let found = walk(root.path()).iter().any(|path| path.extension().is_some_and(|name| name == "pack"));
            assert_eq!(found, is_back);
        }
        let mut packs = 0;
        for entry in walk(root.path()) {
            if entry.extension().is_some_and(|extension| extension == "pack") {
                let mut bytes = std::fs::read(&entry).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 64;
                std::fs::remove_file(&entry).unwrap();
                std::fs::write(&entry, bytes).unwrap();
                packs += 1;
            }
        }
        assert_eq!(packs, 1);
        assert_eq!(of(&source.kept_in(Some(folder()))), expected, "made anew");
        assert_eq!(of(&wrong.kept_in(Some(folder()))), expected, "and kept");
    }
    fn walk(root: &std::path::Path) -> Vec<std::path::PathBuf> {
        let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
    }
    for dtype in [DType::F32, DType::BF16] {
        let (rows, map) = (random([5, 256]).cast(dtype), random([1, 64, 32, 32]).cast(dtype));
        let video = random([1, 64, 3, 4, 4]).cast(dtype);
        check([256, 256], |weight| linear(rows.clone(), weight, plain()));
        check([256, 256], |weight| linear_geglu(rows.clone(), weight, None));
        check([64, 64, 3, 3, 3], |weight| conv3d(video.clone(), weight, None, [1; 3]));
        for stride in [1, 2] {
            check([128, 64, 3, 3], |weight| conv2d(map.clone(), weight, Convolution::same(3, stride, None)));
        }
        check([128, 64, 3, 3], |weight| upsample_conv2d(map.clone(), weight, None));
    }
}

/// A lazy weight gives the same results as a tensor with its values, for every operation with a weight, in f32 and bf16.
#[test]
fn weights_on_demand_are_the_same_weights() {
    fn both<const R: usize>(shape: [usize; R], seed: u64) -> [Tensor<Flex, R>; 2] {
        let source = WeightSource::drawn(&shape, seed, 0.1);
        let stored = Tensor::from_data(TensorData::new(source.values().unwrap(), shape), &Default::default());
        [stored, Flex::lazy_weight(&source).unwrap()]
    }
    fn same<const R: usize, const Q: usize>(
        weights: [Tensor<Flex, R>; 2],
        op: impl Fn(Tensor<Flex, R>) -> Tensor<Flex, Q>,
    ) {
        let [stored, on_demand] = weights;
        assert_eq!(on_demand.dims(), stored.dims());
        let expected = op(stored).into_data();
        assert_eq!(op(on_demand.clone()).into_data(), expected);
        Flex::evict(on_demand.clone(), false);
        assert_eq!(op(on_demand).into_data(), expected);
    }
    for dtype in [DType::F32, DType::BF16] {
        let (rows, video) = (random([5, 6]).cast(dtype), random([1, 4, 3, 5, 6]).cast(dtype));
        same(both([4, 6], 1), |weight| linear(rows.clone(), weight, plain()));
        same(both([4, 6], 2), |weight| linear_geglu(rows.clone(), weight, None));
        same(both([2, 1], 3), |weight| linear(rows.clone().narrow(1, 0, 1), weight, plain()));
        same(both([2, 4, 3, 3, 3], 4), |weight| conv3d(video.clone(), weight, None, [1; 3]));
        // Direct and Winograd convolution.
        for (channels, side) in [(8, 6), (64, 32)] {
            let map = random([1, channels, side, side]).cast(dtype);
            for stride in [1, 2] {
                let convolution = || Convolution::same(3, stride, None);
                same(both([channels, channels, 3, 3], 5), |weight| conv2d(map.clone(), weight, convolution()));
            }
            same(both([channels, channels, 3, 3], 6), |weight| upsample_conv2d(map.clone(), weight, None));
        }
    }
}
