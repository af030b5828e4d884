//! All networks of the method together: made from a configuration and a seed, or loaded from weights; field names are the
//! prefixes of checkpoint keys.
//!
//! | field | from | to |
//! |---|---|---|
//! | `autoencoder` | pictures `[M, 3, H, W]` in [-1, 1] | latents `[M, C, h, w]` |
//! | `image_encoder` | reference picture `[B, 3, S, S]` | context `[B, 1, D]` |
//! | `reference_tokens` | reference latent `[B, C, h, w]` | context `[B, G*G, D]`, where there is no image encoder |
//! | `reference_copy` | reference latent `[B, C, h, w]` | [`ReferenceCells`] |
//! | `reference_unet` | reference latent `[B, C, h, w]` | [`ReferenceFeatures`] |
//! | `pose_modulation` | skeleton `[B, 3, N, H, W]`, depth `[B, 1, N, H, W]` in [0, 1] | `[B, C_0, N, h, w]` |
//! | `object_guider` | object latents `[B, C, N, h, w]` | one map a level |
//! | `denoising_unet` | noise and environment latents `[B, 2C, N, h, w]` and all the above | `[B, C, N, h, w]`, and queries for the copy |

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, backend::Backend};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::autoencoder::Autoencoder;
use crate::clip_vision::ClipVision;
use crate::ddim::Ddim;
use crate::denoising_net::{DenoisingInput, DenoisingNet};
use crate::object_guider::ObjectGuider;
use crate::ops::ModelBackend;
use crate::pose_modulation::PoseModulation;
use crate::preset::{NetworksConfig, ObjectUse};
use crate::reference_copy::{ReferenceCells, ReferenceCopy};
use crate::reference_net::ReferenceNet;
use crate::reference_tokens::ReferenceTokens;
use crate::unet::{ConfigError, ProjectedReference, Reference, ReferenceFeatures};
use crate::video::{frames_from_video, video_from_frames};
use crate::weights::{Extra, Precision, WeightError, Weights, collect, to_bytes};

/// Where a configuration stands in the header of a weight file.
pub const CONFIG_KEY: &str = "stuntdouble.config";

/// What the networks calculate in, whatever their weights are stored as. Noise, guidance, time and the autoencoder stay f32,
/// and so do all sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComputePrecision {
    /// 32 bit.
    #[default]
    F32,
    /// Features and products of 16 bit with 8 bits of mantissa.
    Bf16,
}

impl ComputePrecision {
    fn narrowed<B: Backend, const R: usize>(self, x: Tensor<B, R>) -> Tensor<B, R> {
        match self {
            Self::F32 => x,
            Self::Bf16 => x.cast(DType::BF16),
        }
    }

    fn widened<B: Backend, const R: usize>(self, x: Tensor<B, R>) -> Tensor<B, R> {
        match self {
            Self::F32 => x,
            Self::Bf16 => x.cast(DType::F32),
        }
    }
}

/// Why networks cannot be made from a weight file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworksError {
    /// The tensors.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The configuration does not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The header has no configuration, or none that can be read.
    #[error("the weight file's header has no usable `{CONFIG_KEY}`: {reason}")]
    Header {
        /// What is wrong with it.
        reason: String,
    },
}

impl NetworksError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Weights(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Header { .. } => "weights.no_config",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Weights(error) => error.help(),
            Self::Config(error) => error.help(),
            Self::Header { .. } => {
                "take a weight file that was saved by this program, or name the preset it was made for"
            }
        }
    }
}

/// The networks.
#[derive(Module, Debug)]
pub struct Networks<B: Backend> {
    /// Pictures to latents and back.
    pub autoencoder: Autoencoder<B>,
    /// Reference picture to the context of cross-attention.
    pub image_encoder: Option<ClipVision<B>>,
    /// Reference latent to the context of cross-attention, where there is no image encoder.
    pub reference_tokens: Option<ReferenceTokens<B>>,
    /// Reference latent to cells that the denoiser can copy.
    pub reference_copy: Option<ReferenceCopy<B>>,
    /// Reference latent to tokens for the denoiser's self-attentions.
    pub reference_unet: ReferenceNet<B>,
    /// Skeleton and depth to pose features.
    pub pose_modulation: PoseModulation<B>,
    /// Object latents to features of every level.
    pub object_guider: Option<ObjectGuider<B>>,
    /// The denoiser.
    pub denoising_unet: DenoisingNet<B>,
    #[module(skip)]
    config: NetworksConfig,
    #[module(skip)]
    schedule: Ddim,
    #[module(skip)]
    precision: ComputePrecision,
}

