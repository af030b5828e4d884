//! Implements the finisher, a network that improves drafts (our addition to the paper, see `docs/decisions.md`).
//! Geometry makes the draft, and the network corrects it.
//!
//! The finisher is a UNet over a short clip. The finisher's inputs are the draft and the layers from which the draft
//! was composited. The network attends to the picture of the character and to the other frames. The finisher's output
//! is a correction of the draft ([`Retouch`]): where to move the warped character, where the character ends, how it is
//! lit, and what to paint where the geometry is unknown or wrong. The last layers are zero-initialized, so an untrained
//! network returns the draft unchanged. The network runs in one pass, without noise.
//!
//! | tensor | shape | range |
//! |---|---|---|
//! | inputs of the frames ([`CHANNELS`]) | `[B, 17, N, H, W]` | [0, 1] |
//! | the same, patches of `P x P` cells as channels | `[B*N, 17*P*P, H/P, W/P]` | [-1, 1] |
//! | character's picture, its mask, its skeleton map | `[B, 7, H, W]` | [0, 1] |
//! | features at level `l` | `[B*N, C_l, H/(P*2^l), W/(P*2^l)]` | |
//! | reference tokens of a level with attention | `[B, h*w, C_l]` | |
//! | result | [`Retouch`] of `B*N` frames | |
//!
//! Each level of the UNet consists of a resnet, a spatial transformer with reference tokens (paper 3.1) and a temporal
//! module. Pose modulation (paper 3.4) is added at 1/8 of the resolution.
//!
//! Two details deviate from the paper. The reference network is only the encoder half of the denoiser. Objects are
//! given as draft pixels and a mask, not through the object guider, because the draft already contains them.

mod config;
mod file;
mod patches;
mod reference;
mod retouch;
#[cfg(test)]
mod tests;

pub use config::FinisherConfig;
pub use reference::{CharacterTokens, ReferenceTower};
pub use retouch::{Retouch, Retouched, editable, strong_cut};

use burn::module::Module;
use burn::tensor::{DType, Tensor, backend::Backend};

use crate::conditioning::pose_modulation::PoseModulation;
use crate::layers::{Conv2d, GroupNorm, LayerInitializer};
use crate::ops::{ModelBackend, concat_channels};
use crate::unet::motion::MotionModule;
use crate::unet::resnet::{Downsample, DownsamplePadding, ResnetBlock, ResnetConfig};
use crate::unet::transformer::SpatialTransformer;
use crate::video::frames_from_video;
use patches::{RetouchMaps, patches_from_cells};

/// Offsets of the inputs among the input channels, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// First of the three channels of the draft.
    pub draft: usize,
    /// First of the three channels of the picture under the character.
    pub under: usize,
    /// First of the three channels of the warped character. Its colours are extended to cells that it does not cover.
    pub layer: usize,
    /// Coverage by the warped character.
    pub alpha: usize,
    /// Share of that coverage that is a guess.
    pub guess: usize,
    /// The region removed from the source.
    pub hole: usize,
    /// Coverage by what is in front of the character: objects in use, and whatever hides the driving person.
    pub front: usize,
    /// First of the three channels of the skeleton map.
    pub skeleton: usize,
    /// Structured depth.
    pub depth: usize,
    /// Number of channels.
    pub count: usize,
}

/// The input channels.
pub const CHANNELS: Channels = Channels {
    draft: 0,
    under: 3,
    layer: 6,
    alpha: 9,
    guess: 10,
    hole: 11,
    front: 12,
    skeleton: 13,
    depth: 16,
    count: 17,
};

/// Pose features are added where the resolution is divided by this.
const POSE_DIVISOR: usize = 8;
const NORM_EPSILON: f64 = 1e-5;

/// One level of the UNet, on the way down or up.
#[derive(Module, Debug)]
struct Level<B: Backend> {
    resnet: ResnetBlock<B>,
    transformer: Option<SpatialTransformer<B>>,
    motion: Option<MotionModule<B>>,
}

/// The finisher network.
#[derive(Module, Debug)]
pub struct Finisher<B: Backend> {
    conv_in: Conv2d<B>,
    down_levels: Vec<Level<B>>,
    downsamplers: Vec<Downsample<B>>,
    mid_level: Level<B>,
    up_levels: Vec<Level<B>>,
    upsamplers: Vec<Conv2d<B>>,
    norm_out: GroupNorm<B>,
    conv_out: Conv2d<B>,
    patch: usize,
    reference: ReferenceTower<B>,
    pose: Option<PoseModulation<B>>,
}

impl FinisherConfig {
    fn resnet<B: ModelBackend>(&self, channels_in: usize, channels_out: usize, device: &B::Device) -> ResnetBlock<B> {
        ResnetConfig {
            channels_in,
            channels_out,
            time_width: None,
            norm_groups: self.norm_groups,
            norm_epsilon: NORM_EPSILON,
            norm_across_frames: false,
        }
        .init(device)
    }

    fn level<B: ModelBackend>(&self, index: usize, channels_in: usize, device: &B::Device) -> Level<B> {
        let width = self.widths[index];
        let attends = self.attention_levels[index];
        let heads = width / self.head_width;
        Level {
            resnet: self.resnet(channels_in, width, device),
            transformer: attends.then(|| SpatialTransformer::init(width, heads, self.norm_groups, None, device)),
            motion: self.motion.as_ref().filter(|_| attends).map(|motion| motion.init(width, device)),
        }
    }

