//! Provides both autoencoders behind one type. An autoencoder encodes pictures to the latents that the denoiser works
//! on, and decodes latents to pictures.
//!
//! | tensor | shape |
//! |---|---|
//! | pictures in [-1, 1] | `[M, 3, H, W]` |
//! | latents of about unit variance | `[M, C, H/8, W/8]` |

pub mod vae;

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::autoencoder::vae::{AutoencoderKl, AutoencoderKlConfig};
use crate::ops::ModelBackend;
use crate::small::autoencoder::{SmallAutoencoder, SmallAutoencoderConfig};

/// The kind of autoencoder, and its sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoencoderConfig {
    /// The autoencoder of this project.
    Small(SmallAutoencoderConfig),
    /// The autoencoder of Stable Diffusion.
    Kl(AutoencoderKlConfig),
}

impl AutoencoderConfig {
    /// Channels of the latents, `C`.
    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Small(config) => config.latent_channels,
            Self::Kl(config) => config.latent_channels,
        }
    }

    /// Pixels per latent cell, in each direction.
    pub fn pixels_per_cell(&self) -> usize {
        match self {
            Self::Small(_) => crate::small::autoencoder::PIXELS_PER_CELL,
            Self::Kl(config) => 1 << (config.block_out_channels.len() - 1),
        }
    }

    /// An autoencoder with newly initialized weights.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> Autoencoder<B> {
        match self {
            Self::Small(config) => Autoencoder::Small(config.init(device)),
            Self::Kl(config) => Autoencoder::Kl(config.init(device)),
        }
    }
}

/// One of the two autoencoders.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process holds one or two")]
pub enum Autoencoder<B: Backend> {
    /// The autoencoder of this project.
    Small(SmallAutoencoder<B>),
    /// The autoencoder of Stable Diffusion.
    Kl(AutoencoderKl<B>),
}

impl<B: ModelBackend> Autoencoder<B> {
    /// Encodes pictures `[M, 3, H, W]` in [-1, 1] to latents `[M, C, h, w]`. If the autoencoder yields a distribution,
    /// this is its mean.
    pub fn encode(&self, pictures: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::Small(autoencoder) => autoencoder.encode(pictures),
            Self::Kl(autoencoder) => autoencoder.encode(pictures).mean * autoencoder.scaling_factor(),
        }
    }

    /// Decodes latents `[M, C, h, w]` to pictures `[M, 3, H, W]`, approximately in [-1, 1] (not clamped).
    pub fn decode(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        match self {
            Self::Small(autoencoder) => autoencoder.decode(latents),
            Self::Kl(autoencoder) => autoencoder.decode(latents / autoencoder.scaling_factor()),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    #[test]
    fn the_scale_goes_in_and_out() {
        let device = Default::default();
        let config = AutoencoderKlConfig {
            block_out_channels: vec![4, 4, 4, 4],
            layers_per_block: 1,
            norm_num_groups: 2,
            ..Default::default()
        };
        let either = AutoencoderConfig::Kl(config);
        assert_eq!((either.latent_channels(), either.pixels_per_cell()), (4, 8));
        let autoencoder = either.init::<Flex>(&device);
        let Autoencoder::Kl(kl) = &autoencoder else { unreachable!() };
        let pictures = Tensor::random([2, 3, 16, 8], Distribution::Uniform(-1.0, 1.0), &device);
        let latents = autoencoder.encode(pictures.clone());
        assert_eq!(latents.dims(), [2, 4, 2, 1]);
        let mean = kl.encode(pictures).mean;
        let close = |a: Tensor<Flex, 4>, b: Tensor<Flex, 4>| {
            a.into_data().assert_approx_eq::<f32>(&b.into_data(), Tolerance::absolute(1e-5));
        };
        close(latents.clone(), mean.clone() * 0.18215);
        close(autoencoder.decode(latents), kl.decode(mean));
    }

    #[test]
    fn the_variant_is_no_part_of_a_key() {
        let autoencoder = AutoencoderConfig::Small(SmallAutoencoderConfig::tiny()).init::<Flex>(&Default::default());
        let names: Vec<String> =
            crate::weights::collect(&autoencoder, "autoencoder.").into_iter().map(|t| t.0).collect();
        assert!(names.iter().any(|name| name == "autoencoder.encoder.conv_in.weight"), "{names:?}");
    }
}
