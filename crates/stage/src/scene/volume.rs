//! How much room a body takes: capsules around its bones, thin enough to be inside the mesh. Things that a hand holds must not
//! go through them.

use crate::assets::prop::Prop;
use crate::body::bone::{Bone, Side};
use crate::body::character::{Character, Skeleton};
use crate::body::landmark::Landmark;
use crate::body::performance::Posed;
use crate::linear::{Affine, Vec3};
use crate::mesh::Mesh;
use crate::spec::{Usage, UsedProp};

/// Points of a thing that are looked at.
const POINTS: usize = 240;
/// Depth from which a thing is said to be in a body, in metres: cloth and flesh give way by that much.
const DEEP: f32 = 0.04;
/// Share of the frames in which it may be.
const OFTEN: f32 = 0.25;

/// What a capsule is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Trunk,
    Head,
    UpperArm(Side),
    Forearm(Side),
    Leg,
}

/// One capsule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limb {
    part: Part,
    from: Landmark,
    to: Landmark,
    /// In the rest pose, in metres.
    radius: f32,
}

/// The capsules of a body; `crown` is the top of its head.
pub(crate) fn limbs(skeleton: &Skeleton, mesh: &Mesh, crown: Landmark) -> Vec<Limb> {
    use Bone::*;
    let at = |bone: Bone| {
        let joint = skeleton.joint_or_above(bone);
        Landmark { joint, rest: skeleton.joints[joint].rest }
    };
    let list: [(Part, Landmark, Landmark, &[Bone]); 10] = [
        (Part::Trunk, at(Pelvis), at(Neck), &[Pelvis, LowerSpine, MiddleSpine, UpperSpine]),
        (Part::Head, at(Head), crown, &[Head]),
        (Part::UpperArm(Side::Left), at(LeftUpperArm), at(LeftLowerArm), &[LeftUpperArm]),
        (Part::UpperArm(Side::Right), at(RightUpperArm), at(RightLowerArm), &[RightUpperArm]),
        (Part::Forearm(Side::Left), at(LeftLowerArm), at(LeftHand), &[LeftLowerArm]),
        (Part::Forearm(Side::Right), at(RightLowerArm), at(RightHand), &[RightLowerArm]),
        (Part::Leg, at(LeftThigh), at(LeftCalf), &[LeftThigh]),
        (Part::Leg, at(RightThigh), at(RightCalf), &[RightThigh]),
        (Part::Leg, at(LeftCalf), at(LeftFoot), &[LeftCalf]),
        (Part::Leg, at(RightCalf), at(RightFoot), &[RightCalf]),
    ];
    list.into_iter()
        .filter_map(|(part, from, to, bones)| {
            let joints: Vec<u16> =
                bones.iter().filter_map(|bone| skeleton.joint(*bone)).map(|joint| joint as u16).collect();
            let mut distances: Vec<f32> = (0..mesh.positions.len())
                .filter(|&corner| joints.contains(&mesh.joints[corner][0]) && mesh.weights[corner][0] > 0.5)
                .map(|corner| distance(mesh.positions[corner], from.rest, to.rest))
                .collect();
            // Skirts and hair stand off; what lies close is the body.
            distances.sort_by(f32::total_cmp);
            let radius = *distances.get(distances.len() / 4)?;
            Some(Limb { part, from, to, radius: radius.min(0.2) })
        })
        .collect()
}

/// Distance of a point from a line between two points.
fn distance(point: Vec3, from: Vec3, to: Vec3) -> f32 {
    let way = to - from;
    let share = ((point - from).dot(way) / way.dot(way).max(1e-9)).clamp(0.0, 1.0);
    (point - from.lerp(to, share)).length()
}

/// Whether `part` may touch a thing that is used like this.
fn touches(part: Part, usage: &Usage) -> bool {
    match usage {
        Usage::Hand { hand, .. } => part == Part::Forearm(*hand),
        Usage::BothHands => matches!(part, Part::Forearm(_)),
        Usage::Seat { .. } => part != Part::Head,
        Usage::Support { hand, .. } => part == Part::Forearm(*hand),
        Usage::Kicked { .. } => part == Part::Leg,
        Usage::Near { .. } => false,
    }
}