    /// A network with newly initialized weights.
    ///
    /// # Panics
    /// When [`FinisherConfig::check`] rejects the configuration.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> Finisher<B> {
        assert_eq!(self.check(), Ok(()), "finisher");
        let widths = &self.widths;
        let last = widths.len() - 1;
        let conv = |c_in, c_out, start| Conv2d::init(c_in, c_out, 3, 1, start, device);
        let down_levels = (0..=last).map(|index| self.level(index, widths[index.saturating_sub(1)], device));
        let downsamplers = widths[..last].iter().map(|&c| Downsample::init(c, DownsamplePadding::Symmetric, device));
        Finisher {
            conv_in: conv(CHANNELS.count * self.patch * self.patch, widths[0], LayerInitializer::Uniform),
            down_levels: down_levels.collect(),
            downsamplers: downsamplers.collect(),
            mid_level: self.level(last, widths[last], device),
            up_levels: (0..=last).rev().map(|index| self.level(index, 2 * widths[index], device)).collect(),
            upsamplers: (0..last).rev().map(|i| conv(widths[i + 1], widths[i], LayerInitializer::Uniform)).collect(),
            norm_out: GroupNorm::init(self.norm_groups, widths[0], NORM_EPSILON, device),
            conv_out: conv(widths[0], RetouchMaps::<B>::channels(self.patch), LayerInitializer::Zero),
            patch: self.patch,
            reference: ReferenceTower::init(self, device),
            pose: self.pose.as_ref().map(|pose| pose.init(device)),
        }
    }
}

impl<B: ModelBackend> Level<B> {
    fn forward(&self, x: Tensor<B, 4>, batch: usize, tokens: Option<&Tensor<B, 3>>) -> Tensor<B, 4> {
        let mut x = self.resnet.forward(x, None);
        if let Some(transformer) = &self.transformer {
            let own = transformer.tokens(x.clone());
            let block = transformer.block();
            let reference = tokens.map(|tokens| block.reference_keys_values(tokens.clone()));
            let attended = block.forward(own.clone(), block.normalised(own), None, reference.as_ref(), false);
            x = transformer.finish(x, attended);
        }
        match &self.motion {
            Some(motion) => motion.forward(x, batch),
            None => x,
        }
    }
}

impl<B: ModelBackend> Finisher<B> {
    /// Reference tokens of pictures of the character, `[B, 7, H, W]` each. They serve all frames of the character.
    ///
    /// # Panics
    /// When there is no picture, or shapes do not match.
    pub fn character(&self, pictures: &[Tensor<B, 4>]) -> CharacterTokens<B> {
        self.reference.forward(pictures)
    }

    /// Computes the retouch of frames from their inputs, `[B, 17, N, H, W]`.
    ///
    /// # Panics
    /// When shapes do not match, or a side is not a multiple of the coarsest cell's side.
    pub fn forward(&self, known: Tensor<B, 5>, character: &CharacterTokens<B>) -> Retouch<B> {
        let [_, channels, _, height, width] = known.dims();
        assert_eq!(channels, CHANNELS.count, "finisher: input {:?}", known.dims());
        let cell = self.patch << (self.down_levels.len() - 1);
        assert!(height % cell == 0 && width % cell == 0, "finisher: {width}x{height}, cells of {cell} pixels");
        let editable = editable(&frames_from_video(known.clone()));
        let features = self.features(known, character);
        let maps = self.conv_out.forward(self.norm_out.forward_silu(features)).cast(DType::F32);
        RetouchMaps { maps, patch: self.patch }.retouch(editable)
    }

    /// The UNet's features, `[B*N, C_0, H/P, W/P]`.
    fn features(&self, known: Tensor<B, 5>, character: &CharacterTokens<B>) -> Tensor<B, 4> {
        let batch = known.dims()[0];
        let precision = self.conv_in.weight.val().dtype();
        let pose = self.pose.as_ref().map(|pose| {
            let part = |first, count| known.clone().narrow(1, first, count).cast(precision);
            frames_from_video(pose.forward(part(CHANNELS.skeleton, 3), part(CHANNELS.depth, 1)))
        });
        let patches = patches_from_cells(frames_from_video(known), self.patch);
        let mut x = self.conv_in.forward((patches * 2.0 - 1.0).cast(precision));
        let mut skips = Vec::with_capacity(self.down_levels.len());
        for (index, level) in self.down_levels.iter().enumerate() {
            if let (true, Some(pose)) = (self.patch << index == POSE_DIVISOR, &pose) {
                x = crate::ops::add(x, pose.clone());
            }
            x = level.forward(x, batch, character.at(index));
            skips.push(x.clone());
            if let Some(downsampler) = self.downsamplers.get(index) {
                x = downsampler.forward(x);
            }
        }
        x = self.mid_level.forward(x, batch, character.at(self.down_levels.len() - 1));
        for (step, level) in self.up_levels.iter().enumerate() {
            let index = self.down_levels.len() - 1 - step;
            if let Some(skip) = skips.pop() {
                x = concat_channels(vec![x, skip]);
            }
            x = level.forward(x, batch, character.at(index));
            if let Some(upsampler) = self.upsamplers.get(step) {
                x = upsampler.forward_upsampled(x);
            }
        }
        x
    }
}
