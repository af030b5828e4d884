//! Defines the options of a noise schedule, under the names of public scheduler configurations.

use serde::{Deserialize, Serialize};

/// The progression of the betas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Linear.
    Linear,
    /// Linear in their square roots.
    ScaledLinear,
}

/// The quantity that the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity, `sqrt(a) eps - sqrt(1 - a) z_0`.
    VPrediction,
    /// The clean latent.
    Sample,
}

/// The timesteps that a sampler visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// `k * (T / steps) + steps_offset`, with integer division.
    Leading,
    /// `round(T - k T / steps) - 1`; starts at the last timestep.
    Trailing,
    /// Evenly spaced from 0 to `T - 1`, both included.
    Linspace,
}

/// A noise schedule. Field names are those of public scheduler configurations. Fields missing in a file have the values
/// of [`DdimConfig::upstream`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "DdimConfig::upstream")]
pub struct DdimConfig {
    /// Number of training timesteps, `T`.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// The progression between them.
    pub beta_schedule: BetaSchedule,
    /// The quantity that the network predicts.
    pub prediction_type: Prediction,
    /// The timesteps that a sampler visits.
    pub timestep_spacing: Spacing,
    /// Added to [`Spacing::Leading`] timesteps.
    pub steps_offset: usize,
    /// Clamps the predicted clean latent to `+-clip_sample_range`.
    pub clip_sample: bool,
    /// The range for `clip_sample`.
    pub clip_sample_range: f64,
    /// Whether the last step goes to `a = 1` instead of `a_0`.
    pub set_alpha_to_one: bool,
    /// Shifts and scales the schedule so that the last timestep has no signal (zero terminal SNR).
    pub rescale_betas_zero_snr: bool,
}

impl Default for DdimConfig {
    /// The schedule that this project trains with: scaled-linear betas, v-prediction, zero terminal SNR, trailing
    /// timesteps.
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            prediction_type: Prediction::VPrediction,
            timestep_spacing: Spacing::Trailing,
            steps_offset: 1,
            clip_sample: false,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            rescale_betas_zero_snr: true,
        }
    }
}

impl DdimConfig {
    /// The defaults of the public reference implementation, for fields missing in a file.
    pub fn upstream() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            prediction_type: Prediction::Epsilon,
            timestep_spacing: Spacing::Leading,
            steps_offset: 0,
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            rescale_betas_zero_snr: false,
        }
    }

    /// The sampling schedule of public Animate Anyone weights: [`Default`] with linear betas.
    pub fn animate_anyone() -> Self {
        Self { beta_schedule: BetaSchedule::Linear, ..Self::default() }
    }
}
