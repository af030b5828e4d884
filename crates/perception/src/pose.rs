//! Defines the skeleton convention of the whole project: 18 OpenPose body joints, 21 points for each hand, 68 face
//! points, and the toe and heel of each foot.

use serde::{Deserialize, Serialize};

/// One joint in pixels of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Keypoint {
    /// Column, in pixels; the centre of the top left pixel is 0.5. Can lie outside the frame.
    pub x: f32,
    /// Row, in pixels.
    pub y: f32,
    /// Depth relative to the middle of the hips, in the unit of `x`; smaller is nearer to the camera.
    pub z: f32,
    /// 0 = unknown, 1 = certain and visible. Joints under [`Keypoint::DRAWN`] are not drawn.
    pub confidence: f32,
}

impl Keypoint {
    /// The smallest confidence at which a joint is drawn and counted.
    pub const DRAWN: f32 = 0.3;

    /// True when the joint is certain enough to be drawn.
    pub fn is_drawn(&self) -> bool {
        self.confidence >= Self::DRAWN
    }
}

/// Body joints in OpenPose (COCO-18) order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
#[expect(missing_docs, reason = "each name says which joint it is; right and left are the person's own")]
pub enum Joint {
    Nose,
    Neck,
    RightShoulder,
    RightElbow,
    RightWrist,
    LeftShoulder,
    LeftElbow,
    LeftWrist,
    RightHip,
    RightKnee,
    RightAnkle,
    LeftHip,
    LeftKnee,
    LeftAnkle,
    RightEye,
    LeftEye,
    RightEar,
    LeftEar,
}

impl Joint {
    /// Number of joints.
    pub const COUNT: usize = 18;
}

/// Points of a hand: wrist, then thumb, index, middle, ring and little finger from the palm outwards.
pub const HAND_POINTS: usize = 21;
/// Points of a foot: tip of the big toe, heel.
pub const FOOT_POINTS: usize = 2;
/// Points of a face in the usual 68-point order (jaw, brows, nose, eyes, mouth).
pub const FACE_POINTS: usize = 68;

/// One person in one frame. An empty list means "not known". Otherwise a list has exactly the stated length.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Pose {
    /// The 18 body joints, indexed by [`Joint`].
    pub body: [Keypoint; Joint::COUNT],
    /// The person's right hand, [`HAND_POINTS`] or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub right_hand: Vec<Keypoint>,
    /// The person's left hand, [`HAND_POINTS`] or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_hand: Vec<Keypoint>,
    /// The face, [`FACE_POINTS`] or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub face: Vec<Keypoint>,
    /// The person's right foot, [`FOOT_POINTS`] or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub right_foot: Vec<Keypoint>,
    /// The person's left foot, [`FOOT_POINTS`] or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_foot: Vec<Keypoint>,
}

impl Pose {
    /// The joint `joint`.
    pub fn joint(&self, joint: Joint) -> Keypoint {
        self.body[joint as usize]
    }

    /// Every known point, body first.
    pub fn points(&self) -> impl Iterator<Item = &Keypoint> {
        let lists = [&self.right_hand, &self.left_hand, &self.face, &self.right_foot, &self.left_foot];
        self.body.iter().chain(lists.into_iter().flatten())
    }

    /// Applies `change` to every point, for example a transform between spaces.
    pub fn map(&self, mut change: impl FnMut(Keypoint) -> Keypoint) -> Self {
        Self {
            body: self.body.map(&mut change),
            right_hand: self.right_hand.iter().copied().map(&mut change).collect(),
            left_hand: self.left_hand.iter().copied().map(&mut change).collect(),
            face: self.face.iter().copied().map(&mut change).collect(),
            right_foot: self.right_foot.iter().copied().map(&mut change).collect(),
            left_foot: self.left_foot.iter().copied().map(&mut change).collect(),
        }
    }
}
