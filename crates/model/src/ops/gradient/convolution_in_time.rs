//! Implements a 3D convolution as one node of the autodiff graph.
//!
//! | parent | shape | gradient |
//! |---|---|---|
//! | input | `[B, C_in, N, h, w]` | a convolution of the gradient |
//! | weight | `[C_out, C_in, k_n, k_h, k_w]` | sums over all cells |
//! | bias | `[C_out]` | sum over all cells |

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;

use super::{float, or_absent, primitive, register};
use crate::ops::{Conv3dGradients, DifferentiableBackend, ModelBackend};

pub(super) fn conv3d<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 5>,
    weight: Tensor<Autodiff<B, S>, 5>,
    bias: Option<Tensor<Autodiff<B, S>, 1>>,
    padding: [usize; 3],
    gradients: Conv3dGradients<B>,
) -> Tensor<Autodiff<B, S>, 5> {
    let device = x.device();
    let inner_bias = bias.clone().map(Tensor::inner);
    let result = <B as ModelBackend>::conv3d(x.clone().inner(), weight.clone().inner(), inner_bias, padding);
    let (x, weight, bias) = (primitive(x), primitive(weight), or_absent(bias, &device));
    let nodes = [x.node.clone(), weight.node.clone(), bias.node];
    float(match ConvolutionInTimeNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), prep.checkpoint(&weight), padding, gradients);
            prep.finish(state, primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct ConvolutionInTimeNode;

impl<B: DifferentiableBackend> Backward<B, 3> for ConvolutionInTimeNode {
    /// Input, weight, padding, backward pass.
    type State = (NodeId, NodeId, [usize; 3], Conv3dGradients<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_x, of_weight, of_bias] = ops.parents;
        let gradient = float::<B, 5>(grads.consume::<B>(&ops.node));
        let (x, weight, padding, gradients) = ops.state;
        let x = float(checkpointer.retrieve_node_output(x));
        let weight = float(checkpointer.retrieve_node_output(weight));
        if let Some(node) = of_bias {
            let [b, c, n, h, w] = gradient.dims();
            let sums = gradient.clone().reshape([b * c, n * h * w]).sum_dim(1).reshape([b, c]).sum_dim(0);
            register(grads, |place| place.node = node, sums.squeeze_dim::<1>(0));
        }
        let wanted = [of_x.is_some(), of_weight.is_some()];
        let found = gradients([x, weight], gradient, padding, wanted);
        for (parent, found) in [of_x, of_weight].into_iter().zip(found) {
            if let (Some(node), Some(found)) = (parent, found) {
                register(grads, |place| place.node = node, found);
            }
        }
    }
}
