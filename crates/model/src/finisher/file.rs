//! Reads and writes finisher files: weights under the module's own paths, and the configuration in the header.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::backend::Backend;

use super::{Finisher, FinisherConfig};
use crate::ops::ModelBackend;
use crate::weights::{Extra, StoredPrecision, WeightError, Weights, collect, to_bytes};

/// The header entry that holds the configuration.
const CONFIG_KEY: &str = "stuntdouble.finisher";

impl FinisherConfig {
    /// The configuration in a finisher file.
    ///
    /// # Errors
    /// [`WeightError::Malformed`] when the file has none, or an inconsistent one.
    pub fn of_weights(weights: &Weights) -> Result<Self, WeightError> {
        let malformed = |reason: String| WeightError::Malformed { path: PathBuf::new(), reason };
        let text = weights
            .metadata(CONFIG_KEY)
            .ok_or_else(|| malformed(format!("`{CONFIG_KEY}` is missing in the header")))?;
        let config: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        config.check().map_err(|error| malformed(error.to_string()))?;
        Ok(config)
    }

    /// Loads the network from a file that [`Finisher::to_bytes`] made, for inference or further training.
    ///
    /// # Errors
    /// [`WeightError`] for missing or extra tensors, or wrong shapes.
    pub fn load<B: ModelBackend>(&self, weights: &Weights, device: &B::Device) -> Result<Finisher<B>, WeightError> {
        weights.load(self.init(device), "", Extra::Refused)
    }
}

impl<B: Backend> Finisher<B> {
    /// The bytes of a weight file for this network, with `config` in its header.
    ///
    /// # Errors
    /// [`WeightError::Malformed`] when the header is too large.
    pub fn to_bytes(&self, config: &FinisherConfig, precision: StoredPrecision) -> Result<Vec<u8>, WeightError> {
        let text = serde_json::to_string(config)
            .map_err(|error| WeightError::Malformed { path: PathBuf::new(), reason: error.to_string() })?;
        to_bytes(&collect(self, ""), precision, BTreeMap::from([(CONFIG_KEY.to_owned(), text)]))
    }
}
