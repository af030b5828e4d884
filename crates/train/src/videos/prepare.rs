//! Turns videos into a set of clips. Finished videos are not processed again.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use media::ffmpeg::Ffmpeg;
use media::image_file::save_picture;
use media::picture::Picture;
use perception::perceiver::PersonModels;
use perception::person::people::PeopleFinder;
use serde::{Deserialize, Serialize};
use stage::ShardEntry;

use super::clip::PreparedClip;
use super::config::VideoConfig;
use super::cut::{Cutter, Seen};
use super::judge::{Reason, company, looked_at, refusal};
use super::record::{Stretch, VideoRecord, read_json, write_json};
use super::shard::{ShardWriter, hash_of};
use super::watch::{Stop, watch};
use crate::error::{Result, TrainError};

/// Version of the layout.
pub(super) const FORMAT: &str = "stuntdouble-videos/1";
pub(super) const INDEX: &str = "index.json";
pub(super) const REPORT: &str = "report.jsonl";
pub(super) const VIDEOS: &str = "videos";

/// The index of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: String,
    pub(super) settings: VideoConfig,
    pub(super) shards: Vec<ShardEntry>,
}

/// The tools for decoding and perception.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The ffmpeg for decoding.
    pub ffmpeg: Ffmpeg,
    /// The networks for perception.
    pub models: PersonModels,
}

/// A progress report. `Break` stops the preparation; the same call later continues with the unfinished video.
#[derive(Debug)]
pub enum Prepared<'a> {
    /// The frames of a video so far, and the approximate total.
    Frame {
        /// The video.
        path: &'a Path,
        /// Frames done.
        done: u64,
        /// Total number of frames; 0 when unknown.
        of: u64,
    },
    /// A video is finished, now or in an earlier run.
    Video {
        /// The result for it.
        record: &'a VideoRecord,
        /// True when nothing had to be done.
        is_known: bool,
    },
}

/// Receives progress reports.
pub type Told<'a> = dyn FnMut(&Prepared<'_>) -> ControlFlow<()> + 'a;

/// Adds videos (files, or folders of numbered pictures) to a set. The set's report lists unusable videos as rejected.
///
/// # Errors
/// [`TrainError::Mismatch`] when the set was made with other settings; [`TrainError::Setting`]; the errors of files and
/// networks.
pub fn prepare(
    videos: &[PathBuf],
    set: &Path,
    config: &VideoConfig,
    tools: &Tools,
    told: &mut Told<'_>,
) -> Result<Vec<VideoRecord>> {
    config.check()?;
    for folder in [set.join(VIDEOS), set.join("sheets")] {
        fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
    }
    if set.join(INDEX).exists() {
        let found = read_index(set)?.settings;
        if found != *config {
            let (found, expected) = (format!("{found:?}"), format!("{config:?}"));
            return Err(TrainError::Mismatch { path: set.join(INDEX), what: "settings", found, expected });
        }
    }
    write_index(set, config)?;
    let finder = PeopleFinder::open(&tools.models)?;
    let mut records = vec![];
    for path in videos {
        let sha256 = hash_of(path)?;
        let mark = set.join(VIDEOS).join(format!("{}.json", VideoRecord::key(&sha256)));
        let is_known = mark.exists();
        if !is_known {
            let video = Video { path, sha256, set, config, finder: &finder };
            match video.prepare(tools, told) {
                Ok(record) => write_json(&mark, &record)?,
                Err(Stop::Asked) => return Ok(records),
                Err(Stop::Failed(error)) => return Err(error),
            }
            write_index(set, config)?;
        }
        let record: VideoRecord = read_json(&mark)?;
        let flow = told(&Prepared::Video { record: &record, is_known });
        records.push(record);
        if flow.is_break() {
            break;
        }
    }
    Ok(records)
}

/// Reads the index of a set.
pub(super) fn read_index(set: &Path) -> Result<Index> {
    let path = set.join(INDEX);
    let index: Index = read_json(&path)?;
    if index.format != FORMAT {
        return Err(TrainError::Damaged {
            path,
            reason: format!("its format is `{}`, expected `{FORMAT}`", index.format),
        });
    }
    Ok(index)
}

/// The finished videos, by the names of their records.
pub(super) fn read_records(set: &Path) -> Result<BTreeMap<String, VideoRecord>> {
    let folder = set.join(VIDEOS);
    let mut records = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(TrainError::io(&folder))? {
        let path = entry.map_err(TrainError::io(&folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            records.insert(name, read_json(&path)?);
        }
    }
    Ok(records)
}

/// The shards of all records, numbered.
pub(super) fn shards<'a>(records: impl Iterator<Item = &'a VideoRecord>) -> Vec<ShardEntry> {
    let mut first = 0;
    let numbered = |entry: &ShardEntry| {
        let entry = ShardEntry { first, ..entry.clone() };
        first += entry.clips;
        entry
    };
    records.filter_map(|record| record.shard.as_ref()).map(numbered).collect()
}

