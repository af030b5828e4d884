//! Describes how a body interacts with a prop: not at all, carrying it, sitting on it, or leaning on it. The motion
//! determines the rest of the pose.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::figure::Figure;
use crate::body::pose::{Grips, Posed, palm_normal};
use crate::body::reach::turn_onto;
use crate::body::skeleton::Skeleton;
use crate::linear::{Affine, Quat, Vec3};
use crate::side::Side;

use Bone::*;

/// What the body does in addition to its motion.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stance {
    /// The body does nothing in addition to its motion.
    Free(Grips),
    /// Both hands hold a box with these half sides (across, up, forwards), in metres.
    Carrying(Vec3),
    /// The hips rest at a place, and the body faces `facing`.
    Seated { place: Vec3, facing: f32 },
    /// One palm lies at a place.
    Leaning { hand: Side, palm: Vec3 },
}

/// The limbs of a side.
fn arm(side: Side) -> [Bone; 3] {
    match side {
        Side::Left => [LeftUpperArm, LeftLowerArm, LeftHand],
        Side::Right => [RightUpperArm, RightLowerArm, RightHand],
    }
}

/// +1 for the person's left, which is +X in the rest pose.
fn sign(side: Side) -> f32 {
    if side == Side::Left { 1.0 } else { -1.0 }
}

const LEGS: [([Bone; 3], Bone, f32); 2] =
    [([LeftThigh, LeftCalf, LeftFoot], LeftToes, 1.0), ([RightThigh, RightCalf, RightFoot], RightToes, -1.0)];

impl Stance {
    /// How the hands are closed.
    pub(crate) fn grips(&self) -> Grips {
        match self {
            Self::Free(grips) => *grips,
            Self::Carrying(_) => Grips::flat(None),
            Self::Seated { .. } => Grips::RELAXED_BOTH,
            Self::Leaning { hand, .. } => Grips::flat(Some(*hand)),
        }
    }

    /// Changes the rotations that do not depend on positions.
    pub(crate) fn bend_body(&self, skeleton: &Skeleton, turns: &mut [Quat; Bone::COUNT]) {
        match self {
            Self::Free(_) | Self::Carrying(_) => {}
            Self::Seated { facing, .. } => {
                let yaw = Quat::about(Vec3::UP, *facing);
                let pelvis = yaw.after(Quat::about(Vec3::new(1.0, 0.0, 0.0), -0.06));
                // Upright at the hips. Above them, the motion decides.
                let change = pelvis.after(turns[Pelvis as usize].inverse());
                for bone in Bone::ALL.into_iter().filter(|bone| *bone < LeftThigh) {
                    turns[bone as usize] = change.after(turns[bone as usize]);
                }
                for ([thigh, calf, foot], toes, side) in LEGS {
                    let towards = |bone: Bone, way: Vec3| {
                        let rest = skeleton.direction(bone).unwrap_or(-Vec3::UP);
                        Quat::between(yaw.rotate(rest), yaw.rotate(way)).after(yaw)
                    };
                    turns[thigh as usize] = towards(thigh, Vec3::new(side * 0.16, -0.1, 1.0));
                    turns[calf as usize] = towards(calf, Vec3::new(side * 0.02, -1.0, 0.1));
                    (turns[foot as usize], turns[toes as usize]) = (yaw, yaw);
                }
            }
            Self::Leaning { hand, .. } => {
                let front = level(turns[Pelvis as usize].rotate(Vec3::new(0.0, 0.0, 1.0)));
                let lean = Quat::about(front, -0.05 * sign(*hand));
                for bone in Bone::ALL.into_iter().filter(|bone| *bone < LeftThigh && *bone > Pelvis) {
                    let twice = if bone > LowerSpine { lean.after(lean) } else { lean };
                    turns[bone as usize] = twice.after(turns[bone as usize]);
                }
            }
        }
    }

    /// Moves the hips onto the seat and the feet onto the floor.
    pub(crate) fn sit_down(&self, character: &Character, figures: &mut [Figure]) {
        let Self::Seated { place, facing } = *self else { return };
        let height = place.y;
        let skeleton = character.skeleton();
        let front = Quat::about(Vec3::UP, facing).rotate(Vec3::new(0.0, 0.0, 1.0));
        for figure in figures {
            figure.pelvis = Vec3::new(place.x, figure.pelvis.y, place.z);
            let low = seat_of_body(character, &figure.posed(skeleton));
            figure.pelvis.y += height - low;
            for (limb, _, _) in LEGS {
                let posed = figure.posed(skeleton);
                let ankle_joint = skeleton.joint_or_above(limb[2]);
                let ankle = posed.joint(ankle_joint);
                let floor = skeleton.joints[ankle_joint].rest.y * figure.scale;
                let knee = posed.joint(skeleton.joint_or_above(limb[1]));
                // Below the knee, and a little nearer to the seat if the legs are long for it.
                let target = Vec3::new(ankle.x, floor, ankle.z) - front * ((knee.y - height).max(0.0) * 0.2);
                figure.reach(skeleton, limb, target, front + Vec3::UP);
            }
        }
    }

