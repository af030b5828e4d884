//! The denoising network (paper 3.1): the SD1.5 UNet inflated to video, with temporal modules, reference attention,
//! environment channels, pose features and spatial blending of objects, each present as the configuration says.
//!
//! | tensor | shape |
//! |---|---|
//! | latent (noise, then environment) | `[B, C_in + C_env, N, h, w]` |
//! | timestep | `[B]` |
//! | context (image embedding) | `[B, L, D]` |
//! | pose, added after `conv_in` and before the first skip | `[B, C_0, N, h, w]` |
//! | objects, one a level, finest first | `[B, C_level, N, h_level, w_level]` |
//! | prediction | `[B, C_out, N, h, w]` |
//!
//! With one frame and no temporal modules it is the plain 2D UNet.

use burn::module::{Module, Param};
use burn::tensor::activation::silu;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Conv2d, GroupNorm, Start};
use crate::ops::{self, ModelBackend};
use crate::resnet::normalise_silu;
use crate::time_embedding::{Sinusoids, TimeEmbedding};
use crate::trace::Trace;
use crate::transformer::BasicTransformerBlock;
use crate::unet::{
    DownBlock, MidBlock, Pass, ProjectedReference, Reference, ReferenceFeatures, Role, Site, Stage, UnetConfig,
    UpBlock, walk,
};
use crate::video::{frames_from_video, video_from_frames};

/// What one denoising step sees.
#[derive(Debug, Clone)]
pub struct DenoisingInput<'a, B: Backend> {
    /// `[B, C_in + C_env, N, h, w]`: noise channels, then environment channels if the network has them.
    pub latent: Tensor<B, 5>,
    /// `[B]`, in training steps of the schedule (0 to 999).
    pub timestep: Tensor<B, 1>,
    /// `[B, L, D]`, given exactly if the network has cross attention.
    pub context: Option<Tensor<B, 3>>,
    /// `[B, C_0, N, h, w]`.
    pub pose: Option<Tensor<B, 5>>,
    /// `None` for the unconditional half of guidance. `Some((&features).into())` takes either form.
    pub reference: Option<Reference<'a, B>>,
    /// One feature map a level, finest first, as the object guider gives them. `None`: no blending.
    pub objects: Option<&'a [Tensor<B, 5>]>,
}

impl<B: Backend> DenoisingInput<'_, B> {
    /// A latent at a timestep, without any condition.
    pub fn new(latent: Tensor<B, 5>, timestep: Tensor<B, 1>) -> Self {
        Self { latent, timestep, context: None, pose: None, reference: None, objects: None }
    }
}

/// The denoising network.
#[derive(Module, Debug)]
pub struct DenoisingNet<B: Backend> {
    conv_in: Conv2d<B>,
    time_embedding: TimeEmbedding<B>,
    down_blocks: Vec<DownBlock<B>>,
    mid_block: MidBlock<B>,
    up_blocks: Vec<UpBlock<B>>,
    conv_norm_out: GroupNorm<B>,
    conv_out: Conv2d<B>,
    norm_across_frames: bool,
    #[module(skip)]
    sinusoids: Sinusoids,
}

impl<B: ModelBackend> DenoisingNet<B> {
    /// A network with fresh weights.
    ///
    /// # Panics
    /// When [`UnetConfig::check`] refuses the configuration.
    pub fn init(config: &UnetConfig, device: &B::Device) -> Self {
        assert_eq!(config.check(), Ok(()), "denoising network");
        let first = config.block_out_channels[0];
        Self {
            conv_in: conv_in(config, device),
            time_embedding: TimeEmbedding::init(first, config.time_width(), device),
            down_blocks: config.down_blocks(device),
            mid_block: config.mid_block(device),
            up_blocks: config.up_blocks(device),
            conv_norm_out: GroupNorm::init(config.norm_groups, first, config.norm_epsilon, device),
            conv_out: Conv2d::init(first, config.out_channels, 3, 1, Start::Uniform, device),
            norm_across_frames: !config.inflated_group_norm,
            sinusoids: config.time,
        }
    }

