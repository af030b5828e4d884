//! Implements the denoising network (paper 3.1): the SD 1.5 UNet inflated to video. The configuration adds temporal
//! modules, reference attention, environment channels, pose features and spatial blending of objects.
//!
//! | tensor | shape |
//! |---|---|
//! | latent (noise, then environment) | `[B, C_in + C_env, N, h, w]` |
//! | timestep | `[B]` |
//! | context (image embedding) | `[B, L, D]` |
//! | pose, added after `conv_in` and before the first skip | `[B, C_0, N, h, w]` |
//! | objects, one per level, finest first | `[B, C_level, N, h_level, w_level]` |
//! | prediction | `[B, C_out, N, h, w]` |
//!
//! With one frame and without temporal modules, the network is the plain 2D UNet.

use burn::module::{Module, Param};
use burn::tensor::activation::silu;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Conv2d, GroupNorm, LayerInitializer};
use crate::ops::{self, ModelBackend};
use crate::trace::Trace;
use crate::unet::cache::{self, CacheOptions, StepContext};
use crate::unet::resnet::normalise_silu;
use crate::unet::time_embedding::{Sinusoids, TimeEmbedding};
use crate::unet::transformer::BasicTransformerBlock;
use crate::unet::{
    DownBlock, MidBlock, Pass, ProjectedReference, Reference, ReferenceFeatures, Role, Site, Stage, UnetConfig,
    UpBlock, Walk, is_unconditional,
};
use crate::video::{frames_from_video, video_from_frames};

/// The inputs of one denoising step.
#[derive(Debug, Clone)]
pub struct DenoisingInput<'a, B: Backend> {
    /// `[B, C_in + C_env, N, h, w]`: noise channels, then environment channels if the network has them.
    pub latent: Tensor<B, 5>,
    /// `[B]`, in training timesteps of the schedule (0 to 999).
    pub timestep: Tensor<B, 1>,
    /// `[B, L, D]`. Required if and only if the network has cross-attention.
    pub context: Option<Tensor<B, 3>>,
    /// `[B, C_0, N, h, w]`.
    pub pose: Option<Tensor<B, 5>>,
    /// `None` for the unconditional branch of guidance. `Some((&features).into())` accepts either form.
    pub reference: Option<Reference<'a, B>>,
    /// One feature map per level, finest first, from the object guider. `None` disables blending.
    pub objects: Option<&'a [Tensor<B, 5>]>,
    /// The caches in use.
    pub cache_options: CacheOptions,
    /// The current step and its cache, if steps are cached.
    pub step: Option<StepContext<'a, B>>,
}

