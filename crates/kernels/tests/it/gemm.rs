//! Tests matmul with every epilogue.

use proptest::prelude::*;
use stuntdouble_kernels::{Activation, Cpu, Epilogue, GroupBias, PackedMatrix, bf16, matmul};

use crate::reference::{Exact, Number, Random, assert_close, each_cpu, gelu, on_one_and_two_threads, silu};

#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    columns: usize,
    channels: usize,
    gap: usize,
    seed: u64,
    bias: bool,
    row_bias: bool,
    group: Option<usize>,
    residual: bool,
    silu: bool,
    geglu: bool,
}

fn run<T: Number>(cpu: Cpu, case: Case) {
    let Case { rows, columns, channels, gap, .. } = case;
    let mut random = Random(case.seed);
    let sums = if case.geglu { 2 * columns } else { columns };
    let stride = channels + gap;
    let left = random.shifted::<T>(rows * stride);
    let left = &left[1..];
    let weight = random.many::<T>(sums * channels);
    let bias = case.bias.then(|| random.many::<f32>(sums));
    let row_bias = case.row_bias.then(|| random.many::<f32>(rows));
    let group_bias = case.group.map(|each| (each, random.many::<f32>(rows.div_ceil(each) * sums)));
    let residual = case.residual.then(|| random.many::<T>(rows * columns));
    let packed = if case.geglu {
        PackedMatrix::geglu(cpu, &weight, columns, channels)
    } else {
        PackedMatrix::linear(cpu, &weight, columns, channels)
    };
    let epilogue = Epilogue {
        bias: bias.as_deref(),
        row_bias: row_bias.as_deref(),
        group_bias: group_bias.as_ref().map(|(rows, values)| GroupBias { values, rows: *rows }),
        activation: if case.silu { Activation::Silu } else { Activation::None },
        residual: residual.as_deref(),
    };
    let result = on_one_and_two_threads(rows * columns, |result| {
        matmul(left, rows, stride, &packed, &epilogue, result);
    });

    let sum = |row: usize, column: usize| {
        let mut sum = Exact::default();
        for k in 0..channels {
            sum.add(left[row * stride + k].wide() * weight[column * channels + k].wide());
        }
        sum.add(bias.as_ref().map_or(0.0, |bias| bias[column].into()));
        sum.add(row_bias.as_ref().map_or(0.0, |bias| bias[row].into()));
        sum.add(group_bias.as_ref().map_or(0.0, |(each, values)| values[row / each * sums + column].into()));
        sum
    };
    let mut exact = vec![];
    for row in 0..rows {
        for column in 0..columns {
            let mut y = sum(row, column);
            if case.geglu {
                let gate = sum(row, columns + column);
                y = Exact { value: y.value * gelu(gate.value), scale: (y.scale + 1.0) * (gate.scale + 1.0) };
            } else if case.silu {
                y = Exact { value: silu(y.value), scale: y.scale };
            }
            y.add(residual.as_ref().map_or(0.0, |residual| residual[row * columns + column].wide()));
            exact.push(y);
        }
    }
    assert_close(&result, &exact, &format!("{cpu:?} {case:?}"));
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (0_usize..70, 0_usize..80, prop_oneof![0_usize..40, 500_usize..1100], 0_usize..4, any::<u64>());
    let parts =
        (any::<bool>(), any::<bool>(), proptest::option::of(1_usize..9), any::<bool>(), any::<bool>(), any::<bool>());
    (shape, parts).prop_map(|((rows, columns, channels, gap, seed), (bias, row_bias, group, residual, silu, geglu))| {
        Case { rows, columns, channels, gap, seed, bias, row_bias, group, residual, silu: silu && !geglu, geglu }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn products_agree_with_the_reference(case in case()) {
        each_cpu(|cpu| {
            run::<f32>(cpu, case);
            run::<bf16>(cpu, case);
        });
    }
}

#[test]
fn gates_far_below_zero() {
    let case = Case {
        rows: 43,
        columns: 63,
        channels: 36,
        gap: 2,
        seed: 14_464_187_740_177_689_722,
        bias: false,
        row_bias: true,
        group: None,
        residual: false,
        silu: false,
        geglu: true,
    };
    each_cpu(|cpu| {
        run::<f32>(cpu, case);
        run::<bf16>(cpu, case);
    });
}

#[test]
fn several_row_blocks_and_panel_groups() {
    let case = Case {
        rows: 500,
        columns: 200,
        channels: 333,
        gap: 1,
        seed: 1,
        bias: true,
        row_bias: false,
        group: Some(100),
        residual: true,
        silu: true,
        geglu: false,
    };
    each_cpu(|cpu| {
        run::<f32>(cpu, case);
        run::<bf16>(cpu, case);
    });
}

#[test]
fn not_a_number_and_infinity_stay_in_their_row_and_column() {
    fn check<T: Number>(cpu: Cpu) {
        let (rows, columns, channels) = (17, 35, 7);
        let mut random = Random(3);
        let (mut left, mut weight) = (random.many::<T>(rows * channels), random.many::<T>(columns * channels));
        left[2 * channels + 6] = T::of(f64::NAN);
        left[5 * channels] = T::of(f64::INFINITY);
        weight[34 * channels + 1] = T::of(f64::NEG_INFINITY);
        let packed = PackedMatrix::linear(cpu, &weight, columns, channels);
        let result = on_one_and_two_threads(rows * columns, |result| {
            matmul(&left, rows, channels, &packed, &Epilogue::default(), result);
        });
        let mut exact = vec![Exact::default(); rows * columns];
        for (i, exact) in exact.iter_mut().enumerate() {
            for k in 0..channels {
                exact.add(left[i / columns * channels + k].wide() * weight[i % columns * channels + k].wide());
            }
        }
        assert_close(&result, &exact, &format!("{cpu:?}"));
    }
    each_cpu(|cpu| {
        check::<f32>(cpu);
        check::<bf16>(cpu);
    });
}
