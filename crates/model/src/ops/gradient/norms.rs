//! Implements normalisations as nodes of the autodiff graph. The nodes do not keep the statistics; the backward pass
//! recomputes them.
//!
//! | parent | shape |
//! |---|---|
//! | input | `[B, C, ..]`, or rows `[rows, C]` |
//! | weight, bias | `[C]` |

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;

use super::{float, primitive, register};
use crate::ops::{Activation, DifferentiableBackend, ModelBackend, NormGradients, Normalisation};

pub(super) fn group_norm<B: DifferentiableBackend, S: CheckpointStrategy, const R: usize>(
    x: Tensor<Autodiff<B, S>, R>,
    norm: Normalisation<Autodiff<B, S>>,
) -> Tensor<Autodiff<B, S>, R> {
    let Normalisation { groups, weight, bias, epsilon, activation } = norm;
    let inner =
        Normalisation { groups, weight: weight.clone().inner(), bias: bias.clone().inner(), epsilon, activation };
    let result = <B as ModelBackend>::group_norm(x.clone().inner(), inner);
    let [weight, bias] = [weight, bias].map(primitive);
    let x = primitive(x);
    let nodes = [&x, &weight, &bias].map(|tensor| tensor.node.clone());
    float(match GroupNormNode::<R>.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let operands = [prep.checkpoint(&x), prep.checkpoint(&weight), prep.checkpoint(&bias)];
            prep.finish((operands, groups, epsilon, activation), primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct GroupNormNode<const R: usize>;

impl<B: DifferentiableBackend, const R: usize> Backward<B, 3> for GroupNormNode<R> {
    /// `[input, weight, bias]`, number of groups, epsilon, activation.
    type State = ([NodeId; 3], usize, f64, Activation);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float::<B, R>(grads.consume::<B>(&ops.node));
        let ([x, weight, bias], groups, epsilon, activation) = ops.state;
        let x = float::<B, R>(checkpointer.retrieve_node_output(x));
        let [weight, bias] = [weight, bias].map(|id| float::<B, 1>(checkpointer.retrieve_node_output(id)));
        let norm = Normalisation { groups, weight, bias, epsilon, activation };
        register_all(grads, ops, B::group_norm_gradients(x, norm, gradient));
    }
}

pub(super) fn layer_norm<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 2>,
    weight: Tensor<Autodiff<B, S>, 1>,
    bias: Tensor<Autodiff<B, S>, 1>,
    epsilon: f64,
) -> Tensor<Autodiff<B, S>, 2> {
    let inner = [&weight, &bias].map(|tensor| tensor.clone().inner());
    let [inner_weight, inner_bias] = inner;
    let result = <B as ModelBackend>::layer_norm(x.clone().inner(), inner_weight, inner_bias, epsilon);
    let [weight, bias] = [weight, bias].map(primitive);
    let x = primitive(x);
    let nodes = [&x, &weight, &bias].map(|tensor| tensor.node.clone());
    float(match LayerNormNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let operands = [prep.checkpoint(&x), prep.checkpoint(&weight)];
            prep.finish((operands, epsilon), primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct LayerNormNode;

impl<B: DifferentiableBackend> Backward<B, 3> for LayerNormNode {
    /// `[input, weight]`, epsilon.
    type State = ([NodeId; 2], f64);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float::<B, 2>(grads.consume::<B>(&ops.node));
        let ([x, weight], epsilon) = ops.state;
        let x = float::<B, 2>(checkpointer.retrieve_node_output(x));
        let weight = float::<B, 1>(checkpointer.retrieve_node_output(weight));
        register_all(grads, ops, B::layer_norm_gradients(x, weight, epsilon, gradient));
    }
}

/// Registers the gradients of a normalisation's parents: input, weight and bias.
fn register_all<B: DifferentiableBackend, State, const R: usize>(
    grads: &mut Gradients,
    ops: Ops<State, 3>,
    NormGradients { input, weight, bias }: NormGradients<B, R>,
) {
    let [of_x, of_weight, of_bias] = ops.parents;
    if let Some(node) = of_x {
        register(grads, |place| place.node = node, input);
    }
    if let Some(node) = of_weight {
        register(grads, |place| place.node = node, weight);
    }
    if let Some(node) = of_bias {
        register(grads, |place| place.node = node, bias);
    }
}
