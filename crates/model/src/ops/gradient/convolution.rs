//! Implements a convolution with its bias, bias per clip and residual, as one node of the autodiff graph. With SiLU,
//! the convolution, SiLU and the residual are separate nodes.
//!
//! | parent | shape | gradient |
//! |---|---|---|
//! | input | `[M, C_in, h, w]` | a convolution of the gradient |
//! | weight | `[C_out, C_in, k, k]` | sums over all cells |
//! | bias | `[C_out]` | sum over all cells |
//! | shift | `[B, C_out]` | sums over the cells of each clip |
//! | residual | `[M, C_out, h', w']` | the gradient itself |

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;

use super::{float, or_absent, pointwise, primitive, register};
use crate::ops::{
    Activation, Convolution, ConvolutionGradients, DifferentiableBackend, ModelBackend, add, cells_from_map,
};

/// The settings that the backward pass needs besides the tensors.
#[derive(Debug, Clone, Copy)]
struct Steps {
    stride: usize,
    padding: [usize; 2],
    /// Rows of the bias per clip; 1 without one.
    clips: usize,
    /// The input is upsampled before the convolution.
    enlarged: bool,
}

pub(super) fn conv2d<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 4>,
    weight: Tensor<Autodiff<B, S>, 4>,
    convolution: Convolution<Autodiff<B, S>>,
) -> Tensor<Autodiff<B, S>, 4> {
    if convolution.activation == Activation::None {
        return node(x, weight, convolution, false);
    }
    let Convolution { residual, activation, .. } = convolution.clone();
    let y = node(x, weight, Convolution { residual: None, activation: Activation::None, ..convolution }, false);
    let y = match activation {
        Activation::None => y,
        Activation::Silu => pointwise::silu(y),
    };
    match residual {
        Some(residual) => add(y, residual),
        None => y,
    }
}

pub(super) fn upsample_conv2d<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 4>,
    weight: Tensor<Autodiff<B, S>, 4>,
    bias: Option<Tensor<Autodiff<B, S>, 1>>,
) -> Tensor<Autodiff<B, S>, 4> {
    node(x, weight, Convolution::same(3, 1, bias), true)
}

/// The node of a convolution without activation.
fn node<B: DifferentiableBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 4>,
    weight: Tensor<Autodiff<B, S>, 4>,
    convolution: Convolution<Autodiff<B, S>>,
    enlarged: bool,
) -> Tensor<Autodiff<B, S>, 4> {
    let device = x.device();
    let Convolution { bias, stride, padding, shift, residual, activation } = convolution;
    let clips = shift.as_ref().map_or(1, |shift| shift.dims()[0]);
    let (inner, inner_weight) = (x.clone().inner(), weight.clone().inner());
    let inner_bias = bias.clone().map(Tensor::inner);
    let result = if enlarged {
        <B as ModelBackend>::upsample_conv2d(inner, inner_weight, inner_bias)
    } else {
        let convolution = Convolution {
            bias: inner_bias,
            stride,
            padding,
            shift: shift.clone().map(Tensor::inner),
            residual: residual.clone().map(Tensor::inner),
            activation,
        };
        <B as ModelBackend>::conv2d(inner, inner_weight, convolution)
    };
    let (x, weight) = (primitive(x), primitive(weight));
    let (bias, shift, residual) = (or_absent(bias, &device), or_absent(shift, &device), or_absent(residual, &device));
    let nodes = [x.node.clone(), weight.node.clone(), bias.node, shift.node, residual.node];
    float(match ConvolutionNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let steps = Steps { stride, padding, clips, enlarged };
            let state = (prep.checkpoint(&x), prep.checkpoint(&weight), steps);
            prep.finish(state, primitive(result))
        }
        OpsKind::UnTracked(prep) => prep.finish(primitive(result)),
    })
}

#[derive(Debug)]
struct ConvolutionNode;

impl<B: DifferentiableBackend> Backward<B, 5> for ConvolutionNode {
    /// Input, weight, settings.
    type State = (NodeId, NodeId, Steps);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_x, of_weight, of_bias, of_shift, of_residual] = ops.parents;
        let gradient = float::<B, 4>(grads.consume::<B>(&ops.node));
        let (x, weight, Steps { stride, padding, clips, enlarged }) = ops.state;
        let x = float(checkpointer.retrieve_node_output(x));
        let weight = float(checkpointer.retrieve_node_output(weight));
        if of_bias.is_some() || of_shift.is_some() {
            let sums = channel_sums(gradient.clone(), clips);
            if let Some(node) = of_bias {
                register(grads, |place| place.node = node, sums.clone().sum_dim(0).squeeze_dim::<1>(0));
            }
            if let Some(node) = of_shift {
                register(grads, |place| place.node = node, sums);
            }
        }
        let known = ConvolutionGradients { x, weight, gradient: gradient.clone(), stride, padding, enlarged };
        let found = B::conv2d_gradients(known, [of_x.is_some(), of_weight.is_some()]);
        for (parent, found) in [of_x, of_weight].into_iter().zip(found) {
            if let (Some(node), Some(found)) = (parent, found) {
                register(grads, |place| place.node = node, found);
            }
        }
        if let Some(node) = of_residual {
            register(grads, |place| place.node = node, gradient);
        }
    }
}

/// Sums over all cells of each clip's frames: `[M, C, h, w]` to `[clips, C]`.
fn channel_sums<B: DifferentiableBackend>(map: Tensor<B, 4>, clips: usize) -> Tensor<B, 2> {
    let [m, c, h, w] = map.dims();
    let rows = if B::CHANNELS_LAST {
        cells_from_map(map).reshape([m * h * w, c])
    } else {
        map.reshape([m * c, h * w]).sum_dim(1).reshape([m, c])
    };
    B::group_sums(rows, clips)
}
