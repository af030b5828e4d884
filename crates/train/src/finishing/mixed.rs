//! Combines the sources of clips: the renderer and prepared sets of users' own videos, mixed according to weights.

use std::path::PathBuf;

use rand::Rng;
use serde::{Deserialize, Serialize};
use stage::{Assets, Split, seed_of};

use super::filmed;
use super::sample::{Sample, SampleConfig, samples};
use crate::error::{Result, TrainError};
use crate::trainer::random_of_step;
use crate::videos::{PreparedSet, hashes};

/// A prepared set in a mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedSource {
    /// The folder that `train data prepare` wrote.
    pub set: PathBuf,
    /// Number of clips from this set for each rendered clip.
    pub weight: f64,
}

impl PreparedSource {
    /// Weight and hashes of the shards. They must be the same when a run is resumed.
    pub(super) fn identity(&self) -> Result<(f64, Vec<String>)> {
        Ok((self.weight, hashes(&self.set)?))
    }
}

/// All sources of clips.
pub struct ClipSource {
    assets: Assets,
    sets: Vec<(PreparedSet, f64)>,
}

impl From<Assets> for ClipSource {
    fn from(assets: Assets) -> Self {
        Self { assets, sets: vec![] }
    }
}

impl ClipSource {
    /// Opens the sets.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for an invalid weight; the errors of [`PreparedSet::open`].
    pub fn open(assets: Assets, sources: &[PreparedSource]) -> Result<Self> {
        let open = |source: &PreparedSource| {
            if !(source.weight.is_finite() && source.weight >= 0.0) {
                let found = source.weight.to_string();
                return Err(TrainError::Setting {
                    setting: "prepared.weight",
                    found,
                    expected: "a number of at least 0",
                });
            }
            Ok((PreparedSet::open(&source.set)?, source.weight))
        };
        Ok(Self { assets, sets: sources.iter().map(open).collect::<Result<_>>()? })
    }

    /// The assets for rendering.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The samples of clip `index`, which is rendered or filmed.
    ///
    /// # Errors
    /// The errors of rendering and reading.
    pub fn samples(&self, index: u64, split: Split, config: &SampleConfig) -> Result<Vec<Sample>> {
        let mut random = random_of_step(seed_of("mixed", index), 0);
        let all: f64 = self.sets.iter().map(|(_, weight)| weight).sum();
        if all == 0.0 {
            return samples(index, split, &self.assets, config);
        }
        let mut place = random.random_range(0.0..1.0 + all);
        for (set, weight) in &self.sets {
            if place < *weight {
                let clip = set.clip(random.random_range(0..set.count()))?;
                return Ok(filmed::sample(&clip, config, &mut random).into_iter().collect());
            }
            place -= weight;
        }
        samples(index, split, &self.assets, config)
    }
}
