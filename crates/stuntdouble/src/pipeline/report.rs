//! The report: the number of frames, the number of frames without a person, and every warning.

use std::path::Path;

use crate::error::Error;
use crate::events::Events;
use crate::settings::Settings;
use crate::timeline::Timeline;

/// Writes `report.json` into a folder. `settings` are those of a job that makes a video.
pub(super) fn save(
    folder: &Path,
    settings: Option<&Settings>,
    timeline: &Timeline,
    events: &Events,
) -> Result<(), Error> {
    let made_by = settings.map(|settings| if settings.draft { "draft" } else { "networks" });
    let report = serde_json::json!({
        "made_by": made_by,
        "frames": timeline.len(),
        "frames_without_person": timeline.without_person(),
        "warnings": events.warnings(),
    });
    Ok(media::file::write_atomic(&folder.join("report.json"), format!("{report:#}").as_bytes())?)
}
