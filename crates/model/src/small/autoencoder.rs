//! Implements the autoencoder of the `bundled` preset: 8x downsampling, 16 latent channels, fast enough for a CPU.
//!
//! The autoencoder starts with a 4x4 space-to-depth, so no layer has more than `H/4 x W/4` cells. The autoencoder has
//! no normalisation, because dividing by a picture's own statistics loses its colours. The autoencoder has no
//! activation outside the residual branches, so flat colours pass through linearly. The output of plain convolutions is
//! multiplied by `sqrt(3)`. This factor compensates for the initialization of their weights in `+-1/sqrt(fan in)` and
//! preserves the variance. Residual branches are zero-initialized.
//!
//! | step | shape at the default widths | million multiply-adds at 256x256 |
//! |---|---|---|
//! | picture | `[M, 3, H, W]` in [-1, 1] | |
//! | space-to-depth, conv 48 -> 64, 1 residual block | `[M, 64, H/4, W/4]` | 415 |
//! | conv stride 2, 2 residual blocks | `[M, 128, H/8, W/8]` | 680 |
//! | conv 128 -> 16, normalised by mean and deviation | `[M, 16, H/8, W/8]` | 19 |
//! | decoder: conv 16 -> 128, 2 residual blocks | `[M, 128, H/8, W/8]` | 623 |
//! | nearest upsampling, conv 128 -> 64, 1 residual block | `[M, 64, H/4, W/4]` | 604 |
//! | conv 64 -> 48, depth-to-space | `[M, 3, H, W]` | 113 |
//!
//! A frame of 256x256 takes 2.2 GFLOP to encode and 2.7 GFLOP to decode (a multiply-add counts as two). The autoencoder
//! has 1.6 M parameters.

#[cfg(test)]
mod tests;

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::{self, ModelBackend, cells_from_map, map_from_cells};

/// Pixels per latent cell, in each direction.
pub const PIXELS_PER_CELL: usize = 8;

/// Side of the pixel block that becomes one cell of the outer level.
const BLOCK: usize = 4;
/// Preserves the variance through a convolution with weights uniform in `+-1/sqrt(fan in)`.
const GAIN: f64 = 1.732_050_807_568_877_2;

/// Widths and depths of a [`SmallAutoencoder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallAutoencoderConfig {
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Channels at `H/4`.
    pub outer_width: usize,
    /// Residual blocks at `H/4`.
    pub outer_blocks: usize,
    /// Channels at `H/8`.
    pub inner_width: usize,
    /// Residual blocks at `H/8`.
    pub inner_blocks: usize,
}

impl Default for SmallAutoencoderConfig {
    fn default() -> Self {
        Self { latent_channels: 16, outer_width: 64, outer_blocks: 1, inner_width: 128, inner_blocks: 2 }
    }
}

/// Floating-point operations for one frame. A multiply-add counts as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameCost {
    /// Operations of the encoder.
    pub encode: u64,
    /// Operations of the decoder.
    pub decode: u64,
}

impl SmallAutoencoderConfig {
    /// For tests: the smallest configuration that has every component.
    pub fn tiny() -> Self {
        Self { latent_channels: 4, outer_width: 8, outer_blocks: 1, inner_width: 8, inner_blocks: 1 }
    }

    /// The cost of the convolutions for one picture of `height x width` pixels.
    pub fn frame_cost(&self, height: usize, width: usize) -> FrameCost {
        let depth = 3 * BLOCK * BLOCK;
        let conv = |cells: usize, c_in: usize, c_out: usize| 2 * (9 * cells * c_in * c_out) as u64;
        let outer = height / BLOCK * (width / BLOCK);
        let inner = height / PIXELS_PER_CELL * (width / PIXELS_PER_CELL);
        let blocks = 2 * self.outer_blocks as u64 * conv(outer, self.outer_width, self.outer_width)
            + 2 * self.inner_blocks as u64 * conv(inner, self.inner_width, self.inner_width)
            + conv(inner, self.inner_width, self.latent_channels)
            + conv(outer, depth, self.outer_width);
        FrameCost {
            encode: blocks + conv(inner, self.outer_width, self.inner_width),
            decode: blocks + conv(outer, self.inner_width, self.outer_width),
        }
    }

