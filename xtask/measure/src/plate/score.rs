//! Compares plates and the results of other methods with the ground truth.

use std::time::Instant;

use draft::plate::{PlateConfig, PlateFrame, fill, plates};
use media::picture::{Mask, Picture, Plane};
use perception::inpaint::inpaint;
use rayon::prelude::*;

/// The other methods process single frames. They are measured on every n-th frame.
const RIVAL_STEP: usize = 4;

/// A pixel with at most this error is correct.
const CLOSE: u8 = 24;

/// Sum of squared differences, and their number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Difference {
    squares: f64,
    count: f64,
}

impl Difference {
    pub(crate) fn add(&mut self, found: &Picture, truth: &Picture, counts: impl Fn(usize) -> bool) {
        for (index, (found, truth)) in found.cells().iter().zip(truth.cells()).enumerate() {
            if counts(index) {
                let square = |channel: usize| (f64::from(found[channel]) - f64::from(truth[channel])).powi(2);
                self.squares += (0..3).map(square).sum::<f64>() / 3.0;
                self.count += 1.0;
            }
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.squares += other.squares;
        self.count += other.count;
    }

    /// Peak signal-to-noise ratio in decibels, at most 99.
    pub(crate) fn decibels(self) -> f64 {
        let mean = self.squares / self.count.max(1.0);
        if mean > 0.0 { (10.0 * (255.0_f64.powi(2) / mean).log10()).min(99.0) } else { 99.0 }
    }
}

/// One row of a table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    pub(crate) plate_seen: Difference,
    pub(crate) plate_all: Difference,
    /// On every `RIVAL_STEP`th frame, as for the other methods.
    pub(crate) plate: Difference,
    pub(crate) fill: Difference,
    pub(crate) marching: Difference,
    pub(crate) seen_share: f64,
    /// Number of visible pixels, and of those whose channels are all off by at most `CLOSE`.
    close: (f64, f64),
    pub(crate) frames_a_second: f64,
}

pub(crate) const HEADER: &str =
    "case                      seen %  right %  plate/seen  plate/all | same frames: plate   fill  march | frames/s";

impl Score {
    pub(crate) fn row(&self, name: &str) -> String {
        format!(
            "{name:<25} {:6.1} {:8.1} {:11.2} {:10.2} | {:18.2} {:6.2} {:6.2} | {:8.1}",
            100.0 * self.seen_share,
            100.0 * self.close.1 / self.close.0.max(1.0),
            self.plate_seen.decibels(),
            self.plate_all.decibels(),
            self.plate.decibels(),
            self.fill.decibels(),
            self.marching.decibels(),
            self.frames_a_second
        )
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.plate_seen.join(other.plate_seen);
        self.plate_all.join(other.plate_all);
        self.plate.join(other.plate);
        self.fill.join(other.fill);
        self.marching.join(other.marching);
        self.close = (self.close.0 + other.close.0, self.close.1 + other.close.1);
    }
}

/// Makes plates and measures the time.
pub(crate) fn timed(frames: &[Picture], holes: &[Mask]) -> (Vec<PlateFrame>, f64) {
    let start = Instant::now();
    let made = plates(frames, holes, &PlateConfig::default());
    (made, frames.len() as f64 / start.elapsed().as_secs_f64())
}

/// Measures plates of `frames` with `holes` against `truth`.
pub(crate) fn score(frames: &[Picture], holes: &[Mask], truth: &[Picture]) -> (Vec<PlateFrame>, Score) {
    let (made, frames_a_second) = timed(frames, holes);
    let mut score = Score { frames_a_second, ..Score::default() };
    let rivals: Vec<Option<(Picture, Picture)>> = (0..frames.len())
        .into_par_iter()
        .map(|index| {
            let measured = index % RIVAL_STEP == 0;
            measured.then(|| (fill(&frames[index], &holes[index]), inpaint(&frames[index], &holes[index])))
        })
        .collect();
    for (index, (plate, rivals)) in made.iter().zip(&rivals).enumerate() {
        let hole = |cell: usize| holes[index].cells()[cell] > 0;
        score.plate_all.add(&plate.picture, &truth[index], hole);
        score.plate_seen.add(&plate.picture, &truth[index], |cell| hole(cell) && plate.seen.cells()[cell] > 0);
        for (cell, (found, expected)) in plate.picture.cells().iter().zip(truth[index].cells()).enumerate() {
            if hole(cell) && plate.seen.cells()[cell] > 0 {
                let right = (0..3).all(|channel| found[channel].abs_diff(expected[channel]) <= CLOSE);
                score.close = (score.close.0 + 1.0, score.close.1 + f64::from(u8::from(right)));
            }
        }
        if let Some((filled, marched)) = rivals {
            score.plate.add(&plate.picture, &truth[index], hole);
            score.fill.add(filled, &truth[index], hole);
            score.marching.add(marched, &truth[index], hole);
        }
    }
    score.seen_share = score.plate_seen.count / score.plate_all.count.max(1.0);
    (made, score)
}

/// The mask, grown by a disc.
pub(crate) fn grown(mask: &Mask, radius: i32) -> Mask {
    let (width, height) = mask.size();
    let mut grown: Mask = Plane::filled(width, height, 0);
    for y in 0..height as i32 {
        for x in (0..width as i32).filter(|&x| mask.get(x as usize, y as usize) >= 32) {
            for dy in -radius..=radius {
                let reach = f64::from(radius * radius - dy * dy).sqrt() as i32;
                let row = y + dy;
                if row >= 0 && row < height as i32 {
                    for column in (x - reach).max(0)..=(x + reach).min(width as i32 - 1) {
                        grown.set(column as usize, row as usize, 255);
                    }
                }
            }
        }
    }
    grown
}

/// The difference between a picture and the truth, four times as bright.
pub(crate) fn error(found: &Picture, truth: &Picture) -> Picture {
    Picture::from_fn(truth.width(), truth.height(), |x, y| {
        let (a, b) = (found.get(x, y), truth.get(x, y));
        std::array::from_fn(|channel| a[channel].abs_diff(b[channel]).saturating_mul(4))
    })
}
