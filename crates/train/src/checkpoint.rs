//! Writes checkpoints that are either complete or absent, and finds the newest complete one.
//!
//! A checkpoint is a folder `step-00001234`. The folder is written under a temporary name, and every file is flushed to
//! disk. The manifest with the hash of each file is written last. Finally, the folder is renamed to its final name. A
//! folder without a valid manifest, or with a file that does not match it, is ignored.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use model::weights::{StoredPrecision, Weights, to_bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Result, TrainError};
use crate::parameters::{Parameters, Slot};

const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

/// The position of a training run, besides its tensors. The random numbers of a step depend only on the seed and the
/// step, so these numbers are enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Number of steps done, including skipped ones.
    pub step: u64,
    /// Number of weight updates done.
    pub updates: u64,
    /// Number of steps skipped because loss or gradient was not finite.
    pub skipped: u64,
    /// Seconds of training so far.
    pub seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    position: Position,
    settings: serde_json::Value,
    files: BTreeMap<String, String>,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Checkpoint {
    /// Its folder.
    pub folder: PathBuf,
    /// The position of the run.
    pub position: Position,
    /// The settings of the run.
    pub settings: serde_json::Value,
    /// All tensors.
    pub parameters: Parameters,
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes `bytes` and flushes them to disk.
pub(crate) fn write_durable(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(TrainError::io(path))
}

type Part = (&'static str, fn(&Slot) -> &Vec<f32>);
const PARTS: [Part; 4] = [
    ("weights.safetensors", |slot| &slot.weight),
    ("average.safetensors", |slot| &slot.average),
    ("first_moment.safetensors", |slot| &slot.first),
    ("second_moment.safetensors", |slot| &slot.second),
];

/// Writes a checkpoint into `folder`, which is created if absent. Removes all but the newest `keep`.
///
/// # Errors
/// [`TrainError::Io`].
pub fn save(
    folder: &Path,
    position: &Position,
    parameters: &Parameters,
    settings: &serde_json::Value,
    keep: usize,
) -> Result<PathBuf> {
    let name = format!("step-{:08}", position.step);
    let (temporary, target) = (folder.join(format!(".{name}.tmp")), folder.join(&name));
    fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
    if temporary.exists() {
        fs::remove_dir_all(&temporary).map_err(TrainError::io(&temporary))?;
    }
    fs::create_dir(&temporary).map_err(TrainError::io(&temporary))?;
    let mut files = BTreeMap::new();
    for (file, values) in PARTS {
        let tensors: Vec<_> =
            parameters.slots.iter().map(|slot| (slot.name.clone(), slot.shape.clone(), values(slot).clone())).collect();
        let bytes = to_bytes(&tensors, StoredPrecision::F32, BTreeMap::new())?;
        files.insert(file.to_string(), sha256(&bytes));
        write_durable(&temporary.join(file), &bytes)?;
    }
    let manifest = Manifest { format: FORMAT, position: position.clone(), settings: settings.clone(), files };
    write_durable(&temporary.join(MANIFEST), json(&manifest, &temporary)?.as_bytes())?;
    if target.exists() {
        fs::remove_dir_all(&target).map_err(TrainError::io(&target))?;
    }
    fs::rename(&temporary, &target).map_err(TrainError::io(&target))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(TrainError::io(folder))?;
    for old in list(folder)?.into_iter().skip(keep.max(1)) {
        fs::remove_dir_all(&old).map_err(TrainError::io(&old))?;
    }
    Ok(target)
}

pub(crate) fn json<T: Serialize>(value: &T, path: &Path) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| TrainError::Io { path: path.into(), source: error.into() })
}

/// Checkpoint folders, newest first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
        let path = entry.map_err(TrainError::io(folder))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")) {
            found.push(path);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The newest complete checkpoint below `folder`, and what was wrong with each newer one.
///
/// # Errors
/// [`TrainError::Io`] when the folder cannot be listed.
pub fn newest(folder: &Path) -> Result<(Option<Checkpoint>, Vec<TrainError>)> {
    let mut passed_over = vec![];
    for path in list(folder)? {
        match read(&path) {
            Ok(checkpoint) => return Ok((Some(checkpoint), passed_over)),
            Err(error) => passed_over.push(error),
        }
    }
    Ok((None, passed_over))
}

