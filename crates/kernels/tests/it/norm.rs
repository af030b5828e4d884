//! Tests group norm and layer norm.

use proptest::prelude::*;
use stuntdouble_kernels::{Activation, Cpu, GroupNorm, bf16, group_norm, layer_norm};

use crate::reference::{Exact, Number, Random, assert_close, each_cpu, on_one_and_two_threads, silu};

/// Mean and reciprocal deviation.
fn statistics(values: &[f64], epsilon: f64) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// A normalised value. Its accuracy depends on how far the mean is from zero.
fn normal(x: f64, (mean, scale): (f64, f64), weight: f32, bias: f32) -> Exact {
    let (weight, bias) = (f64::from(weight), f64::from(bias));
    let size = (x.abs() + mean.abs() + 1.0 / scale) * scale * weight.abs() * 2.0 + bias.abs();
    Exact { value: (x - mean) * scale * weight + bias, scale: size }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    pixels: usize,
    groups: usize,
    width: usize,
    offset: f64,
    activation: Activation,
    seed: u64,
}

fn group<T: Number>(cpu: Cpu, case: Case, damage: impl Fn(&mut [T])) {
    let Case { batch, pixels, groups, width, activation, .. } = case;
    let (channels, epsilon) = (groups * width, 1e-5);
    let mut random = Random(case.seed);
    let mut input = random.shifted::<T>(batch * pixels * channels);
    for x in &mut input {
        *x = T::of(x.wide() + case.offset);
    }
    damage(&mut input[1..]);
    let input = &input[1..];
    let (weight, bias) = (random.many::<f32>(channels), random.many::<f32>(channels));
    let norm = GroupNorm { groups, weight: &weight, bias: &bias, epsilon, activation };
    let result = on_one_and_two_threads(input.len(), |result| group_norm(cpu, input, batch, &norm, result));
    let statistics: Vec<_> = (0..batch * groups)
        .map(|i| {
            let member = |at: &usize| at / (pixels * channels) == i / groups && at % channels / width == i % groups;
            let values: Vec<f64> = (0..input.len()).filter(member).map(|at| input[at].wide()).collect();
            statistics(&values, epsilon)
        })
        .collect();
    let expected: Vec<_> = input
        .iter()
        .enumerate()
        .map(|(at, x)| {
            let channel = at % channels;
            let of = statistics[at / (pixels * channels) * groups + channel / width];
            let mut y = normal(x.wide(), of, weight[channel], bias[channel]);
            if activation == Activation::Silu {
                y.value = silu(y.value);
            }
            y
        })
        .collect();
    assert_close(&result, &expected, &format!("{cpu:?} {case:?}"));
}

fn layer<T: Number>(cpu: Cpu, rows: usize, channels: usize, seed: u64, damage: impl Fn(&mut [T])) {
    let mut random = Random(seed);
    let mut input = random.shifted::<T>(rows * channels);
    damage(&mut input[1..]);
    let input = &input[1..];
    let (weight, bias) = (random.many::<f32>(channels), random.many::<f32>(channels));
    let result = on_one_and_two_threads(input.len(), |result| layer_norm(cpu, input, &weight, &bias, 1e-5, result));
    let mut expected = vec![];
    for row in input.chunks_exact(channels.max(1)) {
        let values: Vec<f64> = row.iter().map(|x| x.wide()).collect();
        let of = statistics(&values, 1e-5);
        expected.extend((0..channels).map(|c| normal(values[c], of, weight[c], bias[c])));
    }
    assert_close(&result, &expected, &format!("{cpu:?} {rows} rows of {channels}, seed {seed}"));
}

