//! Computes motions from formulas, for use without loaded motions: walking, running, waving, squatting, dancing,
//! reaching and idling.

use std::f32::consts::TAU;

use crate::body::bone::Bone;
use crate::body::mannequin::plain_skeleton;
use crate::body::motion::{MOTION_RATE, Motion, MotionSample};
use crate::linear::{Quat, Vec3};
use crate::trig::Exact;

/// Names of the built-in motions.
pub(crate) const ACTS: [&str; 8] = ["walk", "run", "wave", "squat", "dance", "reach", "idle", "star-jump"];
/// Duration of each in seconds.
const LENGTH: f32 = 8.0;

/// Angles of one instant, in radians. Positive swings a limb forwards, bends an elbow or a knee.
#[derive(Default, Clone, Copy)]
struct Angles {
    lean: f32,
    twist: f32,
    sway: f32,
    nod: f32,
    turn_head: f32,
    /// Left and right arm: swing forwards, raise sideways from hanging, bend.
    arm: [[f32; 3]; 2],
    /// Left and right leg: swing forwards, spread, bend.
    leg: [[f32; 3]; 2],
    rise: f32,
    travel: f32,
}

/// The built-in motion `name`; `None` for names not in [`ACTS`].
pub(crate) fn act(name: &str) -> Option<Motion> {
    let angles: fn(f32) -> Angles = match name {
        "walk" => |t| gait(t, 1.0, 0.5, 0.6, 1.3),
        "run" => |t| Angles { lean: 0.2, ..gait(t, 1.45, 0.8, 1.3, 3.0) },
        "wave" => |t| {
            let mut angles = idle(t);
            angles.arm[1] = [0.1, 2.2 + 0.15 * (TAU * 0.3 * t).sine(), 0.6 + 0.5 * (TAU * 1.4 * t).sine()];
            angles
        },
        "squat" => |t| {
            let depth = 0.5 - 0.5 * (TAU * 0.45 * t).cosine();
            let mut angles = idle(t);
            angles.lean = 0.5 * depth;
            angles.leg = [[1.5 * depth, 0.2, 2.2 * depth]; 2];
            angles.arm = [[1.4 * depth, 0.15, 0.2]; 2];
            angles
        },
        "dance" => |t| {
            let beat = (TAU * 0.9 * t).sine();
            let mut angles = idle(t);
            (angles.sway, angles.twist) = (0.22 * beat, 0.4 * (TAU * 0.45 * t).sine());
            angles.arm = [[0.5 * beat, 1.2 + 0.7 * beat, 1.0], [-0.5 * beat, 1.2 - 0.7 * beat, 1.0]];
            angles.leg = [[0.35 + 0.35 * beat, 0.15, 0.5 + 0.5 * beat], [0.35 - 0.35 * beat, 0.15, 0.5 - 0.5 * beat]];
            angles
        },
        "reach" => |t| {
            let share = 0.5 - 0.5 * (TAU * 0.3 * t).cosine();
            let mut angles = idle(t);
            angles.lean = 0.25 * share;
            angles.twist = 0.35 * share;
            angles.arm[1] = [1.6 * share, 0.2, 0.9 * (1.0 - share) + 0.1];
            angles.arm[0] = [-0.2 * share, 0.2, 0.4];
            angles
        },
        "idle" => idle,
        "star-jump" => |t| {
            let open = 0.5 - 0.5 * (TAU * 0.9 * t).cosine();
            let mut angles = Angles { rise: 0.12 * (TAU * 0.9 * t).sine().abs(), ..Angles::default() };
            angles.arm = [[0.0, 0.15 + 2.5 * open, 0.15]; 2];
            angles.leg = [[0.05, 0.45 * open, 0.1]; 2];
            angles
        },
        _ => return None,
    };
    let skeleton = plain_skeleton().ok()?;
    let hip_height = skeleton.hip_height();
    let pelvis = skeleton.rest(Bone::Pelvis);
    let samples = (0..(LENGTH * MOTION_RATE) as usize)
        .map(|sample| {
            let angles = angles(sample as f32 / MOTION_RATE);
            let bend = (angles.leg[0][2].cosine() + angles.leg[1][2].cosine()) / 2.0;
            let pelvis =
                pelvis + Vec3::new(0.0, angles.rise - 0.45 * hip_height * (1.0 - bend).max(0.0), angles.travel);
            MotionSample { turns: turns(&angles), pelvis }
        })
        .collect();
    Some(Motion {
        name: name.to_owned(),
        pack: "built-in".into(),
        samples,
        hip_height,
        directions: std::array::from_fn(|bone| skeleton.direction(Bone::ALL[bone])),
    })
}

fn idle(t: f32) -> Angles {
    let breath = (TAU * 0.25 * t).sine();
    Angles {
        lean: 0.02 * breath,
        sway: 0.03 * (TAU * 0.13 * t).sine(),
        turn_head: 0.3 * (TAU * 0.11 * t).sine(),
        arm: [[0.05, 0.16, 0.25 + 0.04 * breath]; 2],
        leg: [[0.04, 0.08, 0.06]; 2],
        ..Angles::default()
    }
}

