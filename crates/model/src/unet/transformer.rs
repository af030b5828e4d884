//! Implements the spatial transformer. The cells of each frame attend first to each other and to the reference, then to
//! the image embedding.
//!
//! | tensor | shape |
//! |---|---|
//! | input, output | `[M, C, h, w]`, `M = B*N` |
//! | tokens | `[M, h*w, C]` |
//! | context | `[B, L, D]` |
//! | reference at this site | `[B, L_r, C]` |
//!
//! A block computes, in this order, `x += attn1(norm1(x)); x += attn2(norm2(x), context); x += ff(norm3(x))`. Without
//! cross-attention there is no `attn2` and no `norm2`.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Conv2d, GroupNorm, LayerInitializer, LayerNorm};
use crate::ops::{ModelBackend, map_from_tokens, tokens_from_map};
use crate::unet::attention::{Attention, AttentionConfig, KeysValues};
use crate::unet::feed_forward::{FEED_FORWARD_FACTOR, FeedForward};

/// Epsilon of a spatial transformer's entry norm, independent of the network's epsilon.
const ENTRY_NORM_EPSILON: f64 = 1e-6;
/// Epsilon of the layer norms.
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Self-attention, cross-attention and feed-forward layer.
#[derive(Module, Debug)]
pub struct BasicTransformerBlock<B: Backend> {
    norm1: LayerNorm<B>,
    attn1: Attention<B>,
    norm2: Option<LayerNorm<B>>,
    attn2: Option<Attention<B>>,
    norm3: LayerNorm<B>,
    ff: FeedForward<B>,
}

impl<B: ModelBackend> BasicTransformerBlock<B> {
    /// A block with the heads and the width of `attention`. Without `context_width` it has no cross-attention.
    pub fn init(attention: &AttentionConfig, context_width: Option<usize>, device: &B::Device) -> Self {
        let norm = || LayerNorm::init(attention.width, LAYER_NORM_EPSILON, device);
        let cross = |context_width| AttentionConfig { context_width, ..*attention };
        Self {
            norm1: norm(),
            attn1: Attention::init(&AttentionConfig { context_width: attention.width, ..*attention }, device),
            norm2: context_width.map(|_| norm()),
            attn2: context_width.map(|context_width| Attention::init(&cross(context_width), device)),
            norm3: norm(),
            ff: FeedForward::init(attention.width, FEED_FORWARD_FACTOR, device),
        }
    }

    /// `norm1` of tokens `[M, L, C]`. This is the input of the self-attention and the output of a reference network.
    pub fn normalised(&self, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        self.norm1.forward(tokens)
    }

    /// Keys and values of reference tokens `[B, L_r, C]` for this block's self-attention.
    pub fn reference_keys_values(&self, reference: Tensor<B, 3>) -> KeysValues<B> {
        self.attn1.keys_values(reference)
    }

    /// Runs the block on tokens `[M, L, C]`, given their `norm1`, the context `[B, L_c, D]` and the reference's keys
    /// and values. With `folded`, cross-attention to a context of one token is computed as a vector.
    ///
    /// # Panics
    /// When the context is missing or not expected.
    pub fn forward(
        &self,
        tokens: Tensor<B, 3>,
        normalised: Tensor<B, 3>,
        context: Option<&Tensor<B, 3>>,
        reference: Option<&KeysValues<B>>,
        folded: bool,
    ) -> Tensor<B, 3> {
        // 1. Cross-attention to one token adds the same vector to every query.
        let shift = match (&self.attn2, context) {
            (Some(attn2), Some(context)) => {
                let [m, l, c] = tokens.dims();
                let [b, count, _] = context.dims();
                let fits = b > 0 && m.is_multiple_of(b);
                assert!(fits, "cross attention: tokens {:?}, context {:?}", [m, l, c], context.dims());
                (folded && count == 1).then(|| attn2.forward_one(context.clone()).reshape([b, c]))
            }
            (None, None) => None,
            (None, Some(_)) => panic!("transformer: a context for a network without cross attention"),
            (Some(_), None) => panic!("transformer: no context for a network with cross attention"),
        };
        let is_folded = shift.is_some();
        // 2. Self-attention, including the tokens of the reference.
        let own = self.attn1.keys_values(normalised.clone());
        let mut sources = vec![&own];
        sources.extend(reference);
        let mut x = self.attn1.forward_onto(tokens, shift, normalised, &sources);
        // 3. Cross-attention.
        if let (Some(norm2), Some(attn2), Some(context), false) = (&self.norm2, &self.attn2, context, is_folded) {
            let normalised = norm2.forward(x.clone());
            x = attn2.forward_onto(x, None, normalised, &[&attn2.keys_values(context.clone())]);
        }
        // 4. Feed-forward.
        self.ff.forward_onto(x.clone(), self.norm3.forward(x))
    }
}

