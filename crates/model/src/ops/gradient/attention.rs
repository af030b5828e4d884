//! Implements attention as one node of the autodiff graph. The node keeps its result and the log-sum-exp of each
//! query's scores. The backward pass recomputes the attention probabilities.
//!
//! | parent | shape |
//! |---|---|
//! | query | `[M, L, heads*d]` |
//! | keys, values of each source | `[B_s, L_s, heads*d]` |
//!
//! The gradient of a source that several images share is the sum over those images. Temporal attention is a separate
//! node: its parents are query, keys and values, `[B, N, cells, heads*d]`, and it keeps nothing else.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;
use burn::tensor::ops::FloatTensor;

use super::{float, primitive, register};
use crate::ops::{AttentionGradients, DifferentiableBackend, KeysValues, ModelBackend};

/// A node with `N` parents: the query, and the keys and values of each source.
pub(super) fn attention<B: DifferentiableBackend, S: CheckpointStrategy, const N: usize>(
    query: Tensor<Autodiff<B, S>, 3>,
    sources: &[&KeysValues<Autodiff<B, S>>],
    heads: usize,
) -> Tensor<Autodiff<B, S>, 3> {
    let inner: Vec<_> = sources
        .iter()
        .map(|source| KeysValues { keys: source.keys.clone().inner(), values: source.values.clone().inner() })
        .collect();
    let inner: Vec<_> = inner.iter().collect();
    let (result, logs) = B::attention_with_log_sum_exp(query.clone().inner(), &inner, heads);
    let mut parents = vec![primitive(query)];
    for source in sources {
        parents.extend([&source.keys, &source.values].map(|tensor| primitive(tensor.clone())));
    }
    let nodes = std::array::from_fn::<_, N, _>(|at| parents[at].node.clone());
    let result = primitive(result);
    float(match AttentionNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let operands = std::array::from_fn(|at| prep.checkpoint(&parents[at]));
            prep.finish((operands, result.clone(), primitive(logs), heads), result)
        }
        OpsKind::UnTracked(prep) => prep.finish(result),
    })
}

#[derive(Debug)]
struct AttentionNode;

impl<B: DifferentiableBackend, const N: usize> Backward<B, N> for AttentionNode {
    /// Parents, result, log-sum-exp, number of heads.
    type State = ([NodeId; N], FloatTensor<B>, FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float(grads.consume::<B>(&ops.node));
        let (operands, result, logs, heads) = ops.state;
        let mut operands = operands.map(|id| float::<B, 3>(checkpointer.retrieve_node_output(id))).into_iter();
        let mut next = || operands.next().unwrap_or_else(|| unreachable!("{N} parents"));
        let query = next();
        let sources = (1..N).step_by(2).map(|_| KeysValues { keys: next(), values: next() }).collect();
        let known = AttentionGradients { query, sources, heads, result: float(result), logs: float(logs), gradient };
        let (of_query, of_sources) = B::attention_gradients(known);
        let found = std::iter::once(of_query).chain(of_sources.into_iter().flat_map(|of| [of.keys, of.values]));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = parent {
                register(grads, |place| place.node = node, gradient);
            }
        }
    }
}

pub(super) fn temporal_attention<B: DifferentiableBackend, S: CheckpointStrategy>(
    query: Tensor<Autodiff<B, S>, 4>,
    KeysValues { keys, values }: KeysValues<Autodiff<B, S>, 4>,
    heads: usize,
) -> Tensor<Autodiff<B, S>, 4> {
    let own = KeysValues { keys: keys.clone().inner(), values: values.clone().inner() };
    let result = primitive(<B as ModelBackend>::temporal_attention(query.clone().inner(), own, heads));
    let parents = [query, keys, values].map(primitive);
    let nodes = [0, 1, 2].map(|at| parents[at].node.clone());
    float(match TemporalNode.prepare::<S>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let operands = [0, 1, 2].map(|at| prep.checkpoint(&parents[at]));
            prep.finish((operands, heads), result)
        }
        OpsKind::UnTracked(prep) => prep.finish(result),
    })
}

#[derive(Debug)]
struct TemporalNode;

impl<B: DifferentiableBackend> Backward<B, 3> for TemporalNode {
    /// Parents, number of heads.
    type State = ([NodeId; 3], usize);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let gradient = float::<B, 4>(grads.consume::<B>(&ops.node));
        let (operands, heads) = ops.state;
        let [query, keys, values] = operands.map(|id| float::<B, 4>(checkpointer.retrieve_node_output(id)));
        let found = B::temporal_attention_gradients(query, KeysValues { keys, values }, heads, gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = parent {
                // These are row-major tokens; `register` would take rank 4 for a map in the backend's layout.
                grads.register::<B>(node.id, primitive(gradient));
            }
        }
    }
}
