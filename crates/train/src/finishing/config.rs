//! Settings of a training of the finisher.

use std::path::PathBuf;

use model::finisher::FinisherConfig;
use serde::{Deserialize, Serialize};

use super::feed::FeedConfig;
use super::loss::LossConfig;
use super::mixed::PreparedSource;
use super::sample::SampleConfig;
use crate::optimizer::OptimizerConfig;

/// A training of the finisher, one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishingTraining {
    /// Folder for log, weights and sheets.
    pub run: PathBuf,
    /// Seed of weights and data order.
    pub seed: u64,
    /// Steps in all.
    pub steps: u64,
    /// Stop after so many minutes of this process, with everything written.
    #[serde(default)]
    pub minutes: Option<f64>,
    /// Steps from one log line to the next.
    #[serde(default = "default_log_every")]
    pub log_every: u64,
    /// Steps from one saved state and sheet to the next.
    #[serde(default = "default_save_every")]
    pub save_every: u64,
    /// Weights to start from, where the run folder has no state yet.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// 3D assets, a folder or a pack; without them everything is procedural.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// Users' own videos, mixed with rendered clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared: Vec<PreparedSource>,
    /// The catalogue's file `vgg-hed` or its beginning; without it there is no perceptual part.
    #[serde(default)]
    pub perceptual_weights: Option<PathBuf>,
    /// Calculate in bf16, with weights, moments, norms' statistics and losses in f32: for graphics cards.
    #[serde(default)]
    pub half: bool,
    /// Clips that are never trained on, measured at each save.
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
    /// What a finished clip is judged by.
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
