//! Models the volume of a body as capsules around its bones. The capsules are thin enough to lie inside the mesh.

use crate::body::bone::Bone;
use crate::body::landmark::Landmark;
use crate::body::skeleton::Skeleton;
use crate::linear::Vec3;
use crate::mesh::Mesh;
use crate::side::Side;

/// The body part of a capsule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyPart {
    Trunk,
    Head,
    UpperArm(Side),
    Forearm(Side),
    Leg,
}

/// One capsule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limb {
    pub(crate) part: BodyPart,
    pub(crate) from: Landmark,
    pub(crate) to: Landmark,
    /// In the rest pose, in metres.
    pub(crate) radius: f32,
}

/// The capsules of a body. `crown` is the top of its head.
pub(crate) fn limbs(skeleton: &Skeleton, mesh: &Mesh, crown: Landmark) -> Vec<Limb> {
    use Bone::*;
    let at = |bone: Bone| {
        let joint = skeleton.joint_or_above(bone);
        Landmark { joint, rest: skeleton.joints[joint].rest }
    };
    let list: [(BodyPart, Landmark, Landmark, &[Bone]); 10] = [
        (BodyPart::Trunk, at(Pelvis), at(Neck), &[Pelvis, LowerSpine, MiddleSpine, UpperSpine]),
        (BodyPart::Head, at(Head), crown, &[Head]),
        (BodyPart::UpperArm(Side::Left), at(LeftUpperArm), at(LeftLowerArm), &[LeftUpperArm]),
        (BodyPart::UpperArm(Side::Right), at(RightUpperArm), at(RightLowerArm), &[RightUpperArm]),
        (BodyPart::Forearm(Side::Left), at(LeftLowerArm), at(LeftHand), &[LeftLowerArm]),
        (BodyPart::Forearm(Side::Right), at(RightLowerArm), at(RightHand), &[RightLowerArm]),
        (BodyPart::Leg, at(LeftThigh), at(LeftCalf), &[LeftThigh]),
        (BodyPart::Leg, at(RightThigh), at(RightCalf), &[RightThigh]),
        (BodyPart::Leg, at(LeftCalf), at(LeftFoot), &[LeftCalf]),
        (BodyPart::Leg, at(RightCalf), at(RightFoot), &[RightCalf]),
    ];
    list.into_iter()
        .filter_map(|(part, from, to, bones)| {
            let joints: Vec<u16> =
                bones.iter().filter_map(|bone| skeleton.joint(*bone)).map(|joint| joint as u16).collect();
            let mut distances: Vec<f32> = (0..mesh.positions.len())
                .filter(|&corner| joints.contains(&mesh.joints[corner][0]) && mesh.weights[corner][0] > 0.5)
                .map(|corner| distance(mesh.positions[corner], from.rest, to.rest))
                .collect();
            // Skirts and hair stand off the body; close vertices belong to it.
            distances.sort_by(f32::total_cmp);
            let radius = *distances.get(distances.len() / 4)?;
            Some(Limb { part, from, to, radius: radius.min(0.2) })
        })
        .collect()
}

/// Distance of a point from a line segment.
pub(crate) fn distance(point: Vec3, from: Vec3, to: Vec3) -> f32 {
    let way = to - from;
    let share = ((point - from).dot(way) / way.dot(way).max(1e-9)).clamp(0.0, 1.0);
    (point - from.lerp(to, share)).length()
}
