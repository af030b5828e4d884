//! Implements the image encoder of CLIP (ViT). The SD-image-variations family uses the encoder's projected class token
//! as context.
//!
//! | tensor | shape |
//! |---|---|
//! | pixels, normalised with CLIP's mean and deviation | `[B, 3, S, S]` |
//! | hidden states (class token, then patches) | `[B, 1 + (S/P)^2, D]` |
//! | image embedding | `[B, D_out]` |
//!
//! The pooled token passes a final norm; the hidden states do not.

use burn::module::{Initializer, Module, Param};
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer, LayerNorm, Linear};
use crate::ops::{self, KeysValues, ModelBackend};

/// Mean of each colour channel, in `[0, 1]`, that is subtracted from CLIP's inputs.
pub const PIXEL_MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
/// Standard deviation of each colour channel, by which CLIP's inputs are divided.
pub const PIXEL_DEVIATION: [f32; 3] = [0.26862954, 0.261_302_6, 0.275_777_1];

/// The activation of the feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipActivation {
    /// `x * sigmoid(1.702 x)`, used by the original weights.
    QuickGelu,
    /// GELU in the erf form.
    Gelu,
}

/// Sizes of a [`ClipVision`] under their upstream names. The default is ViT-L/14.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipVisionConfig {
    /// Channels of a token, `D`.
    pub hidden_size: usize,
    /// Inner width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads.
    pub num_attention_heads: usize,
    /// Side of the input picture in pixels, `S`.
    pub image_size: usize,
    /// Side of a patch in pixels, `P`.
    pub patch_size: usize,
    /// Channels of the image embedding, `D_out`.
    pub projection_dim: usize,
    /// The activation of the feed-forward layer.
    pub hidden_act: ClipActivation,
    /// Epsilon of all norms.
    pub layer_norm_eps: f64,
    /// Number of colour channels.
    pub num_channels: usize,
}

impl Default for ClipVisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            image_size: 224,
            patch_size: 14,
            projection_dim: 768,
            hidden_act: ClipActivation::QuickGelu,
            layer_norm_eps: 1e-5,
            num_channels: 3,
        }
    }
}

/// The encoder with its projection.
#[derive(Module, Debug)]
pub struct ClipVision<B: Backend> {
    vision_model: VisionModel<B>,
    visual_projection: Linear<B>,
}

/// The encoder.
#[derive(Module, Debug)]
pub struct VisionModel<B: Backend> {
    embeddings: Embeddings<B>,
    pre_layrnorm: LayerNorm<B>,
    encoder: Encoder<B>,
    post_layernorm: LayerNorm<B>,
}

/// Patch, class and position embeddings.
#[derive(Module, Debug)]
pub struct Embeddings<B: Backend> {
    class_embedding: Param<Tensor<B, 1>>,
    patch_embedding: Conv2d<B>,
    position_embedding: Table<B>,
}

/// An embedding table with one row per position.
#[derive(Module, Debug)]
pub struct Table<B: Backend> {
    /// `[L, D]`.
    pub weight: Param<Tensor<B, 2>>,
}

/// The transformer layers.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    layers: Vec<Layer<B>>,
}

/// Self-attention and feed-forward layer, each with a norm before it and a residual connection.
#[derive(Module, Debug)]
pub struct Layer<B: Backend> {
    layer_norm1: LayerNorm<B>,
    self_attn: SelfAttention<B>,
    layer_norm2: LayerNorm<B>,
    mlp: Mlp<B>,
}

/// Self-attention with CLIP's parameter names.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    q_proj: Linear<B>,
    k_proj: Linear<B>,
    v_proj: Linear<B>,
    out_proj: Linear<B>,
    heads: usize,
}

/// The feed-forward layer.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    fc1: Linear<B>,
    fc2: Linear<B>,
    #[module(skip)]
    activation: ClipActivation,
}

/// The output of the encoder.
#[derive(Debug, Clone)]
pub struct ClipOutput<B: Backend> {
    /// `[B, D_out]`.
    pub image_embeds: Tensor<B, 2>,
    /// Hidden states after the last layer, `[B, L, D]`.
    pub last_hidden_state: Tensor<B, 3>,
    /// Hidden states before the last layer, `[B, L, D]`.
    pub penultimate: Tensor<B, 3>,
}

