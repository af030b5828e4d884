//! Finds the points of one body. The input is a rotated ROI, `[1, 3, 256, 256]` with values 0..1. The output is 39
//! points, a presence flag, and a person mask.
//!
//! A point consists of x, y, z in input pixels and two logits: whether the point is visible, and whether it lies inside
//! the picture. Points 33 and 34 are the middle of the hips and the top of the body circle; they define the ROI of the
//! next frame.

use std::path::Path;

use media::picture::{Picture, Plane};

use super::{UNIT, sigmoid};
use crate::error::Error;
use crate::networks::network::Network;
use crate::person::rotated_roi::RotatedRoi;
use crate::pose::{Joint, Keypoint, Pose};

/// Side of the network's input and of its mask, in pixels.
pub(crate) const BODY_SIDE: usize = 256;
/// Points of the network: 33 of the body, 2 for the next region, 4 unused.
const POINTS: usize = 39;
/// Points of the body.
pub const BODY_POINTS: usize = 33;
/// Factor from the network's z to the scale of x and y. With it, bone lengths change least while a person turns
/// (measured on three clips: the spread is smallest at 0.27..0.35), and z agrees with the network's own metric points
/// (0.25..0.31).
const DEPTH_SCALE: f32 = 0.28;

/// Indices of those of the 33 body points that other modules need.
pub mod point {
    #![expect(missing_docs, reason = "each name says which point it is; right and left are the person's own")]
    pub const NOSE: usize = 0;
    pub const LEFT_EYE: usize = 2;
    pub const RIGHT_EYE: usize = 5;
    pub const LEFT_EAR: usize = 7;
    pub const RIGHT_EAR: usize = 8;
    pub const MOUTH_LEFT: usize = 9;
    pub const MOUTH_RIGHT: usize = 10;
    pub const LEFT_SHOULDER: usize = 11;
    pub const RIGHT_SHOULDER: usize = 12;
    pub const LEFT_ELBOW: usize = 13;
    pub const RIGHT_ELBOW: usize = 14;
    pub const LEFT_WRIST: usize = 15;
    pub const RIGHT_WRIST: usize = 16;
    pub const LEFT_PINKY: usize = 17;
    pub const RIGHT_PINKY: usize = 18;
    pub const LEFT_INDEX: usize = 19;
    pub const RIGHT_INDEX: usize = 20;
    pub const LEFT_HIP: usize = 23;
    pub const RIGHT_HIP: usize = 24;
    pub const LEFT_KNEE: usize = 25;
    pub const RIGHT_KNEE: usize = 26;
    pub const LEFT_ANKLE: usize = 27;
    pub const RIGHT_ANKLE: usize = 28;
    pub const LEFT_HEEL: usize = 29;
    pub const RIGHT_HEEL: usize = 30;
    pub const LEFT_TOE: usize = 31;
    pub const RIGHT_TOE: usize = 32;
}

/// The network's result for one region.
#[derive(Debug, Clone)]
pub struct BodyEstimate {
    /// The input region.
    pub region: RotatedRoi,
    /// 33 points in frame pixels; z relative to the middle of the hips.
    pub points: [Keypoint; BODY_POINTS],
    /// Middle of the hips and top of the body circle in frame pixels, which define the next region.
    pub next: [(f32, f32); 2],
    /// Confidence that there is a person, 0..1.
    pub flag: f32,
    /// Person probability over the region, 256x256.
    pub mask: Plane<f32>,
    /// The network's input: `[3, 256, 256]` with values 0..1.
    pub shown: Vec<f32>,
}

/// The body network.
pub struct BodyNetwork {
    network: Network,
}

