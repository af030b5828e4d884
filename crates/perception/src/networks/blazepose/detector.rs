//! Detects persons. The input is a picture, `[1, 3, 224, 224]` with values -1..1. The output is 2254 rows, each with a
//! box and 4 points, and 2254 logits.
//!
//! A row consists of centre x, centre y, width and height, followed by four points: hip middle, top of the body circle,
//! shoulder middle, top of the upper body circle. All values are in input pixels relative to the row's anchor.

use std::path::Path;

use media::picture::Picture;

use super::anchors::{DETECTOR_SIDE, anchor_centres};
use super::sigmoid;
use super::suppression::{Candidate, suppress};
use crate::error::Error;
use crate::networks::network::Network;
use crate::person::rotated_roi::RotatedRoi;

/// Detections below this score are ignored.
const LEAST_SCORE: f32 = 0.5;
/// Side of a body's region, relative to the body circle.
pub(crate) const BODY_MARGIN: f32 = 1.25;
/// Numbers in a row.
const ROW: usize = 12;

/// A person found in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Score, 0..1.
    pub score: f32,
    /// The rotated ROI around the whole body, with the hips in its centre.
    pub region: RotatedRoi,
}

/// The person detector.
pub struct Detector {
    network: Network,
    anchors: Vec<(f32, f32)>,
}

impl Detector {
    /// Loads `pose_detection.tflite`.
    ///
    /// # Errors
    /// The errors of [`Network::open`], and [`Error::ModelMismatched`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let anchors = anchor_centres();
        let input = [1, 3, DETECTOR_SIDE, DETECTOR_SIDE];
        let outputs: [&[usize]; 2] = [&[1, anchors.len(), ROW], &[1, anchors.len(), 1]];
        Ok(Self { network: Network::open(path, outputs.len())?.expect("person detector", &input, &outputs)?, anchors })
    }

    /// The persons in an upright region, best first. The region is usually [`RotatedRoi::around_frame`].
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn detect(&self, picture: &Picture, region: &RotatedRoi) -> Result<Vec<Detection>, Error> {
        let input = region.crop(picture, DETECTOR_SIDE, 1.0 / 127.5, -1.0);
        let [rows, logits] = self.network.run(&input, [0, 1])?;
        let candidates = self.anchors.iter().zip(rows.as_chunks::<ROW>().0).zip(&logits);
        let candidates = candidates.filter_map(|((anchor, row), logit)| {
            let score = sigmoid(logit.clamp(-100.0, 100.0));
            (score >= LEAST_SCORE).then(|| candidate(*anchor, row, score))
        });
        let detections = suppress(candidates.collect()).into_iter().map(|found| {
            let [hips, top] = found.points.map(|point| region.frame_from_region(point));
            Detection { score: found.score, region: RotatedRoi::from_centre_and_top(hips, top, BODY_MARGIN) }
        });
        Ok(detections.filter(|detection| detection.region.is_usable()).collect())
    }
}

/// Converts a row to coordinates in 0..1 of the input.
fn candidate(anchor: (f32, f32), row: &[f32; ROW], score: f32) -> Candidate {
    let side = DETECTOR_SIDE as f32;
    let place = |index: usize| (row[index] / side + anchor.0, row[index + 1] / side + anchor.1);
    let (x, y) = place(0);
    let (half_width, half_height) = (row[2] / side / 2.0, row[3] / side / 2.0);
    Candidate {
        score,
        sides: [x - half_width, y - half_height, x + half_width, y + half_height],
        points: [place(4), place(6)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_by_hand() {
        let row = [22.4, 0.0, 44.8, 22.4, 0.0, 0.0, 0.0, -112.0, 0.0, 0.0, 0.0, 0.0];
        let found = candidate((0.5, 0.5), &row, 0.75);
        for (found, expected) in found.sides.iter().zip([0.5, 0.45, 0.7, 0.55]) {
            assert!((found - expected).abs() < 1e-6);
        }
        assert_eq!(found.points, [(0.5, 0.5), (0.5, 0.0)]);
    }
}