    /// Predicts noise, velocity or whatever it was trained for: `[B, C_out, N, h, w]`.
    ///
    /// # Panics
    /// When shapes do not fit, or a condition is given that the network has no place for or lacks one that it needs.
    pub fn forward(&self, input: DenoisingInput<'_, B>) -> Tensor<B, 5> {
        self.run(input, None)
    }

    /// The same, with a copy of what each block puts out, as video tensors.
    pub fn forward_traced(&self, input: DenoisingInput<'_, B>) -> (Tensor<B, 5>, Trace) {
        let mut trace = Trace::default();
        (self.run(input, Some(&mut trace)), trace)
    }

    /// Keys and values of the reference at every site, which are the same in every step.
    ///
    /// # Panics
    /// When the reference comes from a network with other sites.
    pub fn project_reference(&self, features: &ReferenceFeatures<B>) -> ProjectedReference<B> {
        let project =
            |(site, tokens): (&Site, &Tensor<B, 3>)| (*site, self.reader(*site).reference_keys_values(tokens.clone()));
        ProjectedReference { sites: features.sites.iter().map(project).collect() }
    }

    fn reader(&self, site: Site) -> &BasicTransformerBlock<B> {
        let attentions = match site.stage {
            Stage::Down(block) => self.down_blocks.get(block).map(|block| &block.attentions),
            Stage::Mid => Some(&self.mid_block.attentions),
            Stage::Up(block) => self.up_blocks.get(block).map(|block| &block.attentions),
        };
        let transformer = attentions.and_then(|attentions| attentions.get(site.attention));
        let Some(transformer) = transformer else { panic!("denoising network: no site `{site}` for the reference") };
        transformer.block()
    }

    fn run(&self, input: DenoisingInput<'_, B>, mut trace: Option<&mut Trace>) -> Tensor<B, 5> {
        let DenoisingInput { latent, timestep, context, pose, reference, objects } = input;
        let [b, _, n, h, w] = latent.dims();
        assert_eq!(timestep.dims(), [b], "denoising network: one timestep a clip, latent {:?}", latent.dims());
        for site in reference.iter().flat_map(Reference::sites) {
            self.reader(site);
        }
        // 1. Time.
        let first = self.conv_in.weight.dims()[0];
        let time = self.time_embedding.forward(self.sinusoids.forward(timestep, first));
        if let Some(trace) = &mut trace {
            trace.record("time_embedding", time.clone());
        }
        let mut pass = Pass {
            batch: b,
            time: silu(time),
            context,
            role: reference.map_or(Role::Alone, Role::Read),
            objects: objects.map(|levels| levels.iter().cloned().map(frames_from_video).collect()),
            trace,
        };
        // 2. In: frames, and the pose features before the first skip is taken.
        let mut x = self.conv_in.forward(frames_from_video(latent));
        pass.record_named("conv_in", &x);
        if let Some(pose) = pose {
            assert_eq!(pose.dims(), [b, first, n, h, w], "denoising network: pose features");
            x = ops::add(x, frames_from_video(pose));
        }
        // 3. Down, mid, up.
        x = walk(x, &self.down_blocks, &self.mid_block, &self.up_blocks, &mut pass);
        // 4. Out.
        let x = normalise_silu(&self.conv_norm_out, x, b, self.norm_across_frames);
        video_from_frames(self.conv_out.forward(x), b)
    }
}

/// The first convolution, with zero weights for the environment channels.
fn conv_in<B: ModelBackend>(config: &UnetConfig, device: &B::Device) -> Conv2d<B> {
    let first = config.block_out_channels[0];
    let mut conv = Conv2d::init(config.in_channels, first, 3, 1, Start::Uniform, device);
    if config.environment_channels > 0 {
        let zeros = Tensor::zeros([first, config.environment_channels, 3, 3], device);
        conv.weight = Param::from_tensor(Tensor::cat(vec![conv.weight.val(), zeros], 1).detach());
    }
    conv
}

#[cfg(test)]
mod tests;
