//! Stores measurements as files: `clips/NNNN/ROW.json`, with the row's first picture beside it. The JSON file is
//! written last and atomically, so a killed run leaves either a complete measurement or none.

use std::path::{Path, PathBuf};

use media::file::write_atomic;
use media::image_file::save_picture;
use media::picture::Picture;
use serde::{Deserialize, Serialize};

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
    /// True if VGG-HED distances were measured.
    pub(crate) vgg_hed: bool,
}

impl RecordKey {
    pub(crate) fn new(suite: &SuiteFingerprint, clip: u64, row: &Row, vgg_hed: bool) -> Self {
        let (row, row_version) = (row.name().to_owned(), row.version());
        Self { suite: suite.clone(), clip, row, row_version, metrics_version: VERSION, vgg_hed }
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

    /// Stores a measurement with the row's picture. Returns it as it will be read, so that a resumed run has the same
    /// numbers to the last digit.
    pub(crate) fn save(&self, record: &Record, picture: &Picture) -> Result<Record, EvaluateError> {
        save_picture(&self.row_picture(record.key.clip, &record.key.row), picture)?;
        let path = self.clip(record.key.clip).join(format!("{}.json", record.key.row));
        let malformed = |reason: serde_json::Error| {
            let reason = reason.to_string();
            EvaluateError::Malformed { path: path.clone(), reason }
        };
        let text = serde_json::to_string_pretty(record).map_err(malformed)?;
        write_atomic(&path, text.as_bytes())?;
        serde_json::from_str(&text).map_err(malformed)
    }

    /// Stores a picture that does not belong to a row.
    pub(crate) fn save_given(&self, clip: u64, given: Given, picture: &Picture) -> Result<(), EvaluateError> {
        Ok(save_picture(&self.given_picture(clip, given), picture)?)
    }

    pub(crate) fn given_picture(&self, clip: u64, given: Given) -> PathBuf {
        let name = match given {
            Given::Reference => "given-reference.png",
            Given::Frame => "given-frame.png",
            Given::Truth => "given-truth.png",
        };
        self.clip(clip).join(name)
    }

    pub(crate) fn row_picture(&self, clip: u64, row: &str) -> PathBuf {
        self.clip(clip).join(format!("row-{row}.png"))
    }
}
