//! The options of a noise schedule, under the names of public scheduler configurations.

use serde::{Deserialize, Serialize};

/// How the betas run from first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Evenly.
    Linear,
    /// Their square roots evenly.
    ScaledLinear,
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// `sqrt(a) eps - sqrt(1 - a) z_0`.
    VPrediction,
    /// The clean latent.
    Sample,
}

/// Which timesteps a sampler visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// `k * (T / steps) + steps_offset`, whole division.
    Leading,
    /// `round(T - k T / steps) - 1`: starts at the very last timestep.
    Trailing,
    /// Evenly from 0 to `T - 1`, both included.
    Linspace,
}

/// A noise schedule. Field names are those of public scheduler configurations; fields left out of a file have
/// [`DdimConfig::upstream`]'s values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "DdimConfig::upstream")]
pub struct DdimConfig {
    /// Timesteps of training, `T`.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// Between them.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: Prediction,
    /// Which timesteps are visited.
    pub timestep_spacing: Spacing,
    /// Added to [`Spacing::Leading`] timesteps.
    pub steps_offset: usize,
    /// Clamp the predicted clean latent to `+-clip_sample_range`.
    pub clip_sample: bool,
    /// Used when `clip_sample`.
    pub clip_sample_range: f64,
    /// The last step goes to `a = 1`; otherwise to `a_0`.
    pub set_alpha_to_one: bool,
    /// Shift and scale the schedule so that nothing of the signal is left at the last timestep.
    pub rescale_betas_zero_snr: bool,
}

impl Default for DdimConfig {
    /// What this project trains with: scaled-linear betas, v-prediction, zero terminal SNR, trailing timesteps.
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
    /// The defaults of the public reference implementation, for fields that a file leaves out.
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

    /// The sampler's schedule of public Animate Anyone weights: as [`Default`], with linear betas.
    pub fn animate_anyone() -> Self {
        Self { beta_schedule: BetaSchedule::Linear, ..Self::default() }
    }
}