/// Reads one checkpoint folder, and compares every file with the manifest.
///
/// # Errors
/// [`TrainError::Io`], [`TrainError::Damaged`], [`TrainError::Weights`].
pub fn read(folder: &Path) -> Result<Checkpoint> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(TrainError::io(&path))?;
    let damaged =
        |path: &Path, reason: &dyn ToString| TrainError::Damaged { path: path.into(), reason: reason.to_string() };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| damaged(&path, &error))?;
    if manifest.format != FORMAT {
        return Err(damaged(&path, &format!("its format is {}, expected {FORMAT}", manifest.format)));
    }
    let mut parts = vec![];
    for (file, _) in PARTS {
        let path = folder.join(file);
        let bytes = fs::read(&path).map_err(TrainError::io(&path))?;
        if manifest.files.get(file) != Some(&sha256(&bytes)) {
            return Err(damaged(&path, &"its hash differs from the manifest"));
        }
        parts.push(Weights::from_bytes(&[&bytes], &path.to_string_lossy())?);
    }
    let names: Vec<String> = parts[0].names().map(String::from).collect();
    let slots = names.into_iter().map(|name| {
        let (shape, weight) = parts[0].values(&name)?;
        let [average, first, second] = [1, 2, 3].map(|part: usize| parts[part].values(&name));
        Ok(Slot { weight, average: average?.1, first: first?.1, second: second?.1, shape, rate: 0.0, name })
    });
    let parameters = Parameters { slots: slots.collect::<Result<_>>()? };
    Ok(Checkpoint { folder: folder.into(), position: manifest.position, settings: manifest.settings, parameters })
}

impl Parameters {
    /// Restores weights, moments and averages of a checkpoint by key. Rates stay unchanged.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] when keys or shapes differ.
    pub fn restore(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let mut stored: BTreeMap<String, Slot> =
            checkpoint.parameters.slots.into_iter().map(|slot| (slot.name.clone(), slot)).collect();
        let mismatch = |what, found: String, expected: String| TrainError::Mismatch {
            path: checkpoint.folder.clone(),
            what,
            found,
            expected,
        };
        if stored.len() != self.slots.len() {
            return Err(mismatch("number of tensors", stored.len().to_string(), self.slots.len().to_string()));
        }
        for slot in &mut self.slots {
            let Some(found) = stored.remove(&slot.name) else {
                return Err(mismatch("tensor", "none".into(), slot.name.clone()));
            };
            if found.shape != slot.shape {
                return Err(mismatch("shape", format!("{:?}", found.shape), format!("{:?}", slot.shape)));
            }
            *slot = Slot { rate: slot.rate, ..found };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Parameters {
        let slot = |name: &str, value: f32| Slot {
            name: name.into(),
            shape: vec![2, 1],
            weight: vec![value, -value],
            first: vec![0.5, value],
            second: vec![value * value, 1e-30],
            average: vec![value / 3.0, 0.0],
            rate: 1.0,
        };
        Parameters { slots: vec![slot("b", 1.0), slot("a", 0.1)] }
    }

    fn at(step: u64) -> Position {
        Position { step, updates: step - 1, skipped: 1, seconds: 2.5 }
    }

    #[test]
    fn comes_back_bit_for_bit_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let settings = serde_json::json!({"seed": 1});
        for step in [3, 4, 10] {
            save(folder.path(), &at(step), &example(), &settings, 2).unwrap();
        }
        let (checkpoint, warnings) = newest(folder.path()).unwrap();
        let checkpoint = checkpoint.unwrap();
        assert!(warnings.is_empty());
        assert_eq!((&checkpoint.position, &checkpoint.settings), (&at(10), &settings));
        let mut restored = example();
        restored.slots.iter_mut().for_each(|slot| slot.weight.fill(9.0));
        restored.restore(checkpoint).unwrap();
        assert_eq!(restored, example());
        assert_eq!(list(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_damaged_newest_one_is_passed_over() {
        let files = PARTS.map(|(file, _)| file).into_iter().chain([MANIFEST]);
        for (case, file) in files.flat_map(|file| (0..4).map(move |case| (case, file))) {
            let folder = tempfile::tempdir().unwrap();
            save(folder.path(), &at(3), &example(), &serde_json::Value::Null, 9).unwrap();
            let path = save(folder.path(), &at(4), &example(), &serde_json::Value::Null, 9).unwrap().join(file);
            let mut bytes = fs::read(&path).unwrap();
            match case {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.clear(),
                2 if file != MANIFEST => *bytes.last_mut().unwrap() ^= 1,
                2 => bytes.insert(0, b'!'),
                _ => fs::remove_file(&path).unwrap(),
            }
            if case < 3 {
                fs::write(&path, bytes).unwrap();
            }
            let (checkpoint, warnings) = newest(folder.path()).unwrap();
            assert_eq!(checkpoint.unwrap().position.step, 3, "{file} case {case}");
            assert_eq!(warnings.len(), 1);
        }
    }

    #[test]
    fn an_unfinished_save_is_not_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = save(folder.path(), &at(3), &example(), &serde_json::Value::Null, 9).unwrap();
        fs::rename(&path, folder.path().join(".step-00000003.tmp")).unwrap();
        assert!(newest(folder.path()).unwrap().0.is_none());
        save(folder.path(), &at(3), &example(), &serde_json::Value::Null, 9).unwrap();
        assert!(newest(folder.path()).unwrap().0.is_some());
    }
}