fn gait(t: f32, rate: f32, swing: f32, knee: f32, speed: f32) -> Angles {
    let phase = TAU * rate * t;
    let leg = |phase: f32| {
        let forward = phase.sine();
        [swing * forward + 0.1, 0.04, 0.12 + knee * (0.5 + 0.5 * (phase + 0.9).cosine()) * 0.9]
    };
    let arm = |phase: f32| [0.8 * swing * phase.sine(), 0.14, 0.25 + 0.9 * swing * 0.8];
    Angles {
        twist: 0.12 * phase.sine(),
        nod: 0.03 * (2.0 * phase).sine(),
        arm: [arm(phase + TAU / 2.0), arm(phase)],
        leg: [leg(phase), leg(phase + TAU / 2.0)],
        rise: 0.02 * (2.0 * phase).cosine(),
        travel: speed * t,
        ..Angles::default()
    }
}

/// Rotations of all bones. Axes: +X is the person's left, +Y up, +Z forwards. In the rest pose the arms point down by
/// 45 degrees.
fn turns(angles: &Angles) -> [Quat; Bone::COUNT] {
    use Bone::*;
    let (x, y, z) = (Vec3::new(1.0, 0.0, 0.0), Vec3::UP, Vec3::new(0.0, 0.0, 1.0));
    let mut turns = [Quat::IDENTITY; Bone::COUNT];
    let mut set = |bone: Bone, turn: Quat| turns[bone as usize] = turn;
    let third = |angle: f32, axis: Vec3| Quat::about(axis, angle / 3.0);
    let pelvis = Quat::about(z, angles.sway * 0.5);
    set(Pelvis, pelvis);
    let step = third(angles.twist, y).after(third(angles.sway, z)).after(third(angles.lean, x));
    let low = pelvis.after(step);
    let middle = low.after(step);
    let high = middle.after(step);
    set(LowerSpine, low);
    set(MiddleSpine, middle);
    set(UpperSpine, high);
    set(Neck, high);
    let head = high.after(Quat::about(y, angles.turn_head)).after(Quat::about(x, angles.nod - angles.lean * 0.6));
    set(Head, head);
    let arms = [
        (1.0, angles.arm[0], [LeftClavicle, LeftUpperArm, LeftLowerArm, LeftHand]),
        (-1.0, angles.arm[1], [RightClavicle, RightUpperArm, RightLowerArm, RightHand]),
    ];
    for (side, [swing, raise, bend], [clavicle, upper, lower, hand]) in arms {
        set(clavicle, high);
        // From 45 degrees down to hanging, then outwards, then forwards.
        let hang = Quat::about(z, side * (raise - std::f32::consts::FRAC_PI_4));
        let shoulder = high.after(Quat::about(x, -swing)).after(hang);
        set(upper, shoulder);
        // The elbow bends forwards about the axis across the arm.
        let axis = Vec3::new(side * 0.7, -0.7, 0.0).cross(z).normalised();
        let elbow = shoulder.after(Quat::about(axis, bend));
        set(lower, elbow);
        set(hand, elbow);
    }
    let legs = [
        (1.0, angles.leg[0], [LeftThigh, LeftCalf, LeftFoot, LeftToes]),
        (-1.0, angles.leg[1], [RightThigh, RightCalf, RightFoot, RightToes]),
    ];
    for (side, [swing, spread, bend], [thigh, calf, foot, toes]) in legs {
        let hip = pelvis.after(Quat::about(z, side * spread)).after(Quat::about(x, -swing));
        set(thigh, hip);
        let knee = hip.after(Quat::about(x, bend));
        set(calf, knee);
        // The foot stays nearly level.
        let ankle = knee.after(Quat::about(x, (swing - bend) * 0.8));
        set(foot, ankle);
        set(toes, ankle);
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_moves_something() {
        for name in ACTS {
            let motion = act(name).unwrap();
            assert!(motion.duration() > 7.0);
            let (a, b) = (motion.at(0.0), motion.at(0.4));
            let moved = Bone::ALL.iter().any(|bone| a.turns[*bone as usize] != b.turns[*bone as usize]);
            assert!(moved || a.pelvis != b.pelvis, "{name}");
        }
        assert!(act("fly").is_none());
    }

    #[test]
    fn a_raised_arm_points_up_and_a_hanging_one_down() {
        let mut angles = Angles::default();
        angles.arm[0] = [0.0, std::f32::consts::PI, 0.0];
        let turns = turns(&angles);
        let rest = Vec3::new(0.7, -0.7, 0.0).normalised();
        assert!(turns[Bone::LeftUpperArm as usize].rotate(rest).y > 0.99);
        let rest = Vec3::new(-0.7, -0.7, 0.0).normalised();
        assert!(turns[Bone::RightUpperArm as usize].rotate(rest).y < -0.99);
    }
}
