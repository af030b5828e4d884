//! Writes `manifest.json`, which declares that a result was made by AI, and lists all inputs and weights with their
//! hashes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::input::Input;
use crate::run_folder::RunRecord;

/// The text in the metadata of every video.
pub const NOTICE: &str = "AI generated: the person in this video was replaced by Stuntdouble";

/// The origin of a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always true: the program's output is synthetic.
    pub ai_generated: bool,
    /// The same statement in words.
    pub notice: String,
    /// The job.
    pub run: RunRecord,
    /// Version line of the ffmpeg used.
    pub ffmpeg: String,
    /// The result.
    pub output: Input,
}

impl Manifest {
    /// Describes `output` of a run.
    ///
    /// # Errors
    /// [`Error::Io`] when the output cannot be read.
    pub fn new(run: RunRecord, ffmpeg: String, output: &Path) -> Result<Self, Error> {
        Ok(Self { ai_generated: true, notice: NOTICE.into(), run, ffmpeg, output: Input::of(output)? })
    }

    /// Writes the manifest completely or not at all.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|reason| Error::Setting { setting: "manifest".into(), reason: reason.to_string() })?;
        Ok(media::file::write_atomic(path, text.as_bytes())?)
    }
}