    /// A newly initialized network.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> SmallAutoencoder<B> {
        let depth = 3 * BLOCK * BLOCK;
        let conv = |c_in, c_out, stride| Conv2d::init(c_in, c_out, 3, stride, LayerInitializer::Uniform, device);
        let blocks = |count: usize, width| (0..count).map(|_| ResidualBlock::init(width, device)).collect::<Vec<_>>();
        SmallAutoencoder {
            encoder: Encoder {
                conv_in: conv(depth, self.outer_width, 1),
                outer: blocks(self.outer_blocks, self.outer_width),
                down: conv(self.outer_width, self.inner_width, 2),
                inner: blocks(self.inner_blocks, self.inner_width),
                conv_out: conv(self.inner_width, self.latent_channels, 1),
            },
            decoder: Decoder {
                conv_in: conv(self.latent_channels, self.inner_width, 1),
                inner: blocks(self.inner_blocks, self.inner_width),
                up: conv(self.inner_width, self.outer_width, 1),
                outer: blocks(self.outer_blocks, self.outer_width),
                conv_out: conv(self.outer_width, depth, 1),
            },
            latent_mean: Initializer::Zeros.init([self.latent_channels], device),
            latent_deviation: Initializer::Ones.init([self.latent_channels], device),
        }
    }
}

/// The autoencoder with the statistics of its latents.
#[derive(Module, Debug)]
pub struct SmallAutoencoder<B: Backend> {
    encoder: Encoder<B>,
    decoder: Decoder<B>,
    /// Mean of each raw latent channel over the training pictures, `[C]`. Stored with the weights, but never trained.
    latent_mean: Param<Tensor<B, 1>>,
    /// Standard deviation of each raw latent channel, `[C]`.
    latent_deviation: Param<Tensor<B, 1>>,
}

impl<B: ModelBackend> SmallAutoencoder<B> {
    /// Encodes pictures `[M, 3, H, W]` in [-1, 1] to latents `[M, C, H/8, W/8]` with mean of about 0 and variance of
    /// about 1.
    ///
    /// # Panics
    /// When the sides are not multiples of 8.
    pub fn encode(&self, pictures: Tensor<B, 4>) -> Tensor<B, 4> {
        let (mean, deviation) = self.statistics();
        (self.encode_raw(pictures) - mean) / deviation
    }

    /// Decodes latents `[M, C, h, w]` to pictures `[M, 3, 8h, 8w]`, approximately in [-1, 1] (not clamped).
    pub fn decode(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        let (mean, deviation) = self.statistics();
        self.decode_raw(latents * deviation + mean)
    }

    /// As [`encode`](Self::encode), without normalisation by the statistics. Training uses these raw latents.
    pub fn encode_raw(&self, pictures: Tensor<B, 4>) -> Tensor<B, 4> {
        self.encoder.forward(pictures)
    }

    /// As [`decode`](Self::decode), from raw latents.
    pub fn decode_raw(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        self.decoder.forward(latents)
    }

    /// Sets the measured mean and standard deviation of each raw latent channel.
    ///
    /// # Panics
    /// When their number differs from the latent channels, or a deviation is not positive.
    pub fn with_statistics(mut self, mean: &[f32], deviation: &[f32]) -> Self {
        let [channels] = self.latent_mean.dims();
        assert!(
            mean.len() == channels && deviation.len() == channels && deviation.iter().all(|value| *value > 0.0),
            "with_statistics: {channels} channels, mean {mean:?}, deviation {deviation:?}"
        );
        let device = self.latent_mean.device();
        self.latent_mean = self.latent_mean.map(|_| Tensor::from_floats(mean, &device));
        self.latent_deviation = self.latent_deviation.map(|_| Tensor::from_floats(deviation, &device));
        self
    }

    fn statistics(&self) -> (Tensor<B, 4>, Tensor<B, 4>) {
        let [channels] = self.latent_mean.dims();
        let along_channels = |values: Tensor<B, 1>| values.detach().reshape([1, channels, 1, 1]);
        (along_channels(self.latent_mean.val()), along_channels(self.latent_deviation.val()))
    }
}

