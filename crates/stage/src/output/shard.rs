//! Writes data sets to disk or to an object store: tar files in the WebDataset layout (`KEY.rgb.png`, `KEY.clip.json`,
//! ... with one key per clip), an index, and checksums. A complete shard first appears under its name, and is then
//! added to the index. An interrupted run continues at the first missing shard.
//!
//! ```text
//! PLACE/index.json        settings, and for each shard: name, clips, bytes, SHA-256
//! PLACE/stage-000000.tar
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::assets::collection::Assets;
use crate::error::StageError;
use crate::output::clip_files::clip_files;
use crate::output::place::{Draft, Place};
use crate::output::stamp::Stamp;
use crate::output::stream::ClipStream;
use crate::render::clip::Passes;
use crate::settings::ClipSettings;

/// Version of the layout.
const FORMAT: &str = "stuntdouble-stage/1";
const INDEX: &str = "index.json";

/// The plan of a data set to write.
#[derive(Debug, Clone)]
pub struct ShardPlan {
    /// Where the data set is written.
    pub place: Place,
    /// Name of the set. Sets with different names share no clip.
    pub set: String,
    /// The settings that all clips share.
    pub settings: ClipSettings,
    /// The parts of each clip to render.
    pub wanted: Passes,
    /// Number of clips.
    pub clips: u64,
    /// Number of clips per shard.
    pub per_shard: u64,
}

/// The index of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardIndex {
    /// Version of the layout.
    pub format: String,
    /// Name of the set.
    pub set: String,
    /// SHA-256 of everything that determines clip `i`.
    pub identity: String,
    /// Settings of every clip.
    pub settings: ClipSettings,
    /// Finished shards, in order.
    pub shards: Vec<ShardEntry>,
}

/// The entry of one shard in the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardEntry {
    /// File name.
    pub name: String,
    /// Number of its first clip in the set.
    pub first: u64,
    /// Number of clips in it.
    pub clips: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
}

/// A callback that receives the number of clips finished so far and the total number.
pub type Told<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// Writes what is missing and returns the index. `told` can stop the work between clips, and the next call continues
/// it.
///
/// # Errors
/// [`StageError::OtherData`] when the place contains shards with other settings; the errors of rendering;
/// [`StageError::Unwritable`];
/// [`StageError::Store`].
pub fn write_shards(plan: &ShardPlan, assets: &Assets, told: &mut Told<'_>) -> Result<ShardIndex, StageError> {
    let found = plan.place.prepared()?;
    let identity = identity(plan, assets)?;
    let mut index = match found.contains_key(INDEX) {
        true => {
            let index = read_index(&plan.place)?;
            if index.identity != identity {
                return Err(StageError::OtherData { path: plan.place.path_of(INDEX) });
            }
            index
        }
        false => ShardIndex {
            format: FORMAT.into(),
            set: plan.set.clone(),
            identity,
            settings: plan.settings.clone(),
            shards: Vec::new(),
        },
    };
    let stream = ClipStream::new(assets, &plan.settings, &plan.set).wanting(plan.wanted);
    let per_shard = plan.per_shard.max(1);
    let mut behind = false;
    for (number, first) in (0..plan.clips).step_by(per_shard as usize).enumerate() {
        let clips = per_shard.min(plan.clips - first);
        // If the last shard has fewer clips than a full one, it is written again when the set grows.
        let done = |entry: &ShardEntry| {
            entry.clips >= clips && entry.first == first && found.get(&entry.name) == Some(&entry.bytes)
        };
        if index.shards.get(number).is_some_and(done) {
            continue;
        }
        index.shards.truncate(number);
        let name = format!("stage-{number:06}.tar");
        if let Some(entry) = stored(plan, &index.identity, &name, &found)?.filter(done) {
            index.shards.push(entry);
            behind = true;
            continue;
        }
        let Some(entry) = write_shard(plan, &stream, &index.identity, name, first..first + clips, told)? else { break };
        index.shards.push(entry);
        write_index(&plan.place, &index)?;
        behind = false;
    }
    if behind {
        write_index(&plan.place, &index)?;
    }
    Ok(index)
}

/// The entry of a shard that exists but is missing in the index, from its stamp.
fn stored(
    plan: &ShardPlan,
    identity: &str,
    name: &str,
    found: &BTreeMap<String, u64>,
) -> Result<Option<ShardEntry>, StageError> {
    if !found.contains_key(name) {
        return Ok(None);
    }
    match plan.place.stamp(name)? {
        Some(stamp) if stamp.identity != identity => Err(StageError::OtherData { path: plan.place.path_of(name) }),
        stamp => Ok(stamp.map(|stamp| entry_of(stamp, name.to_owned()))),
    }
}

