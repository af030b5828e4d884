//! Data sets, augmentation, the training loop, checkpoints and evaluation.
//!
//! # Invariants
//! Everything is a function of the configuration and its seed: random numbers of a step depend on seed and step only, and
//! no result depends on the number of threads. Nothing here prints; a run tells its [`Progress`](trainer::Progress).

pub mod autoencoder;
pub mod batch;
mod block_means;
pub mod checkpoint;
pub mod crops;
pub mod dataset;
pub mod denoiser;
pub mod error;
pub mod export;
pub mod finishing;
mod live;
mod normal;
pub mod optimizer;
pub mod parameters;
pub mod picture_tensor;
pub mod recolour;
pub mod records;
pub mod supervision;
pub mod trainer;

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::backend::AutodiffBackend;
use model::ModelBackend;
use serde::{Deserialize, Serialize};

pub use error::{Result, TrainError};
pub use trainer::{Event, Outcome};

/// A training configuration, one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Config {
    /// The small autoencoder.
    Autoencoder(autoencoder::AutoencoderTraining),
    /// Renders a set of clips ahead of time.
    Clips(dataset::DatasetConfig),
    /// The method's networks on single frames.
    Stage1(denoiser::DenoiserTraining),
    /// The method's networks on short clips, with temporal layers.
    Stage2(denoiser::DenoiserTraining),
    /// The network that finishes drafts.
    Finishing(Box<finishing::FinishingTraining>),
}

impl Config {
    /// Reads a TOML file; settings that are not known are errors.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
        toml::from_str(&text).map_err(|error| TrainError::Config { path: path.into(), reason: error.to_string() })
    }
}

/// Runs a training (or, for [`Config::Clips`], only prepares data: no outcome), from its newest checkpoint if there is one. `progress` may end it early, with a checkpoint.
///
/// # Errors
/// Any [`TrainError`]; a checkpoint that was written stays whole.
pub fn run<B: AutodiffBackend + ModelBackend>(
    config: &Config,
    device: &B::Device,
    progress: &mut dyn FnMut(&Event) -> ControlFlow<()>,
) -> Result<Option<Outcome>>
where
    B::InnerBackend: ModelBackend,
{
    match config {
        Config::Autoencoder(config) => autoencoder::run::<B>(config, device, progress).map(Some),
        Config::Clips(config) => config.prepare(progress).map(|()| None),
        Config::Stage1(config) => denoiser::run::<B>(config, denoiser::Stage::Frames, device, progress).map(Some),
        Config::Finishing(config) => finishing::run::<B>(config, device, progress).map(|_| None),
        Config::Stage2(config) => denoiser::run::<B>(config, denoiser::Stage::Clips, device, progress).map(Some),
    }
}
