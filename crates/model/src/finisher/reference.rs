//! Implements the finisher's reference network for pictures of the character. The network is the encoder half of a
//! UNet. The network's features at the levels with attention become tokens, to which all frames attend.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use super::{FinisherConfig, NORM_EPSILON};
use crate::layers::{Conv2d, GroupNorm, LayerInitializer};
use crate::ops::{ModelBackend, tokens_from_map};
use crate::unet::resnet::{Downsample, DownsamplePadding, ResnetBlock};

/// Channels of a picture of the character: colour, mask, skeleton map.
pub(super) const REFERENCE_CHANNELS: usize = 7;

/// The tokens of all pictures, `[B, L, C_l]` for each level with attention.
#[derive(Debug, Clone)]
pub struct CharacterTokens<B: Backend> {
    levels: Vec<Option<Tensor<B, 3>>>,
}

impl<B: Backend> CharacterTokens<B> {
    pub(super) fn at(&self, level: usize) -> Option<&Tensor<B, 3>> {
        self.levels[level].as_ref()
    }
}

/// The network that encodes pictures of the character.
#[derive(Module, Debug)]
pub struct ReferenceTower<B: Backend> {
    conv_in: Conv2d<B>,
    resnets: Vec<ResnetBlock<B>>,
    downsamplers: Vec<Downsample<B>>,
    norms: Vec<Option<GroupNorm<B>>>,
}

impl<B: ModelBackend> ReferenceTower<B> {
    pub(super) fn init(config: &FinisherConfig, device: &B::Device) -> Self {
        let widths = &config.widths;
        let last = widths.len() - 1;
        let resnet = |index: usize| config.resnet(widths[index.saturating_sub(1)], widths[index], device);
        let norm = |index: usize| GroupNorm::init(config.norm_groups, widths[index], NORM_EPSILON, device);
        let downsamplers = widths[..last].iter().map(|&c| Downsample::init(c, DownsamplePadding::Symmetric, device));
        Self {
            conv_in: Conv2d::init(REFERENCE_CHANNELS, widths[0], 3, 1, LayerInitializer::Uniform, device),
            resnets: (0..=last).map(resnet).collect(),
            downsamplers: downsamplers.collect(),
            norms: (0..=last).map(|index| config.attention_levels[index].then(|| norm(index))).collect(),
        }
    }

    /// Encodes pictures `[B, 7, H, W]` in [0, 1] to tokens.
    ///
    /// # Panics
    /// When there is no picture, or shapes do not match.
    pub(super) fn forward(&self, pictures: &[Tensor<B, 4>]) -> CharacterTokens<B> {
        assert!(!pictures.is_empty(), "finisher: no picture of the character");
        let of_each: Vec<Vec<Option<Tensor<B, 3>>>> =
            pictures.iter().map(|picture| self.tokens(picture.clone())).collect();
        let levels = (0..self.resnets.len()).map(|level| {
            let parts: Option<Vec<_>> = of_each.iter().map(|levels| levels[level].clone()).collect();
            parts.map(|parts| Tensor::cat(parts, 1))
        });
        CharacterTokens { levels: levels.collect() }
    }

    fn tokens(&self, picture: Tensor<B, 4>) -> Vec<Option<Tensor<B, 3>>> {
        assert_eq!(picture.dims()[1], REFERENCE_CHANNELS, "finisher: reference {:?}", picture.dims());
        let mut x = self.conv_in.forward((picture * 2.0 - 1.0).cast(self.conv_in.weight.val().dtype()));
        let mut levels = Vec::with_capacity(self.resnets.len());
        for (index, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, None);
            levels.push(self.norms[index].as_ref().map(|norm| tokens_from_map(norm.forward(x.clone()))));
            if let Some(downsampler) = self.downsamplers.get(index) {
                x = downsampler.forward(x);
            }
        }
        levels
    }
}
