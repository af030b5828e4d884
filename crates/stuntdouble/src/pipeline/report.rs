//! Writes the report of a job: the number of frames, the number of frames without a person, and every warning.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::composition::Composition;
use crate::error::Error;
use crate::events::{Events, Warning};
use crate::timeline::Timeline;

/// The result of a finished job. The run folder contains it as `report.json`, without `output`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How the pictures were made; none if there are no pictures, as after a dry run.
    pub made_by: Option<Composition>,
    /// Number of processed frames of the video. Before the video has been read, the number is an estimate.
    pub frames: usize,
    /// Number of frames in which nobody was seen.
    pub frames_without_person: usize,
    /// Every warning, in order.
    pub warnings: Vec<Warning>,
    /// The video, or the folder of signals, that was written; none after a dry run.
    #[serde(skip)]
    pub output: Option<PathBuf>,
}

impl Report {
    /// The report of a finished job, with the composition of its pictures if it makes a video.
    pub(super) fn of(made_by: Option<Composition>, output: &Path, timeline: &Timeline, events: &Events) -> Self {
        Self {
            made_by,
            frames: timeline.len(),
            frames_without_person: timeline.without_person(),
            warnings: events.warnings(),
            output: Some(output.into()),
        }
    }

    /// The report of a dry run over about `frames` frames.
    pub(super) fn of_plan(frames: usize, events: &Events) -> Self {
        Self { made_by: None, frames, frames_without_person: 0, warnings: events.warnings(), output: None }
    }

    /// Writes `report.json` into a folder.
    pub(super) fn save(&self, folder: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        Ok(media::file::write_atomic(&folder.join("report.json"), text.as_bytes())?)
    }
}
