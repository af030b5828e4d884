//! Loads the networks of a preset with verified weights.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::backend::Flex;
use model::networks::{Networks, NetworksError};
use model::preset::{EnvironmentUse, NetworksConfig, Preset};
use model::sampling::clip_plan::{Clip, plan_clips};
use model::sampling::windows::ContextConfig;
use model::weights::pack_folder::PackFolder;
use model::weights::{LoadReport, Weights};

use crate::bundled;
use crate::error::Error;
use crate::events::Events;
use crate::published_folder::{is_published, open_published};
use crate::settings::Settings;

/// The backend of this build.
pub type Cpu = Flex;

/// Frames of the longest clip over which windows run. Its pose features take 0.6 GB at 512x512 pixels in f32.
const LONGEST_CLIP: usize = 120;

/// Seed of the random weights of preset `tiny`.
const TINY_SEED: u64 = 1;

/// Seed for tensors that published networks lack and this method adds.
const STARTING_SEED: u64 = 1;

/// Networks that are ready to run.
#[derive(Debug)]
pub struct LoadedNetworks {
    /// The networks.
    pub networks: Networks<Cpu>,
    fingerprint: String,
    /// How the tensors of published files were used.
    report: Option<LoadReport>,
    /// The cache of their prepacked weights.
    pub(crate) packs: Option<Arc<PackFolder>>,
}

impl LoadedNetworks {
    /// Loads the networks that the settings name. Weights from a folder are cached in `packs` in packed form, and later
    /// runs map them. The weights inside the program are small and are not cached.
    ///
    /// # Errors
    /// [`Error::Weights`], [`Error::Networks`]; [`Error::Setting`] when a preset needs `weights` and none are given.
    pub fn load(settings: &Settings, packs: Option<&Path>) -> Result<Self, Error> {
        let loaded = Self::load_weights(settings, packs)?;
        let mut networks = loaded.networks.with_precision(settings.precision);
        if let Some(size) = settings.size {
            networks = networks.with_size(size as usize).map_err(NetworksError::from)?;
        }
        Ok(Self { networks, ..loaded })
    }

    fn load_weights(settings: &Settings, packs: Option<&Path>) -> Result<Self, Error> {
        let device = Default::default();
        match (settings.preset, &settings.weights) {
            (Preset::Tiny, None) => {
                let networks =
                    Networks::init(&Preset::Tiny.config(), TINY_SEED, &device).map_err(NetworksError::from)?;
                Ok(Self { networks, fingerprint: "random".into(), report: None, packs: None })
            }
            (Preset::Bundled, None) => {
                let parts = bundled::verified_parts()?;
                let weights = Weights::from_program(&parts, "bundled weights")?;
                Ok(Self {
                    networks: Networks::load_to_run(&weights, None, &device)?,
                    fingerprint: weights.fingerprint()?.to_string(),
                    report: None,
                    packs: None,
                })
            }
            (Preset::Sd15 | Preset::Moore | Preset::Mimo, None) => Err(Error::Setting {
                setting: "`weights`".into(),
                reason: "this preset needs a folder of weight files, pass it with `--weights`".into(),
            }),
            (preset @ (Preset::Sd15 | Preset::Moore | Preset::Mimo), Some(folder)) if is_published(folder) => {
                let mut published = open_published(folder)?;
                let fingerprint = published.fingerprint()?;
                let packs = packs.map(|root| Arc::new(PackFolder::open(root, fingerprint)));
                if let Some(packs) = &packs {
                    published = published.kept_in(packs.clone());
                }
                let (networks, report) = Networks::load_published(published, &preset.config(), STARTING_SEED, &device)?;
                Ok(Self { networks, fingerprint: fingerprint.to_string(), report: Some(report), packs })
            }
            (preset, Some(folder)) => {
                let shards = shards(folder)?;
                let mut weights = Weights::read(&shards)?;
                let config = match (weights.metadata(model::networks::CONFIG_KEY), preset) {
                    (None, Preset::Sd15 | Preset::Moore | Preset::Mimo) => Some(preset.config()),
                    _ => None,
                };
                let fingerprint = weights.fingerprint()?;
                let packs = packs.map(|root| Arc::new(PackFolder::open(root, fingerprint)));
                if let Some(packs) = &packs {
                    weights = weights.kept_in(packs.clone());
                }
                let networks = Networks::load_to_run(&weights, config, &device)?;
                Ok(Self { networks, fingerprint: fingerprint.to_string(), report: None, packs })
            }
        }
    }

    /// A hash of the weights.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Reports how the tensors of published files were used.
    pub(crate) fn note_report(&self, events: &Events) {
        if let Some(report) = &self.report {
            events.note(format!("tensors {report}"));
        }
    }

    /// Side of the network's picture in pixels.
    pub fn size(&self) -> u32 {
        self.networks.config().size as u32
    }

    /// The configuration.
    pub fn config(&self) -> &NetworksConfig {
        self.networks.config()
    }

    /// The clips of a video. Networks of this method connect clips with a temporal reference. Published networks of
    /// other methods have none, so their clips are as long as memory allows, and the denoiser processes them in
    /// windows.
    pub fn plan(&self, frames: usize) -> Vec<Clip> {
        let longest = if self.windows().is_some() { LONGEST_CLIP } else { self.config().clip_frames };
        plan_clips(frames, frames.clamp(1, longest))
    }

    /// The windows in which the denoiser processes a clip; none if it processes the whole clip at once.
    pub fn windows(&self) -> Option<ContextConfig> {
        let config = self.config();
        let (size, default) = (config.clip_frames, ContextConfig::default());
        (config.environment != EnvironmentUse::Concatenated).then(|| ContextConfig {
            size,
            overlap: default.overlap.min(size / 4),
            ..default
        })
    }
}

/// Warns if prepacked weights should be cached but are not.
pub(crate) fn tell_trouble(packs: Option<&PackFolder>, events: &Events) {
    if let Some(reason) = packs.and_then(PackFolder::trouble) {
        events.warn("packs.not_kept", format!("prepacked weights cannot be cached for later runs: {reason}"));
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
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "it contains no `*.safetensors` file");
        return Err(unreadable(source).into());
    }
    shards.sort();
    Ok(shards)
}