/// What a clip is made from.
#[derive(Debug, Clone)]
pub struct ClipConditions<B: Backend> {
    /// Latents of the environment, `[B, C, N, h, w]`.
    pub environment: Tensor<B, 5>,
    /// Skeleton maps `[B, 3, N, H, W]` in [0, 1].
    pub skeleton: Tensor<B, 5>,
    /// Depth `[B, 1, N, H, W]` in [0, 1].
    pub depth: Tensor<B, 5>,
    /// Latents of the objects, `[B, C, N, h, w]`; `None` when the clip has none.
    pub objects: Option<Tensor<B, 5>>,
}

impl<B: ModelBackend> ClipConditions<B> {
    /// The same with a temporal reference: the latent `[B, C, h, w]` of the finished frame before takes the first place of
    /// the environment, where nothing is masked.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn with_temporal_reference(mut self, finished: Tensor<B, 4>) -> Self {
        let [b, c, _, h, w] = self.environment.dims();
        assert_eq!(finished.dims(), [b, c, h, w], "temporal reference, environment {:?}", self.environment.dims());
        let place = [0..b, 0..c, 0..1, 0..h, 0..w];
        self.environment = self.environment.slice_assign(place, finished.reshape([b, c, 1, h, w]));
        self
    }
}

/// The conditions of a clip as the denoiser takes them, the same in every step.
#[derive(Debug, Clone)]
pub struct ClipFeatures<B: Backend> {
    /// What is concatenated to the noise, `[B, C_env, N, h, w]`.
    pub environment: Tensor<B, 5>,
    /// `[B, C_0, N, h, w]`.
    pub pose: Tensor<B, 5>,
    /// One map a level, finest first; `None` when there are no objects to blend.
    pub objects: Option<Vec<Tensor<B, 5>>>,
}

/// A reference picture as the sampler takes it: the same for all steps and clips.
#[derive(Debug, Clone)]
pub struct ReferenceState<B: Backend> {
    /// Keys and values for the denoiser's self-attentions.
    pub projected: ProjectedReference<B>,
    /// Context of cross-attention, `[B, L, D]`.
    pub context: Option<Tensor<B, 3>>,
    /// What can be copied.
    pub cells: Option<ReferenceCells<B>>,
}

/// A reference picture in training, differentiable.
#[derive(Debug, Clone)]
pub struct TrainedReference<B: Backend> {
    /// Tokens for the denoiser's self-attentions, before they go through its linear maps.
    pub features: ReferenceFeatures<B>,
    /// Context of cross-attention, `[B, L, D]`.
    pub context: Option<Tensor<B, 3>>,
    /// What can be copied.
    pub cells: Option<ReferenceCells<B>>,
}

/// All that the denoiser sees of a reference, from either of the two.
#[derive(Debug, Clone)]
pub struct SeenReference<'a, B: Backend> {
    tokens: Reference<'a, B>,
    context: Option<&'a Tensor<B, 3>>,
    cells: Option<&'a ReferenceCells<B>>,
}

impl<'a, B: Backend> From<&'a ReferenceState<B>> for SeenReference<'a, B> {
    fn from(state: &'a ReferenceState<B>) -> Self {
        let ReferenceState { projected, context, cells } = state;
        Self { tokens: projected.into(), context: context.as_ref(), cells: cells.as_ref() }
    }
}

impl<'a, B: Backend> From<&'a TrainedReference<B>> for SeenReference<'a, B> {
    fn from(reference: &'a TrainedReference<B>) -> Self {
        let TrainedReference { features, context, cells } = reference;
        Self { tokens: features.into(), context: context.as_ref(), cells: cells.as_ref() }
    }
}

impl<B: ModelBackend> Networks<B> {
    /// Networks at the start of training; the same for the same seed and backend.
    ///
    /// # Errors
    /// [`ConfigError`] when the parts do not fit together.
    pub fn init(config: &NetworksConfig, seed: u64, device: &B::Device) -> Result<Self, ConfigError> {
        config.check()?;
        B::seed(device, seed);
        let networks = Self::build(config, device);
        // Weights are drawn when they are first used: use them now, in this order.
        networks.visit(&mut DrawNow);
        Ok(networks)
    }

