//! Finds the 21 points of one hand. The input is a rotated ROI, `[1, 3, 224, 224]` with values 0..1. The output
//! consists of the points and a presence value.
//!
//! The first ROI is computed from the body's wrist and knuckles, later ROIs from the hand in the previous frame.

use std::path::Path;

use media::picture::Picture;

use super::UNIT;
use super::body::{BODY_POINTS, point};
use crate::error::Error;
use crate::networks::network::Network;
use crate::person::rotated_roi::RotatedRoi;
use crate::pose::{HAND_POINTS, Keypoint};

const SIDE: usize = 224;
/// Factor from the network's z to the scale of its x and y.
const DEPTH_SCALE: f32 = 0.4;
/// Side of the first ROI in palm lengths (wrist to knuckles).
const PALMS: f32 = 3.0;
/// A palm has at least this share of the forearm's length, even when it points at the camera.
const PALM_OF_FOREARM: f32 = 0.3;
/// Side of a tracked ROI, relative to the box of palm and inner finger joints.
const MARGIN: f32 = 2.0;
/// How far a tracked ROI shifts towards the fingertips, in box heights.
const FORWARD: f32 = 0.1;
/// Wrist, thumb, and the two inner joints of each finger. They hardly move when fingers bend.
const STEADY: [usize; 12] = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18];

/// Which hand of the person it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The person's right hand.
    Right,
    /// The person's left hand.
    Left,
}

/// The network's result for a hand.
#[derive(Debug, Clone)]
pub struct HandEstimate {
    /// 21 points in frame pixels; z relative to the wrist; confidence = presence.
    pub points: Vec<Keypoint>,
    /// Confidence that there is a hand, 0..1.
    pub presence: f32,
}

/// The hand network.
pub struct HandNetwork {
    network: Network,
}

impl HandNetwork {
    /// Loads `hand_landmark_lite.tflite` or `_full`.
    ///
    /// # Errors
    /// The errors of [`Network::open`], and [`Error::ModelMismatched`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let outputs: [&[usize]; 2] = [&[1, HAND_POINTS * 3], &[1, 1]];
        Ok(Self {
            network: Network::open(path, outputs.len())?.expect("hand landmark", &[1, 3, SIDE, SIDE], &outputs)?,
        })
    }

    /// Runs the network on one region of a frame. `None` when the result is not finite.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn estimate(&self, picture: &Picture, region: &RotatedRoi) -> Result<Option<HandEstimate>, Error> {
        let [rows, presence] = self.network.run(&region.crop(picture, SIDE, UNIT.0, UNIT.1), [0, 1])?;
        if !rows.iter().chain(&presence).all(|value| value.is_finite()) {
            return Ok(None);
        }
        let presence = presence[0];
        let points = rows.as_chunks::<3>().0.iter().map(|row| {
            let (x, y) = region.frame_from_region((row[0] / SIDE as f32, row[1] / SIDE as f32));
            Keypoint { x, y, z: row[2] / DEPTH_SCALE / SIDE as f32 * region.side, confidence: presence }
        });
        Ok(Some(HandEstimate { points: points.collect(), presence }))
    }
}

/// The expected ROI of a hand, from the body.
pub fn region_from_body(points: &[Keypoint; BODY_POINTS], side: Side) -> RotatedRoi {
    use point::*;
    let [wrist, index, pinky, elbow] = match side {
        Side::Right => [RIGHT_WRIST, RIGHT_INDEX, RIGHT_PINKY, RIGHT_ELBOW],
        Side::Left => [LEFT_WRIST, LEFT_INDEX, LEFT_PINKY, LEFT_ELBOW],
    };
    let [wrist, index, pinky, elbow] = [wrist, index, pinky, elbow].map(|name| (points[name].x, points[name].y));
    let knuckle = ((2.0 * index.0 + pinky.0) / 3.0, (2.0 * index.1 + pinky.1) / 3.0);
    let palm = (knuckle.0 - wrist.0).hypot(knuckle.1 - wrist.1);
    let forearm = (wrist.0 - elbow.0).hypot(wrist.1 - elbow.1);
    let turned = RotatedRoi::from_centre_and_top(wrist, knuckle, 1.0);
    RotatedRoi { centre: knuckle, side: PALMS * palm.max(PALM_OF_FOREARM * forearm), turn: turned.turn }
}

/// The expected ROI of the hand in the next frame, from its 21 points.
pub fn region_from_hand(points: &[Keypoint]) -> RotatedRoi {
    let wrist = (points[0].x, points[0].y);
    let middle = |value: fn(&Keypoint) -> f32| (value(&points[5]) + 2.0 * value(&points[9]) + value(&points[13])) / 4.0;
    let turned = RotatedRoi::from_centre_and_top(wrist, (middle(|p| p.x), middle(|p| p.y)), 1.0);
    let region = super::face::region_around(STEADY.iter().map(|index| &points[*index]), turned.turn, MARGIN);
    let forward = 0.5 - FORWARD / MARGIN;
    RotatedRoi { centre: region.frame_from_region((0.5, forward)), ..region }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_that_points_right_is_turned_up() {
        let mut points = [Keypoint::default(); BODY_POINTS];
        points[point::RIGHT_WRIST] = Keypoint { x: 100.0, y: 50.0, ..Keypoint::default() };
        points[point::RIGHT_ELBOW] = Keypoint { x: 70.0, y: 50.0, ..Keypoint::default() };
        points[point::RIGHT_INDEX] = Keypoint { x: 110.0, y: 50.0, ..Keypoint::default() };
        points[point::RIGHT_PINKY] = Keypoint { x: 110.0, y: 50.0, ..Keypoint::default() };
        let region = region_from_body(&points, Side::Right);
        assert!((region.turn - std::f32::consts::FRAC_PI_2).abs() < 1e-5);
        assert_eq!((region.centre, region.side), ((110.0, 50.0), 30.0));
    }

    #[test]
    fn a_tracked_square_holds_the_whole_hand() {
        // An upright open hand: the fingers are columns of four points above the wrist.
        let mut points = vec![Keypoint { x: 50.0, y: 100.0, ..Keypoint::default() }];
        for finger in 0..5 {
            for joint in 0..4 {
                let (x, y) = (30.0 + 10.0 * finger as f32, 70.0 - 14.0 * joint as f32);
                points.push(Keypoint { x, y, ..Keypoint::default() });
            }
        }
        let region = region_from_hand(&points);
        for point in &points {
            let (x, y) = region.region_from_frame((point.x, point.y));
            assert!((0.0..1.0).contains(&x) && (0.0..1.0).contains(&y), "({x}, {y}) of {region:?}");
        }
    }
}
