//! Implements a linear map with its epilogue, as one node of the autodiff graph.
//!
//! | parent | shape | gradient |
//! |---|---|---|
//! | input | `[rows, D_in]` | `gradient * weight` |
//! | weight | `[D_out, D_in]` | `gradient^T * input` |
//! | bias | `[D_out]` | sum over rows |
//! | shift | `[G, D_out]` | sums over the rows of each group |
//! | residual | `[rows, D_out]` | the gradient itself |

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;

use super::{float, or_absent, primitive, register};
use crate::ops::{DifferentiableBackend, LinearEpilogue, ModelBackend};

pub(super) fn linear<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 2>,
    weight: Tensor<Autodiff<B, S>, 2>,
    LinearEpilogue { bias, shift, residual }: LinearEpilogue<Autodiff<B, S>, 2>,
) -> Tensor<Autodiff<B, S>, 2> {
    let device = x.device();
    let inner = LinearEpilogue {
        bias: bias.clone().map(Tensor::inner),
        shift: shift.clone().map(Tensor::inner),
        residual: residual.clone().map(Tensor::inner),
    };
    let groups = shift.as_ref().map_or(1, |shift| shift.dims()[0]);
    let result = primitive(<B as ModelBackend>::linear(x.clone().inner(), weight.clone().inner(), inner));
    let (x, weight) = (primitive(x), primitive(weight));
    let (bias, shift, residual) = (or_absent(bias, &device), or_absent(shift, &device), or_absent(residual, &device));
    let nodes = [x.node.clone(), weight.node.clone(), bias.node, shift.node, residual.node];
    float(match LinearNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), prep.checkpoint(&weight), groups);
            prep.finish(state, result)
        }
        OpsKind::UnTracked(prep) => prep.finish(result),
    })
}

#[derive(Debug)]
struct LinearNode;

impl<B: DifferentiableBackend> Backward<B, 5> for LinearNode {
    /// Input, weight, number of groups of the bias per group.
    type State = (NodeId, NodeId, usize);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_x, of_weight, of_bias, of_shift, of_residual] = ops.parents;
        let gradient = float::<B, 2>(grads.consume::<B>(&ops.node));
        let (x, weight, groups) = ops.state;
        let x = float(checkpointer.retrieve_node_output(x));
        let weight = float(checkpointer.retrieve_node_output(weight));
        if of_bias.is_some() || of_shift.is_some() {
            let sums = B::group_sums(gradient.clone(), groups);
            if let Some(node) = of_bias {
                register(grads, |place| place.node = node, sums.clone().sum_dim(0).squeeze_dim::<1>(0));
            }
            if let Some(node) = of_shift {
                register(grads, |place| place.node = node, sums);
            }
        }
        if let Some(node) = of_weight {
            register(grads, |place| place.node = node, B::linear_weight_gradient(x, gradient.clone()));
        }
        if let Some(node) = of_x {
            register(grads, |place| place.node = node, B::linear_input_gradient(weight, gradient.clone()));
        }
        if let Some(node) = of_residual {
            register(grads, |place| place.node = node, gradient);
        }
    }
}
