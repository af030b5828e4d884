//! Checks that a prepared set matches its index and records.

use std::collections::BTreeMap;
use std::path::Path;

use super::judge::Reason;
use super::prepare::{read_index, read_records, shards};
use super::set::PreparedSet;
use super::shard::hash_of;
use crate::error::{Result, TrainError};

/// The content of a set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Number of finished videos.
    pub videos: usize,
    /// Number of finished videos with kept clips.
    pub used: usize,
    /// Number of kept clips.
    pub clips: usize,
    /// Number of frames in the kept clips.
    pub frames: usize,
    /// Number of bytes of the kept clips in shards.
    pub bytes: u64,
    /// Number of rejected stretches and frames, by reason.
    pub refused: BTreeMap<Reason, (usize, usize)>,
}

/// Reads everything: compares the index with the records, the hashes of shards, and every picture's shape.
///
/// # Errors
/// [`TrainError::Damaged`] with the first wrong file; [`TrainError::Io`].
pub fn check(set: &Path) -> Result<Summary> {
    let index = read_index(set)?;
    let records = read_records(set)?;
    let mut summary = Summary { videos: records.len(), ..Summary::default() };
    let damaged = |path: &Path, reason: String| TrainError::Damaged { path: path.into(), reason };
    if index.shards != shards(records.values()) {
        return Err(damaged(&set.join("index.json"), "its shards differ from those in the video records".into()));
    }
    for entry in &index.shards {
        let path = set.join(&entry.name);
        let length = std::fs::metadata(&path).map_err(TrainError::io(&path))?.len();
        if length != entry.bytes {
            return Err(damaged(&path, format!("it has {length} bytes, expected {}", entry.bytes)));
        }
        let found = hash_of(&path)?;
        if found != entry.sha256 {
            return Err(damaged(&path, format!("its SHA-256 is {found}, expected {}", entry.sha256)));
        }
        summary.bytes += length;
    }
    let mut lengths = BTreeMap::new();
    for record in records.values() {
        summary.used += usize::from(record.kept() > 0);
        for stretch in &record.stretches {
            match (&stretch.kept, stretch.reason) {
                (Some(key), _) => {
                    lengths.insert(key.clone(), (stretch.frames, record.sha256.clone()));
                }
                (None, Some(reason)) => {
                    let (stretches, frames) = summary.refused.entry(reason).or_default();
                    (*stretches, *frames) = (*stretches + 1, *frames + stretch.frames);
                }
                (None, None) => {
                    return Err(damaged(&set.join("videos"), "the record of a rejected segment has no reason".into()));
                }
            }
        }
    }
    if index.shards.is_empty() {
        return Ok(summary);
    }
    let clips = PreparedSet::open(set)?;
    for number in 0..clips.count() {
        let (key, clip) = (clips.key(number), clips.clip(number)?);
        let expected = lengths.remove(key);
        if expected != Some((clip.frames.len(), clip.note.video.clone())) {
            return Err(damaged(set, format!("clip `{key}` differs from the record of its video")));
        }
        summary.clips += 1;
        summary.frames += clip.frames.len();
    }
    match lengths.keys().next() {
        Some(key) => Err(damaged(set, format!("clip `{key}` is missing from all shards"))),
        None => Ok(summary),
    }
}
