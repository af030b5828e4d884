//! Doors under differentiation. Convolution has a backward pass of its own where the backend brings one; all other doors are
//! composed of operations that Burn differentiates.
//!
//! | tensor | shape |
//! |---|---|
//! | input, its gradient | `[M, C_in, h, w]` |
//! | weight, its gradient | `[C_out, C_in, k, k]` |
//! | bias, its gradient | `[C_out]` |
//! | gradient of the result | `[M, C_out, h', w']` |

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{DType, Tensor, TensorPrimitive};

use super::{Convolution, ConvolutionGradients, ModelBackend, composed};

impl<B: ModelBackend, S: CheckpointStrategy> ModelBackend for Autodiff<B, S> {
    fn conv2d(x: Tensor<Self, 4>, weight: Tensor<Self, 4>, convolution: Convolution<Self>) -> Tensor<Self, 4> {
        if !B::OWN_GRADIENTS || x.dtype() != DType::F32 || weight.dtype() != DType::F32 {
            return composed::conv2d(x, weight, convolution);
        }
        let Convolution { bias, stride, padding, shift, residual, activation } = convolution;
        let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &weight.device()));
        let sums = sums(x, weight, bias, Steps { stride, padding });
        composed::finish_conv2d(sums, shift, activation, residual)
    }
}

/// Stride and padding, as in [`Convolution`].
#[derive(Debug, Clone, Copy)]
struct Steps {
    stride: usize,
    padding: [usize; 2],
}

/// Convolution and bias, in the order of the shape: what follows is composed of operations that like it so.
fn sums<B: ModelBackend, S: CheckpointStrategy>(
    x: Tensor<Autodiff<B, S>, 4>,
    weight: Tensor<Autodiff<B, S>, 4>,
    bias: Tensor<Autodiff<B, S>, 1>,
    steps: Steps,
) -> Tensor<Autodiff<B, S>, 4> {
    let [x, weight] = [x, weight].map(|tensor| tensor.into_primitive().tensor());
    let bias = bias.into_primitive().tensor();
    let inner = B::plain_order(<B as ModelBackend>::conv2d(
        float::<B, 4>(x.primitive.clone()),
        float::<B, 4>(weight.primitive.clone()),
        Convolution {
            stride: steps.stride,
            padding: steps.padding,
            ..Convolution::same(1, 1, Some(float::<B, 1>(bias.primitive.clone())))
        },
    ));
    let result = inner.into_primitive().tensor();
    let nodes = [x.node.clone(), weight.node.clone(), bias.node.clone()];
    let result = match ConvolutionNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), prep.checkpoint(&weight), steps);
            prep.finish(state, result)
        }
        OpsKind::UnTracked(prep) => prep.finish(result),
    };
    Tensor::from_primitive(TensorPrimitive::Float(result))
}

fn float<B: ModelBackend, const R: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, R> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

#[derive(Debug)]
struct ConvolutionNode;

impl<B: ModelBackend> Backward<B, 3> for ConvolutionNode {
    type State = (NodeId, NodeId, Steps);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_x, of_weight, of_bias] = ops.parents;
        let gradient = float::<B, 4>(grads.consume::<B>(&ops.node));
        let (x, weight, Steps { stride, padding }) = ops.state;
        if let Some(node) = of_bias {
            let [m, c, h, w] = gradient.dims();
            let sum = gradient.clone().reshape([m, c, h * w]).sum_dim(2).sum_dim(0).reshape([c]);
            grads.register::<B>(node.id, sum.into_primitive().tensor());
        }
        let known = ConvolutionGradients {
            x: float(checkpointer.retrieve_node_output(x)),
            weight: float(checkpointer.retrieve_node_output(weight)),
            gradient,
            stride,
            padding,
        };
        if let Some(node) = of_weight {
            grads.register::<B>(node.id, B::conv2d_weight_gradient(known.clone()).into_primitive().tensor());
        }
        if let Some(node) = of_x {
            grads.register::<B>(node.id, B::conv2d_input_gradient(known).into_primitive().tensor());
        }
    }
}