    /// Networks whose weights are not drawn yet.
    fn build(config: &NetworksConfig, device: &B::Device) -> Self {
        let denoiser = config.denoiser();
        let latent_channels = config.autoencoder.latent_channels();
        Self {
            autoencoder: config.autoencoder.init(device),
            image_encoder: config.image_encoder.as_ref().map(|encoder| encoder.init(device)),
            reference_tokens: config.reference_tokens.as_ref().map(|tokens| tokens.init(latent_channels, device)),
            reference_copy: config.reference_copy.as_ref().map(|copy| copy.init(latent_channels, device)),
            reference_unet: ReferenceNet::init(&denoiser, device),
            pose_modulation: config.pose.init(device),
            object_guider: (config.objects == ObjectUse::Blended)
                .then(|| ObjectGuider::init(latent_channels, &denoiser.block_out_channels, device)),
            denoising_unet: DenoisingNet::init(&denoiser, device),
            config: config.clone(),
            schedule: Ddim::new(config.schedule.clone()),
            precision: ComputePrecision::default(),
        }
    }

    /// Networks with the weights and the configuration of a file that [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    /// [`NetworksError`].
    pub fn load(weights: &Weights, device: &B::Device) -> Result<Self, NetworksError> {
        let header = |reason: String| NetworksError::Header { reason };
        let text = weights.metadata(CONFIG_KEY).ok_or_else(|| header("it is not there".into()))?;
        let config: NetworksConfig = serde_json::from_str(text).map_err(|error| header(error.to_string()))?;
        Self::load_as(&config, weights, device)
    }

    /// Networks of a known configuration with the weights of a file; every tensor must be there and no other.
    ///
    /// # Errors
    /// [`NetworksError`].
    pub fn load_as(config: &NetworksConfig, weights: &Weights, device: &B::Device) -> Result<Self, NetworksError> {
        config.check()?;
        Ok(weights.load(Self::build(config, device), "", Extra::Refused)?)
    }

    /// The same networks calculating in another precision.
    pub fn with_precision(mut self, precision: ComputePrecision) -> Self {
        self.precision = precision;
        self
    }

    /// The configuration.
    pub fn config(&self) -> &NetworksConfig {
        &self.config
    }

