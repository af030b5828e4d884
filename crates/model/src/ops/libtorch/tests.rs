//! Compares every operation and its gradients on libtorch and Flex with Burn's differentiation of the composed
//! operations on Flex.

mod operations;

use std::time::Instant;

use burn::backend::{Autodiff, Flex, LibTorch};
use burn::tensor::{Distribution, Tensor, TensorData};
use proptest::prelude::*;

use crate::ops::tests::random;
use crate::ops::{self, Convolution, DifferentiableBackend, composed};
use operations::{Attentions, Block, Convolutions, InTime, Linear, Norms, Op, Upsampling};

/// The values of the result, and of the gradients of all operands if the result's gradient is `outside`.
fn values<B: DifferentiableBackend>(
    op: &impl Op,
    operands: &[TensorData],
    outside: &TensorData,
    own: bool,
) -> Vec<Vec<f32>> {
    let device = Default::default();
    let lifted: Vec<Tensor<Autodiff<B>, 1>> =
        operands.iter().map(|of| Tensor::from_data(of.clone(), &device).require_grad()).collect();
    let y = op.run(&lifted, own);
    let mut found = vec![y.clone().into_data().to_vec().unwrap()];
    let gradients = (y * Tensor::from_data(outside.clone(), &device)).sum().backward();
    found.extend(lifted.iter().map(|of| of.grad(&gradients).expect("a gradient").into_data().to_vec().unwrap()));
    // No operand was overwritten.
    for (operand, lifted) in operands.iter().zip(lifted) {
        lifted.into_data().assert_eq(operand, true);
    }
    found
}

fn assert_same(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (which, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}: lengths of result or gradient {which}");
        let most = expected.iter().fold(1e-1_f32, |most, x| most.max(x.abs()));
        for (at, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() <= 1e-4 * most, "{what}: result or gradient {which}, value {at}: {a}, expected {b}");
        }
    }
}

fn check(op: &impl Op) {
    let operands: Vec<_> = op.lengths().into_iter().map(|length| random([length]).into_data()).collect();
    let plain: Vec<Tensor<LibTorch, 1>> =
        operands.iter().map(|of| Tensor::from_data(of.clone(), &Default::default())).collect();
    let result = op.run(&plain, true).into_data();
    let outside = random([result.num_elements()]).into_data();
    let expected = values::<Flex>(op, &operands, &outside, false);
    assert_same(&values::<LibTorch>(op, &operands, &outside, true), &expected, "libtorch");
    assert_same(&values::<LibTorch>(op, &operands, &outside, false), &expected, "libtorch, composed");
    assert_same(&values::<Flex>(op, &operands, &outside, true), &expected, "flex");
    assert_same(&[result.to_vec().unwrap()], &expected[..1], "libtorch, not differentiated");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn products(groups in 1_usize..4, rows in 1_usize..12, d_in in 1_usize..40, half in 1_usize..20, geglu: bool) {
        check(&Linear { groups, rows, d_in, half, geglu });
    }

    #[test]
    fn convolutions(
        (clips, frames) in (1_usize..3, 1_usize..4),
        channels in [1_usize..9, 1_usize..9],
        size in [2_usize..9, 2_usize..9],
        (kernel, stride) in (prop_oneof![Just(1_usize), Just(3)], 1_usize..3),
        (active, uneven, turned) in any::<(bool, bool, bool)>(),
    ) {
        let padding = if uneven && kernel == 3 { [0, 1] } else { [kernel / 2; 2] };
        check(&Convolutions { clips, frames, channels, size, kernel, stride, padding, active, turned });
    }

    #[test]
    fn upsampling(sizes in [1_usize..4, 1_usize..9, 1_usize..9, 1_usize..6, 1_usize..6]) {
        check(&Upsampling(sizes));
    }

    #[test]
    fn convolutions_in_time(
        sizes in [1_usize..3, 1_usize..5, 1_usize..5, 1_usize..5, 2_usize..6, 2_usize..6],
        kernel in prop_oneof![Just([3, 1, 1]), Just([3, 3, 3]), Just([1, 3, 3])],
    ) {
        check(&InTime(sizes, kernel));
    }

    #[test]
    fn norms(sizes in [1_usize..3, 1_usize..4, 2_usize..9, 1_usize..3, 2_usize..6, 2_usize..6], active: bool) {
        check(&Norms(sizes, active));
    }

    #[test]
    fn attentions(
        (clips, frames) in (1_usize..3, 1_usize..4),
        (heads, width) in (1_usize..3, 1_usize..12),
        (l, shared) in (1_usize..20, 0_usize..9),
        in_time: bool,
    ) {
        check(&Attentions { clips, frames, heads, width, l, shared, in_time });
    }

    #[test]
    fn blocks(sizes in [1_usize..3, 1_usize..7, 1_usize..6]) {
        check(&Block(sizes));
    }
}

#[test]
fn more_tracks_through_time_than_one_call_takes() {
    check(&Attentions { clips: 1, frames: 2, heads: 1, width: 2, l: 70_001, shared: 0, in_time: true });
}

/// Run with `--release` and the test flags `--ignored --nocapture`.
#[test]
#[ignore = "takes time, and tells it"]
#[expect(clippy::print_stdout, reason = "this is the test's result")]
fn time_of_a_convolution() {
    type Trained = Autodiff<LibTorch>;
    let device = Default::default();
    let draw = |shape: [usize; 4]| Tensor::<LibTorch, 4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
    let (x, weight, outside) = (draw([8, 64, 128, 128]), draw([64, 64, 3, 3]), draw([8, 64, 128, 128]));
    for (name, own) in [("own", true), ("composed", false)] {
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let [x, weight] = [&x, &weight].map(|of| Tensor::<Trained, 4>::from_inner(of.clone()).require_grad());
                let start = Instant::now();
                let op = if own { ops::conv2d } else { composed::conv2d };
                let y = op(x.clone(), weight.clone(), Convolution::same(3, 1, None));
                let gradients = (y * Tensor::from_inner(outside.clone())).sum().backward();
                assert!(x.grad(&gradients).is_some() && weight.grad(&gradients).is_some());
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name}: {:.3} s", times[1]);
    }
}
