//! Defines the settings for training the finisher.

use std::path::PathBuf;

use model::finisher::FinisherConfig;
use serde::{Deserialize, Serialize};

use super::feed::FeedConfig;
use super::loss::LossConfig;
use super::mixed::PreparedSource;
use super::sample::SampleConfig;
use crate::optimizer::OptimizerConfig;

/// A training configuration of the finisher: one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishingTraining {
    /// Folder for log, weights and sheets.
    pub run: PathBuf,
    /// Seed of weights and data order.
    pub seed: u64,
    /// Total number of steps.
    pub steps: u64,
    /// Stop after this many minutes of this process and save everything.
    #[serde(default)]
    pub minutes: Option<f64>,
    /// Number of steps between log lines.
    #[serde(default = "default_log_every")]
    pub log_every: u64,
    /// Number of steps between saved states and sheets.
    #[serde(default = "default_save_every")]
    pub save_every: u64,
    /// Weights to start from, if the run folder has no state yet.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// 3D assets, a folder or a pack; without them everything is procedural.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// Users' own videos, mixed with rendered clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared: Vec<PreparedSource>,
    /// The catalogue's file `vgg-hed` or its beginning; without it there is no perceptual loss.
    #[serde(default)]
    pub perceptual_weights: Option<PathBuf>,
    /// Compute in bf16, with weights, moments, norm statistics and losses in f32. Use it on GPUs.
    #[serde(default)]
    pub half: bool,
    /// Number of held-out clips, which are measured at each save.
    #[serde(default = "default_held_out")]
    pub held_out: u64,
    /// The network.
    #[serde(default)]
    pub network: FinisherConfig,
    /// Samples.
    #[serde(default)]
    pub samples: SampleConfig,
    /// Batches.
    #[serde(default)]
    pub feed: FeedConfig,
    /// Loss weights.
    #[serde(default)]
    pub loss: LossConfig,
    /// Optimiser.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
}

fn default_log_every() -> u64 {
    20
}

fn default_save_every() -> u64 {
    500
}

fn default_held_out() -> u64 {
    12
}
