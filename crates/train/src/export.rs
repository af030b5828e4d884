//! Exports trained weights for the repository as F16 files of limited size, with a manifest that contains their hashes.
//!
//! ```text
//! FOLDER/part-1-of-3.safetensors ...   each has the configuration in its header
//! FOLDER/manifest.json                 written last
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::networks::CONFIG_KEY;
use model::weights::{StoredPrecision, Weights, to_bytes};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{json, sha256, write_durable};
use crate::error::{Result, TrainError};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

/// Key, shape, values.
type Tensor = (String, Vec<usize>, Vec<f32>);

/// One file of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name in the manifest's folder.
    pub file: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// The content of an exported folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// Name of the weights.
    pub name: String,
    /// Number format of the tensors.
    pub precision: String,
    /// Number of parameters.
    pub parameters: u64,
    /// All files; they must be read together.
    pub parts: Vec<Part>,
    /// The networks' configuration, as in each header.
    pub config: serde_json::Value,
}

/// Splits the weights of `file` into F16 files of at most `limit` bytes in `folder`, which must not contain a manifest
/// yet.
///
/// # Errors
/// [`TrainError::Weights`]; [`TrainError::Damaged`] when the file has no configuration; [`TrainError::Setting`] when a
/// tensor alone is over the limit, [`TrainError::Io`].
pub fn export(file: &Path, name: &str, folder: &Path, limit: usize) -> Result<Manifest> {
    let weights = Weights::read(&[file])?;
    let damaged = |reason: String| TrainError::Damaged { path: PathBuf::from(file), reason };
    let text = weights.metadata(CONFIG_KEY).ok_or_else(|| damaged(format!("its header has no `{CONFIG_KEY}`")))?;
    let config: serde_json::Value = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    let header = BTreeMap::from([(CONFIG_KEY.to_string(), text.to_string())]);

    let mut groups: Vec<Vec<Tensor>> = vec![vec![]];
    let (mut size, mut parameters) = (text.len(), 0);
    for name in weights.names() {
        let (shape, values) = weights.values(name)?;
        parameters += values.len() as u64;
        // The header has one line for each tensor.
        let needs = 2 * values.len() + name.len() + 160;
        if size + needs > limit && groups.last().is_some_and(|group| !group.is_empty()) {
            groups.push(vec![]);
            size = text.len();
        }
        size += needs;
        if let Some(group) = groups.last_mut() {
            group.push((name.to_string(), shape, values));
        }
    }
    std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
    let mut parts = vec![];
    for (index, group) in groups.iter().enumerate() {
        let bytes = to_bytes(group, StoredPrecision::F16, header.clone())?;
        if bytes.len() > limit {
            let found = format!("{} bytes", bytes.len());
            return Err(TrainError::Setting {
                setting: "limit",
                found,
                expected: "a limit that is larger than each tensor",
            });
        }
        let file = format!("part-{}-of-{}.safetensors", index + 1, groups.len());
        write_durable(&folder.join(&file), &bytes)?;
        parts.push(Part { file, bytes: bytes.len() as u64, sha256: sha256(&bytes) });
    }
    let manifest = Manifest { format: FORMAT, name: name.into(), precision: "F16".into(), parameters, parts, config };
    let path = folder.join(MANIFEST);
    media::file::write_atomic(&path, json(&manifest, &path)?.as_bytes())?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use model::networks::Networks;
    use model::preset::Preset;

    use super::*;

    #[test]
    fn parts_are_small_and_give_the_networks_back() {
        let folder = tempfile::tempdir().unwrap();
        let device = Default::default();
        let networks = Networks::<Flex>::init(&Preset::Tiny.config(), 4, &device).unwrap();
        let file = folder.path().join("all.safetensors");
        std::fs::write(&file, networks.to_bytes(StoredPrecision::F32, BTreeMap::new()).unwrap()).unwrap();
        let out = folder.path().join("out");
        let manifest = export(&file, "tiny", &out, 30_000).unwrap();
        assert!(manifest.parts.len() > 1 && manifest.parts.iter().all(|part| part.bytes <= 30_000));
        let paths: Vec<_> = manifest.parts.iter().map(|part| out.join(&part.file)).collect();
        for (part, path) in manifest.parts.iter().zip(&paths) {
            assert_eq!(part.sha256, sha256(&std::fs::read(path).unwrap()));
        }
        let text = std::fs::read(out.join(MANIFEST)).unwrap();
        assert_eq!(serde_json::from_slice::<Manifest>(&text).unwrap(), manifest);
        let back = Networks::<Flex>::load(&Weights::read(&paths).unwrap(), &device).unwrap();
        for ((name, _, back), (_, _, values)) in back.to_tensors().iter().zip(networks.to_tensors()) {
            for (back, value) in back.iter().zip(values) {
                assert!((back - value).abs() <= value.abs() * 1e-3 + 1e-6, "{name}: {back} for {value}");
            }
        }
        assert_eq!(export(&file, "tiny", &out, 100).unwrap_err().code(), "train.setting");
    }
}
