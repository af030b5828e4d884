//! Implements `AutoencoderKL` of Stable Diffusion. This autoencoder encodes pictures to latents of an eighth of their
//! size and decodes them, frame by frame.
//!
//! | tensor | shape |
//! |---|---|
//! | picture in `[-1, 1]` | `[M, 3, H, W]` |
//! | mean and log variance of the latent | `[M, C, H/8, W/8]` |
//!
//! The downsamplers of the encoder pad only on the right and at the bottom. The mid blocks have single-head attention
//! over all channels, with biases on all linear layers. All norms have epsilon 1e-6.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, GroupNorm, LayerInitializer, Linear};
use crate::ops::{self, KeysValues, ModelBackend, map_from_tokens, tokens_from_map};
use crate::trace::Trace;
use crate::unet::resnet::{Downsample, DownsamplePadding, ResnetBlock, ResnetConfig, Upsample};

const NORM_EPSILON: f64 = 1e-6;
/// Clamping range of the log variance.
const LOG_VARIANCE: [f64; 2] = [-30.0, 20.0];

/// Sizes of an [`AutoencoderKl`] under their upstream names. The default is SD 1.5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderKlConfig {
    /// Channels of the input picture.
    pub in_channels: usize,
    /// Channels of the output picture.
    pub out_channels: usize,
    /// Channels of the latent, `C`.
    pub latent_channels: usize,
    /// Channels of each level, finest first.
    pub block_out_channels: Vec<usize>,
    /// Resnets per block of the encoder. Blocks of the decoder have one more.
    pub layers_per_block: usize,
    /// Groups of all norms.
    pub norm_num_groups: usize,
    /// Factor that scales latents for the denoiser.
    pub scaling_factor: f64,
}

impl Default for AutoencoderKlConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            block_out_channels: vec![128, 256, 512, 512],
            layers_per_block: 2,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
        }
    }
}

/// The autoencoder.
#[derive(Module, Debug)]
pub struct AutoencoderKl<B: Backend> {
    encoder: Encoder<B>,
    quant_conv: Conv2d<B>,
    post_quant_conv: Conv2d<B>,
    decoder: Decoder<B>,
    scaling_factor: f64,
}

/// Mean and log variance of a latent.
#[derive(Debug, Clone)]
pub struct LatentDistribution<B: Backend> {
    /// `[M, C, h, w]`.
    pub mean: Tensor<B, 4>,
    /// `[M, C, h, w]`, within `[-30, 20]`.
    pub log_variance: Tensor<B, 4>,
}

impl<B: Backend> LatentDistribution<B> {
    /// The standard deviation, `exp(log_variance / 2)`.
    pub fn deviation(&self) -> Tensor<B, 4> {
        (self.log_variance.clone() * 0.5).exp()
    }
}

/// Encodes a picture to the mean and log variance of its latent.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    conv_in: Conv2d<B>,
    down_blocks: Vec<DownBlock<B>>,
    mid_block: MidBlock<B>,
    conv_norm_out: GroupNorm<B>,
    conv_out: Conv2d<B>,
}

/// Decodes a latent to a picture.
#[derive(Module, Debug)]
pub struct Decoder<B: Backend> {
    conv_in: Conv2d<B>,
    mid_block: MidBlock<B>,
    up_blocks: Vec<UpBlock<B>>,
    conv_norm_out: GroupNorm<B>,
    conv_out: Conv2d<B>,
}

/// Resnets, followed by a downsampler except at the coarsest level.
#[derive(Module, Debug)]
pub struct DownBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    downsamplers: Vec<Downsample<B>>,
}

/// Resnet, attention, resnet.
#[derive(Module, Debug)]
pub struct MidBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    attentions: Vec<SpatialAttention<B>>,
}

/// Resnets, followed by an upsampler except at the finest level.
#[derive(Module, Debug)]
pub struct UpBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    upsamplers: Vec<Upsample<B>>,
}

/// Group norm and single-head attention over the cells of a picture, with a residual connection.
#[derive(Module, Debug)]
pub struct SpatialAttention<B: Backend> {
    group_norm: GroupNorm<B>,
    to_q: Linear<B>,
    to_k: Linear<B>,
    to_v: Linear<B>,
    to_out_0: Linear<B>,
}

