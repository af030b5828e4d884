//! Holds the person and the prop as they are drawn in front of the plate (the empty scene).

use crate::body::appearance::Tint;
use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::pose::Posed;
use crate::linear::{Affine, Vec3};
use crate::mesh::Mesh;
use crate::render::shadow::Blocker;

/// An identity ready to be drawn.
pub(crate) struct Actor<'a> {
    pub(crate) character: &'a Character,
    pub(crate) tints: &'a [Tint],
    pub(crate) posed: &'a Posed,
}

/// A rigid prop ready to be drawn.
pub(crate) struct DrawnProp<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) tints: &'a [Tint],
    pub(crate) scene_from_prop: Affine,
}

/// A sphere around the body and the prop.
pub(crate) fn ball(joints: &[Vec3], prop: Option<&[Vec3]>) -> (Vec3, f32) {
    let points = || joints.iter().chain(prop.into_iter().flatten());
    let first = joints[0];
    let (low, high) = points().fold((first, first), |(low, high), &point| (low.min(point), high.max(point)));
    let centre = low.lerp(high, 0.5);
    let radius = points().map(|&point| (point - centre).length()).fold(0.0f32, f32::max);
    (centre, radius + 0.32)
}

/// Spheres that block light from the ground and walls near the body.
pub(crate) fn blockers<'a>(character: &'a Character, posed: &'a Posed) -> impl Iterator<Item = Blocker> + 'a {
    let skeleton = character.skeleton();
    let size = character.height() / 1.75;
    let at = move |bone: Bone| posed.joint(skeleton.joint_or_above(bone));
    let limbs = [
        (Bone::LeftCalf, Bone::LeftFoot),
        (Bone::RightCalf, Bone::RightFoot),
        (Bone::LeftThigh, Bone::LeftCalf),
        (Bone::RightThigh, Bone::RightCalf),
    ];
    let joints = [
        (Bone::LeftFoot, 0.095),
        (Bone::RightFoot, 0.095),
        (Bone::LeftToes, 0.07),
        (Bone::RightToes, 0.07),
        (Bone::Pelvis, 0.15),
        (Bone::UpperSpine, 0.16),
        (Bone::Head, 0.11),
        (Bone::LeftHand, 0.05),
        (Bone::RightHand, 0.05),
        (Bone::LeftLowerArm, 0.05),
        (Bone::RightLowerArm, 0.05),
    ];
    let between = limbs.into_iter().map(move |(a, b)| Blocker { centre: at(a).lerp(at(b), 0.5), radius: 0.07 * size });
    joints.into_iter().map(move |(bone, radius)| Blocker { centre: at(bone), radius: radius * size }).chain(between)
}
