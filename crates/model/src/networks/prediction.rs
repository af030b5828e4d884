//! Encodes pictures and references, and predicts velocities from them and the conditions, in the requested precision.

use burn::tensor::Tensor;

use super::{ClipConditions, ClipFeatures, Networks, ReferenceState, SeenReference, StoredReference, TrainedReference};
use crate::autoencoder::Autoencoder;
use crate::ops::ModelBackend;
use crate::preset::{EnvironmentUse, ObjectUse};
use crate::small::reference_copy::ReferenceCells;
use crate::unet::cache::{Cache, StepContext};
use crate::unet::denoising_net::DenoisingInput;
use crate::video::{frames_from_video, video_from_frames};

impl<B: ModelBackend> Networks<B> {
    /// Encodes pictures `[B, 3, N, H, W]` in [-1, 1] to latents `[B, C, N, h, w]`, frame by frame.
    pub fn encode_video(&self, pictures: Tensor<B, 5>) -> Tensor<B, 5> {
        let b = pictures.dims()[0];
        let frames = frames_from_video(pictures);
        let latents = (0..frames.dims()[0]).map(|frame| self.autoencoder.encode(frames.clone().narrow(0, frame, 1)));
        video_from_frames(Tensor::cat(latents.collect(), 0), b)
    }

    /// Decodes latents `[M, C, h, w]` to pictures `[M, 3, H, W]`, approximately in [-1, 1]. The small autoencoder
    /// always runs in f32, because it would not gain from another precision.
    pub fn decode(&self, latents: Tensor<B, 4>) -> Tensor<B, 4> {
        match &self.autoencoder {
            Autoencoder::Small(autoencoder) => autoencoder.decode(latents),
            Autoencoder::Kl(_) => self.precision.widened(self.autoencoder.decode(self.precision.narrowed(latents))),
        }
    }

    /// The embedding `[B, 1, D]` of reference pictures `[B, 3, S, S]`, which are normalised as in
    /// [`crate::conditioning::clip_vision`]. `None` without an image encoder.
    pub fn image_embedding(&self, pixels: Tensor<B, 4>) -> Option<Tensor<B, 3>> {
        self.image_encoder.as_ref().map(|encoder| encoder.forward(pixels).image_embeds.unsqueeze_dim(1))
    }

    /// A reference for training, from its latent `[B, C, h, w]` and, if there is an image encoder, its embedding
    /// `[B, 1, D]`.
    pub fn reference_features(&self, latent: Tensor<B, 4>, embedding: Option<Tensor<B, 3>>) -> TrainedReference<B> {
        let context = self.reference_tokens.as_ref().map(|tokens| tokens.forward(latent.clone())).or(embedding);
        let timestep = Tensor::zeros([latent.dims()[0]], &latent.device());
        let cells = self.reference_copy.as_ref().map(|copy| copy.forward(latent.clone()));
        let latent = self.precision.narrowed(latent);
        let features = self.reference_unet.forward(latent, timestep, context.clone(), self.config.fusion);
        TrainedReference { features, context, cells }
    }

    /// A reference for sampling, from the same inputs.
    pub fn reference_state(&self, latent: Tensor<B, 4>, embedding: Option<Tensor<B, 3>>) -> ReferenceState<B> {
        let TrainedReference { features, context, cells } = self.reference_features(latent, embedding);
        let tokens = if self.cache_options.reference {
            StoredReference::Projected(self.denoising_unet.project_reference(&features))
        } else {
            StoredReference::Features(features)
        };
        ReferenceState { tokens, context, cells, cache: Cache::new() }
    }

    /// The zero context of cross-attention for `batch` clips without a reference; `None` without cross-attention.
    pub(super) fn no_context(&self, batch: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
        let width = self.config.unet.cross_attention_width?;
        let tokens = self.config.reference_tokens.as_ref().map_or(1, |tokens| tokens.grid * tokens.grid);
        Some(Tensor::zeros([batch, tokens, width], device))
    }

    /// The shape of a clip's latents, `[B, C, N, h, w]`.
    pub fn latent_shape(&self, conditions: &ClipConditions<B>) -> [usize; 5] {
        let [b, _, n, height, width] = conditions.skeleton.dims();
        let (autoencoder, cells) = (&self.config.autoencoder, self.config.autoencoder.pixels_per_cell());
        [b, autoencoder.latent_channels(), n, height / cells, width / cells]
    }