    /// Every tensor: key, shape, values.
    pub fn to_tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        collect(self, "")
    }

    /// The bytes of a weight file with the configuration in its header, beside `header`'s texts.
    ///
    /// # Errors
    /// [`WeightError::Malformed`] when the header is too large.
    pub fn to_bytes(&self, precision: Precision, mut header: BTreeMap<String, String>) -> Result<Vec<u8>, WeightError> {
        let config = serde_json::to_string(&self.config)
            .map_err(|error| WeightError::Malformed { path: PathBuf::new(), reason: error.to_string() })?;
        header.insert(CONFIG_KEY.into(), config);
        to_bytes(&self.to_tensors(), precision, header)
    }

    /// Number of weights by network.
    pub fn parameter_counts(&self) -> BTreeMap<&'static str, usize> {
        BTreeMap::from([
            ("autoencoder", self.autoencoder.num_params()),
            ("image_encoder", self.image_encoder.num_params()),
            ("reference_tokens", self.reference_tokens.num_params()),
            ("reference_copy", self.reference_copy.num_params()),
            ("reference_unet", self.reference_unet.num_params()),
            ("pose_modulation", self.pose_modulation.num_params()),
            ("object_guider", self.object_guider.num_params()),
            ("denoising_unet", self.denoising_unet.num_params()),
        ])
    }

    /// Pictures `[B, 3, N, H, W]` in [-1, 1] to latents `[B, C, N, h, w]`, frame by frame.
    pub fn encode_video(&self, pictures: Tensor<B, 5>) -> Tensor<B, 5> {
        let b = pictures.dims()[0];
        let frames = frames_from_video(pictures);
        let latents = (0..frames.dims()[0]).map(|frame| self.autoencoder.encode(frames.clone().narrow(0, frame, 1)));
        video_from_frames(Tensor::cat(latents.collect(), 0), b)
    }

    /// A reference for training: latent `[B, C, h, w]`, and where there is an image encoder its embedding `[B, 1, D]`.
    pub fn reference_features(&self, latent: Tensor<B, 4>, embedding: Option<Tensor<B, 3>>) -> TrainedReference<B> {
        let context = self.reference_tokens.as_ref().map(|tokens| tokens.forward(latent.clone())).or(embedding);
        let timestep = Tensor::zeros([latent.dims()[0]], &latent.device());
        let cells = self.reference_copy.as_ref().map(|copy| copy.forward(latent.clone()));
        let latent = self.precision.narrowed(latent);
        let features = self.reference_unet.forward(latent, timestep, context.clone(), self.config.fusion);
        TrainedReference { features, context, cells }
    }

    /// A reference for sampling, from the same.
    pub fn reference_state(&self, latent: Tensor<B, 4>, embedding: Option<Tensor<B, 3>>) -> ReferenceState<B> {
        let TrainedReference { features, context, cells } = self.reference_features(latent, embedding);
        ReferenceState { projected: self.denoising_unet.project_reference(&features), context, cells }
    }

    /// The context of cross-attention for `batch` clips without a reference: zeros, where there is a context at all.
    fn no_context(&self, batch: usize, device: &B::Device) -> Option<Tensor<B, 3>> {
        let width = self.config.unet.cross_attention_width?;
        let tokens = self.config.reference_tokens.as_ref().map_or(1, |tokens| tokens.grid * tokens.grid);
        Some(Tensor::zeros([batch, tokens, width], device))
    }

    /// What the denoiser needs of a clip's conditions; differentiable.
    pub fn clip_features(&self, conditions: &ClipConditions<B>) -> ClipFeatures<B> {
        let ClipConditions { environment, skeleton, depth, objects } = conditions.clone();
        let narrowed = |x| self.precision.narrowed(x);
        let pose = self.pose_modulation.forward(narrowed(skeleton), narrowed(depth));
        let guided = match (&self.object_guider, &objects) {
            (Some(guider), Some(objects)) => Some(guider.forward(narrowed(objects.clone()))),
            _ => None,
        };
        let environment = match self.config.objects {
            ObjectUse::Concatenated => {
                let objects = objects.unwrap_or_else(|| environment.zeros_like());
                Tensor::cat(vec![environment, objects], 1)
            }
            ObjectUse::Blended | ObjectUse::Absent => environment,
        };
        ClipFeatures { environment, pose, objects: guided }
    }

    /// The velocity for noisy latents `[B, C, N, h, w]` at `timestep` `[B]`; without a reference it is the
    /// unconditional half of guidance, whose context is zeros.
    pub fn predict(
        &self,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
        reference: Option<SeenReference<'_, B>>,
    ) -> Tensor<B, 5> {
        let b = latent.dims()[0];
        let (tokens, context, cells) = match reference {
            Some(SeenReference { tokens, context, cells }) => (Some(tokens), context.cloned(), cells),
            None => (None, self.no_context(b, &latent.device()), None),
        };
        let input = DenoisingInput { context, reference: tokens, ..self.denoising_input(&latent, &timestep, features) };
        let output = self.denoising_unet.forward(input);
        self.velocity(output, cells, latent, timestep, features)
    }

    /// [`predict`](Self::predict) with the reference and without it, in that order.
    pub fn predict_both(
        &self,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
        reference: SeenReference<'_, B>,
    ) -> [Tensor<B, 5>; 2] {
        let none = self.no_context(latent.dims()[0], &latent.device());
        let SeenReference { tokens, context, cells } = reference;
        let input = DenoisingInput {
            context: context.cloned(),
            reference: Some(tokens),
            ..self.denoising_input(&latent, &timestep, features)
        };
        let [with, without] = self.denoising_unet.forward_guided(input, none);
        [
            self.velocity(with, cells, latent.clone(), timestep.clone(), features),
            self.velocity(without, None, latent, timestep, features),
        ]
    }

    /// What the denoiser sees beside reference and context.
    fn denoising_input<'a>(
        &self,
        latent: &Tensor<B, 5>,
        timestep: &Tensor<B, 1>,
        features: &'a ClipFeatures<B>,
    ) -> DenoisingInput<'a, B> {
        let shown = self.config.denoiser_output.input(latent.clone(), timestep, &self.schedule);
        let latent = self.precision.narrowed(Tensor::cat(vec![shown, features.environment.clone()], 1));
        DenoisingInput {
            pose: Some(features.pose.clone()),
            objects: features.objects.as_deref(),
            ..DenoisingInput::new(latent, timestep.clone())
        }
    }

    /// The velocity for the denoiser's output, with what it copies of the reference.
    fn velocity(
        &self,
        output: Tensor<B, 5>,
        cells: Option<&ReferenceCells<B>>,
        latent: Tensor<B, 5>,
        timestep: Tensor<B, 1>,
        features: &ClipFeatures<B>,
    ) -> Tensor<B, 5> {
        let (c, output) = (latent.dims()[1], self.precision.widened(output));
        // Concatenated objects come after the environment's channels.
        let environment = features.environment.clone().narrow(1, 0, c);
        let mut change = output.clone().narrow(1, 0, c);
        if let Some(cells) = cells {
            change = change + cells.copied(output.clone().narrow(1, c, output.dims()[1] - c));
        }
        self.config.denoiser_output.velocity(change, latent, environment, timestep, &self.schedule)
    }
}

/// Draws every weight.
struct DrawNow;

impl<B: Backend> ModuleVisitor<B> for DrawNow {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        drop(param.val());
    }
}