fn write_index(place: &Place, index: &ShardIndex) -> Result<(), StageError> {
    let json = serde_json::to_vec_pretty(index)
        .map_err(|error| StageError::Unwritable { path: place.path_of(INDEX), reason: error.to_string() })?;
    place.write(INDEX, &json)
}

/// The entry of a shard, from its stamp.
fn entry_of(stamp: Stamp, name: String) -> ShardEntry {
    let Stamp { first, clips, bytes, sha256, .. } = stamp;
    ShardEntry { name, first, clips, bytes, sha256 }
}

/// Writes one shard; `None` when it was stopped.
fn write_shard(
    plan: &ShardPlan,
    stream: &ClipStream<'_>,
    identity: &str,
    name: String,
    clips: Range<u64>,
    told: &mut Told<'_>,
) -> Result<Option<ShardEntry>, StageError> {
    let unwritable =
        |error: std::io::Error| StageError::Unwritable { path: plan.place.path_of(&name), reason: error.to_string() };
    let mut tar = tar::Builder::new(Counting { inner: plan.place.create(&name)?, hash: Sha256::new(), bytes: 0 });
    for clip in clips.clone() {
        let (spec, rendered) = stream.clip(clip)?;
        for (file, bytes) in clip_files(&spec, &rendered)? {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_cksum();
            tar.append_data(&mut header, format!("{clip:08}.{file}"), bytes.as_slice()).map_err(unwritable)?;
        }
        if told(clip + 1, plan.clips).is_break() {
            return Ok(None);
        }
    }
    let Counting { inner, hash, bytes } = tar.into_inner().map_err(unwritable)?;
    let stamp = Stamp {
        identity: identity.to_owned(),
        first: clips.start,
        clips: clips.end - clips.start,
        bytes,
        sha256: digits(&hash.finalize()),
    };
    inner.publish(&name, &stamp)?;
    Ok(Some(entry_of(stamp, name)))
}

/// Counts and hashes the bytes that pass through.
struct Counting {
    inner: Draft,
    hash: Sha256,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn identity(plan: &ShardPlan, assets: &Assets) -> Result<String, StageError> {
    let told = |error: serde_json::Error| StageError::Unwritable {
        path: plan.place.path_of(INDEX),
        reason: error.to_string(),
    };
    let settings = serde_json::to_vec(&plan.settings).map_err(told)?;
    // Spelled out as the first sets have it, so that they can be continued.
    let passes = format!("Passes {{ twin: {:?}, references: {:?} }}", plan.wanted.swapped, plan.wanted.references);
    let mut hash = Sha256::new();
    for part in [FORMAT.as_bytes(), plan.set.as_bytes(), settings.as_slice(), passes.as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    assets.names().for_each(|name| hash.update(name));
    Ok(digits(&hash.finalize()))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the index of a data set.
///
/// # Errors
/// [`StageError::Unreadable`], [`StageError::Malformed`] and [`StageError::Store`].
pub fn read_index(place: &Place) -> Result<ShardIndex, StageError> {
    let path = place.path_of(INDEX);
    let bytes = place.read(INDEX)?;
    let index: ShardIndex = serde_json::from_slice(&bytes).map_err(|error| StageError::Malformed {
        path: path.clone(),
        found: error.to_string(),
        expected: "an index of shards",
    })?;
    let plain = |entry: &ShardEntry| Path::new(&entry.name).components().count() == 1 && !entry.name.starts_with('.');
    if index.format != FORMAT || !index.shards.iter().all(plain) {
        let found = format!("format `{}`", index.format);
        return Err(StageError::Malformed { path, found, expected: "`stuntdouble-stage/1` with plain file names" });
    }
    Ok(index)
}

/// Hashes every shard again.
///
/// # Errors
/// The errors of [`read_index`]; [`StageError::Malformed`] with the first shard whose bytes differ from the index.
pub fn verify_shards(place: &Place) -> Result<ShardIndex, StageError> {
    let index = read_index(place)?;
    index.shards.iter().try_for_each(|entry| checked_shard(place, entry).map(drop))?;
    Ok(index)
}

/// A shard, ready to be read from its beginning, whose bytes match the index.
pub(crate) fn checked_shard(place: &Place, entry: &ShardEntry) -> Result<File, StageError> {
    let path = place.path_of(&entry.name);
    let unreadable = |source| StageError::Unreadable { path: path.clone(), source };
    let mut file = place.open(&entry.name, entry.bytes)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let found = digits(&hash.finalize());
    if found != entry.sha256 {
        return Err(StageError::Malformed {
            path,
            found: format!("SHA-256 {found}"),
            expected: "the SHA-256 in the index",
        });
    }
    file.rewind().map_err(unreadable)?;
    Ok(file)
}
