//! Tests transposition and conversions.

use proptest::prelude::*;
use stuntdouble_kernels::{Cpu, bf16, narrow, transpose, widen};

use crate::reference::{Number, Random, each_cpu, on_one_and_two_threads};

fn turn<T: Number>(cpu: Cpu, shape: [usize; 3], seed: u64) {
    let [batch, rows, columns] = shape;
    let input = Random(seed).shifted::<T>(batch * rows * columns);
    let input = &input[1..];
    let result = on_one_and_two_threads(input.len(), |result| transpose(cpu, input, shape, result));
    for (i, x) in input.iter().enumerate() {
        let (row, column) = (i / columns % rows, i % columns);
        let at = i / (rows * columns) * rows * columns + column * rows + row;
        assert!(x.wide() == result[at].wide(), "{cpu:?} {shape:?} element {i}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn transpose_moves_every_element(batch in 0_usize..3, rows in 0_usize..50, columns in 0_usize..150, seed: u64) {
        each_cpu(|cpu| {
            turn::<f32>(cpu, [batch, rows, columns], seed);
            turn::<bf16>(cpu, [batch, rows, columns], seed);
        });
    }

    #[test]
    fn conversions_round_to_nearest_even(len in 0_usize..100, seed: u64) {
        let input = Random(seed).shifted::<f32>(len);
        let input = &input[1..];
        each_cpu(|cpu| {
            let narrowed = on_one_and_two_threads(len, |result| narrow(cpu, input, result));
            let expected: Vec<_> = input.iter().map(|x| bf16::from_f32(*x)).collect();
            assert_eq!(narrowed, expected, "{cpu:?}");
            let widened = on_one_and_two_threads(len, |result| widen(cpu, &narrowed, result));
            assert!(widened.iter().zip(&expected).all(|(x, y)| *x == y.to_f32()), "{cpu:?}");
        });
    }
}

#[test]
fn ties_infinity_and_not_a_number() {
    let cases = [
        (f32::from_bits(0x3f80_8000), 1.0),
        (f32::from_bits(0x3f81_8000), 1.015_625),
        (f32::from_bits(0x3f80_8001), 1.007_812_5),
        (f32::INFINITY, f32::INFINITY),
        (f32::MAX, f32::INFINITY),
        (-0.0, -0.0),
    ];
    each_cpu(|cpu| {
        for (x, y) in cases {
            let mut result = [bf16::ZERO];
            narrow(cpu, &[x], &mut result);
            assert_eq!(result[0].to_f32(), y, "{cpu:?} {x}");
        }
        let mut result = [bf16::ZERO; 40];
        narrow(cpu, &[f32::NAN; 40], &mut result);
        assert!(result.iter().all(|x| x.is_nan()), "{cpu:?}");
        narrow(cpu, &[f32::from_bits(0x7f80_0001); 40], &mut result);
        assert!(result.iter().all(|x| x.is_nan()), "{cpu:?}");
    });
}

#[test]
fn several_tasks() {
    each_cpu(|cpu| {
        turn::<f32>(cpu, [2, 65, 300], 1);
        let input = Random(2).many::<f32>(70_000);
        let narrowed = on_one_and_two_threads(input.len(), |result| narrow(cpu, &input, result));
        assert!(narrowed.iter().zip(&input).all(|(x, y)| *x == bf16::from_f32(*y)));
    });
}
