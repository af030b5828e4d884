//! Implements the sampling loop of a clip (paper 3.5): noise, guidance, DDIM steps, and decoding frame by frame.
//!
//! A clip depends only on its conditions, the reference, the settings and its noise. The noise depends only on seed and
//! clip index. A clip generated alone is therefore identical to the same clip generated in sequence.
//!
//! [`crate::sampling::clip_plan`] determines the source frames of a clip. The temporal reference of a clip is passed in
//! through [`ClipConditions::with_temporal_reference`].

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
use crate::sampling::windows::{ContextConfig, ContextSum};

/// Settings for sampling a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingSettings {
    /// Number of denoising steps.
    pub steps: usize,
    /// Scale of classifier-free guidance; values up to 1 disable it.
    pub guidance: f32,
    /// The noise schedule; usually that of the networks' configuration.
    pub schedule: DdimConfig,
    /// Windows over a clip that is longer than their size. Without them the denoiser sees the whole clip at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<ContextConfig>,
}

impl Default for SamplingSettings {
    fn default() -> Self {
        Self { steps: 30, guidance: 3.5, schedule: DdimConfig::default(), windows: None }
    }
}

/// The stage at which a non-finite value was found.
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
    /// The decoded picture at this place of the clip.
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

/// Why a clip was not generated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// NaN or infinity.
    #[error("found a value that is not finite in {stage}")]
    NonFinite {
        /// The first stage where it was found.
        stage: SamplingStage,
    },
    /// More steps than the schedule has, or none.
    #[error("the number of denoising steps is {found}, expected 1 to {most}")]
    Steps {
        /// The requested number.
        found: usize,
        /// The number of timesteps in the schedule.
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
            Self::NonFinite { .. } => "check the weights with `stuntdouble models verify`, and use full precision",
            Self::Steps { .. } => "choose a number of denoising steps within the allowed range",
            Self::Stopped => "run the same command again to continue with the first unfinished clip",
        }
    }
}

/// Standard normal noise of one clip. It depends only on seed and clip index, and is the same on every backend.
pub fn clip_noise<B: ModelBackend>(seed: u64, clip: usize, shape: [usize; 5], device: &B::Device) -> Tensor<B, 5> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(clip as u64);
    let count = shape.iter().product::<usize>();
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        // Box-Muller transform; 1 - u is never 0.
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
        values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
    }
    values.truncate(count);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The initial noise of a clip for these networks, `[B, C, N, h, w]`: [`clip_noise`]. Networks without temporal modules
/// get the noise of one frame for all frames of all clips, because nothing else would keep their frames consistent.
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

/// Generates the latents `[1, C, N, h, w]` of a clip from noise of that shape. `progress` receives the number of
/// completed steps and the total. The memory of all other networks is [released](Networks::offload) before the first step.
///
/// # Errors
/// [`SamplingError`].
///
/// # Panics
/// When shapes do not match the networks.
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

/// [`generate_clip`], whose `progress` also receives the latents after each step.
///
/// # Errors
/// [`SamplingError`].
///
/// # Panics
/// When shapes do not match the networks.
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
        Ok(match &settings.windows {
            Some(windows) => {
                guided_in_windows(networks, latent, timestep, &features, reference, settings.guidance, windows)
            }
            None => guided(networks, latent, timestep, &features, reference, settings.guidance),
        })
    };
    let latents = ddim::sample(&ddim, settings.steps, noise, denoise, progress)?.ok_or(SamplingError::Stopped)?;
    check_finite(&latents, SamplingStage::Step(step))?;
    Ok(latents)
}

/// `u + g (c - u)`. The unconditional branch `u` has no reference and a zero context, but has pose, environment and
/// objects.
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

/// [`guided`] over overlapping windows of frames. Each frame gets the mean of its windows' predictions. The windows are those
/// of step 0 in every step, as in the public pipelines.
fn guided_in_windows<B: ModelBackend>(
    networks: &Networks<B>,
    latent: Tensor<B, 5>,
    timestep: i64,
    features: &ClipFeatures<B>,
    reference: &ReferenceState<B>,
    guidance: f32,
    windows: &ContextConfig,
) -> Tensor<B, 5> {
    let device = latent.device();
    let frames = latent.dims()[2];
    if frames <= windows.size {
        return guided(networks, latent, timestep, features, reference, guidance);
    }
    let mut sum = ContextSum::new(latent.dims(), &device);
    for window in windows.windows(frames, 0) {
        let indices: Vec<i64> = window.iter().map(|frame| *frame as i64).collect();
        let indices = Tensor::from_data(TensorData::new(indices, [window.len()]), &device);
        let part = latent.clone().select(2, indices.clone());
        let prediction = guided(networks, part, timestep, &features.at(&indices), reference, guidance);
        sum.add(&window, &prediction);
    }
    sum.mean()
}

/// Decodes the frames at `places` of a clip's latents `[1, C, N, h, w]` one by one. `sink` receives each place and its
/// picture `[1, 3, H, W]`, approximately in [-1, 1]. The denoiser's memory is [released](Networks::offload) first.
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
    // 0 * x is 0 for finite values and NaN for all others.
    let sum: f32 = (x.clone() * 0.0).sum().into_scalar().elem();
    if sum == 0.0 { Ok(()) } else { Err(SamplingError::NonFinite { stage }) }
}
