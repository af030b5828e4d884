//! Reads the clips of a prepared set in any order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use stage::ShardEntry;

use super::clip::{FILES, PreparedClip};
use super::prepare::read_index;
use crate::error::{Result, TrainError};

/// Longest file of a clip, in bytes.
const LONGEST: u64 = 1 << 30;

/// The positions of the clips of a set.
#[derive(Debug, Clone)]
pub struct PreparedSet {
    clips: Vec<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    shard: PathBuf,
    key: String,
    /// Offset and length of each of [`FILES`].
    files: [(u64, u64); 5],
}

impl PreparedSet {
    /// Reads the index, and the names in the shards.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Damaged`]; [`TrainError::NoData`] when there is no clip.
    pub fn open(set: &Path) -> Result<Self> {
        let mut clips = vec![];
        for entry in read_index(set)?.shards {
            clips.extend(places(set, &entry)?);
        }
        if clips.is_empty() {
            return Err(TrainError::NoData { what: "prepared clips", path: set.into() });
        }
        Ok(Self { clips })
    }

    /// Number of clips, at least one.
    pub fn count(&self) -> usize {
        self.clips.len()
    }

    /// The name of a clip.
    ///
    /// # Panics
    /// When the set has fewer clips.
    pub fn key(&self, index: usize) -> &str {
        &self.clips[index].key
    }

    /// Reads a clip.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Damaged`].
    ///
    /// # Panics
    /// When the set has fewer clips.
    pub fn clip(&self, index: usize) -> Result<PreparedClip> {
        let Place { shard, key, files } = &self.clips[index];
        let mut file = File::open(shard).map_err(TrainError::io(shard))?;
        let mut read = |(start, length): (u64, u64)| {
            let mut bytes = vec![0; length as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let mut all: [Vec<u8>; 5] = Default::default();
        for (bytes, place) in all.iter_mut().zip(files) {
            *bytes = read(*place).map_err(TrainError::io(shard))?;
        }
        let damaged = |reason| TrainError::Damaged { path: shard.clone(), reason: format!("clip `{key}`: {reason}") };
        PreparedClip::of_files(&all).map_err(damaged)
    }
}

/// The hashes of a set's shards, from its index.
///
/// # Errors
/// [`TrainError::Io`], [`TrainError::Damaged`].
pub(crate) fn hashes(set: &Path) -> Result<Vec<String>> {
    Ok(read_index(set)?.shards.into_iter().map(|entry| entry.sha256).collect())
}

/// The clips of a shard. Each has all its files, and their number equals that in the shard's entry.
fn places(set: &Path, entry: &ShardEntry) -> Result<Vec<Place>> {
    let shard = set.join(&entry.name);
    let damaged = |reason: String| TrainError::Damaged { path: shard.clone(), reason };
    if Path::new(&entry.name).components().count() != 1 {
        return Err(damaged("its name contains a folder".into()));
    }
    let file = File::open(&shard).map_err(TrainError::io(&shard))?;
    let mut clips: BTreeMap<String, [Option<(u64, u64)>; 5]> = BTreeMap::new();
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries_with_seek().map_err(|error| damaged(error.to_string()))?;
    for file in entries {
        let file = file.map_err(|error| damaged(error.to_string()))?;
        let name = String::from_utf8_lossy(&file.path_bytes()).into_owned();
        let unknown = || damaged(format!("it contains the unexpected file `{name}`"));
        let (key, part) = name.split_once('.').ok_or_else(unknown)?;
        let place = FILES.iter().position(|known| *known == part).ok_or_else(unknown)?;
        if file.size() > LONGEST {
            return Err(damaged(format!("`{name}` has {} bytes", file.size())));
        }
        clips.entry(key.into()).or_default()[place] = Some((file.raw_file_position(), file.size()));
    }
    if clips.len() as u64 != entry.clips {
        return Err(damaged(format!("it contains {} clips, expected {}", clips.len(), entry.clips)));
    }
    let whole = |(key, files): (String, [Option<(u64, u64)>; 5])| {
        let missing = FILES.iter().zip(files).find(|(_, place)| place.is_none());
        match missing {
            Some((name, _)) => Err(damaged(format!("clip `{key}` has no `{name}`"))),
            None => Ok(Place { shard: shard.clone(), key, files: files.map(Option::unwrap_or_default) }),
        }
    };
    clips.into_iter().map(whole).collect()
}
