//! Implements SiLU, the gate of GEGLU, and the swap of two axes, as nodes of the autodiff graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;

use super::{float, primitive, register};
use crate::ops::{DifferentiableBackend, ModelBackend};

pub(super) fn silu<B: DifferentiableBackend, S: CheckpointStrategy, const R: usize>(
    x: Tensor<Autodiff<B, S>, R>,
) -> Tensor<Autodiff<B, S>, R> {
    let result = <B as ModelBackend>::silu(x.clone().inner());
    let x = primitive(x);
    float(match SiluNode::<R>.prepare::<S>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = prep.checkpoint(&x);
            prep.finish(state, primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct SiluNode<const R: usize>;

impl<B: DifferentiableBackend, const R: usize> Backward<B, 1> for SiluNode<R> {
    /// The input.
    type State = NodeId;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float::<B, R>(grads.consume::<B>(&ops.node));
        let x = float::<B, R>(checkpointer.retrieve_node_output(ops.state));
        let [of_x] = ops.parents;
        if let Some(node) = of_x {
            register(grads, |place| place.node = node, B::silu_gradient(x, gradient));
        }
    }
}

/// GEGLU without its linear map, [`DifferentiableBackend::geglu`], as a node.
pub(super) fn geglu<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 2>,
) -> Tensor<Autodiff<B, S>, 2> {
    let result = B::geglu(x.clone().inner());
    let x = primitive(x);
    float(match GegluNode.prepare::<S>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = prep.checkpoint(&x);
            prep.finish(state, primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct GegluNode;

impl<B: DifferentiableBackend> Backward<B, 1> for GegluNode {
    /// The input.
    type State = NodeId;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float::<B, 2>(grads.consume::<B>(&ops.node));
        let x = float::<B, 2>(checkpointer.retrieve_node_output(ops.state));
        let [of_x] = ops.parents;
        if let Some(node) = of_x {
            register(grads, |place| place.node = node, B::geglu_gradient(x, gradient));
        }
    }
}

pub(super) fn swap_dims<B: DifferentiableBackend, S: CheckpointStrategy, const R: usize>(
    x: Tensor<Autodiff<B, S>, R>,
    axes: [usize; 2],
) -> Tensor<Autodiff<B, S>, R> {
    let result = primitive(<B as ModelBackend>::swap_dims(x.clone().inner(), axes[0], axes[1]));
    let x = primitive(x);
    float(match SwapNode::<R>.prepare::<S>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(axes, result),
        OpsKind::UnTracked(prep) => prep.finish(result),
    })
}

#[derive(Debug)]
struct SwapNode<const R: usize>;

impl<B: DifferentiableBackend, const R: usize> Backward<B, 1> for SwapNode<R> {
    type State = [usize; 2];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = float::<B, R>(grads.consume::<B>(&ops.node));
        let [first, second] = ops.state;
        let [of_x] = ops.parents;
        if let Some(node) = of_x {
            register(grads, |place| place.node = node, <B as ModelBackend>::swap_dims(gradient, first, second));
        }
    }
}
