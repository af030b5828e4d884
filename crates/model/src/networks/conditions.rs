//! Defines the inputs of the networks, and the values that are computed from them once: the conditions and features of
//! a clip, and the reference.

use burn::tensor::{Int, Tensor, backend::Backend};

use crate::ops::ModelBackend;
use crate::small::reference_copy::ReferenceCells;
use crate::unet::cache::{Cache, StepContext};
use crate::unet::{ProjectedReference, Reference, ReferenceFeatures};

/// The conditions that a clip is generated from.
#[derive(Debug, Clone)]
pub struct ClipConditions<B: Backend> {
    /// Latents of the environment, `[B, C, N, h, w]`; `None` for networks without this input.
    pub environment: Option<Tensor<B, 5>>,
    /// Skeleton maps `[B, 3, N, H, W]` in [0, 1].
    pub skeleton: Tensor<B, 5>,
    /// Depth `[B, 1, N, H, W]` in [0, 1].
    pub depth: Tensor<B, 5>,
    /// Latents of the objects, `[B, C, N, h, w]`; `None` when the clip has none.
    pub objects: Option<Tensor<B, 5>>,
}

impl<B: ModelBackend> ClipConditions<B> {
    /// Adds a temporal reference. The latent `[B, C, h, w]` of the previous finished frame replaces the first frame of
    /// the environment, where nothing is masked.
    ///
    /// # Panics
    /// When the shapes do not match, or there is no environment.
    pub fn with_temporal_reference(mut self, finished: Tensor<B, 4>) -> Self {
        let Some(environment) = self.environment else { panic!("temporal reference without an environment") };
        let [b, c, _, h, w] = environment.dims();
        assert_eq!(finished.dims(), [b, c, h, w], "temporal reference, environment {:?}", environment.dims());
        let place = [0..b, 0..c, 0..1, 0..h, 0..w];
        self.environment = Some(environment.slice_assign(place, finished.reshape([b, c, 1, h, w])));
        self
    }
}

/// The conditions of a clip in the form the denoiser takes, the same in every step.
#[derive(Debug, Clone)]
pub struct ClipFeatures<B: Backend> {
    /// The input concatenated with the noise, `[B, C_env, N, h, w]`; `None` for networks without environment.
    pub environment: Option<Tensor<B, 5>>,
    /// Pose features, `[B, C_0, N, h, w]`.
    pub pose: Tensor<B, 5>,
    /// One map per level, finest first; `None` when there are no objects to blend.
    pub objects: Option<Vec<Tensor<B, 5>>>,
}

impl<B: ModelBackend> ClipFeatures<B> {
    /// The features of the frames at `indices`.
    pub(crate) fn at(&self, indices: &Tensor<B, 1, Int>) -> Self {
        let of = |map: &Tensor<B, 5>| map.clone().select(2, indices.clone());
        Self {
            environment: self.environment.as_ref().map(of),
            pose: of(&self.pose),
            objects: self.objects.as_ref().map(|levels| levels.iter().map(of).collect()),
        }
    }
}

/// A reference picture in the form the sampler takes, the same for all steps and clips.
#[derive(Debug, Clone)]
pub struct ReferenceState<B: Backend> {
    /// Tokens for the denoiser's self-attention layers.
    pub tokens: StoredReference<B>,
    /// Context of cross-attention, `[B, L, D]`.
    pub context: Option<Tensor<B, 3>>,
    /// Cells that can be copied.
    pub cells: Option<ReferenceCells<B>>,
    /// Values shared by several steps.
    pub cache: Cache<B>,
}

/// The tokens of a reference, before or after the denoiser's linear layers.
#[derive(Debug, Clone)]
pub enum StoredReference<B: Backend> {
    /// Projected in every step.
    Features(ReferenceFeatures<B>),
    /// Projected once.
    Projected(ProjectedReference<B>),
}

/// A reference picture in training, differentiable.
#[derive(Debug, Clone)]
pub struct TrainedReference<B: Backend> {
    /// Tokens for the denoiser's self-attention layers, not yet projected.
    pub features: ReferenceFeatures<B>,
    /// Context of cross-attention, `[B, L, D]`.
    pub context: Option<Tensor<B, 3>>,
    /// Cells that can be copied.
    pub cells: Option<ReferenceCells<B>>,
}

/// Everything the denoiser sees of a reference, at inference or in training.
#[derive(Debug, Clone)]
pub struct SeenReference<'a, B: Backend> {
    pub(super) tokens: Reference<'a, B>,
    pub(super) context: Option<&'a Tensor<B, 3>>,
    pub(super) cells: Option<&'a ReferenceCells<B>>,
    pub(super) cache: Option<&'a Cache<B>>,
    pub(super) step: Option<StepContext<'a, B>>,
}

impl<B: Backend> SeenReference<'_, B> {
    /// Selects a step by its timestep. Values that depend only on the timestep are then cached with the reference.
    #[must_use]
    pub fn at_step(mut self, timestep: i64) -> Self {
        self.step = self.cache.map(|cache| StepContext { cache, timestep });
        self
    }
}

impl<'a, B: Backend> From<&'a ReferenceState<B>> for SeenReference<'a, B> {
    fn from(state: &'a ReferenceState<B>) -> Self {
        let ReferenceState { tokens, context, cells, cache } = state;
        let tokens = match tokens {
            StoredReference::Features(features) => features.into(),
            StoredReference::Projected(projected) => projected.into(),
        };
        Self { tokens, context: context.as_ref(), cells: cells.as_ref(), cache: Some(cache), step: None }
    }
}

impl<'a, B: Backend> From<&'a TrainedReference<B>> for SeenReference<'a, B> {
    fn from(reference: &'a TrainedReference<B>) -> Self {
        let TrainedReference { features, context, cells } = reference;
        Self { tokens: features.into(), context: context.as_ref(), cells: cells.as_ref(), cache: None, step: None }
    }
}