fn case() -> impl Strategy<Value = Case> {
    let activation = prop_oneof![Just(Activation::None), Just(Activation::Silu)];
    (0_usize..3, 0_usize..60, 1_usize..5, 1_usize..12, -4.0..4.0_f64, activation, any::<u64>()).prop_map(
        |(batch, pixels, groups, width, offset, activation, seed)| Case {
            batch,
            pixels,
            groups,
            width,
            offset,
            activation,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn group_norm_agrees_with_the_reference(case in case()) {
        each_cpu(|cpu| {
            group::<f32>(cpu, case, |_| ());
            group::<bf16>(cpu, case, |_| ());
        });
    }

    #[test]
    fn layer_norm_agrees_with_the_reference(rows in 0_usize..70, channels in 1_usize..90, seed: u64) {
        each_cpu(|cpu| {
            layer::<f32>(cpu, rows, channels, seed, |_| ());
            layer::<bf16>(cpu, rows, channels, seed, |_| ());
        });
    }
}

#[test]
fn several_pieces_far_from_zero() {
    let case =
        Case { batch: 2, pixels: 1000, groups: 4, width: 10, offset: 100.0, activation: Activation::Silu, seed: 2 };
    each_cpu(|cpu| {
        group::<f32>(cpu, case, |_| ());
        group::<bf16>(cpu, case, |_| ());
    });
}

#[test]
fn not_a_number_and_infinity_fill_their_group() {
    fn damage<T: Number>(input: &mut [T]) {
        input[0] = T::of(f64::NAN);
        input[15] = T::of(f64::INFINITY);
    }
    let case = Case { batch: 1, pixels: 9, groups: 3, width: 6, offset: 0.0, activation: Activation::None, seed: 2 };
    each_cpu(|cpu| {
        group::<f32>(cpu, case, damage);
        group::<bf16>(cpu, case, damage);
        layer::<f32>(cpu, 3, 13, 1, damage);
        layer::<bf16>(cpu, 3, 13, 1, damage);
    });
}

#[test]
fn a_first_pixel_far_from_the_others() {
    // Kernels sum differences from the first pixel (in a row: from the first elements). An outlier there would show
    // rounding errors.
    fn far<T: Number>(input: &mut [T]) {
        for x in input.iter_mut().take(6) {
            *x = T::of(-1000.0);
        }
    }
    let case = Case { batch: 1, pixels: 300, groups: 2, width: 3, offset: 7.0, activation: Activation::Silu, seed: 3 };
    each_cpu(|cpu| {
        group::<f32>(cpu, case, far);
        group::<bf16>(cpu, case, far);
        layer::<f32>(cpu, 1, 400, 3, far);
        layer::<bf16>(cpu, 1, 400, 3, far);
    });
}

#[test]
fn equal_numbers_become_the_bias() {
    each_cpu(|cpu| {
        let (weight, bias) = ([2.0, 3.0, 4.0], [0.5, -0.5, 0.25]);
        let mut result = [7.0_f32; 6];
        layer_norm(cpu, &[300.1; 6], &weight, &bias, 1e-5, &mut result);
        assert_eq!(result, [0.5, -0.5, 0.25, 0.5, -0.5, 0.25]);
        let norm = GroupNorm { groups: 1, weight: &weight, bias: &bias, epsilon: 1e-5, activation: Activation::None };
        group_norm(cpu, &[0.5; 6], 1, &norm, &mut result);
        assert!(result.iter().zip(bias.iter().cycle()).all(|(x, bias)| (x - bias).abs() < 1e-3), "{cpu:?} {result:?}");
    });
}

#[test]
fn silu_alone() {
    fn check<T: Number>(cpu: Cpu, len: usize) {
        let mut input = Random(5).shifted::<T>(len);
        for (i, x) in input.iter_mut().enumerate() {
            *x = T::of(x.wide() * (1 + i % 30) as f64);
        }
        if len > 40 {
            (input[3], input[20], input[40]) = (T::of(f64::NAN), T::of(f64::INFINITY), T::of(-200.0));
        }
        let input = &input[1..];
        let result = on_one_and_two_threads(len, |result| stuntdouble_kernels::silu(cpu, input, result));
        let exact = |x: &T| Exact { value: silu(x.wide()), scale: x.wide().abs() };
        assert_close(&result, &input.iter().map(exact).collect::<Vec<_>>(), &format!("{cpu:?} {len}"));
    }
    each_cpu(|cpu| {
        for len in [0, 1, 15, 16, 47, 20_000, 33_333] {
            check::<f32>(cpu, len);
            check::<bf16>(cpu, len);
        }
    });
}
