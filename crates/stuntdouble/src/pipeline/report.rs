//! The report: how many frames there were, in how many nobody was seen, and every warning.

use std::path::Path;

use crate::error::Error;
use crate::events::Events;
use crate::timeline::Timeline;

/// Writes `report.json` into a folder.
pub(super) fn save(folder: &Path, timeline: &Timeline, events: &Events) -> Result<(), Error> {
    let report = serde_json::json!({
        "frames": timeline.len(),
        "frames_without_person": timeline.without_person(),
        "warnings": events.warnings(),
    });
    Ok(media::file::write_atomic(&folder.join("report.json"), format!("{report:#}").as_bytes())?)
}
