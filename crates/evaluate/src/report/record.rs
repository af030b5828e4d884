//! Stores measurements as files: `clips/NNNN/ROW.json`, and pictures of the row in the same folder. The JSON file is
//! written last and atomically, so an interrupted run leaves either a complete measurement or none.
//!
//! | file | what |
//! |---|---|
//! | `row-ROW.png` | the compared square of the first compared frame |
//! | `film-ROW.jpg` | frames for people to look at, one below another |
//! | `small-ROW.png` | all frames at 48 x 48 pixels, for the detection of faults |
//!
//! Pictures that belong to no row are named `given-reference`, `given-frame` and `given-truth`.

use std::path::{Path, PathBuf};

use media::file::write_atomic;
use media::image_file::{load_picture, save_jpeg, save_picture};
use media::picture::Picture;
use metrics::{Fault, faults};
use serde::{Deserialize, Serialize};

use super::film::{QUALITY, film, frames_of, small_film};
use crate::error::EvaluateError;
use crate::measure::{Measures, VERSION};
use crate::rows::Row;
use crate::suite::SuiteFingerprint;

/// Everything on which a measurement depends. It stays valid as long as this is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecordKey {
    pub(crate) suite: SuiteFingerprint,
    pub(crate) clip: u64,
    pub(crate) row: String,
    pub(crate) row_version: u32,
    pub(crate) metrics_version: u32,
    /// The networks that measured, with the hashes of their weights.
    pub(crate) instruments: Vec<String>,
}

impl RecordKey {
    /// The key of a row of a clip, which other tools know by the name `clip_name`.
    pub(crate) fn new(suite: &SuiteFingerprint, clip: u64, clip_name: &str, row: &Row, instruments: &[String]) -> Self {
        let (row, row_version) = (row.name().to_owned(), row.version(clip_name));
        let instruments = instruments.to_vec();
        Self { suite: suite.clone(), clip, row, row_version, metrics_version: VERSION, instruments }
    }
}

/// The measurement of one row on one clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) key: RecordKey,
    /// The clip's name in messages.
    pub(crate) name: String,
    /// Time that the row needed to make the frames.
    pub(crate) seconds: f64,
    /// What had to be fitted before anything was measured.
    pub(crate) faults: Vec<Fault>,
    pub(crate) measures: Measures,
}

/// The folder of a run.
#[derive(Debug, Clone)]
pub(crate) struct RecordFolder {
    root: PathBuf,
}

/// Pictures of a clip that do not belong to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Reference,
    Frame,
    Truth,
}

impl Given {
    fn name(self) -> &'static str {
        match self {
            Self::Reference => "given-reference",
            Self::Frame => "given-frame",
            Self::Truth => "given-truth",
        }
    }
}

impl RecordFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    fn clip(&self, clip: u64) -> PathBuf {
        self.root.join(format!("clips/{clip:04}"))
    }

    /// Creates the folder of a clip.
    pub(crate) fn begin(&self, clip: u64) -> Result<(), EvaluateError> {
        let path = self.clip(clip);
        std::fs::create_dir_all(&path).map_err(|source| EvaluateError::Unwritable { path, source })
    }

    /// The stored measurement with this key, if any. An unreadable one counts as none.
    pub(crate) fn load(&self, key: &RecordKey) -> Option<Record> {
        let text = std::fs::read_to_string(self.clip(key.clip).join(format!("{}.json", key.row))).ok()?;
        let record: Record = serde_json::from_str(&text).ok()?;
        (record.key == *key).then_some(record)
    }

    /// Keeps a measurement with the row's frames, and the first that is compared cut out. Gives it back as it will be read, so
    /// that a run that goes on has the same numbers to the last digit.
    pub(crate) fn save(
        &self,
        record: &Record,
        frames: &[Picture],
        compared: &Picture,
    ) -> Result<Record, EvaluateError> {
        let (clip, row) = (record.key.clip, &record.key.row);
        save_picture(&self.row_picture(clip, row), compared)?;
        self.save_films(clip, row, frames)?;
        let path = self.clip(clip).join(format!("{row}.json"));
        let malformed = |reason: serde_json::Error| {
            let reason = reason.to_string();
            EvaluateError::Malformed { path: path.clone(), reason }
        };
        let text = serde_json::to_string_pretty(record).map_err(malformed)?;
        write_atomic(&path, text.as_bytes())?;
        serde_json::from_str(&text).map_err(malformed)
    }

    fn save_films(&self, clip: u64, name: &str, frames: &[Picture]) -> Result<(), EvaluateError> {
        save_jpeg(&self.film(clip, name), &film(frames), QUALITY)?;
        Ok(save_picture(&self.clip(clip).join(format!("small-{name}.png")), &small_film(frames))?)
    }

    /// Keeps frames that belong to no row, and the first that is compared cut out.
    pub(crate) fn save_given(
        &self,
        clip: u64,
        given: Given,
        frames: &[Picture],
        compared: &Picture,
    ) -> Result<(), EvaluateError> {
        save_picture(&self.given_picture(clip, given), compared)?;
        self.save_films(clip, given.name(), frames)
    }

    pub(crate) fn given_picture(&self, clip: u64, given: Given) -> PathBuf {
        self.clip(clip).join(format!("{}.png", given.name()))
    }

    pub(crate) fn row_picture(&self, clip: u64, row: &str) -> PathBuf {
        self.clip(clip).join(format!("row-{row}.png"))
    }

    /// The film of a row.
    pub(crate) fn film(&self, clip: u64, row: &str) -> PathBuf {
        self.clip(clip).join(format!("film-{row}.jpg"))
    }

    /// The film of something that is given.
    pub(crate) fn given_film(&self, clip: u64, given: Given) -> PathBuf {
        self.film(clip, given.name())
    }

    /// The small frames of a row.
    pub(crate) fn small_frames(&self, clip: u64, row: &str) -> Result<Vec<Picture>, EvaluateError> {
        let film = load_picture(&self.clip(clip).join(format!("small-{row}.png")))?;
        Ok(frames_of(&film, faults::SIDE))
    }

    /// The small frames of the truth.
    pub(crate) fn small_truth(&self, clip: u64) -> Result<Vec<Picture>, EvaluateError> {
        self.small_frames(clip, Given::Truth.name())
    }
}
