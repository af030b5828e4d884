//! The networks of a preset with their weights, verified.

use std::path::{Path, PathBuf};

use burn::backend::Flex;
use model::networks::{Networks, NetworksError};
use model::preset::Preset;
use model::weights::Weights;
use sha2::{Digest, Sha256};

use crate::bundled;
use crate::error::Error;
use crate::input::{hash_file, hex};

use crate::settings::{PresetName, Settings};

/// The backend of this build.
pub type Cpu = Flex;

/// Seed of the random weights of preset `tiny`.
const TINY_SEED: u64 = 1;

/// Networks that are ready to run.
#[derive(Debug)]
pub struct LoadedNetworks {
    /// The networks.
    pub networks: Networks<Cpu>,
    fingerprint: String,
}

impl LoadedNetworks {
    /// Loads what the settings name.
    ///
    /// # Errors
    /// [`Error::Weights`], [`Error::Networks`]; [`Error::Setting`] when a preset needs `weights` and has none.
    pub fn load(settings: &Settings) -> Result<Self, Error> {
        let Self { networks, fingerprint } = Self::load_weights(settings)?;
        Ok(Self { networks: networks.with_precision(settings.precision.into()), fingerprint })
    }

    fn load_weights(settings: &Settings) -> Result<Self, Error> {
        let device = Default::default();
        match (settings.preset, &settings.weights) {
            (PresetName::Tiny, None) => {
                let networks =
                    Networks::init(&Preset::Tiny.config(), TINY_SEED, &device).map_err(NetworksError::from)?;
                Ok(Self { networks, fingerprint: "random".into() })
            }
            (PresetName::Bundled, None) => {
                let parts = bundled::verified_parts()?;
                let weights = Weights::from_program(&parts, "bundled weights")?;
                Ok(Self {
                    networks: Networks::load_to_run(&weights, None, &device)?,
                    fingerprint: fingerprint(parts.iter().map(Sha256::digest)),
                })
            }
            (PresetName::Sd15, None) => Err(Error::Setting {
                setting: "`weights`".into(),
                reason: "preset `sd15` needs a folder of safetensors files".into(),
            }),
            (preset, Some(folder)) => {
                let shards = shards(folder)?;
                let weights = Weights::read(&shards)?;
                let config = match (weights.metadata(model::networks::CONFIG_KEY), preset) {
                    (None, PresetName::Sd15) => Some(Preset::Sd15.config()),
                    _ => None,
                };
                let networks = Networks::load_to_run(&weights, config, &device)?;
                let hashes: Result<Vec<_>, _> = shards.iter().map(|path| hash_of(path)).collect();
                Ok(Self { networks, fingerprint: fingerprint(hashes?) })
            }
        }
    }

    /// A hash of the weights.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Side of the network's picture in pixels.
    pub fn size(&self) -> u32 {
        self.networks.config().size as u32
    }

    /// Frames of a clip.
    pub fn clip_frames(&self) -> usize {
        self.networks.config().clip_frames
    }
}

fn shards(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut shards = vec![];
    let unreadable = |source| model::weights::WeightError::Io { path: folder.into(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") && path.is_file() {
            shards.push(path);
        }
    }
    if shards.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no `*.safetensors` in it");
        return Err(unreadable(source).into());
    }
    shards.sort();
    Ok(shards)
}

/// The hash of one file, read piece by piece: weights may be larger than memory.
fn hash_of(path: &Path) -> Result<impl AsRef<[u8]> + use<>, Error> {
    let mut hasher = Sha256::new();
    hash_file(path, &mut hasher)?;
    Ok(hasher.finalize())
}

/// A hash of the hashes of all files.
fn fingerprint<T: AsRef<[u8]>>(hashes: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Sha256::new();
    for hash in hashes {
        hasher.update(hash);
    }
    hex(&hasher.finalize())
}
