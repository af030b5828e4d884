//! The clip loop (paper 3.5): noise, guidance, DDIM steps, decoding frame by frame.
//!
//! Everything about a clip is a function of its conditions, the reference, the settings, and of its noise, which is a
//! function of seed and clip number only: a clip made alone is the clip made in its turn.
//!
//! Which source frames a clip holds is [`crate::sampling::clip_plan`]'s business; its temporal reference goes in through
//! [`ClipConditions::with_temporal_reference`].

#[cfg(test)]
mod tests;

use std::ops::{ControlFlow, Range};

use burn::tensor::{ElementConversion, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::networks::{ClipConditions, ClipFeatures, Component, Networks, ReferenceState, SeenReference};
use crate::ops::ModelBackend;
use crate::sampling::ddim::{self, Ddim, DdimConfig};

/// How a clip is sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingSettings {
    /// Denoising steps.
    pub steps: usize,
    /// Classifier-free guidance; 1 and less switch it off.
    pub guidance: f32,
    /// The noise schedule; usually that of the networks' configuration.
    pub schedule: DdimConfig,
}

impl Default for SamplingSettings {
    fn default() -> Self {
        Self { steps: 30, guidance: 3.5, schedule: DdimConfig::default() }
    }
}

/// Where a value was found that is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingStage {
    /// Latents of the environment.
    Environment,
    /// Pose features.
    Pose,
    /// Object features.
    Objects,
    /// The latents after this denoising step, counted from 1.
    Step(usize),
    /// The picture at this place of the clip.
    Decoding(usize),
}

impl std::fmt::Display for SamplingStage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => formatter.write_str("the environment latents"),
            Self::Pose => formatter.write_str("the pose features"),
            Self::Objects => formatter.write_str("the object features"),
            Self::Step(step) => write!(formatter, "the latents after denoising step {step}"),
            Self::Decoding(place) => write!(formatter, "the decoded picture {place}"),
        }
    }
}

/// Why a clip was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// Not-a-number or infinity.
    #[error("a value that is not finite in {stage}")]
    NonFinite {
        /// Where it was found first.
        stage: SamplingStage,
    },
    /// Steps that the schedule does not have.
    #[error("{found} denoising steps, expected 1 to {most}")]
    Steps {
        /// Asked for.
        found: usize,
        /// The schedule's timesteps.
        most: usize,
    },
    /// The progress callback asked to stop.
    #[error("sampling was stopped")]
    Stopped,
}

impl SamplingError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NonFinite { .. } => "sampling.non_finite",
            Self::Steps { .. } => "sampling.steps",
            Self::Stopped => "sampling.stopped",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NonFinite { .. } => "check the weights with `models verify`, and use full precision",
            Self::Steps { .. } => "choose fewer steps",
            Self::Stopped => "start the same job again to go on with the first unfinished clip",
        }
    }
}

/// Standard normal noise of one clip: a function of seed and clip number, the same on every backend.
pub fn clip_noise<B: ModelBackend>(seed: u64, clip: usize, shape: [usize; 5], device: &B::Device) -> Tensor<B, 5> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(clip as u64);
    let count = shape.iter().product::<usize>();
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // Box and Muller's transform; 1 - u is never 0.
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
        values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
    }
    values.truncate(count);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The noise that a clip starts from with these networks, `[B, C, N, h, w]`: [`clip_noise`]. Networks without temporal
/// modules get one frame's noise for all frames of all clips, because nothing else would keep their frames alike.
pub fn starting_noise<B: ModelBackend>(
    networks: &Networks<B>,
    seed: u64,
    clip: usize,
    shape: [usize; 5],
    device: &B::Device,
) -> Tensor<B, 5> {
    let [b, c, n, h, w] = shape;
    match networks.config().unet.motion {
        Some(_) => clip_noise(seed, clip, shape, device),
        None => clip_noise(seed, 0, [b, c, 1, h, w], device).repeat_dim(2, n),
    }
}

