//! Implements the down, mid and up blocks, and the forward pass through them.
//!
//! A layer consists of a resnet, a spatial transformer (if the level has transformers), blending of objects (in mid and
//! up blocks) and a temporal module. The output of each layer and each downsampler of the down blocks is a skip
//! connection. Up blocks take the skips in reverse order and concatenate `[hidden, skip]` along channels.
//!
//! | tensor | shape |
//! |---|---|
//! | between blocks | `[B*N, C, h, w]` |
//!
//! Odd sizes are rounded up on the way down. On the way up, each upsampler produces the size of the next skip.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use super::pass::Pass;
use super::{Site, Stage, UnetConfig};
use crate::conditioning::blending::SpatialBlending;
use crate::ops::{ModelBackend, concat_channels};
use crate::unet::motion::MotionModule;
use crate::unet::resnet::{Downsample, DownsamplePadding, ResnetBlock, ResnetConfig, Upsample};
use crate::unet::transformer::SpatialTransformer;

/// Layers, followed by a downsampler except at the coarsest level.
#[derive(Module, Debug)]
pub struct DownBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    pub(crate) attentions: Vec<SpatialTransformer<B>>,
    motion_modules: Vec<MotionModule<B>>,
    downsamplers: Vec<Downsample<B>>,
}

/// Resnet, transformer, temporal module, resnet.
#[derive(Module, Debug)]
pub struct MidBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    pub(crate) attentions: Vec<SpatialTransformer<B>>,
    blend_modules: Vec<SpatialBlending<B>>,
    motion_modules: Vec<MotionModule<B>>,
}

/// Layers, followed by an upsampler except at the finest level.
#[derive(Module, Debug)]
pub struct UpBlock<B: Backend> {
    resnets: Vec<ResnetBlock<B>>,
    pub(crate) attentions: Vec<SpatialTransformer<B>>,
    blend_modules: Vec<SpatialBlending<B>>,
    motion_modules: Vec<MotionModule<B>>,
    upsamplers: Vec<Upsample<B>>,
    level: usize,
}

impl UnetConfig {
    fn resnet(&self, channels_in: usize, channels_out: usize) -> ResnetConfig {
        ResnetConfig {
            channels_in,
            channels_out,
            time_width: Some(self.time_width()),
            norm_groups: self.norm_groups,
            norm_epsilon: self.norm_epsilon,
            norm_across_frames: !self.inflated_group_norm,
        }
    }

    fn transformers<B: ModelBackend>(
        &self,
        level: usize,
        count: usize,
        device: &B::Device,
    ) -> Vec<SpatialTransformer<B>> {
        let channels = self.block_out_channels[level];
        let heads = self.heads.at(level, channels);
        (0..count)
            .map(|_| SpatialTransformer::init(channels, heads, self.norm_groups, self.cross_attention_width, device))
            .collect()
    }

    fn motion_modules<B: ModelBackend>(
        &self,
        stage: Stage,
        channels: usize,
        count: usize,
        device: &B::Device,
    ) -> Vec<MotionModule<B>> {
        let Some(motion) = &self.motion else { return vec![] };
        let has = match stage {
            Stage::Down(block) => motion.down_levels.as_ref().is_none_or(|levels| levels[block]),
            Stage::Mid => motion.mid,
            Stage::Up(block) => motion.up_levels.as_ref().is_none_or(|levels| levels[block]),
        };
        (0..if has { count } else { 0 }).map(|_| motion.init(channels, device)).collect()
    }

    fn blendings<B: ModelBackend>(&self, channels: usize, count: usize, device: &B::Device) -> Vec<SpatialBlending<B>> {
        let Some(blending) = &self.blending else { return vec![] };
        (0..count).map(|_| SpatialBlending::init(channels, blending, device)).collect()
    }

    pub(crate) fn down_blocks<B: ModelBackend>(&self, device: &B::Device) -> Vec<DownBlock<B>> {
        let widths = &self.block_out_channels;
        let layers = self.layers_per_block;
        let block = |level: usize| {
            let (before, width) = (widths[level.saturating_sub(1)], widths[level]);
            let down = level + 1 < widths.len();
            DownBlock {
                resnets: (0..layers)
                    .map(|layer| self.resnet(if layer == 0 { before } else { width }, width).init(device))
                    .collect(),
                attentions: self.transformers(level, if self.attention_levels[level] { layers } else { 0 }, device),
                motion_modules: self.motion_modules(Stage::Down(level), width, layers, device),
                downsamplers: (0..usize::from(down))
                    .map(|_| Downsample::init(width, DownsamplePadding::Symmetric, device))
                    .collect(),
            }
        };
        (0..widths.len()).map(block).collect()
    }

    pub(crate) fn mid_block<B: ModelBackend>(&self, device: &B::Device) -> MidBlock<B> {
        let level = self.levels() - 1;
        let width = self.block_out_channels[level];
        MidBlock {
            resnets: (0..2).map(|_| self.resnet(width, width).init(device)).collect(),
            attentions: self.transformers(level, 1, device),
            blend_modules: self.blendings(width, 1, device),
            motion_modules: self.motion_modules(Stage::Mid, width, 1, device),
        }
    }