impl BodyNetwork {
    /// Loads `pose_landmark_lite.tflite`, `_full` or `_heavy`.
    ///
    /// # Errors
    /// The errors of [`Network::open`], and [`Error::ModelMismatched`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let outputs: [&[usize]; 3] = [&[1, POINTS * 5], &[1, 1], &[1, 1, BODY_SIDE, BODY_SIDE]];
        let network =
            Network::open(path, outputs.len())?.expect("body landmark", &[1, 3, BODY_SIDE, BODY_SIDE], &outputs)?;
        Ok(Self { network })
    }

    /// Runs the network on one region of a frame. `None` when the result is not finite.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn estimate(&self, picture: &Picture, region: &RotatedRoi) -> Result<Option<BodyEstimate>, Error> {
        let input = region.crop(picture, BODY_SIDE, UNIT.0, UNIT.1);
        let [rows, flag, mask] = self.network.run(&input, [0, 1, 2])?;
        if !rows.iter().chain(&flag).chain(&mask).all(|value| value.is_finite()) {
            return Ok(None);
        }
        let rows = rows.as_chunks::<5>().0;
        let place = |row: &[f32; 5]| region.frame_from_region((row[0] / BODY_SIDE as f32, row[1] / BODY_SIDE as f32));
        Ok(Some(BodyEstimate {
            region: *region,
            points: std::array::from_fn(|index| {
                let row = &rows[index];
                let (x, y) = place(row);
                let z = row[2] * DEPTH_SCALE / BODY_SIDE as f32 * region.side;
                Keypoint { x, y, z, confidence: sigmoid(row[3]) * sigmoid(row[4]) }
            }),
            next: [place(&rows[BODY_POINTS]), place(&rows[BODY_POINTS + 1])],
            flag: flag[0],
            mask: Plane::from_cells(BODY_SIDE, BODY_SIDE, mask).map(sigmoid),
            shown: input,
        }))
    }
}

/// For each of our 18 joints, the body points whose midpoint it is.
const JOINTS: [&[usize]; Joint::COUNT] = {
    use point::*;
    [
        &[NOSE],
        &[LEFT_SHOULDER, RIGHT_SHOULDER],
        &[RIGHT_SHOULDER],
        &[RIGHT_ELBOW],
        &[RIGHT_WRIST],
        &[LEFT_SHOULDER],
        &[LEFT_ELBOW],
        &[LEFT_WRIST],
        &[RIGHT_HIP],
        &[RIGHT_KNEE],
        &[RIGHT_ANKLE],
        &[LEFT_HIP],
        &[LEFT_KNEE],
        &[LEFT_ANKLE],
        &[RIGHT_EYE],
        &[LEFT_EYE],
        &[RIGHT_EAR],
        &[LEFT_EAR],
    ]
};

/// Converts the 33 points of the network to the 18 joints of the project. Hands and face stay empty. A joint that is a
/// midpoint has the lower of the two confidences.
pub fn pose_from_body_points(points: &[Keypoint; BODY_POINTS]) -> Pose {
    let body = JOINTS.map(|sources| {
        let share = 1.0 / sources.len() as f32;
        let start = Keypoint { confidence: 1.0, ..Keypoint::default() };
        sources.iter().map(|source| points[*source]).fold(start, |sum, source| Keypoint {
            x: sum.x + share * source.x,
            y: sum.y + share * source.y,
            z: sum.z + share * source.z,
            confidence: sum.confidence.min(source.confidence),
        })
    });
    Pose {
        body,
        right_foot: vec![points[point::RIGHT_TOE], points[point::RIGHT_HEEL]],
        left_foot: vec![points[point::LEFT_TOE], points[point::LEFT_HEEL]],
        ..Pose::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_joint_comes_from_its_point() {
        let points = std::array::from_fn(|index| Keypoint {
            x: index as f32,
            y: 100.0 + index as f32,
            z: -(index as f32),
            confidence: 1.0 - index as f32 / 100.0,
        });
        let pose = pose_from_body_points(&points);
        let neck = pose.joint(Joint::Neck);
        assert_eq!((neck.x, neck.y, neck.z), (11.5, 111.5, -11.5));
        assert_eq!(neck.confidence, 0.88);
        let from = [0, 99, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7];
        for (joint, from) in pose.body.iter().zip(from).filter(|(_, from)| *from != 99) {
            assert_eq!(joint.x, from as f32);
        }
    }
}
