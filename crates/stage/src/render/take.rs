//! Holds the pictures of one identity in a scene, with ground truth.

use media::picture::{DepthMap, Mask, Picture};
use perception::pose::{Joint, Pose};

use crate::linear::Vec3;

/// One acting identity in a scene, for each frame.
#[derive(Debug, Clone)]
pub struct Take {
    /// The pictures.
    pub frames: Vec<Picture>,
    /// Height of the person standing upright, in metres.
    pub height: f32,
    /// Visible part of the person: 255 = covered.
    pub person: Vec<Mask>,
    /// The whole person, including occluded parts.
    pub person_whole: Vec<Mask>,
    /// Visible part of the prop in use.
    pub object: Vec<Mask>,
    /// Visible part of each piece of furniture, then of each bystander. Each has a list of frames.
    pub scenery: Vec<Vec<Mask>>,
    /// Distance along the view axis, in metres.
    pub depth: Vec<DepthMap>,
    /// Joints in pixels.
    pub poses: Vec<Pose>,
    /// Body joints in the scene, in metres, indexed by [`Joint`].
    pub joints: Vec<[Vec3; Joint::COUNT]>,
    /// Pictures of the identity, in other poses and scenes.
    pub references: Vec<Picture>,
    /// Person masks of the references.
    pub reference_masks: Vec<Mask>,
    /// Poses of the references, in their pixels.
    pub reference_poses: Vec<Pose>,
}
