//! Compares the backward passes with Burn's differentiation of the composed operations, and with central differences.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing};
use burn::tensor::TensorData;
use proptest::prelude::*;

use super::*;
use crate::ops::tests::random;
use crate::ops::{Activation, layout, silu};

type Trained = Autodiff<Flex>;
/// An operand as a flat tensor.
type Values = Tensor<Trained, 1>;

/// Step of the central differences.
const STEP: f32 = 1e-2;

fn values(tensor: Tensor<Flex, 1>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

/// Panics unless both functions give the same gradients for random operands of these lengths. For a few values of each operand,
/// compares the gradient of `own` with central differences too.
fn check<const R: usize>(
    lengths: &[usize],
    own: impl Fn(&[Values]) -> Tensor<Trained, R>,
    composed: impl Fn(&[Values]) -> Tensor<Trained, R>,
) {
    let operands: Vec<Tensor<Flex, 1>> = lengths.iter().map(|length| random([*length])).collect();
    let lift = |operands: &[Tensor<Flex, 1>]| -> Vec<Values> {
        operands.iter().map(|operand| Tensor::from_inner(operand.clone()).require_grad()).collect()
    };
    let tracked = lift(&operands);
    let (found, expected) = (own(&tracked), composed(&tracked));
    assert_eq!(found.dims(), expected.dims());
    let outside = random(found.dims());
    let loss = |y: Tensor<Trained, R>| (y * Tensor::from_inner(outside.clone())).sum();
    let gradients = |y: Tensor<Trained, R>| -> Vec<Vec<f32>> {
        let gradients = loss(y).backward();
        tracked.iter().map(|operand| values(operand.grad(&gradients).expect("a gradient"))).collect()
    };
    let (found, expected) = (gradients(found), gradients(expected));
    for (operand, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let most = expected.iter().fold(1e-2_f32, |most, x| most.max(x.abs()));
        for (at, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() <= 1e-4 * most, "operand {operand}, value {at}: {a}, composed {b}");
        }
        for at in [0, found.len() / 2, found.len().saturating_sub(1)] {
            let Some(expected) = found.get(at) else { continue };
            let at_offset = |offset: f32| {
                let mut moved = operands.clone();
                let mut values = values(moved[operand].clone());
                values[at] += offset;
                moved[operand] = Tensor::from_data(TensorData::new(values, [found.len()]), &Default::default());
                loss(own(&lift(&moved))).into_scalar()
            };
            let difference = (at_offset(STEP) - at_offset(-STEP)) / (2.0 * STEP);
            let near = (difference - expected).abs() <= 3e-2 * (1.0 + most);
            assert!(near, "operand {operand}, value {at}: {expected}, by differences {difference}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn products(
        (groups, rows) in (1_usize..4, 1_usize..12),
        (d_in, half) in (1_usize..40, 1_usize..20),
        (biased, shifted, added) in any::<(bool, bool, bool)>(),
    ) {
        let (rows, d_out) = (groups * rows, 2 * half);
        let lengths = [rows * d_in, d_out * d_in, d_out, groups * d_out, rows * d_out];
        let parts = |of: &[Values]| {
            let added = LinearEpilogue {
                bias: biased.then(|| of[2].clone()),
                shift: shifted.then(|| of[3].clone().reshape([groups, d_out])),
                residual: added.then(|| of[4].clone().reshape([rows, d_out])),
            };
            (of[0].clone().reshape([rows, d_in]), of[1].clone().reshape([d_out, d_in]), added)
        };
        // Zero times the sum of every operand, so that unused operands have a gradient too.
        let unused = |of: &[Values]| of.iter().fold(Tensor::zeros([1], &Default::default()), |sum, x| sum + x.clone().sum() * 0.0);
        let with = |y: Tensor<Trained, 2>, of: &[Values]| y + unused(of).unsqueeze();
        check(
            &lengths,
            |of| { let (x, weight, added) = parts(of); with(crate::ops::linear(x, weight, added), of) },
            |of| { let (x, weight, added) = parts(of); with(composed::linear(x, weight, added), of) },
        );
        check(
            &lengths[..3],
            |of| {
                let (x, weight) = (of[0].clone().reshape([rows, d_in]), of[1].clone().reshape([d_out, d_in]));
                crate::ops::linear_geglu(x, weight, Some(of[2].clone()))
            },
            |of| {
                let (x, weight) = (of[0].clone().reshape([rows, d_in]), of[1].clone().reshape([d_out, d_in]));
                composed::linear_geglu(x, weight, Some(of[2].clone()))
            },
        );
    }

    #[test]
    fn convolutions(
        (clips, frames) in (1_usize..3, 1_usize..3),
        (c_in, c_out) in (1_usize..9, 1_usize..9),
        (h, w) in (2_usize..8, 2_usize..8),
        (kernel, stride) in (prop_oneof![Just(1_usize), Just(3)], 1_usize..3),
        (active, uneven) in any::<(bool, bool)>(),
    ) {
        let m = clips * frames;
        let padding = if uneven && kernel == 3 { [0, 1] } else { [kernel / 2; 2] };
        let side = |length: usize| (length + padding[0] + padding[1] - kernel) / stride + 1;
        let size = [m, c_out, side(h), side(w)];
        let lengths = [m * c_in * h * w, c_out * c_in * kernel * kernel, c_out, clips * c_out, size.iter().product()];
        let parts = |of: &[Values]| {
            let convolution = Convolution {
                stride,
                padding,
                shift: Some(of[3].clone().reshape([clips, c_out])),
                residual: Some(of[4].clone().reshape(size)),
                activation: if active { Activation::Silu } else { Activation::None },
                ..Convolution::same(kernel, stride, Some(of[2].clone()))
            };
            (of[0].clone().reshape([m, c_in, h, w]), of[1].clone().reshape([c_out, c_in, kernel, kernel]), convolution)
        };
        check(
            &lengths,
            |of| { let (x, weight, convolution) = parts(of); crate::ops::conv2d(x, weight, convolution) },
            |of| { let (x, weight, convolution) = parts(of); composed::conv2d(x, weight, convolution) },
        );
        let map = |of: &[Values]| {
            (of[0].clone().reshape([m, c_in, h, w]), of[1].clone().reshape([c_out, c_in, 3, 3]), Some(of[2].clone()))
        };
        check(
            &[m * c_in * h * w, 9 * c_out * c_in, c_out],
            |of| { let (x, weight, bias) = map(of); crate::ops::upsample_conv2d(x, weight, bias) },
            |of| { let (x, weight, bias) = map(of); composed::upsample_conv2d(x, weight, bias) },
        );
    }

    #[test]
    fn norms(
        (b, n) in (1_usize..3, 1_usize..3),
        (groups, width) in (1_usize..4, 1_usize..9),
        (h, w) in (2_usize..6, 2_usize..6),
        active: bool,
    ) {
        let c = groups * width;
        let norm = |of: &[Values]| Normalisation {
            groups,
            weight: of[1].clone(),
            bias: of[2].clone(),
            epsilon: 1e-2,
            activation: if active { Activation::Silu } else { Activation::None },
        };
        let video = |of: &[Values]| of[0].clone().reshape([b, c, n, h, w]);
        check(
            &[b * c * n * h * w, c, c],
            |of| crate::ops::group_norm(video(of), norm(of)),
            |of| composed::group_norm(video(of), norm(of)),
        );
        let c = c + 1;
        let rows = |of: &[Values]| of[0].clone().reshape([b * n * h, c]);
        check(
            &[b * n * h * c, c, c],
            |of| crate::ops::layer_norm(rows(of), of[1].clone(), of[2].clone(), 1e-2),
            |of| composed::layer_norm(rows(of), of[1].clone(), of[2].clone(), 1e-2),
        );
        check(
            &[b * c * h * w],
            |of| silu(of[0].clone().reshape([b, c, h, w])),
            |of| burn::tensor::activation::silu(of[0].clone().reshape([b, c, h, w])),
        );
    }

    #[test]
    fn attentions(
        (clips, frames) in (1_usize..3, 1_usize..4),
        (heads, width) in (1_usize..3, 1_usize..12),
        (l, shared) in (1_usize..20, 0_usize..9),
    ) {
        let (m, c) = (clips * frames, heads * width);
        let tokens = |of: &Values, batch: usize, len: usize| of.clone().reshape([batch, len, c]);
        let sources = |of: &[Values]| {
            let mut sources = vec![KeysValues { keys: tokens(&of[1], m, l), values: tokens(&of[2], m, l) }];
            if shared > 0 {
                let [keys, values] = [&of[3], &of[4]].map(|of| tokens(of, clips, shared));
                sources.push(KeysValues { keys, values });
            }
            sources
        };
        let lengths = [m * l * c, m * l * c, m * l * c, clips * shared * c, clips * shared * c];
        check(
            &lengths[..if shared > 0 { 5 } else { 3 }],
            |of| crate::ops::attention(tokens(&of[0], m, l), &sources(of).iter().collect::<Vec<_>>(), heads),
            |of| composed::attention(tokens(&of[0], m, l), &sources(of).iter().collect::<Vec<_>>(), heads),
        );
        let parts = |of: &[Values]| {
            let [query, keys, values] = [0, 1, 2].map(|at| of[at].clone().reshape([clips, frames, l, c]));
            (query, KeysValues { keys, values })
        };
        check(
            &lengths[..3],
            |of| { let (query, own) = parts(of); crate::ops::temporal_attention(query, own, heads) },
            |of| { let (query, own) = parts(of); composed::temporal_attention(query, own, heads) },
        );
    }
}

/// A block of a network with residual connections and conversions between maps and tokens. It runs our operations if `own`, and
/// composed ones otherwise.
fn block<B: ModelBackend>(of: &[Tensor<B, 1>], [c, side]: [usize; 2], own: bool) -> Tensor<B, 4> {
    let of: Vec<_> = of.iter().map(|of| of.clone() * 0.4).collect();
    let norm = Normalisation {
        groups: 2,
        weight: of[1].clone(),
        bias: of[2].clone(),
        epsilon: 1e-1,
        activation: Activation::Silu,
    };
    let x = of[0].clone().reshape([2, c, side, side]);
    let norm_op = if own { crate::ops::group_norm } else { composed::group_norm };
    let convolution_op = if own { crate::ops::conv2d } else { composed::conv2d };
    let linear_op = if own { <B as ModelBackend>::linear } else { composed::linear };
    let geglu_op = if own { <B as ModelBackend>::linear_geglu } else { composed::linear_geglu };
    let inside = norm_op(x.clone(), norm);
    let convolution = Convolution { residual: Some(x), ..Convolution::same(3, 1, None) };
    let y = convolution_op(inside, of[3].clone().reshape([c, c, 3, 3]), convolution);
    let rows = layout::tokens_from_map(y.clone()).reshape([2 * side * side, c]);
    let added = LinearEpilogue { bias: Some(of[5].clone()), shift: None, residual: Some(rows.clone()) };
    let inner = geglu_op(rows, of[4].clone().reshape([2 * c, c]), None);
    let tokens = linear_op(inner, of[6].clone().reshape([c, c]), added).reshape([2, side * side, c]);
    crate::ops::add(layout::map_from_tokens(tokens, [side, side]), y)
}

#[test]
fn a_block_of_a_network_with_and_without_checkpoints() {
    let (c, side) = (6, 5);
    let lengths = [2 * c * side * side, c, c, 9 * c * c, 2 * c * c, c, c * c];
    check(&lengths, |of| block(of, [c, side], true), |of| block(of, [c, side], false));
    let operands: Vec<Tensor<Flex, 1>> = lengths.iter().map(|length| random([*length])).collect();
    fn gradients<S: CheckpointStrategy>(operands: &[Tensor<Flex, 1>], size: [usize; 2]) -> Vec<Vec<f32>> {
        let lifted: Vec<_> =
            operands.iter().map(|of| Tensor::<Autodiff<Flex, S>, 1>::from_inner(of.clone()).require_grad()).collect();
        let gradients = block(&lifted, size, true).sum().backward();
        lifted.iter().map(|operand| values(operand.grad(&gradients).expect("a gradient"))).collect()
    }
    // Both of Burn's checkpoint strategies give the same gradients when our nodes stand between its own.
    let plain = gradients::<NoCheckpointing>(&operands, [c, side]);
    assert_eq!(gradients::<BalancedCheckpointing>(&operands, [c, side]), plain);
}