impl AutoencoderKlConfig {
    /// An autoencoder with newly initialized weights.
    ///
    /// # Panics
    /// When there is no level, or the groups do not divide a width.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> AutoencoderKl<B> {
        let c = self.latent_channels;
        let pointwise = |channels| Conv2d::init(channels, channels, 1, 1, LayerInitializer::Uniform, device);
        AutoencoderKl {
            encoder: self.encoder(device),
            quant_conv: pointwise(2 * c),
            post_quant_conv: pointwise(c),
            decoder: self.decoder(device),
            scaling_factor: self.scaling_factor,
        }
    }

    fn encoder<B: ModelBackend>(&self, device: &B::Device) -> Encoder<B> {
        let widths = &self.block_out_channels;
        assert!(!widths.is_empty(), "autoencoder: no levels");
        let (first, last) = (widths[0], widths[widths.len() - 1]);
        let block = |level: usize| {
            let width = widths[level];
            let before = widths[level.saturating_sub(1)];
            DownBlock {
                resnets: self.resnets(before, width, self.layers_per_block, device),
                downsamplers: (0..usize::from(level + 1 < widths.len()))
                    .map(|_| Downsample::init(width, DownsamplePadding::RightBottom, device))
                    .collect(),
            }
        };
        Encoder {
            conv_in: conv3(self.in_channels, first, device),
            down_blocks: (0..widths.len()).map(block).collect(),
            mid_block: self.mid_block(last, device),
            conv_norm_out: GroupNorm::init(self.norm_num_groups, last, NORM_EPSILON, device),
            conv_out: conv3(last, 2 * self.latent_channels, device),
        }
    }

    fn decoder<B: ModelBackend>(&self, device: &B::Device) -> Decoder<B> {
        let widths = &self.block_out_channels;
        let (first, last) = (widths[0], widths[widths.len() - 1]);
        let block = |level: usize| {
            let before = widths[(level + 1).min(widths.len() - 1)];
            UpBlock {
                resnets: self.resnets(before, widths[level], self.layers_per_block + 1, device),
                upsamplers: (0..usize::from(level > 0)).map(|_| Upsample::init(widths[level], device)).collect(),
            }
        };
        Decoder {
            conv_in: conv3(self.latent_channels, last, device),
            mid_block: self.mid_block(last, device),
            up_blocks: (0..widths.len()).rev().map(block).collect(),
            conv_norm_out: GroupNorm::init(self.norm_num_groups, first, NORM_EPSILON, device),
            conv_out: conv3(first, self.out_channels, device),
        }
    }

    fn resnets<B: ModelBackend>(
        &self,
        channels_in: usize,
        channels_out: usize,
        count: usize,
        device: &B::Device,
    ) -> Vec<ResnetBlock<B>> {
        let config = |layer| ResnetConfig {
            channels_in: if layer == 0 { channels_in } else { channels_out },
            channels_out,
            time_width: None,
            norm_groups: self.norm_num_groups,
            norm_epsilon: NORM_EPSILON,
            norm_across_frames: false,
        };
        (0..count).map(|layer| config(layer).init(device)).collect()
    }

    fn mid_block<B: ModelBackend>(&self, width: usize, device: &B::Device) -> MidBlock<B> {
        let linear = || Linear::init(width, width, true, LayerInitializer::Uniform, device);
        MidBlock {
            resnets: self.resnets(width, width, 2, device),
            attentions: vec![SpatialAttention {
                group_norm: GroupNorm::init(self.norm_num_groups, width, NORM_EPSILON, device),
                to_q: linear(),
                to_k: linear(),
                to_v: linear(),
                to_out_0: linear(),
            }],
        }
    }
}

fn conv3<B: ModelBackend>(c_in: usize, c_out: usize, device: &B::Device) -> Conv2d<B> {
    Conv2d::init(c_in, c_out, 3, 1, LayerInitializer::Uniform, device)
}

impl<B: ModelBackend> AutoencoderKl<B> {
    /// Encodes pictures `[M, 3, H, W]` in `[-1, 1]` to their latent distribution, which is not scaled yet.
    pub fn encode(&self, pictures: Tensor<B, 4>) -> LatentDistribution<B> {
        self.run_encoder(pictures, None)
    }

    /// Decodes latents `[M, C, h, w]`, already divided by the scaling factor, to pictures `[M, 3, H, W]`.
    pub fn decode(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        self.run_decoder(latents, None)
    }

