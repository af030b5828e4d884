//! The sheet of a run: reference, source, skeleton, environment and result, side by side.

use media::image_file::{load_picture, save_picture};
use media::sheet::Sheet;
use perception::contact_sheet::spread_rows;

use super::Work;
use super::export::finished_frame;
use crate::error::Error;

const ROWS: usize = 6;
const CELL: usize = 256;

/// Writes `sheet.png`.
pub(super) fn save(work: &Work<'_>) -> Result<(), Error> {
    let rows = spread_rows(work.timeline.len(), ROWS);
    let mut sheet = Sheet::new(5, CELL, CELL).titled("reference, source, skeleton, environment, result");
    let reference = work.scene.reference(CELL as u32);
    for (index, frame) in work.source.frames()?.enumerate() {
        let picture = frame?.picture;
        if !rows.contains(&index) {
            continue;
        }
        sheet.push(&reference, "reference");
        sheet.push(&picture, format!("source {index}"));
        for name in ["skeleton", "environment"] {
            let path = work.run.join(&format!("conditions/{name}/{index:06}.png"));
            match path.exists() {
                true => sheet.push(&load_picture(&path)?, name),
                false => sheet.skip(),
            }
        }
        sheet.push(&finished_frame(work, index, &picture)?, "result");
        sheet.end_row();
    }
    Ok(save_picture(&work.run.join("sheet.png"), &sheet.render())?)
}