impl<B: Backend> DenoisingInput<'_, B> {
    /// A latent at a timestep, without any condition.
    pub fn new(latent: Tensor<B, 5>, timestep: Tensor<B, 1>) -> Self {
        let (cache_options, step) = (CacheOptions::default(), None);
        Self { latent, timestep, context: None, pose: None, reference: None, objects: None, cache_options, step }
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
    /// A newly initialized network.
    ///
    /// # Panics
    /// When [`UnetConfig::check`] rejects the configuration.
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
            conv_out: Conv2d::init(first, config.out_channels, 3, 1, LayerInitializer::Uniform, device),
            norm_across_frames: !config.inflated_group_norm,
            sinusoids: config.time,
        }
    }

    /// Predicts noise, velocity or another training target: `[B, C_out, N, h, w]`.
    ///
    /// # Panics
    /// When shapes do not match, a condition is given that the network does not support, or a required one is missing.
    pub fn forward(&self, input: DenoisingInput<'_, B>) -> Tensor<B, 5> {
        self.run(input, None)
    }

    /// [`forward`](Self::forward), with a copy of the output of each block as a video tensor.
    pub fn forward_traced(&self, input: DenoisingInput<'_, B>) -> (Tensor<B, 5>, Trace) {
        let mut trace = Trace::default();
        (self.run(input, Some(&mut trace)), trace)
    }

    /// Keys and values of the reference at every site. They are the same in every step.
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

    /// Both branches of classifier-free guidance: the prediction for `input`, and the prediction without its reference
    /// and with another context. With the `branches` cache, their shared computation runs once.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn forward_guided(
        &self,
        input: DenoisingInput<'_, B>,
        other_context: Option<Tensor<B, 3>>,
    ) -> [Tensor<B, 5>; 2] {
        if !input.cache_options.branches {
            let other = DenoisingInput { context: other_context, reference: None, ..input.clone() };
            return [self.run(input, None), self.run(other, None)];
        }
        let (context, reference) = (input.context.clone(), input.reference);
        let begun = self.begin(input, None);
        [self.finish(begun.clone(), context, reference, None), self.finish(begun, other_context, None, None)]
    }

    fn run(&self, input: DenoisingInput<'_, B>, mut trace: Option<&mut Trace>) -> Tensor<B, 5> {
        let (context, reference) = (input.context.clone(), input.reference);
        let begun = self.begin(input, trace.as_deref_mut());
        self.finish(begun, context, reference, trace)
    }

    /// Everything before the first block that uses context or reference.
    fn begin<'a>(&self, input: DenoisingInput<'a, B>, mut trace: Option<&mut Trace>) -> Begun<'a, B> {
        let DenoisingInput { latent, timestep, pose, objects, cache_options, step, .. } = input;
        let [b, _, n, h, w] = latent.dims();
        assert_eq!(timestep.dims(), [b], "denoising network: one timestep a clip, latent {:?}", latent.dims());
        // 1. Time embedding.
        let first = self.conv_in.weight.dims()[0];
        let of_timestep = || self.time_embedding.forward(self.sinusoids.forward(timestep, first));
        let time = cache::at(step, self.conv_in.weight.id, b, of_timestep);
        if let Some(trace) = &mut trace {
            trace.record("time_embedding", time.clone());
        }
        let objects = objects.map(|levels| levels.iter().cloned().map(frames_from_video).collect());
        let (context, role) = (None, Role::Alone);
        let folded = cache_options.context;
        let mut pass = Pass { batch: b, time: silu(time), context, role, objects, trace, folded, step };
        // 2. Input convolution. Pose features are added before the first skip is taken.
        let mut x = self.conv_in.forward(frames_from_video(latent));
        pass.record_named("conv_in", &x);
        if let Some(pose) = pose {
            assert_eq!(pose.dims(), [b, first, n, h, w], "denoising network: pose features");
            x = ops::add(x, frames_from_video(pose));
        }
        // 3. Blocks without attention.
        let end = self.down_blocks.iter().take_while(|block| is_unconditional(block)).count();
        let walk = Walk::start(x).down(&self.down_blocks, end, &mut pass);
        Begun { walk, batch: b, time: pass.time, objects: pass.objects, folded, step }
    }

    /// The remaining blocks and the output convolution.
    fn finish(
        &self,
        begun: Begun<'_, B>,
        context: Option<Tensor<B, 3>>,
        reference: Option<Reference<'_, B>>,
        trace: Option<&mut Trace>,
    ) -> Tensor<B, 5> {
        for site in reference.iter().flat_map(Reference::sites) {
            self.reader(site);
        }
        let Begun { walk, batch, time, objects, folded, step } = begun;
        let role = reference.map_or(Role::Alone, Role::Read);
        let mut pass = Pass { batch, time, context, role, objects, trace, folded, step };
        let x = walk.finish(&self.down_blocks, &self.mid_block, &self.up_blocks, &mut pass);
        let x = normalise_silu(&self.conv_norm_out, x, batch, self.norm_across_frames);
        video_from_frames(self.conv_out.forward(x), batch)
    }
}

/// A forward pass that has reached the first block with context or reference.
#[derive(Debug, Clone)]
struct Begun<'a, B: Backend> {
    walk: Walk<B>,
    batch: usize,
    time: Tensor<B, 2>,
    objects: Option<Vec<Tensor<B, 4>>>,
    folded: bool,
    step: Option<StepContext<'a, B>>,
}

/// The first convolution. Its weights for the environment channels are zero-initialized.
fn conv_in<B: ModelBackend>(config: &UnetConfig, device: &B::Device) -> Conv2d<B> {
    let first = config.block_out_channels[0];
    let mut conv = Conv2d::init(config.in_channels, first, 3, 1, LayerInitializer::Uniform, device);
    if config.environment_channels > 0 {
        let zeros = Tensor::zeros([first, config.environment_channels, 3, 3], device);
        conv.weight = Param::from_tensor(Tensor::cat(vec![conv.weight.val(), zeros], 1).detach());
    }
    conv
}

#[cfg(test)]
mod tests;
