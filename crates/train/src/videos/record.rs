//! Defines the record of a processed video.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stage::ShardEntry;

use super::judge::Reason;
use crate::error::{Result, TrainError};

/// A finished video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoRecord {
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Number of decoded frames.
    pub frames: usize,
    /// Number of shots.
    pub shots: usize,
    /// Stretches in order. If the whole video is rejected, the list has one stretch without frames.
    pub stretches: Vec<Stretch>,
    /// Its clips, if there are any.
    pub shard: Option<ShardEntry>,
}

/// Consecutive frames, kept or rejected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Index of the shot in the video, from 0.
    pub shot: usize,
    /// Index of the first frame in the video.
    pub first: usize,
    /// Number of frames.
    pub frames: usize,
    /// Name of the clip, if it is kept.
    pub kept: Option<String>,
    /// The reason of the rejection.
    pub reason: Option<Reason>,
    /// The measured values that led to the rejection.
    pub detail: String,
}

impl VideoRecord {
    /// The start of the hash, which names everything that belongs to the video.
    pub(super) fn key(sha256: &str) -> &str {
        &sha256[..sha256.len().min(16)]
    }

    /// The kept stretches.
    pub fn kept(&self) -> usize {
        self.stretches.iter().filter(|stretch| stretch.kept.is_some()).count()
    }

    /// The lines of the report.
    pub(super) fn report(&self) -> String {
        let line = |stretch: &Stretch| {
            let mut line = serde_json::json!(stretch);
            line["video"] = serde_json::json!(self.path);
            format!("{line}\n")
        };
        self.stretches.iter().map(line).collect()
    }
}

/// Reads a JSON file of the set.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(TrainError::io(path))?;
    serde_json::from_slice(&bytes).map_err(|error| TrainError::Damaged { path: path.into(), reason: error.to_string() })
}

/// Writes a JSON file, completely or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes =
        serde_json::to_vec_pretty(value).map_err(|error| TrainError::Io { path: path.into(), source: error.into() })?;
    Ok(media::file::write_atomic(path, &bytes)?)
}
