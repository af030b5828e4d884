//! The report of a job: how many frames there were, in how many nobody was seen, and every warning.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::events::{Events, Warning};
use crate::settings::Settings;
use crate::timeline::Timeline;

/// What made the pictures of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MadeBy {
    /// Geometry alone.
    Draft,
    /// The networks.
    Networks,
}

/// What a job reports when it is done. The run folder has it as `report.json`, without `output`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What made the pictures; none if there are none, as after a dry run.
    pub made_by: Option<MadeBy>,
    /// Frames of the video, as far as they were asked for. Before a video was read they are an estimate.
    pub frames: usize,
    /// Frames in which nobody was seen.
    pub frames_without_person: usize,
    /// Every warning, in order.
    pub warnings: Vec<Warning>,
    /// The video, or the folder of signals, that was written; none after a dry run.
    #[serde(skip)]
    pub output: Option<PathBuf>,
}

impl Report {
    /// The report of a finished job; `settings` are those of a job with a result.
    pub(super) fn of(settings: Option<&Settings>, output: &Path, timeline: &Timeline, events: &Events) -> Self {
        Self {
            made_by: settings.map(|settings| if settings.draft { MadeBy::Draft } else { MadeBy::Networks }),
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