impl ClipVisionConfig {
    /// An encoder with newly initialized weights.
    ///
    /// # Panics
    /// When the heads do not divide the width, or the picture is smaller than a patch.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> ClipVision<B> {
        let Self { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, .. } = *self;
        assert!(width.is_multiple_of(heads), "clip: width {width} over {heads} heads");
        let (size, patch) = (self.image_size, self.patch_size);
        assert!(patch > 0 && size >= patch, "clip: patches of {patch} in pictures of {size}");
        let linear = |d_in, d_out| Linear::init(d_in, d_out, true, LayerInitializer::Uniform, device);
        let norm = || LayerNorm::init(width, self.layer_norm_eps, device);
        let layer = |_| Layer {
            layer_norm1: norm(),
            self_attn: SelfAttention {
                q_proj: linear(width, width),
                k_proj: linear(width, width),
                v_proj: linear(width, width),
                out_proj: linear(width, width),
                heads,
            },
            layer_norm2: norm(),
            mlp: Mlp { fc1: linear(width, inner), fc2: linear(inner, width), activation: self.hidden_act },
        };
        let mut patches = Conv2d::init(self.num_channels, width, patch, patch, LayerInitializer::Uniform, device)
            .with_padding([0, 0]);
        patches.bias = None;
        let normal = Initializer::Normal { mean: 0.0, std: 0.02 };
        ClipVision {
            vision_model: VisionModel {
                embeddings: Embeddings {
                    class_embedding: normal.init([width], device),
                    patch_embedding: patches,
                    position_embedding: Table { weight: normal.init([1 + (size / patch).pow(2), width], device) },
                },
                pre_layrnorm: norm(),
                encoder: Encoder { layers: (0..self.num_hidden_layers).map(layer).collect() },
                post_layernorm: norm(),
            },
            visual_projection: Linear::init(width, self.projection_dim, false, LayerInitializer::Uniform, device),
        }
    }
}

impl<B: ModelBackend> ClipVision<B> {
    /// Encodes pixels `[B, 3, S, S]`, normalised by [`PIXEL_MEAN`] and [`PIXEL_DEVIATION`].
    ///
    /// # Panics
    /// When the number of patches differs from that of the positions.
    pub fn forward(&self, pixels: Tensor<B, 4>) -> ClipOutput<B> {
        let model = &self.vision_model;
        let mut x = model.pre_layrnorm.forward(model.embeddings.forward(pixels));
        let mut penultimate = x.clone();
        for layer in &model.encoder.layers {
            penultimate = x.clone();
            x = layer.forward(x);
        }
        let [b, _, width] = x.dims();
        let pooled = model.post_layernorm.forward(x.clone().narrow(1, 0, 1).reshape([b, width]));
        ClipOutput { image_embeds: self.visual_projection.forward(pooled), last_hidden_state: x, penultimate }
    }
}

impl<B: ModelBackend> Embeddings<B> {
    fn forward(&self, pixels: Tensor<B, 4>) -> Tensor<B, 3> {
        let patches = self.patch_embedding.forward(pixels);
        let [b, width, rows, columns] = patches.dims();
        let positions = self.position_embedding.weight.val();
        let expected = positions.dims()[0];
        assert_eq!(1 + rows * columns, expected, "clip: {rows} x {columns} patches for {expected} positions");
        let patches = patches.reshape([b, width, rows * columns]).swap_dims(1, 2);
        let class = self.class_embedding.val().reshape([1, 1, width]).expand([b, 1, width]);
        Tensor::cat(vec![class, patches], 1) + positions.unsqueeze()
    }
}

impl<B: ModelBackend> Layer<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = x.clone() + self.self_attn.forward(self.layer_norm1.forward(x));
        x.clone() + self.mlp.forward(self.layer_norm2.forward(x))
    }
}

impl<B: ModelBackend> SelfAttention<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let own = KeysValues { keys: self.k_proj.forward(x.clone()), values: self.v_proj.forward(x.clone()) };
        self.out_proj.forward(ops::attention(self.q_proj.forward(x), &[&own], self.heads))
    }
}

impl<B: ModelBackend> Mlp<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.fc1.forward(x);
        self.fc2.forward(match self.activation {
            ClipActivation::QuickGelu => x.clone() * sigmoid(x * 1.702),
            ClipActivation::Gelu => gelu(x),
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn shapes() {
        let config = ClipVisionConfig {
            hidden_size: 8,
            intermediate_size: 12,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            image_size: 6,
            patch_size: 2,
            projection_dim: 5,
            ..Default::default()
        };
        let output = config.init::<Flex>(&Default::default()).forward(Tensor::ones([3, 3, 6, 6], &Default::default()));
        assert_eq!(output.image_embeds.dims(), [3, 5]);
        assert_eq!(output.last_hidden_state.dims(), [3, 10, 8]);
        assert_ne!(output.penultimate.into_data(), output.last_hidden_state.into_data());
    }
}
