//! Implements data sets, augmentation, training loops and checkpoints.
//!
//! # Invariants
//! The configuration and its seed determine every result. The random numbers of a step depend only on seed and step,
//! and no result depends on the number of threads. The crate prints nothing; a run reports its
//! [`Progress`](trainer::Progress).

pub mod autoencoder;
pub mod checkpoint;
pub mod data;
pub mod denoiser;
pub mod device;
pub mod error;
pub mod export;
pub mod finishing;
pub mod following;
mod normal;
pub mod optimizer;
pub mod parameters;
pub mod picture_tensor;
mod progress;
pub mod trainer;
pub mod videos;

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::backend::AutodiffBackend;
use model::ModelBackend;
use serde::{Deserialize, Serialize};

pub use error::{Result, TrainError};
pub use trainer::{Event, Outcome};

/// A training configuration: one TOML file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Config {
    /// The small autoencoder.
    Autoencoder(autoencoder::AutoencoderTraining),
    /// Renders a set of clips ahead of time.
    Clips(data::dataset::DatasetConfig),
    /// The method's networks on single frames.
    Stage1(denoiser::DenoiserTraining),
    /// The method's networks on short clips, with temporal layers.
    Stage2(denoiser::DenoiserTraining),
    /// The network that finishes drafts.
    Finishing(Box<finishing::FinishingTraining>),
}

impl Config {
    /// Reads a TOML file. Unknown settings are errors.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_changed(path, &[])
    }

    /// Reads a TOML file with changes such as `optimizer.rate=1e-4` or `run=runs/2`. A value that is not valid TOML is
    /// a string. If the settings of the loop have their own table, `steps` and `minutes` refer to that table.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Config`].
    pub fn read_changed(path: &Path, changes: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(TrainError::io(path))?;
        let wrong = |reason: String| TrainError::Config { path: path.into(), reason };
        let mut table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        for change in changes {
            let (place, value) = change
                .split_once('=')
                .ok_or_else(|| wrong(format!("the change `{change}` does not have the form `key.key=value`")))?;
            let parsed = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
            let value = parsed.and_then(|mut table| table.remove("value"));
            let value = value.unwrap_or_else(|| toml::Value::String(change[place.len() + 1..].into()));
            let is_of_loop = matches!(place.trim(), "steps" | "minutes") && table.contains_key("settings");
            let place = if is_of_loop { format!("settings.{}", place.trim()) } else { place.trim().to_owned() };
            set(&mut table, &place, value)
                .ok_or_else(|| wrong(format!("`{place}` cannot be set, because its parent is not a table")))?;
        }
        table.try_into().map_err(|error: toml::de::Error| wrong(error.to_string()))
    }
}

/// Sets a value at a place such as `feed.batch`; none if part of the path is not a table.
fn set(table: &mut toml::Table, place: &str, value: toml::Value) -> Option<()> {
    match place.split_once('.') {
        None => {
            table.insert(place.into(), value);
            Some(())
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            set(inner.as_table_mut()?, rest, value)
        }
    }
}

/// Runs a training from its newest checkpoint, if there is one. ([`Config::Clips`] only prepares data and has no
/// outcome.) `progress` can end the run early; a checkpoint is then written.
///
/// # Errors
/// Any [`TrainError`]. Existing checkpoints stay intact.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_changed_by_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "kind = \"finishing\"\nrun = \"a\"\nseed = 1\nsteps = 5\n").unwrap();
        let changes = ["feed.batch=3", "run=runs/b", "steps = 7", "optimizer.rate=1e-3"].map(String::from);
        let Config::Finishing(config) = Config::read_changed(&path, &changes).unwrap() else { panic!("another kind") };
        assert_eq!((config.feed.batch, config.run.to_str(), config.steps), (3, Some("runs/b"), 7));
        assert_eq!(config.optimizer.rate, 1e-3);
        for wrong in ["feed.batsh=3", "feed", "seed.a=1", "feed.batch=many"] {
            assert_eq!(Config::read_changed(&path, &[wrong.into()]).unwrap_err().code(), "train.config", "{wrong}");
        }
    }
}
