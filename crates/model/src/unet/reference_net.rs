//! Implements the reference network: a plain 2D UNet that runs once on the picture of the character at timestep 0. Only
//! the inputs of the network's self-attention layers are used. The network therefore has no output layers, and stops at
//! the last site that is needed.
//!
//! | tensor | shape |
//! |---|---|
//! | latent of the reference picture, without noise | `[B, C, h, w]` |
//! | context (image embedding) | `[B, L, D]` |
//! | features at each site | `[B, h*w, C]` |
//!
//! In the paper (3.1), only the mid and up blocks supply features ([`FusionBlocks::MidUp`]). In public checkpoints of
//! this family, all blocks supply features.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::activation::silu;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::ModelBackend;
use crate::unet::time_embedding::{Sinusoids, TimeEmbedding};
use crate::unet::{DownBlock, MidBlock, Pass, ReferenceFeatures, Role, Site, Stage, UnetConfig, UpBlock, Walk, Writer};

/// The blocks of the denoiser with reference attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionBlocks {
    /// Down, mid and up.
    Full,
    /// Mid and up, as in the paper.
    #[default]
    MidUp,
}

impl FusionBlocks {
    /// Whether a site participates.
    pub fn contains(self, site: Site) -> bool {
        match self {
            Self::Full => true,
            Self::MidUp => !matches!(site.stage, Stage::Down(_)),
        }
    }
}

/// The reference network.
#[derive(Module, Debug)]
pub struct ReferenceNet<B: Backend> {
    conv_in: Conv2d<B>,
    time_embedding: TimeEmbedding<B>,
    down_blocks: Vec<DownBlock<B>>,
    mid_block: MidBlock<B>,
    up_blocks: Vec<UpBlock<B>>,
    #[module(skip)]
    sinusoids: Sinusoids,
}

impl UnetConfig {
    /// The configuration of the reference network for this denoiser: no temporal modules, no environment, no blending.
    pub fn of_reference(&self) -> Self {
        Self { motion: None, environment_channels: 0, blending: None, ..self.clone() }
    }
}

impl<B: ModelBackend> ReferenceNet<B> {
    /// A newly initialized network for the denoiser of this configuration.
    ///
    /// # Panics
    /// When [`UnetConfig::check`] rejects the configuration.
    pub fn init(config: &UnetConfig, device: &B::Device) -> Self {
        let config = &config.of_reference();
        assert_eq!(config.check(), Ok(()), "reference network");
        let first = config.block_out_channels[0];
        Self {
            conv_in: Conv2d::init(config.in_channels, first, 3, 1, LayerInitializer::Uniform, device),
            time_embedding: TimeEmbedding::init(first, config.time_width(), device),
            down_blocks: config.down_blocks(device),
            mid_block: config.mid_block(device),
            up_blocks: config.up_blocks(device),
            sinusoids: config.time,
        }
    }

    /// Features of the reference latent `[B, C, h, w]` at timesteps `[B]` (0 in the method) with context `[B, L, D]`.
    ///
    /// # Panics
    /// When shapes do not match.
    pub fn forward(
        &self,
        latent: Tensor<B, 4>,
        timestep: Tensor<B, 1>,
        context: Option<Tensor<B, 3>>,
        fusion: FusionBlocks,
    ) -> ReferenceFeatures<B> {
        let [b, _, _, _] = latent.dims();
        assert_eq!(timestep.dims(), [b], "reference network: one timestep a picture, latent {:?}", latent.dims());
        let first = self.conv_in.weight.dims()[0];
        let time = silu(self.time_embedding.forward(self.sinusoids.forward(timestep, first)));
        let wanted = self.sites().into_iter().filter(|site| fusion.contains(*site)).collect();
        let role = Role::Write(Writer { wanted, written: BTreeMap::new() });
        let mut pass = Pass { batch: b, time, context, role, objects: None, trace: None, folded: true, step: None };
        let walk = Walk::start(self.conv_in.forward(latent));
        walk.finish(&self.down_blocks, &self.mid_block, &self.up_blocks, &mut pass);
        let Role::Write(Writer { written: sites, .. }) = pass.role else { unreachable!("the role is not changed") };
        ReferenceFeatures { sites }
    }

    /// All sites that can provide features, in the order of a forward pass.
    pub fn sites(&self) -> Vec<Site> {
        let several = |stage, count| (0..count).map(move |attention| Site { stage, attention });
        let down = self.down_blocks.iter().enumerate().map(|(i, block)| (Stage::Down(i), block.attentions.len()));
        let mid = [(Stage::Mid, self.mid_block.attentions.len())];
        let up = self.up_blocks.iter().enumerate().map(|(i, block)| (Stage::Up(i), block.attentions.len()));
        down.chain(mid).chain(up).flat_map(|(stage, count)| several(stage, count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use burn::tensor::Distribution;

    use super::*;
    use crate::unet::denoising_net::{DenoisingInput, DenoisingNet};

    type Train = Autodiff<Flex>;

    fn random<const R: usize>(shape: [usize; R]) -> Tensor<Train, R> {
        Tensor::random(shape, Distribution::Default, &Default::default())
    }

    #[test]
    fn gradients_reach_it_through_the_denoiser_but_not_its_dead_end() {
        let device = Default::default();
        let config = UnetConfig::tiny();
        let net = DenoisingNet::init(&config, &device);
        let reference_net = ReferenceNet::<Train>::init(&config, &device);
        let zero = Tensor::zeros([1], &device);
        let features = reference_net.forward(random([1, 4, 4, 4]), zero.clone(), None, FusionBlocks::MidUp);
        let input = DenoisingInput {
            reference: Some((&features).into()),
            ..DenoisingInput::new(random([1, 4, 2, 4, 4]), zero)
        };
        let gradients = net.forward(input).square().mean().backward();
        let first = reference_net.conv_in.weight.grad(&gradients).expect("the first convolution takes part");
        assert!(first.abs().max().into_scalar() > 0.0);
        let last = reference_net.up_blocks[1].attentions[1].proj_out_weight();
        assert!(last.grad(&gradients).is_none());
    }

    #[test]
    fn sites_are_those_of_the_configuration() {
        let device = Default::default();
        for config in [
            UnetConfig::tiny(),
            UnetConfig { attention_levels: vec![false, true], ..UnetConfig::tiny() },
            UnetConfig { decoder_attention_levels: Some(vec![false, false]), ..UnetConfig::tiny() },
        ] {
            let net = ReferenceNet::<Train>::init(&config, &device);
            assert_eq!(net.sites(), config.sites());
            let timestep = Tensor::zeros([2], &device);
            let features = net.forward(random([2, 4, 4, 6]), timestep, None, FusionBlocks::Full);
            let found: Vec<_> = features.sites.keys().copied().collect();
            assert_eq!(found, config.sites());
            assert!(features.sites.values().all(|tokens| tokens.dims()[0] == 2));
        }
    }
}
