//! Finds the face. The input is a rotated ROI, `[1, 3, 192, 192]` with values 0..1. The output is a mesh of 468 points,
//! and a presence flag. The project uses 68 of the 468 points.
//!
//! The first ROI is computed from the body's eyes and mouth, later ROIs from the mesh of the previous frame.

use std::path::Path;

use media::picture::Picture;

use super::body::{BODY_POINTS, point};
use super::{UNIT, sigmoid};
use crate::error::Error;
use crate::networks::network::Network;
use crate::person::rotated_roi::RotatedRoi;
use crate::pose::{FACE_POINTS, Keypoint};

const SIDE: usize = 192;
/// Points of the mesh.
const MESH_POINTS: usize = 468;
/// Side of the ROI, relative to the larger side of the mesh's box.
const MARGIN: f32 = 1.5;
/// Height of the mesh, in distances from the eyes to the mouth.
const MESH_HEIGHT: f32 = 2.8;
/// Outer corners of the right and left eye; their line gives the rotation of the ROI.
const EYE_LINE: [usize; 2] = [33, 263];

/// For each of the usual 68 points, the index of the mesh point at the same position. The mesh is symmetric. Its right
/// half is the person's right, which is on the left of the picture, where the 68 points start.
#[rustfmt::skip]
pub const MESH_OF_68: [usize; FACE_POINTS] = [
    // Jaw, from the right ear over the chin (152) to the left ear.
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
    // Brows, each from the picture's left to its right.
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    // Nose: bridge downwards, then nostrils from the picture's left to its right.
    168, 197, 5, 1, 98, 97, 2, 326, 327,
    // Eyes: corner, two points of the upper lid, corner, two points of the lower lid.
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    // Lips, outside: right corner, upper edge, left corner, lower edge back.
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,
    // Lips, inside.
    78, 81, 13, 311, 308, 402, 14, 178,
];

/// The network's result for a face.
#[derive(Debug, Clone)]
pub struct FaceEstimate {
    /// 468 points of the mesh in frame pixels; z relative to the middle of the head; confidence = presence.
    pub mesh: Vec<Keypoint>,
    /// Confidence that there is a face, 0..1.
    pub presence: f32,
}

impl FaceEstimate {
    /// The usual 68 points.
    pub fn points(&self) -> Vec<Keypoint> {
        MESH_OF_68.iter().map(|index| self.mesh[*index]).collect()
    }
}

/// The face network.
pub struct FaceNetwork {
    network: Network,
}

impl FaceNetwork {
    /// Loads `face_landmark.tflite`.
    ///
    /// # Errors
    /// The errors of [`Network::open`], and [`Error::ModelMismatched`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let outputs: [&[usize]; 2] = [&[1, MESH_POINTS * 3, 1, 1], &[1, 1, 1, 1]];
        Ok(Self {
            network: Network::open(path, outputs.len())?.expect("face landmark", &[1, 3, SIDE, SIDE], &outputs)?,
        })
    }

    /// Runs the network on one region of a frame. `None` when the result is not finite.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn estimate(&self, picture: &Picture, region: &RotatedRoi) -> Result<Option<FaceEstimate>, Error> {
        let [rows, flag] = self.network.run(&region.crop(picture, SIDE, UNIT.0, UNIT.1), [0, 1])?;
        if !rows.iter().chain(&flag).all(|value| value.is_finite()) {
            return Ok(None);
        }
        let presence = sigmoid(flag[0]);
        let mesh = rows.as_chunks::<3>().0.iter().map(|row| {
            let (x, y) = region.frame_from_region((row[0] / SIDE as f32, row[1] / SIDE as f32));
            Keypoint { x, y, z: row[2] / SIDE as f32 * region.side, confidence: presence }
        });
        Ok(Some(FaceEstimate { mesh: mesh.collect(), presence }))
    }
}

/// The expected ROI of the face, from the body.
pub fn region_from_body(points: &[Keypoint; BODY_POINTS]) -> RotatedRoi {
    use point::*;
    let middle =
        |one: usize, other: usize| ((points[one].x + points[other].x) / 2.0, (points[one].y + points[other].y) / 2.0);
    let distance = |one: usize, other: usize| (points[one].x - points[other].x).hypot(points[one].y - points[other].y);
    let (eyes, mouth) = (middle(LEFT_EYE, RIGHT_EYE), middle(MOUTH_LEFT, MOUTH_RIGHT));
    let turned = RotatedRoi::from_centre_and_top(mouth, eyes, 0.5);
    // Looking up or down shortens the height, and looking aside the width. So this takes the largest of three lengths
    // that are equal in a frontal face.
    let length = turned.side.max(distance(LEFT_EYE, RIGHT_EYE)).max(0.45 * distance(LEFT_EAR, RIGHT_EAR));
    let centre = (eyes.0 + 0.3 * (mouth.0 - eyes.0), eyes.1 + 0.3 * (mouth.1 - eyes.1));
    RotatedRoi { centre, side: MARGIN * MESH_HEIGHT * length, turn: turned.turn }
}

/// The expected ROI of the face in the next frame, from its mesh.
pub fn region_from_mesh(mesh: &[Keypoint]) -> RotatedRoi {
    let [right, left] = EYE_LINE.map(|index| &mesh[index]);
    let turn = (left.y - right.y).atan2(left.x - right.x);
    region_around(mesh.iter(), turn, MARGIN)
}

/// The square rotated by `turn` around points, with `margin` times the larger side of their box.
pub(crate) fn region_around<'a>(points: impl Iterator<Item = &'a Keypoint>, turn: f32, margin: f32) -> RotatedRoi {
    let unit = RotatedRoi { centre: (0.0, 0.0), side: 1.0, turn };
    let [mut low, mut high] = [(f32::INFINITY, f32::INFINITY), (f32::NEG_INFINITY, f32::NEG_INFINITY)];
    for point in points {
        let (x, y) = unit.region_from_frame((point.x, point.y));
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let centre = unit.frame_from_region(((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0));
    RotatedRoi { centre, side: margin * (high.0 - low.0).max(high.1 - low.1), turn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_point_twice() {
        let mut sorted = MESH_OF_68.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), FACE_POINTS);
        assert!(sorted.iter().all(|index| *index < MESH_POINTS));
    }

    #[test]
    fn a_turned_box_by_hand() {
        let points = [(0.0, 0.0), (0.0, 10.0), (4.0, 5.0)].map(|(x, y)| Keypoint { x, y, ..Keypoint::default() });
        let region = region_around(points.iter(), std::f32::consts::FRAC_PI_2, 1.5);
        assert!((region.side - 15.0).abs() < 1e-4, "{region:?}");
        assert!((region.centre.0 - 2.0).abs() < 1e-4 && (region.centre.1 - 5.0).abs() < 1e-4, "{region:?}");
    }
}