/// Encodes a picture to a raw latent.
#[derive(Module, Debug)]
struct Encoder<B: Backend> {
    conv_in: Conv2d<B>,
    outer: Vec<ResidualBlock<B>>,
    down: Conv2d<B>,
    inner: Vec<ResidualBlock<B>>,
    conv_out: Conv2d<B>,
}

impl<B: ModelBackend> Encoder<B> {
    fn forward(&self, pictures: Tensor<B, 4>) -> Tensor<B, 4> {
        let mut x = gained(self.conv_in.forward(depth_from_space(pictures)));
        for block in &self.outer {
            x = block.forward(x);
        }
        x = gained(self.down.forward(x));
        for block in &self.inner {
            x = block.forward(x);
        }
        gained(self.conv_out.forward(x))
    }
}

/// Decodes a raw latent to a picture.
#[derive(Module, Debug)]
struct Decoder<B: Backend> {
    conv_in: Conv2d<B>,
    inner: Vec<ResidualBlock<B>>,
    up: Conv2d<B>,
    outer: Vec<ResidualBlock<B>>,
    conv_out: Conv2d<B>,
}

impl<B: ModelBackend> Decoder<B> {
    fn forward(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        let mut x = gained(self.conv_in.forward(latents));
        for block in &self.inner {
            x = block.forward(x);
        }
        x = gained(self.up.forward_upsampled(x));
        for block in &self.outer {
            x = block.forward(x);
        }
        space_from_depth(gained(self.conv_out.forward(x)))
    }
}

/// `x + conv(silu(conv(silu(x))))`. The second convolution is zero-initialized.
#[derive(Module, Debug)]
struct ResidualBlock<B: Backend> {
    conv1: Conv2d<B>,
    conv2: Conv2d<B>,
}

impl<B: ModelBackend> ResidualBlock<B> {
    fn init(width: usize, device: &B::Device) -> Self {
        Self {
            conv1: Conv2d::init(width, width, 3, 1, LayerInitializer::Uniform, device),
            conv2: Conv2d::init(width, width, 3, 1, LayerInitializer::Zero, device),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let inside = ops::silu(gained(self.conv1.forward(ops::silu(x.clone()))));
        self.conv2.forward_onto(x, inside)
    }
}

fn gained<B: ModelBackend>(map: Tensor<B, 4>) -> Tensor<B, 4> {
    map_from_cells(cells_from_map(map) * GAIN)
}

/// Space-to-depth: `[M, 3, H, W]` to `[M, 48, H/4, W/4]`.
fn depth_from_space<B: ModelBackend>(pictures: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, c, height, width] = pictures.dims();
    assert!(
        c == 3 && height % PIXELS_PER_CELL == 0 && width % PIXELS_PER_CELL == 0,
        "autoencoder: pictures {:?}, expected 3 channels and sides that are multiples of {PIXELS_PER_CELL}",
        [m, c, height, width]
    );
    let (h, w) = (height / BLOCK, width / BLOCK);
    let blocks = pictures.reshape([m, c, h, BLOCK, w, BLOCK]);
    if B::CHANNELS_LAST {
        return map_from_cells(blocks.permute([0, 2, 4, 1, 3, 5]).reshape([m, h, w, c * BLOCK * BLOCK]));
    }
    blocks.permute([0, 1, 3, 5, 2, 4]).reshape([m, c * BLOCK * BLOCK, h, w])
}

/// Depth-to-space: `[M, 48, h, w]` to `[M, 3, 4h, 4w]`.
fn space_from_depth<B: ModelBackend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, depth, h, w] = x.dims();
    let c = depth / (BLOCK * BLOCK);
    let pixels = if B::CHANNELS_LAST {
        cells_from_map(x).reshape([m, h, w, c, BLOCK, BLOCK]).permute([0, 3, 1, 4, 2, 5])
    } else {
        x.reshape([m, c, BLOCK, BLOCK, h, w]).permute([0, 1, 4, 2, 5, 3])
    };
    pixels.reshape([m, c, h * BLOCK, w * BLOCK])
}
