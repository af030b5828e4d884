//! Draws the contact sheet of a run: reference, source, two conditions and result, side by side.

use media::image_file::{load_picture, save_picture};
use media::picture::Picture;
use media::sheet::Sheet;
use perception::contact_sheet::spread_rows;

use super::work::Work;
use crate::error::Error;

const ROWS: usize = 6;
const CELL: usize = 256;

/// The conditions between source and result.
fn made_of(work: &Work<'_>) -> [&'static str; 2] {
    if work.composition.is_layered() { ["plate", "warp"] } else { ["skeleton", "environment"] }
}

/// A sheet with a few frames of a run, filled during the export.
pub(super) struct RunSheet<'a> {
    work: &'a Work<'a>,
    frames: Vec<usize>,
    reference: Picture,
    sheet: Sheet,
}

impl<'a> RunSheet<'a> {
    /// A sheet without rows.
    pub(super) fn new(work: &'a Work<'a>) -> Self {
        Self {
            work,
            frames: spread_rows(work.timeline.len(), ROWS),
            reference: work.scene.reference(work.composition, CELL as u32),
            sheet: Sheet::new(5, CELL, CELL).titled(format!("reference, source, {}, result", made_of(work).join(", "))),
        }
    }

    /// Adds a row if the frame is on the sheet.
    pub(super) fn take(&mut self, index: usize, source: &Picture, result: &Picture) -> Result<(), Error> {
        if !self.frames.contains(&index) {
            return Ok(());
        }
        self.sheet.push(&self.reference, "reference");
        self.sheet.push(source, format!("source {index}"));
        for name in made_of(self.work) {
            let path = self.work.run.join(&format!("conditions/{name}/{index:06}.png"));
            match path.exists() {
                true => self.sheet.push(&load_picture(&path)?, name),
                false => self.sheet.skip(),
            }
        }
        self.sheet.push(result, "result");
        Ok(())
    }

    /// Writes `sheet.png`.
    pub(super) fn save(&self) -> Result<(), Error> {
        Ok(save_picture(&self.work.run.join("sheet.png"), &self.sheet.render())?)
    }
}