    /// Moves the hands to their places.
    pub(crate) fn place_hands(&self, character: &Character, figures: &mut [Figure]) {
        let skeleton = character.skeleton();
        match self {
            Self::Free(_) | Self::Seated { .. } => {}
            Self::Carrying(half) => {
                for figure in figures {
                    let load = carried(character, &figure.posed(skeleton), *half);
                    let [across, up, forwards] = load.columns;
                    for side in Side::BOTH {
                        let out = across * sign(side);
                        let target = load.origin + out * (half.x + 0.025) - forwards * 0.05 - up * (0.25 * half.y);
                        let pole = out * 0.6 - up - forwards * 0.3;
                        place_hand(skeleton, figure, side, target, pole, -out, None);
                    }
                }
            }
            Self::Leaning { hand, palm } => {
                for figure in figures {
                    let trunk = figure.turns[MiddleSpine as usize];
                    let out = level(trunk.rotate(Vec3::new(sign(*hand), 0.0, 0.0)));
                    let back = level(trunk.rotate(Vec3::new(0.0, 0.0, -1.0)));
                    // The wrist is above the palm, a hand's length behind the fingertips.
                    let target = *palm + Vec3::UP * (0.045 * figure.scale) - out * 0.03;
                    let pole = back + out * 0.4;
                    place_hand(skeleton, figure, *hand, target, pole, -Vec3::UP, Some(out - back * 0.8));
                }
            }
        }
    }
}

fn level(vector: Vec3) -> Vec3 {
    Vec3::new(vector.x, 0.0, vector.z).normalised()
}

/// Moves a wrist to `target`. The palm faces `palm`, and the fingers point along `fingers` or along the forearm.
fn place_hand(
    skeleton: &Skeleton,
    figure: &mut Figure,
    side: Side,
    target: Vec3,
    pole: Vec3,
    palm: Vec3,
    fingers: Option<Vec3>,
) {
    let Some(forearm) = figure.reach(skeleton, arm(side), target, pole) else { return };
    let (Some(along), Some(normal)) = (skeleton.direction(Bone::hand(side)), palm_normal(skeleton, side)) else {
        return;
    };
    figure.turns[Bone::hand(side) as usize] = turn_onto((along, normal), (fingers.unwrap_or(forearm), palm));
}

/// Where a box with half sides `half` is carried: its axes (across to the left, up, forwards) and its centre.
pub(crate) fn carried(character: &Character, posed: &Posed, half: Vec3) -> Affine {
    let skeleton = character.skeleton();
    let at = |bone: Bone| posed.joint(skeleton.joint_or_above(bone));
    let trunk = posed.turn(skeleton.joint_or_above(MiddleSpine));
    let columns = Affine::IDENTITY.columns.map(|axis| trunk.rotate(axis));
    let hips = at(LeftThigh).lerp(at(RightThigh), 0.5);
    let shoulders = at(LeftUpperArm).lerp(at(RightUpperArm), 0.5);
    let depth = 0.072 * character.height() * posed.scale() + 0.02 + half.z;
    Affine { columns, origin: hips.lerp(shoulders, 0.42) + columns[2] * depth }
}

/// Height of the underside of hips and upper thighs.
fn seat_of_body(character: &Character, posed: &Posed) -> f32 {
    let skeleton = character.skeleton();
    let mesh = character.mesh();
    let maps: Vec<Affine> = (0..skeleton.joints.len()).map(|joint| posed.scene_from_rest(skeleton, joint)).collect();
    let mut heights: Vec<f32> = character
        .bottom()
        .iter()
        .map(|&corner| {
            let (joints, weights) = (mesh.joints[corner as usize], mesh.weights[corner as usize]);
            let position = mesh.positions[corner as usize];
            (0..4).map(|slot| maps[usize::from(joints[slot])].point(position).y * weights[slot]).sum()
        })
        .collect();
    if heights.is_empty() {
        return posed.joint(skeleton.joint_or_above(Pelvis)).y - 0.1;
    }
    // Cloth gives way, so a few vertices may be below.
    heights.sort_by(f32::total_cmp);
    heights[heights.len() / 12]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;
    use crate::body::performance::perform;
    use crate::spec::Action;

    fn posed(stance: Stance) -> (Character, Posed) {
        let person = mannequin(3).unwrap();
        let action = Action { motion: "idle".into(), start: 0.0, speed: 1.0, heading: 0.4, mirror: false };
        let mut poses = perform(&person, &act("idle").unwrap(), &action, 1.0, stance, &[0.0, 0.1]);
        let last = poses.pop().unwrap();
        (person, last)
    }

    #[test]
    fn a_sitter_sits_on_the_seat_with_feet_on_the_floor() {
        let place = Vec3::new(0.2, 0.45, -0.1);
        let (person, posed) = posed(Stance::Seated { place, facing: 0.4 });
        assert!((seat_of_body(&person, &posed) - 0.45).abs() < 1e-3);
        let skeleton = person.skeleton();
        for foot in [LeftFoot, RightFoot] {
            let joint = skeleton.joint_or_above(foot);
            assert!((posed.joint(joint).y - skeleton.joints[joint].rest.y).abs() < 0.02, "{:?}", posed.joint(joint));
        }
        let pelvis = posed.joint(skeleton.joint_or_above(Pelvis));
        assert!((pelvis.x - 0.2).abs() < 1e-4 && (pelvis.z + 0.1).abs() < 1e-4);
    }

    #[test]
    fn a_carriers_wrists_are_at_the_sides_of_the_load() {
        let half = Vec3::new(0.2, 0.15, 0.15);
        let (person, posed) = posed(Stance::Carrying(half));
        let load = carried(&person, &posed, half);
        for side in Side::BOTH {
            let wrist = posed.joint(person.skeleton().joint_or_above(Bone::hand(side)));
            let aside = (wrist - load.origin).dot(load.columns[0]) * sign(side);
            assert!((aside - 0.225).abs() < 0.02, "{side:?}: {aside}");
        }
    }

    #[test]
    fn a_leaning_hand_is_on_the_support() {
        let palm = Quat::about(Vec3::UP, 0.4).rotate(Vec3::new(0.45, 0.85, 0.1));
        let (person, posed) = posed(Stance::Leaning { hand: Side::Left, palm });
        let wrist = posed.joint(person.skeleton().joint_or_above(LeftHand));
        assert!((wrist - palm).length() < 0.12, "{wrist:?} {palm:?}");
    }
}