/// Group norm, 1x1 convolution, one block over the cells, 1x1 convolution, and a residual connection.
#[derive(Module, Debug)]
pub struct SpatialTransformer<B: Backend> {
    norm: GroupNorm<B>,
    proj_in: Conv2d<B>,
    transformer_blocks: Vec<BasicTransformerBlock<B>>,
    proj_out: Conv2d<B>,
}

impl<B: ModelBackend> SpatialTransformer<B> {
    /// A transformer for `channels`, with `heads` heads of width `channels / heads`.
    pub fn init(
        channels: usize,
        heads: usize,
        norm_groups: usize,
        context_width: Option<usize>,
        device: &B::Device,
    ) -> Self {
        let inner = heads * (channels / heads);
        Self {
            norm: GroupNorm::init(norm_groups, channels, ENTRY_NORM_EPSILON, device),
            proj_in: Conv2d::init(channels, inner, 1, 1, LayerInitializer::Uniform, device),
            transformer_blocks: vec![BasicTransformerBlock::init(
                &AttentionConfig::among(inner, heads),
                context_width,
                device,
            )],
            proj_out: Conv2d::init(inner, channels, 1, 1, LayerInitializer::Uniform, device),
        }
    }

    #[cfg(test)]
    pub(crate) fn proj_out_weight(&self) -> Tensor<B, 4> {
        self.proj_out.weight.val()
    }

    /// The transformer block.
    pub fn block(&self) -> &BasicTransformerBlock<B> {
        &self.transformer_blocks[0]
    }

    /// The input tokens of the block, `[M, h*w, C]`, from `[M, C, h, w]`.
    pub fn tokens(&self, x: Tensor<B, 4>) -> Tensor<B, 3> {
        tokens_from_map(self.proj_in.forward(self.norm.forward(x)))
    }

    /// Turns the block's output tokens back into `[M, C, h, w]` and adds the input of the transformer.
    pub fn finish(&self, input: Tensor<B, 4>, tokens: Tensor<B, 3>) -> Tensor<B, 4> {
        let [_, _, h, w] = input.dims();
        self.proj_out.forward_onto(input, map_from_tokens(tokens, [h, w]))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn a_reference_changes_the_result_and_frames_share_it() {
        let device = Default::default();
        let transformer = SpatialTransformer::<Flex>::init(8, 2, 4, None, &device);
        let frame = Tensor::<Flex, 4>::random([1, 8, 3, 2], Distribution::Default, &device);
        let clip = frame.repeat_dim(0, 3);
        let reference =
            transformer.block().reference_keys_values(Tensor::random([1, 5, 8], Distribution::Default, &device));
        let run = |reference: Option<&KeysValues<Flex>>| {
            let tokens = transformer.tokens(clip.clone());
            let normalised = transformer.block().normalised(tokens.clone());
            let tokens = transformer.block().forward(tokens, normalised, None, reference, true);
            transformer.finish(clip.clone(), tokens)
        };
        let (with, without) = (run(Some(&reference)), run(None));
        assert_eq!(with.dims(), [3, 8, 3, 2]);
        assert_ne!(with.clone().into_data(), without.into_data());
        let cut = |i: usize| with.clone().slice([i..i + 1, 0..8, 0..3, 0..2]).into_data();
        assert_eq!(cut(0), cut(2));
    }
}