/// Makes the latents `[1, C, N, h, w]` of a clip from noise of that shape. `progress` is told how many of how many steps are
/// done. Networks other than the denoiser [rest](Networks::rest) from the first step on.
///
/// # Errors
/// [`SamplingError`].
///
/// # Panics
/// When shapes do not fit the networks.
pub fn generate_clip<B: ModelBackend>(
    networks: &Networks<B>,
    conditions: &ClipConditions<B>,
    reference: &ReferenceState<B>,
    settings: &SamplingSettings,
    noise: Tensor<B, 5>,
    mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Tensor<B, 5>, SamplingError> {
    generate_clip_observed(networks, conditions, reference, settings, noise, |done, steps, _| progress(done, steps))
}

/// [`generate_clip`], whose `progress` also sees the latents after each step.
///
/// # Errors
/// [`SamplingError`].
///
/// # Panics
/// When shapes do not fit the networks.
pub fn generate_clip_observed<B: ModelBackend>(
    networks: &Networks<B>,
    conditions: &ClipConditions<B>,
    reference: &ReferenceState<B>,
    settings: &SamplingSettings,
    noise: Tensor<B, 5>,
    progress: impl FnMut(usize, usize, &Tensor<B, 5>) -> ControlFlow<()>,
) -> Result<Tensor<B, 5>, SamplingError> {
    let most = settings.schedule.num_train_timesteps;
    if !(1..=most).contains(&settings.steps) {
        return Err(SamplingError::Steps { found: settings.steps, most });
    }
    let features = networks.clip_features(conditions);
    if let Some(environment) = &features.environment {
        check_finite(environment, SamplingStage::Environment)?;
    }
    check_finite(&features.pose, SamplingStage::Pose)?;
    for level in features.objects.iter().flatten() {
        check_finite(level, SamplingStage::Objects)?;
    }
    for part in [Component::Reference, Component::Autoencoder, Component::Conditions] {
        networks.offload(part);
    }
    let ddim = Ddim::new(settings.schedule.clone());
    let mut step = 0;
    let denoise = |latent: Tensor<B, 5>, timestep: i64| {
        if step > 0 {
            check_finite(&latent, SamplingStage::Step(step))?;
        }
        step += 1;
        Ok(guided(networks, latent, timestep, &features, reference, settings.guidance))
    };
    let latents = ddim::sample(&ddim, settings.steps, noise, denoise, progress)?.ok_or(SamplingError::Stopped)?;
    check_finite(&latents, SamplingStage::Step(step))?;
    Ok(latents)
}

/// `u + g (c - u)`. The unconditional `u` sees no reference and a zero context, but pose, environment and objects.
fn guided<B: ModelBackend>(
    networks: &Networks<B>,
    latent: Tensor<B, 5>,
    timestep: i64,
    features: &ClipFeatures<B>,
    reference: &ReferenceState<B>,
    guidance: f32,
) -> Tensor<B, 5> {
    let reference = SeenReference::from(reference).at_step(timestep);
    let timestep = Tensor::from_data(
        TensorData::new(vec![timestep as f32; latent.dims()[0]], [latent.dims()[0]]),
        &latent.device(),
    );
    if guidance <= 1.0 {
        return networks.predict(latent, timestep, features, Some(reference));
    }
    let [conditional, unconditional] = networks.predict_both(latent, timestep, features, reference);
    unconditional.clone() + (conditional - unconditional) * guidance
}

/// Decodes the frames at `places` of a clip's latents `[1, C, N, h, w]` one by one; `sink` takes each place and its picture
/// `[1, 3, H, W]`, about in [-1, 1]. The denoiser [rests](Networks::rest) meanwhile.
///
/// # Errors
/// [`SamplingError::NonFinite`], and [`SamplingError::Stopped`] when `sink` breaks.
///
/// # Panics
/// When a place is not in the clip.
pub fn decode_frames<B: ModelBackend>(
    networks: &Networks<B>,
    latents: &Tensor<B, 5>,
    places: Range<usize>,
    mut sink: impl FnMut(usize, Tensor<B, 4>) -> ControlFlow<()>,
) -> Result<(), SamplingError> {
    let [b, c, n, h, w] = latents.dims();
    assert!(b == 1 && places.end <= n, "decode: latents {:?}, places {places:?}", latents.dims());
    networks.offload(Component::Denoiser);
    for place in places {
        let latent = latents.clone().narrow(2, place, 1).reshape([1, c, h, w]);
        let picture = networks.decode(latent);
        check_finite(&picture, SamplingStage::Decoding(place))?;
        if sink(place, picture).is_break() {
            return Err(SamplingError::Stopped);
        }
    }
    Ok(())
}

fn check_finite<B: ModelBackend, const R: usize>(x: &Tensor<B, R>, stage: SamplingStage) -> Result<(), SamplingError> {
    // 0 * x is 0 for finite values and not-a-number for all others.
    let sum: f32 = (x.clone() * 0.0).sum().into_scalar().elem();
    if sum == 0.0 { Ok(()) } else { Err(SamplingError::NonFinite { stage }) }
}
