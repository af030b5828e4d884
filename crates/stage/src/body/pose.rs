//! Stores a body in one pose: the position and rotation of each joint, how far the hands are closed, and the lowest
//! point of the body.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::landmark::Landmark;
use crate::body::skeleton::Skeleton;
use crate::linear::{Affine, Quat, Vec3};
use crate::side::Side;

/// A character in one pose.
#[derive(Debug, Clone)]
pub(crate) struct Posed {
    turns: Vec<Quat>,
    places: Vec<Vec3>,
    scale: f32,
}

impl Posed {
    /// The map from the rest pose to the scene for vertices bound to `joint`.
    pub(crate) fn scene_from_rest(&self, skeleton: &Skeleton, joint: usize) -> Affine {
        let map = Affine::from_parts(Vec3::ZERO, self.turns[joint], Vec3::new(self.scale, self.scale, self.scale));
        Affine { origin: self.places[joint] - map.vector(skeleton.joints[joint].rest), ..map }
    }

    /// The position of a landmark in the scene.
    pub(crate) fn landmark(&self, skeleton: &Skeleton, landmark: &Landmark) -> Vec3 {
        let offset = landmark.rest - skeleton.joints[landmark.joint].rest;
        self.places[landmark.joint] + self.turns[landmark.joint].rotate(offset * self.scale)
    }

    /// The position of a joint in the scene.
    pub(crate) fn joint(&self, joint: usize) -> Vec3 {
        self.places[joint]
    }

    /// Rotation of a joint relative to the rest pose.
    pub(crate) fn turn(&self, joint: usize) -> Quat {
        self.turns[joint]
    }

    /// The positions of all joints.
    pub(crate) fn joints(&self) -> &[Vec3] {
        &self.places
    }

    /// Size relative to the asset.
    pub(crate) fn scale(&self) -> f32 {
        self.scale
    }

    /// Moves the whole body.
    pub(crate) fn shift(&mut self, by: Vec3) {
        self.places.iter_mut().for_each(|place| *place += by);
    }
}

/// How far each hand is closed, in radians at each finger joint: left, right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grips(pub(crate) [f32; 2]);

impl Grips {
    const RELAXED: f32 = 0.22;
    const CLOSED: f32 = 0.95;
    const FLAT: f32 = 0.05;
    /// Relaxed hands.
    pub(crate) const RELAXED_BOTH: Self = Self([Self::RELAXED; 2]);

    /// Hands with a closed fist on `side`, if given.
    pub(crate) fn holding(side: Option<Side>) -> Self {
        Self(Side::BOTH.map(|hand| if Some(hand) == side { Self::CLOSED } else { Self::RELAXED }))
    }

    /// A flat hand on `side`; both if no side is given.
    pub(crate) fn flat(side: Option<Side>) -> Self {
        Self(Side::BOTH.map(|hand| if side.is_none_or(|side| side == hand) { Self::FLAT } else { Self::RELAXED }))
    }
}

/// Computes every joint from the rotations of the bones. Joints that are not bones follow the joint above. Fingers
/// close.
pub(crate) fn pose(skeleton: &Skeleton, turns: &[Quat; Bone::COUNT], pelvis: Vec3, scale: f32, grips: Grips) -> Posed {
    let count = skeleton.joints.len();
    let mut posed = Posed { turns: vec![Quat::IDENTITY; count], places: vec![Vec3::ZERO; count], scale };
    let axes = Side::BOTH.map(|side| curl_axis(skeleton, side));
    // Joints above the pelvis (a root, a trajectory) keep their position below it.
    let pelvis_joint = skeleton.joint_or_above(Bone::Pelvis);
    for (index, joint) in skeleton.joints.iter().enumerate() {
        let above = joint.parent.map_or(Quat::IDENTITY, |parent| posed.turns[parent]);
        posed.turns[index] = match (skeleton.bone_of[index], skeleton.finger_of[index]) {
            (Some(bone), _) => turns[bone as usize],
            (None, Some((side, finger))) => match axes[side as usize] {
                Some(axis) => {
                    let share = if finger == 0 { 0.35 } else { 1.0 };
                    above.after(Quat::about(axis, grips.0[side as usize] * share))
                }
                None => above,
            },
            (None, None) => above,
        };
        posed.places[index] = match joint.parent {
            _ if index == pelvis_joint => pelvis,
            Some(parent) => {
                posed.places[parent] + posed.turns[parent].rotate((joint.rest - skeleton.joints[parent].rest) * scale)
            }
            None => pelvis + (joint.rest - skeleton.joints[pelvis_joint].rest) * scale,
        };
    }
    posed
}

/// The axis, in the rest pose, about which a positive rotation closes the fingers.
pub(crate) fn curl_axis(skeleton: &Skeleton, side: Side) -> Option<Vec3> {
    let (index, little) = (*skeleton.finger(side, 1).first()?, *skeleton.finger(side, 4).first()?);
    let across = (skeleton.joints[index].rest - skeleton.joints[little].rest).normalised();
    let along = skeleton.direction(Bone::hand(side))?;
    let palm = palm_normal(skeleton, side)?;
    // A rotation about `axis` must move the finger's direction towards the palm's normal.
    let sign = if across.cross(along).dot(palm) > 0.0 { 1.0 } else { -1.0 };
    Some(across * sign)
}

/// The direction out of the palm in the rest pose: perpendicular to the fingers, towards the body or the ground.
pub(crate) fn palm_normal(skeleton: &Skeleton, side: Side) -> Option<Vec3> {
    let (index, little) = (*skeleton.finger(side, 1).first()?, *skeleton.finger(side, 4).first()?);
    let across = skeleton.joints[index].rest - skeleton.joints[little].rest;
    let normal = across.cross(skeleton.direction(Bone::hand(side))?).normalised();
    let inwards = if side == Side::Left { -1.0 } else { 1.0 };
    let towards_body = Vec3::new(inwards, -1.0, 0.0);
    Some(if normal.dot(towards_body) > 0.0 { normal } else { -normal })
}

/// Height of the lowest vertex that can touch the ground.
pub(crate) fn lowest_point(character: &Character, pose: &Posed) -> f32 {
    height_of_lowest(character, pose, character.soles())
}

/// Height of the lowest of some vertices.
pub(crate) fn height_of_lowest(character: &Character, pose: &Posed, corners: &[u32]) -> f32 {
    let (skeleton, mesh) = (character.skeleton(), character.mesh());
    let maps: Vec<Affine> = (0..skeleton.joints.len()).map(|joint| pose.scene_from_rest(skeleton, joint)).collect();
    let height = |corner: usize| -> f32 {
        let (joints, weights) = (mesh.joints[corner], mesh.weights[corner]);
        (0..4)
            .filter(|&slot| weights[slot] > 0.0)
            .map(|slot| maps[usize::from(joints[slot])].point(mesh.positions[corner]).y * weights[slot])
            .sum()
    };
    corners.iter().map(|&corner| height(corner as usize)).fold(f32::INFINITY, f32::min)
}