    /// Computes the denoiser's inputs from a clip's conditions. Differentiable.
    ///
    /// # Panics
    /// When the environment is missing although the networks need it.
    pub fn clip_features(&self, conditions: &ClipConditions<B>) -> ClipFeatures<B> {
        let ClipConditions { environment, skeleton, depth, objects } = conditions.clone();
        let narrowed = |x| self.precision.narrowed(x);
        let pose = self.pose_modulation.forward(narrowed(skeleton), narrowed(depth));
        let guided = match (&self.object_guider, &objects) {
            (Some(guider), Some(objects)) => Some(guider.forward(narrowed(objects.clone()))),
            _ => None,
        };
        let environment = match (self.config.environment, environment) {
            (EnvironmentUse::Absent, _) => None,
            (EnvironmentUse::Concatenated | EnvironmentUse::CleanPlate, None) => {
                panic!("networks: a clip without its environment")
            }
            (EnvironmentUse::Concatenated | EnvironmentUse::CleanPlate, Some(environment)) => {
                Some(match self.config.objects {
                    ObjectUse::Concatenated => {
                        let objects = objects.unwrap_or_else(|| environment.zeros_like());
                        Tensor::cat(vec![environment, objects], 1)
                    }
                    ObjectUse::Blended | ObjectUse::Absent => environment,
                })
            }
        };
        ClipFeatures { environment, pose, objects: guided }
    }

    /// The velocity for noisy latents `[B, C, N, h, w]` at `timestep` `[B]`. Without a reference it is the
    /// unconditional branch of guidance, whose context is zero.
    pub fn predict(
        &self,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
        reference: Option<SeenReference<'_, B>>,
    ) -> Tensor<B, 5> {
        let b = latent.dims()[0];
        let (tokens, context, cells, step) = match reference {
            Some(SeenReference { tokens, context, cells, step, .. }) => (Some(tokens), context.cloned(), cells, step),
            None => (None, self.no_context(b, &latent.device()), None, None),
        };
        let input = self.denoising_input(&latent, &timestep, features, step);
        let input = DenoisingInput { context, reference: tokens, ..input };
        let output = self.denoising_unet.forward(input);
        self.velocity(output, cells, latent, timestep, features)
    }

    /// The conditional and the unconditional branch of [`predict`](Self::predict), in that order.
    pub fn predict_both(
        &self,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
        reference: SeenReference<'_, B>,
    ) -> [Tensor<B, 5>; 2] {
        let none = self.no_context(latent.dims()[0], &latent.device());
        let SeenReference { tokens, context, cells, step, .. } = reference;
        let input = DenoisingInput {
            context: context.cloned(),
            reference: Some(tokens),
            ..self.denoising_input(&latent, &timestep, features, step)
        };
        let [with, without] = self.denoising_unet.forward_guided(input, none);
        [
            self.velocity(with, cells, latent.clone(), timestep.clone(), features),
            self.velocity(without, None, latent, timestep, features),
        ]
    }

    /// The denoiser's inputs except reference and context.
    fn denoising_input<'a>(
        &self,
        latent: &Tensor<B, 5>,
        timestep: &Tensor<B, 1>,
        features: &'a ClipFeatures<B>,
        step: Option<StepContext<'a, B>>,
    ) -> DenoisingInput<'a, B> {
        let shown = self.config.denoiser_output.input(latent.clone(), timestep, &self.schedule);
        let seen = [shown].into_iter().chain(features.environment.clone()).collect();
        let latent = self.precision.narrowed(Tensor::cat(seen, 1));
        DenoisingInput {
            pose: Some(features.pose.clone()),
            objects: features.objects.as_deref(),
            cache_options: self.cache_options,
            step: step.filter(|_| self.cache_options.steps),
            ..DenoisingInput::new(latent, timestep.clone())
        }
    }

    /// Turns the denoiser's output into a velocity, including what it copies from the reference.
    fn velocity(
        &self,
        output: Tensor<B, 5>,
        cells: Option<&ReferenceCells<B>>,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
    ) -> Tensor<B, 5> {
        let (c, output) = (latent.dims()[1], self.precision.widened(output));
        // Concatenated objects follow the channels of the environment.
        let environment = features.environment.clone().map(|environment| environment.narrow(1, 0, c));
        let mut change = output.clone().narrow(1, 0, c);
        if let Some(cells) = cells {
            change = change + cells.copied(output.clone().narrow(1, c, output.dims()[1] - c));
        }
        self.config.denoiser_output.velocity(change, latent, environment, timestep, &self.schedule)
    }
}
