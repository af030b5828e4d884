//! Tests the addition, blending and concatenation of maps.

use proptest::prelude::*;
use stuntdouble_kernels::{Cpu, bf16, blend, concat_columns};

use crate::reference::{Exact, Number, Random, assert_close, each_cpu, on_one_and_two_threads};

fn sums<T: Number>(cpu: Cpu, len: usize, seed: u64) {
    let mut random = Random(seed);
    let (x, y) = (random.shifted::<T>(len), random.shifted::<T>(len));
    let (x, y) = (&x[1..], &y[1..]);
    let result = on_one_and_two_threads(len, |result| stuntdouble_kernels::add(cpu, [x, y], result));
    let exact = |(x, y): (&T, &T)| Exact { value: x.wide() + y.wide(), scale: x.wide().abs() };
    assert_close(&result, &x.iter().zip(y).map(exact).collect::<Vec<_>>(), &format!("{cpu:?} {len}"));
}

fn blends<T: Number>(cpu: Cpu, cells: usize, channels: usize, seed: u64, damage: fn(&mut [T])) {
    let mut random = Random(seed);
    let (mut x, y) = (random.shifted::<T>(cells * channels), random.shifted::<T>(cells * channels));
    let (weight, bias) = (random.many::<f32>(2 * channels), random.next() as f32);
    damage(&mut x[1..]);
    let (x, y) = (&x[1..], &y[1..]);
    let result = on_one_and_two_threads(x.len(), |result| blend(cpu, [x, y], &weight, bias, result));
    let mut exact = vec![];
    for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact(channels)) {
        let both = x.iter().chain(y).zip(&weight).map(|(x, weight)| x.wide() * f64::from(*weight));
        let alpha = 1.0 / (1.0 + (-both.sum::<f64>() - f64::from(bias)).exp());
        let blended = |(x, y): (&T, &T)| Exact {
            value: x.wide() + (y.wide() - x.wide()) * alpha,
            // Through alpha, a sum of `2C` products affects each result.
            scale: (x.wide().abs() + y.wide().abs()) * (1.0 + (channels as f64).sqrt()),
        };
        exact.extend(x.iter().zip(y).map(blended));
    }
    assert_close(&result, &exact, &format!("{cpu:?} [{cells}, {channels}]"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn sums_and_blends_agree_with_the_reference(cells in 0_usize..50, channels in 1_usize..90, seed: u64) {
        each_cpu(|cpu| {
            sums::<f32>(cpu, cells * channels, seed);
            sums::<bf16>(cpu, cells * channels, seed);
            blends::<f32>(cpu, cells, channels, seed, |_| ());
            blends::<bf16>(cpu, cells, channels, seed, |_| ());
        });
    }

    #[test]
    fn rows_stand_side_by_side(rows in 0_usize..40, widths in prop::collection::vec(0_usize..70, 1..4), seed: u64) {
        let mut random = Random(seed);
        let parts: Vec<_> = widths.iter().map(|width| (random.many::<bf16>(rows * width), *width)).collect();
        let parts: Vec<_> = parts.iter().map(|(part, width)| (&part[..], *width)).collect();
        let expected: Vec<_> =
            (0..rows).flat_map(|row| parts.iter().flat_map(move |(part, width)| &part[row * width..][..*width])).collect();
        let result = on_one_and_two_threads(expected.len(), |result| concat_columns(&parts, rows, result));
        prop_assert!(result.iter().eq(expected));
    }
}

#[test]
fn several_tasks() {
    each_cpu(|cpu| {
        sums::<f32>(cpu, 40_001, 1);
        sums::<bf16>(cpu, 40_001, 1);
        blends::<f32>(cpu, 300, 330, 2, |_| ());
        blends::<bf16>(cpu, 300, 330, 2, |_| ());
    });
}

#[test]
fn not_a_number_and_infinity_stay_in_their_cell() {
    fn damage<T: Number>(x: &mut [T]) {
        x[2] = T::of(f64::NAN);
        x[25] = T::of(f64::INFINITY);
    }
    each_cpu(|cpu| {
        blends::<f32>(cpu, 5, 20, 3, damage);
        blends::<bf16>(cpu, 5, 20, 3, damage);
    });
}