/// The index and report of everything that is finished.
fn write_index(set: &Path, config: &VideoConfig) -> Result<()> {
    let records = read_records(set)?;
    let report: String = records.values().map(VideoRecord::report).collect();
    media::file::write_atomic(&set.join(REPORT), report.as_bytes())?;
    let index = Index { format: FORMAT.into(), settings: config.clone(), shards: shards(records.values()) };
    write_json(&set.join(INDEX), &index)
}

/// A video that is being processed.
struct Video<'a> {
    path: &'a Path,
    sha256: String,
    set: &'a Path,
    config: &'a VideoConfig,
    finder: &'a PeopleFinder,
}

impl Video<'_> {
    fn prepare(&self, tools: &Tools, told: &mut Told<'_>) -> std::result::Result<VideoRecord, Stop> {
        let mut cutter = Cutter::new(self.config.least_frames, self.config.most_frames);
        let mut shard = ShardWriter::create(&self.set.join(format!("{}.tar", VideoRecord::key(&self.sha256))))?;
        let mut stretches: Vec<Stretch> = vec![];
        let mut frames = 0;
        let path = self.path;
        let watched = watch(path, self.config, (&tools.ffmpeg, &tools.models), |frame, starts_shot, of| {
            frames += 1;
            for seen in cutter.push(frame, starts_shot) {
                stretches.push(self.stretch(seen, stretches.len(), &mut shard)?);
            }
            match told(&Prepared::Frame { path, done: frames as u64, of: of.max(frames as u64) }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Stop::Asked),
            }
        });
        let (path, sha256) = (path.to_path_buf(), self.sha256.clone());
        match watched {
            Ok(()) => {}
            // Half a video is not trusted, so its sheets are removed too.
            Err(Stop::Failed(error)) if is_of_video(&error) => {
                for key in stretches.iter().filter_map(|stretch| stretch.kept.as_ref()) {
                    let _ = fs::remove_file(self.sheet(key));
                }
                let detail = format!("{}: {error}", error.code());
                let reason = Some(Reason::Unreadable);
                let whole = Stretch { shot: 0, first: 0, frames: 0, kept: None, reason, detail };
                let (shots, stretches) = (cutter.shots(), vec![whole]);
                return Ok(VideoRecord { path, sha256, frames, shots, stretches, shard: None });
            }
            Err(stop) => return Err(stop),
        }
        for seen in cutter.end() {
            stretches.push(self.stretch(seen, stretches.len(), &mut shard)?);
        }
        let (shots, shard) = (cutter.shots(), shard.finish()?);
        Ok(VideoRecord { path, sha256, frames, shots, stretches, shard })
    }

    /// Keeps or rejects a stretch.
    fn stretch(&self, seen: Seen, number: usize, shard: &mut ShardWriter) -> Result<Stretch> {
        let mut stretch = Stretch {
            shot: seen.shot,
            first: seen.first,
            frames: seen.count,
            kept: None,
            reason: None,
            detail: String::new(),
        };
        let refused = match refusal(&seen, self.config) {
            Some(refused) => Some(refused),
            None => {
                let places = looked_at(seen.count).into_iter();
                let pictures: Vec<&Picture> = places.map(|place| &seen.frames[place].picture).collect();
                company(&pictures, self.finder)?
            }
        };
        if let Some((reason, detail)) = refused {
            (stretch.reason, stretch.detail) = (Some(reason), detail);
            return Ok(stretch);
        }
        let key = format!("{}-{number:04}", VideoRecord::key(&self.sha256));
        let clip = PreparedClip::of_frames(&self.sha256, seen.shot, seen.frames);
        shard.add(&key, &clip)?;
        let title = format!("{}, shot {}, {} frames", self.path.display(), seen.shot, seen.count);
        save_picture(&self.sheet(&key), &clip.sheet(title))?;
        stretch.kept = Some(key);
        Ok(stretch)
    }

    fn sheet(&self, key: &str) -> PathBuf {
        self.set.join("sheets").join(format!("{key}.png"))
    }
}

/// True when the video causes the error, not the machine.
fn is_of_video(error: &TrainError) -> bool {
    let TrainError::Media(error) = error else { return false };
    ["video.", "image."].iter().any(|group| error.code().starts_with(group)) && error.code() != "video.timeout"
}