    /// [`Self::encode`], with a copy of the output of each block.
    pub fn encode_traced(&self, pictures: Tensor<B, 4>) -> (LatentDistribution<B>, Trace) {
        let mut trace = Trace::default();
        (self.run_encoder(pictures, Some(&mut trace)), trace)
    }

    /// [`Self::decode`], with a copy of the output of each block.
    pub fn decode_traced(&self, latents: Tensor<B, 4>) -> (Tensor<B, 4>, Trace) {
        let mut trace = Trace::default();
        (self.run_decoder(latents, Some(&mut trace)), trace)
    }

    /// Factor that scales latents for the denoiser.
    pub fn scaling_factor(&self) -> f64 {
        self.scaling_factor
    }

    fn run_encoder(&self, pictures: Tensor<B, 4>, mut trace: Option<&mut Trace>) -> LatentDistribution<B> {
        let encoder = &self.encoder;
        let mut record = |name: String, x: &Tensor<B, 4>| record(&mut trace, name, x);
        let mut x = encoder.conv_in.forward(pictures);
        record("encoder.conv_in".into(), &x);
        for (index, block) in encoder.down_blocks.iter().enumerate() {
            x = block.resnets.iter().fold(x, |x, resnet| resnet.forward(x, None));
            x = block.downsamplers.iter().fold(x, |x, downsampler| downsampler.forward(x));
            record(format!("encoder.down_blocks.{index}"), &x);
        }
        x = encoder.mid_block.forward(x);
        record("encoder.mid_block".into(), &x);
        let moments = self.quant_conv.forward(encoder.conv_out.forward(encoder.conv_norm_out.forward_silu(x)));
        let c = moments.dims()[1] / 2;
        let [low, high] = LOG_VARIANCE;
        LatentDistribution {
            mean: moments.clone().narrow(1, 0, c),
            log_variance: moments.narrow(1, c, c).clamp(low, high),
        }
    }

    fn run_decoder(&self, latents: Tensor<B, 4>, mut trace: Option<&mut Trace>) -> Tensor<B, 4> {
        let decoder = &self.decoder;
        let mut record = |name: String, x: &Tensor<B, 4>| record(&mut trace, name, x);
        let mut x = decoder.conv_in.forward(self.post_quant_conv.forward(latents));
        record("decoder.conv_in".into(), &x);
        x = decoder.mid_block.forward(x);
        record("decoder.mid_block".into(), &x);
        for (index, block) in decoder.up_blocks.iter().enumerate() {
            x = block.resnets.iter().fold(x, |x, resnet| resnet.forward(x, None));
            x = block.upsamplers.iter().fold(x, |x, upsampler| upsampler.forward(x));
            record(format!("decoder.up_blocks.{index}"), &x);
        }
        decoder.conv_out.forward(decoder.conv_norm_out.forward_silu(x))
    }
}

fn record<B: Backend>(trace: &mut Option<&mut Trace>, name: String, x: &Tensor<B, 4>) {
    if let Some(trace) = trace {
        trace.record(name, x.clone());
    }
}

impl<B: ModelBackend> MidBlock<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.resnets[0].forward(x, None);
        self.resnets[1].forward(self.attentions[0].forward(x), None)
    }
}

impl<B: ModelBackend> SpatialAttention<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [_, _, h, w] = x.dims();
        let tokens = tokens_from_map(self.group_norm.forward(x.clone()));
        let own = KeysValues { keys: self.to_k.forward(tokens.clone()), values: self.to_v.forward(tokens.clone()) };
        let y = ops::attention(self.to_q.forward(tokens), &[&own], 1);
        map_from_tokens(self.to_out_0.forward_onto(tokens_from_map(x), y), [h, w])
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn shapes() {
        let config = AutoencoderKlConfig {
            block_out_channels: vec![4, 8, 8],
            layers_per_block: 1,
            norm_num_groups: 2,
            latent_channels: 3,
            ..Default::default()
        };
        let vae = config.init::<Flex>(&Default::default());
        let latent = vae.encode(Tensor::zeros([2, 3, 16, 12], &Default::default()));
        assert_eq!((latent.mean.dims(), latent.deviation().dims()), ([2, 3, 4, 3], [2, 3, 4, 3]));
        assert_eq!(vae.decode(latent.mean).dims(), [2, 3, 16, 12]);
    }
}
