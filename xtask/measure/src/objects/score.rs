//! Compares found pixels with the ground truth.

use media::picture::Mask;

use crate::objects::clips::{LEAST, Seen, area};

/// Sums over frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    frames: f64,
    recall: f64,
    precision: f64,
    /// Number of frames in which something was found.
    answered: f64,
    overlapping: f64,
    lost: f64,
    empty_frames: f64,
    false_area: f64,
}

impl Score {
    /// Adds the result for the frames of a clip.
    pub(crate) fn add(&mut self, objects: &[Mask], persons: &[Mask], seen: &Seen<'_>, found: &[Option<Mask>]) {
        let has_object = objects.iter().any(|object| area(object) >= LEAST);
        for (index, found) in found.iter().enumerate() {
            let (truth, person) = (&objects[index], &persons[index]);
            let is_found = |cell: usize| found.as_ref().is_some_and(|found| found.cells()[cell] > 127);
            let count =
                |counts: &dyn Fn(usize) -> bool| (0..truth.cells().len()).filter(|&cell| counts(cell)).count() as f64;
            let taken = count(&is_found);
            if !has_object {
                if area(person) >= LEAST {
                    self.empty_frames += 1.0;
                    self.false_area += taken / area(person) as f64;
                }
                continue;
            }
            if area(truth) < LEAST {
                continue;
            }
            let is_object = |cell: usize| truth.cells()[cell] > 127;
            let (whole, right) = (area(truth) as f64, count(&|cell| is_found(cell) && is_object(cell)));
            self.frames += 1.0;
            self.recall += right / whole;
            if taken > 0.0 {
                self.answered += 1.0;
                self.precision += right / taken;
            }
            self.overlapping += f64::from(u8::from(right > 0.5 * (whole + taken - right)));
            let is_removed = |cell: usize| is_object(cell) && !is_found(cell) && seen.holes[index].cells()[cell] > 0;
            self.lost += count(&is_removed) / whole;
        }
    }

    /// Number of frames in which the object is visible.
    pub(crate) fn frames(&self) -> f64 {
        self.frames
    }

    /// A row of the table.
    pub(crate) fn row(&self, name: &str) -> String {
        let percent = |sum: f64, count: f64| 100.0 * sum / count.max(1.0);
        format!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} |",
            percent(self.recall, self.frames),
            percent(self.precision, self.answered),
            percent(self.overlapping, self.frames),
            percent(self.lost, self.frames),
            percent(self.false_area, self.empty_frames)
        )
    }
}
