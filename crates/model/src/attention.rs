//! Multi-head attention with its four linear maps, and keys and values that can be made once and joined later.
//!
//! | tensor | shape |
//! |---|---|
//! | queries' tokens | `[M, L, C]` |
//! | keys and values | `[M, L_k, C]` each |
//! | result | `[M, L, C]` |

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Linear, Start};
use crate::ops::{self, ModelBackend};

/// Keys and values of a set of tokens, heads not yet split.
#[derive(Debug, Clone)]
pub struct KeysValues<B: Backend> {
    /// `[M, L, C]`.
    pub keys: Tensor<B, 3>,
    /// `[M, L, C]`.
    pub values: Tensor<B, 3>,
}

impl<B: ModelBackend> KeysValues<B> {
    /// Adds the same tokens to every frame of a clip: `[B*N, L, C]` and `[B, L_r, C]` to `[B*N, L + L_r, C]`.
    pub fn join(self, shared: &Self) -> Self {
        Self { keys: join(self.keys, &shared.keys), values: join(self.values, &shared.values) }
    }
}

fn join<B: Backend>(own: Tensor<B, 3>, shared: &Tensor<B, 3>) -> Tensor<B, 3> {
    let ([m, l, c], [b, l_shared, c_shared]) = (own.dims(), shared.dims());
    assert!(b > 0 && m.is_multiple_of(b) && c == c_shared, "join: own {:?}, shared {:?}", own.dims(), shared.dims());
    let n = m / b;
    let shared = shared.clone().reshape([b, 1, l_shared, c]).expand([b, n, l_shared, c]);
    Tensor::cat(vec![own.reshape([b, n, l, c]), shared], 2).reshape([m, l + l_shared, c])
}

/// `[B, L, C]` to `[B*N, L, C]`, the same for every frame.
pub(crate) fn repeat_for_frames<B: Backend>(x: Tensor<B, 3>, m: usize) -> Tensor<B, 3> {
    let [b, l, c] = x.dims();
    assert!(b > 0 && m.is_multiple_of(b), "repeat_for_frames: {:?} over {m} frames", x.dims());
    if m == b {
        return x;
    }
    x.reshape([b, 1, l, c]).expand([b, m / b, l, c]).reshape([m, l, c])
}

/// Sizes of an [`Attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionConfig {
    /// Width of the queries' tokens and of the result.
    pub width: usize,
    /// Width of the tokens that give keys and values.
    pub context_width: usize,
    /// Heads.
    pub heads: usize,
    /// Width of each head.
    pub head_width: usize,
}

impl AttentionConfig {
    /// Attention of tokens among themselves, with heads that share the width evenly.
    ///
    /// # Panics
    /// When they cannot.
    pub fn among(width: usize, heads: usize) -> Self {
        assert!(heads > 0 && width.is_multiple_of(heads), "attention: width {width} over {heads} heads");
        Self { width, context_width: width, heads, head_width: width / heads }
    }
}

/// Attention with its projections; only the last one has a bias.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    to_q: Linear<B>,
    to_k: Linear<B>,
    to_v: Linear<B>,
    to_out_0: Linear<B>,
    heads: usize,
}

impl<B: ModelBackend> Attention<B> {
    /// Self- or cross-attention with fresh weights.
    pub fn init(config: &AttentionConfig, device: &B::Device) -> Self {
        let AttentionConfig { width, context_width, heads, head_width } = *config;
        let inner = heads * head_width;
        let linear = |d_in, d_out, bias| Linear::init(d_in, d_out, bias, Start::Uniform, device);
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

    /// Attention of tokens `[M, L, C]` to keys and values `[M, L_k, C]`.
    pub fn forward(&self, tokens: Tensor<B, 3>, KeysValues { keys, values }: KeysValues<B>) -> Tensor<B, 3> {
        let heads = |x| ops::split_heads(x, self.heads);
        let y = ops::attention(heads(self.to_q.forward(tokens)), heads(keys), heads(values));
        self.to_out_0.forward(ops::merge_heads(y))
    }

    /// Attention of tokens among themselves.
    pub fn forward_self(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        let own = self.keys_values(tokens.clone());
        self.forward(tokens, own)
    }

    /// What attention to a single token `[B, 1, D]` gives every query: softmax over one key is 1, so queries and keys have
    /// no influence. `[B, 1, C]`.
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
        let full = attention.forward(tokens, attention.keys_values(context.clone()));
        let short = attention.forward_one(context).expand([3, 5, 8]);
        full.into_data().assert_approx_eq::<f32>(&short.into_data(), Tolerance::absolute(1e-6));
    }

    #[test]
    fn joined_keys_are_those_of_joined_tokens() {
        let attention = Attention::<Flex>::init(&AttentionConfig::among(8, 2), &Default::default());
        let (own, shared) = (random([4, 3, 8]), random([2, 2, 8]));
        let joined = attention.keys_values(own.clone()).join(&attention.keys_values(shared.clone()));
        let together = attention.keys_values(Tensor::cat(vec![own, repeat_for_frames(shared, 4)], 1));
        joined.keys.into_data().assert_approx_eq::<f32>(&together.keys.into_data(), Tolerance::absolute(1e-6));
        joined.values.into_data().assert_approx_eq::<f32>(&together.values.into_data(), Tolerance::absolute(1e-6));
    }
}
