//! What became of a video.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stage::ShardEntry;

use super::judge::Reason;
use crate::error::{Result, TrainError};

/// A video that is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoRecord {
    /// Where it lay.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Frames that were decoded.
    pub frames: usize,
    /// Shots.
    pub shots: usize,
    /// Stretches in their order; one without frames where the whole video is refused.
    pub stretches: Vec<Stretch>,
    /// Its clips, when there are any.
    pub shard: Option<ShardEntry>,
}

/// Frames that follow each other, kept or refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// Shot of the video, from 0.
    pub shot: usize,
    /// Place of the first frame in the video.
    pub first: usize,
    /// How many frames.
    pub frames: usize,
    /// Name of the clip, when it is kept.
    pub kept: Option<String>,
    /// Why not.
    pub reason: Option<Reason>,
    /// The reason's figures.
    pub detail: String,
}

impl VideoRecord {
    /// The start of the hash, which names everything of the video.
    pub(super) fn key(sha256: &str) -> &str {
        &sha256[..sha256.len().min(16)]
    }

    /// Kept stretches.
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

/// Writes one, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes =
        serde_json::to_vec_pretty(value).map_err(|error| TrainError::Io { path: path.into(), source: error.into() })?;
    Ok(media::file::write_atomic(path, &bytes)?)
}