    pub(crate) fn up_blocks<B: ModelBackend>(&self, device: &B::Device) -> Vec<UpBlock<B>> {
        let widths = &self.block_out_channels;
        let layers = self.layers_per_block + 1;
        let block = |level: usize| {
            let width = widths[level];
            let coarser = widths[(level + 1).min(widths.len() - 1)];
            let finer = widths[level.saturating_sub(1)];
            // The skips are the outputs of the mirrored block and, last, of the block before it.
            let resnet = |layer: usize| {
                let skip = if layer + 1 == layers { finer } else { width };
                self.resnet(if layer == 0 { coarser } else { width } + skip, width).init(device)
            };
            let attentions = if self.decoder_attention(level) { layers } else { 0 };
            UpBlock {
                resnets: (0..layers).map(resnet).collect(),
                attentions: self.transformers(level, attentions, device),
                blend_modules: self.blendings(width, attentions, device),
                motion_modules: self.motion_modules(Stage::Up(widths.len() - 1 - level), width, layers, device),
                upsamplers: (0..usize::from(level > 0)).map(|_| Upsample::init(width, device)).collect(),
                level,
            }
        };
        (0..widths.len()).rev().map(block).collect()
    }
}

fn blend<B: ModelBackend>(
    blending: Option<&SpatialBlending<B>>,
    x: Tensor<B, 4>,
    pass: &Pass<'_, B>,
    level: usize,
) -> Tensor<B, 4> {
    match (blending, &pass.objects) {
        (Some(blending), Some(objects)) => blending.forward(x, objects[level].clone()),
        _ => x,
    }
}

impl<B: ModelBackend> DownBlock<B> {
    fn forward(
        &self,
        mut x: Tensor<B, 4>,
        stage: Stage,
        pass: &mut Pass<'_, B>,
        skips: &mut Vec<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward_at(x, Some(&pass.time), pass.step);
            if let Some(transformer) = self.attentions.get(layer) {
                x = pass.attend(transformer, x, Site { stage, attention: layer });
            }
            if let Some(motion) = self.motion_modules.get(layer) {
                x = motion.forward_at(x, pass.batch, pass.step);
            }
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x);
            skips.push(x.clone());
        }
        x
    }
}

impl<B: ModelBackend> MidBlock<B> {
    fn forward(&self, mut x: Tensor<B, 4>, coarsest: usize, pass: &mut Pass<'_, B>) -> Tensor<B, 4> {
        x = self.resnets[0].forward_at(x, Some(&pass.time), pass.step);
        x = pass.attend(&self.attentions[0], x, Site { stage: Stage::Mid, attention: 0 });
        x = blend(self.blend_modules.first(), x, pass, coarsest);
        if let Some(motion) = self.motion_modules.first() {
            x = motion.forward_at(x, pass.batch, pass.step);
        }
        self.resnets[1].forward_at(x, Some(&pass.time), pass.step)
    }
}

impl<B: ModelBackend> UpBlock<B> {
    fn forward(
        &self,
        mut x: Tensor<B, 4>,
        stage: Stage,
        pass: &mut Pass<'_, B>,
        skips: &mut Vec<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            if let Some(skip) = skips.pop() {
                x = concat_channels(vec![x, skip]);
            }
            x = resnet.forward_at(x, Some(&pass.time), pass.step);
            if let Some(transformer) = self.attentions.get(layer) {
                x = pass.attend(transformer, x, Site { stage, attention: layer });
                if pass.is_finished() {
                    return x;
                }
            }
            x = blend(self.blend_modules.get(layer), x, pass, self.level);
            if let Some(motion) = self.motion_modules.get(layer) {
                x = motion.forward_at(x, pass.batch, pass.step);
            }
        }
        if let (Some(upsampler), Some(next)) = (self.upsamplers.first(), skips.last()) {
            let [_, _, h, w] = next.dims();
            x = upsampler.forward_to(x, [h, w]);
        }
        x
    }
}

/// The state of a forward pass through the blocks.
#[derive(Debug, Clone)]
pub(crate) struct Walk<B: Backend> {
    x: Tensor<B, 4>,
    skips: Vec<Tensor<B, 4>>,
    /// Number of completed down blocks.
    done: usize,
}

/// Whether a down block uses neither reference nor context.
pub(crate) fn is_unconditional<B: Backend>(block: &DownBlock<B>) -> bool {
    block.attentions.is_empty()
}

impl<B: ModelBackend> Walk<B> {
    /// The state before the first block, with the output of the first convolution, `[B*N, C_0, h, w]`.
    pub(crate) fn start(x: Tensor<B, 4>) -> Self {
        Self { skips: vec![x.clone()], x, done: 0 }
    }

    /// Runs the down blocks up to `end`.
    pub(crate) fn down(mut self, down_blocks: &[DownBlock<B>], end: usize, pass: &mut Pass<'_, B>) -> Self {
        for (index, block) in down_blocks.iter().enumerate().take(end).skip(self.done) {
            self.x = block.forward(self.x, Stage::Down(index), pass, &mut self.skips);
            pass.record(Stage::Down(index), &self.x);
        }
        self.done = self.done.max(end);
        self
    }

    /// Runs all remaining blocks. Returns `[B*N, C_0, h, w]`.
    pub(crate) fn finish(
        self,
        down_blocks: &[DownBlock<B>],
        mid_block: &MidBlock<B>,
        up_blocks: &[UpBlock<B>],
        pass: &mut Pass<'_, B>,
    ) -> Tensor<B, 4> {
        let Self { mut x, mut skips, .. } = self.down(down_blocks, down_blocks.len(), pass);
        x = mid_block.forward(x, down_blocks.len() - 1, pass);
        pass.record(Stage::Mid, &x);
        for (index, block) in up_blocks.iter().enumerate() {
            if pass.is_finished() {
                break;
            }
            x = block.forward(x, Stage::Up(index), pass, &mut skips);
            pass.record(Stage::Up(index), &x);
        }
        x
    }
}
