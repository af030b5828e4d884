//! Checks whether a motionless body is in balance. A motion in which a person sits on a missing chair fails this check.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::pose::{Posed, lowest_point};
use crate::linear::Vec3;
use crate::trig::Exact;

/// Joints up to this height, as a share of the body's height, can carry it.
const LOW: f32 = 0.1;
/// Largest distance along the floor between the body's centre and what carries it, as a share of the height.
const LEAN: f32 = 0.13;
/// Below this speed, in metres a second, a body is motionless.
const STILL: f32 = 0.45;
/// A body is off the ground if its lowest point is above this height, in metres.
const OFF: f32 = 0.05;
/// Smallest downward acceleration of a falling body, in metres a square second. Motions may be shown at three quarters
/// of their speed.
const FALL: f32 = 3.0;
/// Longest time for which a body may hang in the air, in seconds: the effect of smoothing on a real jump.
const MOST_FLOATING: f32 = 0.2;

/// True if the body hangs in the air: motionless and out of balance in more than a quarter of the instants, or off the
/// ground without falling.
pub(crate) fn hovers(character: &Character, poses: &[Posed], seconds: f32) -> bool {
    let skeleton = character.skeleton();
    let middle = |posed: &Posed| {
        let at = |bone: Bone| posed.joint(skeleton.joint_or_above(bone));
        at(Bone::Pelvis) * 0.45 + at(Bone::UpperSpine) * 0.4 + at(Bone::Head) * 0.15
    };
    let middles: Vec<Vec3> = poses.iter().map(middle).collect();
    let still = |frame: usize| {
        let (before, after) = (frame.saturating_sub(1), (frame + 1).min(poses.len() - 1));
        let time = (after - before) as f32 * seconds;
        time == 0.0 || (middles[after] - middles[before]).length() < STILL * time
    };
    let hanging = (0..poses.len()).filter(|&frame| still(frame) && !carried(character, &poses[frame], middles[frame]));
    let lows: Vec<f32> = poses.iter().map(|posed| lowest_point(character, posed)).collect();
    4 * hanging.count() > poses.len() || floating(&lows, &middles, seconds) > MOST_FLOATING
}

/// For how long nothing touches the ground and the body does not fall, in seconds.
fn floating(lows: &[f32], middles: &[Vec3], seconds: f32) -> f32 {
    let count = (1..lows.len().saturating_sub(1)).filter(|&frame| {
        let off = lows[frame - 1..=frame + 1].iter().all(|low| *low > OFF);
        let bend = middles[frame + 1].y - 2.0 * middles[frame].y + middles[frame - 1].y;
        off && bend > -FALL * seconds * seconds
    });
    count.count() as f32 * seconds
}

/// True if the low joints are below `middle`.
fn carried(character: &Character, posed: &Posed, middle: Vec3) -> bool {
    let height = character.height() * posed.scale();
    // Joints that are not part of the body, such as a root, lie on the floor.
    let skeleton = character.skeleton();
    let body = |joint: usize| skeleton.bone_of[joint].is_some() || skeleton.finger_of[joint].is_some();
    let joints = posed.joints().iter().enumerate().filter(|(joint, place)| body(*joint) && place.y < LOW * height);
    let low: Vec<Vec3> = joints.map(|(_, place)| *place).collect();
    let gap = |from: Vec3, to: Vec3| {
        let way = Vec3::new(to.x - from.x, 0.0, to.z - from.z);
        let own = Vec3::new(middle.x - from.x, 0.0, middle.z - from.z);
        let share = (own.dot(way) / way.dot(way).max(1e-9)).clamp(0.0, 1.0);
        (own.x - way.x * share).across(own.z - way.z * share)
    };
    low.iter().any(|&from| low.iter().any(|&to| gap(from, to) < LEAN * height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;
    use crate::body::performance::perform;
    use crate::body::pose::Grips;
    use crate::body::stance::Stance;
    use crate::spec::Action;

    #[test]
    fn a_jump_falls_and_a_climber_floats() {
        let arc = |fall: f32| -> Vec<Vec3> {
            (0..10).map(|frame| 0.1 * frame as f32 - 0.45).map(|t| Vec3::UP * (1.8 - fall * t * t)).collect()
        };
        let lows = [0.0, 0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.2, 0.1, 0.0];
        assert_eq!(floating(&lows, &arc(4.9), 0.1), 0.0);
        assert!(floating(&lows, &arc(0.0), 0.1) > 0.5);
        assert_eq!(floating(&[0.0; 10], &arc(0.0), 0.1), 0.0);
    }

    #[test]
    fn who_stands_walks_or_sits_on_a_chair_that_is_not_there() {
        let person = mannequin(4).unwrap();
        let times: Vec<f32> = (0..8).map(|frame| frame as f32 * 0.1).collect();
        let poses = |name: &str, stance: Stance| {
            let action = Action { motion: name.into(), start: 0.0, speed: 1.0, heading: 0.0, mirror: false };
            perform(&person, &act(name).unwrap(), &action, 1.0, stance, &times)
        };
        let free = Stance::Free(Grips::RELAXED_BOTH);
        for name in ["idle", "walk", "wave", "dance"] {
            assert!(!hovers(&person, &poses(name, free), 0.1), "{name}");
        }
        let seat = Stance::Seated { place: Vec3::new(0.0, 0.45, 0.0), facing: 0.0 };
        assert!(hovers(&person, &poses("idle", seat), 0.1));
    }
}