/// How deep points of a thing are in a body, in metres; 0 outside.
fn depth(character: &Character, posed: &Posed, points: &[Vec3], map: &Affine, usage: &Usage) -> f32 {
    let skeleton = character.skeleton();
    let limbs: Vec<(Vec3, Vec3, f32)> = character
        .limbs()
        .iter()
        .filter(|limb| !touches(limb.part, usage))
        .map(|limb| {
            let place = |landmark| posed.landmark(skeleton, landmark);
            (place(&limb.from), place(&limb.to), limb.radius * posed.scale())
        })
        .collect();
    points
        .iter()
        .map(|point| map.point(*point))
        .flat_map(|point| limbs.iter().map(move |(from, to, radius)| radius - distance(point, *from, *to)))
        .fold(0.0, f32::max)
}

/// Points spread over a thing: corners and middles of triangles.
fn points_of(prop: &Prop) -> Vec<Vec3> {
    let mesh = prop.mesh();
    let middles = mesh.triangles.iter().map(|triangle| {
        let [a, b, c] = triangle.map(|corner| mesh.positions[corner as usize]);
        (a + b + c) * (1.0 / 3.0)
    });
    let all: Vec<Vec3> = mesh.positions.iter().copied().chain(middles).collect();
    let step = (all.len() / POINTS).max(1);
    all.into_iter().step_by(step).collect()
}

/// The greatest depth of a thing in a body, frame by frame.
pub(crate) fn depths(
    (character, poses): (&Character, &[Posed]),
    prop: &Prop,
    used: &UsedProp,
    seconds: f32,
) -> Vec<f32> {
    let points = points_of(prop);
    let each = |(frame, posed): (usize, &Posed)| {
        let map = prop.in_use(character, posed, used, frame as f32 * seconds);
        depth(character, posed, &points, &map, &used.usage)
    };
    poses.iter().enumerate().map(each).collect()
}

/// Whether a thing is in a body so often that it shows.
pub(crate) fn goes_through(depths: &[f32]) -> bool {
    let deep = depths.iter().filter(|depth| **depth > DEEP).count();
    deep as f32 > OFTEN * depths.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;
    use crate::body::performance::{Grips, perform};
    use crate::body::stance::Stance;
    use crate::spec::Action;

    fn idle() -> (Character, Vec<Posed>) {
        let person = mannequin(5).unwrap();
        let action = Action { motion: "idle".into(), start: 0.0, speed: 1.0, heading: 0.0, mirror: false };
        let free = Stance::Free(Grips::RELAXED_BOTH);
        let poses = perform(&person, &act("idle").unwrap(), &action, 1.0, free, &[0.0, 0.1]);
        (person, poses)
    }

    #[test]
    fn a_ball_in_the_belly_is_deep_and_one_beside_the_body_is_not() {
        let (person, poses) = idle();
        let ball = Prop::ball(1);
        let at = |place: Vec3| {
            let usage = Usage::Near { place, heading: 0.0 };
            let used = UsedProp { prop: "ball/1".into(), usage, size: 0.2, appearance: 0 };
            depths((&person, &poses), &ball, &used, 0.1)
        };
        let belly = at(Vec3::new(0.0, 0.55 * person.height(), 0.0));
        assert!(goes_through(&belly), "{belly:?}");
        assert_eq!(at(Vec3::new(0.8, 0.5, 0.0)), [0.0, 0.0]);
    }

    #[test]
    fn limbs_are_as_thick_as_limbs() {
        let (person, _) = idle();
        assert_eq!(person.limbs().len(), 10);
        for limb in person.limbs() {
            assert!((0.01..=0.2).contains(&limb.radius), "{limb:?}");
        }
    }
}
