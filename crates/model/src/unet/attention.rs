//! Implements multi-head attention with its four linear layers. Keys and values can be computed once and combined
//! later.
//!
//! | tensor | shape |
//! |---|---|
//! | tokens of the queries | `[M, L, C]` |
//! | keys and values | `[M, L_k, C]` each |
//! | result | `[M, L, C]` |

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{LayerInitializer, Linear};
pub use crate::ops::KeysValues;
use crate::ops::{self, ModelBackend};
use crate::unet::cache::{self, StepContext};

/// Sizes of an [`Attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionConfig {
    /// Width of the query tokens and the result.
    pub width: usize,
    /// Width of the tokens from which keys and values are computed.
    pub context_width: usize,
    /// Number of heads.
    pub heads: usize,
    /// Width of each head.
    pub head_width: usize,
}

impl AttentionConfig {
    /// Self-attention whose heads divide the width evenly.
    ///
    /// # Panics
    /// When they cannot.
    pub fn among(width: usize, heads: usize) -> Self {
        assert!(heads > 0 && width.is_multiple_of(heads), "attention: width {width} over {heads} heads");
        Self { width, context_width: width, heads, head_width: width / heads }
    }
}

/// Attention with its projections. Only the output projection has a bias.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    to_q: Linear<B>,
    to_k: Linear<B>,
    to_v: Linear<B>,
    to_out_0: Linear<B>,
    heads: usize,
}

impl<B: ModelBackend> Attention<B> {
    /// Newly initialized self- or cross-attention.
    pub fn init(config: &AttentionConfig, device: &B::Device) -> Self {
        let AttentionConfig { width, context_width, heads, head_width } = *config;
        let inner = heads * head_width;
        let linear = |d_in, d_out, bias| Linear::init(d_in, d_out, bias, LayerInitializer::Uniform, device);
        Self {
            to_q: linear(width, inner, false),
            to_k: linear(context_width, inner, false),
            to_v: linear(context_width, inner, false),
            to_out_0: linear(inner, width, true),
            heads,
        }
    }

    /// Keys and values of tokens `[M, L, D]`.
    pub fn keys_values(&self, tokens: Tensor<B, 3>) -> KeysValues<B> {
        KeysValues { keys: self.to_k.forward(tokens.clone()), values: self.to_v.forward(tokens) }
    }

    /// Attention of tokens `[M, L, C]` to the keys and values `[B_s, L_s, C]` of all sources together. Adds `residual`
    /// `[M, L, C]` and `shift` `[B, C]`, which is the same for all tokens of a clip. [`ops::attention`] describes how a
    /// source with fewer than `M` pictures is shared.
    pub fn forward_onto(
        &self,
        residual: Tensor<B, 3>,
        shift: Option<Tensor<B, 2>>,
        tokens: Tensor<B, 3>,
        sources: &[&KeysValues<B>],
    ) -> Tensor<B, 3> {
        let y = ops::attention(self.to_q.forward(tokens), sources, self.heads);
        self.to_out_0.forward_added(y, shift, Some(residual))
    }

    /// Temporal attention of tokens `[B, N, cells, C]` for every cell, plus `residual` of the same shape. `positions`
    /// `[B*N, C]` are added to all tokens of a frame. As the projections are linear, positions are projected
    /// separately, where they are fewer, and the result is cached.
    pub(crate) fn forward_in_time(
        &self,
        residual: Tensor<B, 4>,
        tokens: Tensor<B, 4>,
        positions: Option<&Tensor<B, 2>>,
        step: Option<StepContext<'_, B>>,
    ) -> Tensor<B, 4> {
        let [batch, frames, _, _] = tokens.dims();
        let map = |linear: &Linear<B>| match positions {
            Some(positions) => {
                let of_positions = || linear.forward(positions.clone());
                let shift = cache::for_positions(step, linear.weight.id, [batch, frames], of_positions);
                linear.forward_shifted(tokens.clone(), shift)
            }
            None => linear.forward(tokens.clone()),
        };
        let own = KeysValues { keys: map(&self.to_k), values: map(&self.to_v) };
        self.to_out_0.forward_onto(residual, ops::temporal_attention(map(&self.to_q), own, self.heads))
    }

    /// Attention to a single token `[B, 1, D]`, as `[B, 1, C]`. It is the same for every query: softmax over one key is
    /// 1, so queries and keys have no effect.
    pub fn forward_one(&self, token: Tensor<B, 3>) -> Tensor<B, 3> {
        assert_eq!(token.dims()[1], 1, "attention to one token: {:?}", token.dims());
        self.to_out_0.forward(self.to_v.forward(token))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn random(shape: [usize; 3]) -> Tensor<Flex, 3> {
        Tensor::random(shape, Distribution::Default, &Default::default())
    }

    #[test]
    fn one_token_needs_no_softmax() {
        let attention = Attention::<Flex>::init(
            &AttentionConfig { context_width: 6, ..AttentionConfig::among(8, 2) },
            &Default::default(),
        );
        let (tokens, context) = (random([3, 5, 8]), random([3, 1, 6]));
        let none = Tensor::zeros([3, 5, 8], &Default::default());
        let full = attention.forward_onto(none, None, tokens, &[&attention.keys_values(context.clone())]);
        let short = attention.forward_one(context).expand([3, 5, 8]);
        full.into_data().assert_approx_eq::<f32>(&short.into_data(), Tolerance::absolute(1e-6));
    }

    #[test]
    fn two_sources_are_as_one_of_joined_tokens() {
        let attention = Attention::<Flex>::init(&AttentionConfig::among(8, 2), &Default::default());
        let (own, shared) = (random([4, 3, 8]), random([2, 2, 8]));
        let two = [attention.keys_values(own.clone()), attention.keys_values(shared.clone())];
        let parted = attention.forward_onto(own.clone(), None, own.clone(), &[&two[0], &two[1]]);
        let every_frame = shared.reshape([2, 1, 2, 8]).expand([2, 2, 2, 8]).reshape([4, 2, 8]);
        let one = attention.keys_values(Tensor::cat(vec![own.clone(), every_frame], 1));
        let together = attention.forward_onto(own.clone(), None, own, &[&one]);
        parted.into_data().assert_approx_eq::<f32>(&together.into_data(), Tolerance::absolute(1e-6));
    }
}
