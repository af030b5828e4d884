//! The image tower of CLIP (ViT), whose projected class token is the context of the SD-image-variations family.
//!
//! | tensor | shape |
//! |---|---|
//! | pixels, CLIP's mean and deviation taken out | `[B, 3, S, S]` |
//! | hidden states (class token, then patches) | `[B, 1 + (S/P)^2, D]` |
//! | image embedding | `[B, D_out]` |
//!
//! The pooled token passes a last norm; the hidden states do not.

use burn::module::{Initializer, Module, Param};
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer, LayerNorm, Linear};
use crate::ops::{self, KeysValues, ModelBackend};

/// Mean of each colour channel, in `[0, 1]`, that CLIP's inputs are shifted by.
pub const PIXEL_MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
/// Deviation that they are divided by.
pub const PIXEL_DEVIATION: [f32; 3] = [0.26862954, 0.261_302_6, 0.275_777_1];

/// The feed-forward's activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipActivation {
    /// `x * sigmoid(1.702 x)`, of the original weights.
    QuickGelu,
    /// The erf form.
    Gelu,
}

/// Sizes of a [`ClipVision`] under their upstream names; the default is ViT-L/14.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipVisionConfig {
    /// `D`.
    pub hidden_size: usize,
    /// Inner width of the feed-forward.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// `S`, pixels.
    pub image_size: usize,
    /// `P`, pixels.
    pub patch_size: usize,
    /// `D_out`.
    pub projection_dim: usize,
    /// The feed-forward's activation.
    pub hidden_act: ClipActivation,
    /// Epsilon of all norms.
    pub layer_norm_eps: f64,
    /// Colour channels.
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

/// The tower with its projection.
#[derive(Module, Debug)]
pub struct ClipVision<B: Backend> {
    vision_model: VisionModel<B>,
    visual_projection: Linear<B>,
}

/// The tower.
#[derive(Module, Debug)]
pub struct VisionModel<B: Backend> {
    embeddings: Embeddings<B>,
    pre_layrnorm: LayerNorm<B>,
    encoder: Encoder<B>,
    post_layernorm: LayerNorm<B>,
}

/// Patches, class token and positions.
#[derive(Module, Debug)]
pub struct Embeddings<B: Backend> {
    class_embedding: Param<Tensor<B, 1>>,
    patch_embedding: Conv2d<B>,
    position_embedding: Table<B>,
}

/// One row a position.
#[derive(Module, Debug)]
pub struct Table<B: Backend> {
    /// `[L, D]`.
    pub weight: Param<Tensor<B, 2>>,
}

/// The layers.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    layers: Vec<Layer<B>>,
}

/// Self-attention and feed-forward, each after its norm and plus its input.
#[derive(Module, Debug)]
pub struct Layer<B: Backend> {
    layer_norm1: LayerNorm<B>,
    self_attn: SelfAttention<B>,
    layer_norm2: LayerNorm<B>,
    mlp: Mlp<B>,
}

/// Attention under CLIP's parameter names.
#[derive(Module, Debug)]
pub struct SelfAttention<B: Backend> {
    q_proj: Linear<B>,
    k_proj: Linear<B>,
    v_proj: Linear<B>,
    out_proj: Linear<B>,
    heads: usize,
}

/// The feed-forward.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    fc1: Linear<B>,
    fc2: Linear<B>,
    #[module(skip)]
    activation: ClipActivation,
}

/// What the tower gives.
#[derive(Debug, Clone)]
pub struct ClipOutput<B: Backend> {
    /// `[B, D_out]`.
    pub image_embeds: Tensor<B, 2>,
    /// After the last layer, `[B, L, D]`.
    pub last_hidden_state: Tensor<B, 3>,
    /// Before the last layer, `[B, L, D]`.
    pub penultimate: Tensor<B, 3>,
}

impl ClipVisionConfig {
    /// A tower with fresh weights.
    ///
    /// # Panics
    /// When the heads do not divide the width or the patches the picture.
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
    /// Pixels `[B, 3, S, S]`, normalised by [`PIXEL_MEAN`] and [`PIXEL_DEVIATION`].
    ///
    /// # Panics
    /// When the picture has another size than the positions.
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
