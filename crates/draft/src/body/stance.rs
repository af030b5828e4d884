//! Estimates which foot rests on the ground, and how far each foot is above the ground.
//!
//! The height of a foot is that of its lowest point, and its speed is that of its slowest point, because the toe stays
//! in place while a foot rolls. Ground that is farther away appears higher in the picture. The slope of the ground in
//! the picture is estimated from the driver's own steps.

use perception::pose::{Joint, Keypoint, Pose};

use crate::body::bones::{is_placed, moved, step};
use crate::body::trunk::TrunkFrame;

/// Height above the lowest foot at which a foot is half lifted, in lengths of the trunk.
pub(crate) const LIFTED: f32 = 0.12;
/// Below this speed a foot rests, in lengths of the trunk a frame.
const RESTING: f32 = 0.015;
/// Number of frames before and after a rest in which a foot approaches and leaves its place, while it is in the air.
const EASE: usize = 2;
/// Number of ground slopes that are tried, in steps of 1 / [`SLOPE_STEP`].
const SLOPES: usize = 16;
const SLOPE_STEP: f32 = 20.0;

/// The feet of one frame: right, then left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stance {
    /// How much each foot rests, 0..=1.
    pub(crate) rests: [f32; 2],
    /// How far each foot is above the lower one, in pixels.
    pub(crate) heights: [f32; 2],
    /// How many rows the ground rises for each pixel of distance.
    pub(crate) slope: f32,
}

/// The stances of a shot.
pub(crate) fn stances(poses: &[Option<Pose>]) -> Vec<Stance> {
    let slope = slope(poses);
    let all: Vec<Stance> = (0..poses.len()).map(|index| stance(poses, index, slope)).collect();
    let eased = |index: usize, foot: usize| {
        let at = |index: Option<usize>| index.and_then(|index| all.get(index)).map_or(0.0, |near| near.rests[foot]);
        let near = |step: usize| {
            at(index.checked_sub(step)).max(at(Some(index + step))) * smooth(1.0 - step as f32 / (EASE + 1) as f32)
        };
        (0..=EASE).map(near).fold(0.0, f32::max)
    };
    let eased = (0..all.len()).map(|index| Stance { rests: [eased(index, 0), eased(index, 1)], ..all[index] });
    eased.collect()
}

/// Rises smoothly from 0 to 1.
pub(crate) fn smooth(share: f32) -> f32 {
    let share = share.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// The place of the ankle if a foot of another size stands where the driver's does: the toe is at the driver's toe, and
/// the lower one of toe and heel is equally low. Without a toe it is the driver's ankle.
pub(crate) fn ankle_of_foot(pose: &Pose, foot: usize, factor: f32, slope: f32) -> Keypoint {
    let [ankle, toe, heel] = points(pose, foot);
    let ankle = ankle.unwrap_or_default();
    let Some(toe) = toe else { return ankle };
    let placed = moved(toe, step(toe, ankle), factor);
    let below = heel.map_or(0.0, |heel| row(heel, slope) - row(toe, slope)).max(0.0);
    Keypoint { y: placed.y + (1.0 - factor) * below, confidence: ankle.confidence, ..placed }
}

/// Ankle, toe and heel, as far as they are known.
fn points(pose: &Pose, foot: usize) -> [Option<Keypoint>; 3] {
    let (ankle, points) =
        if foot == 0 { (Joint::RightAnkle, &pose.right_foot) } else { (Joint::LeftAnkle, &pose.left_foot) };
    let known = |index: usize| points.get(index).copied().filter(|&point| is_placed(point));
    [Some(pose.joint(ankle)), known(0), known(1)]
}

/// The row of a point after removing the slope of the ground.
fn row(point: Keypoint, slope: f32) -> f32 {
    point.y + slope * point.z
}

/// The lowest such row of a foot.
fn lowest(pose: &Pose, foot: usize, slope: f32) -> f32 {
    points(pose, foot).into_iter().flatten().map(|point| row(point, slope)).fold(f32::MIN, f32::max)
}

fn stance(poses: &[Option<Pose>], index: usize, slope: f32) -> Stance {
    let pose = poses[index].as_ref();
    let Some((pose, trunk)) = pose.and_then(|pose| Some((pose, TrunkFrame::of(pose)?))) else {
        return Stance { rests: [1.0; 2], heights: [0.0; 2], slope };
    };
    let rows = [0, 1].map(|foot| lowest(pose, foot, slope));
    let heights = rows.map(|row| rows[0].max(rows[1]) - row);
    let near =
        || [index.checked_sub(1), Some(index + 1)].into_iter().flatten().filter_map(|at| poses.get(at)?.as_ref());
    let rests = std::array::from_fn(|foot| {
        let speed = |point: usize| {
            let here = points(pose, foot)[point]?;
            let steps = near().filter_map(|other| points(other, foot)[point]);
            Some(steps.map(|other| (other.x - here.x).hypot(other.y - here.y)).fold(0.0, f32::max))
        };
        let speed = (0..3).filter_map(speed).fold(f32::MAX, f32::min);
        let low = smooth(1.0 - heights[foot] / (LIFTED * trunk.length));
        let slow = smooth(1.5 - speed / (2.0 * RESTING * trunk.length));
        low.max(slow)
    });
    Stance { rests, heights, slope }
}

/// The slope of the ground in the picture that makes the height of the lower foot below the hips most constant.
fn slope(poses: &[Option<Pose>]) -> f32 {
    let unsteadiness = |slope: f32| {
        let height = |pose: &Pose| {
            let [right, left] = [Joint::RightHip, Joint::LeftHip].map(|hip| row(pose.joint(hip), slope));
            lowest(pose, 0, slope).max(lowest(pose, 1, slope)) - (right + left) / 2.0
        };
        let heights: Vec<Option<f32>> = poses.iter().map(|pose| pose.as_ref().map(height)).collect();
        heights.windows(2).filter_map(|pair| Some((pair[1]? - pair[0]?).abs())).sum::<f32>()
    };
    let slopes = (0..SLOPES).map(|step| step as f32 / SLOPE_STEP);
    let best = slopes.map(|slope| (unsteadiness(slope), slope)).min_by(|one, other| one.0.total_cmp(&other.0));
    best.map_or(0.0, |(_, slope)| slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::retarget::{Factors, retarget};

    /// A frame of a person who walks away from a camera that looks down. The right foot stands at depth 0 with its heel
    /// `lift` above the ground. The left foot swings `ahead` of it. `pan` shifts everything, as if the camera turned.
    fn pose(pan: f32, lift: f32, ahead: f32) -> Pose {
        let mut pose = Pose::default();
        let ground =
            |x: f32, height: f32, z: f32| Keypoint { x: x + pan, y: 200.0 - height - SLOPE * z, z, confidence: 1.0 };
        let hips = ahead / 2.0;
        let mut put = |joint: Joint, place: Keypoint| pose.body[joint as usize] = place;
        for (side, shoulder, hip) in
            [(-1.0, Joint::RightShoulder, Joint::RightHip), (1.0, Joint::LeftShoulder, Joint::LeftHip)]
        {
            put(shoulder, ground(50.0 + side * 18.0, 150.0, hips));
            put(hip, ground(50.0 + side * 10.0, 95.0, hips));
        }
        put(Joint::Neck, ground(50.0, 150.0, hips));
        put(Joint::RightKnee, ground(40.0, 50.0, 0.0));
        put(Joint::LeftKnee, ground(60.0, 55.0, ahead));
        put(Joint::RightAnkle, ground(40.0, 10.0 + lift, 0.0));
        put(Joint::LeftAnkle, ground(60.0, 22.0, ahead));
        pose.right_foot = vec![ground(40.0, 2.0, 16.0), ground(40.0, 2.0 + lift, -5.0)];
        pose.left_foot = vec![ground(60.0, 14.0, ahead + 16.0), ground(60.0, 14.0, ahead - 5.0)];
        pose
    }

    const SLOPE: f32 = 0.3;

    /// Eight frames in which the camera pans fast, the right heel rises and the left foot comes from behind.
    fn walk() -> Vec<Option<Pose>> {
        let frame = |time: f32| pose(12.0 * time, (time - 4.0).max(0.0) * 4.0, 14.0 * (time - 4.0));
        (0..8).map(|time| Some(frame(time as f32))).collect()
    }

    #[test]
    fn the_slope_of_the_ground_is_found_from_the_steps() {
        assert!((slope(&walk()) - SLOPE).abs() < 0.11, "{}", slope(&walk()));
        let level = vec![Some(pose(0.0, 0.0, 0.0)); 4];
        assert_eq!(slope(&level), 0.0);
    }

    #[test]
    fn a_foot_rests_though_the_other_is_nearer_and_the_camera_pans() {
        let rests: Vec<f32> = stances(&walk()).iter().map(|stance| stance.rests[0]).collect();
        assert!(rests.iter().all(|rest| *rest > 0.9), "{rests:?}");
    }

    #[test]
    fn a_toe_stays_while_its_heel_rises_and_the_foot_of_another_size_stays_on_the_ground() {
        for factor in [0.7, 1.3] {
            let factors = Factors { thigh: factor, shin: factor, ..Factors::NONE };
            let poses = walk();
            let new = retarget(&poses, &factors, &[[false; 2]; 8], (1000, 1000));
            for (new, old) in new.iter().flatten().zip(poses.iter().flatten()) {
                let (new_toe, toe) = (new.right_foot[0], old.right_foot[0]);
                let apart = (new_toe.x - toe.x).hypot(new_toe.y - toe.y);
                assert!(apart < 1.0, "factor {factor}: {apart}");
            }
        }
    }

    #[test]
    fn without_a_toe_the_ankle_stays() {
        let bare = Pose { right_foot: Vec::new(), ..pose(0.0, 0.0, 0.0) };
        assert_eq!(ankle_of_foot(&bare, 0, 0.6, 0.0), bare.joint(Joint::RightAnkle));
    }

    #[test]
    fn a_toe_in_the_air_does_not_press_the_heel_into_the_ground() {
        let mut heel_strike = pose(0.0, 0.0, 0.0);
        heel_strike.right_foot[0].y -= 12.0;
        let heel = heel_strike.right_foot[1];
        let old = heel_strike.joint(Joint::RightAnkle);
        let ankle = ankle_of_foot(&heel_strike, 0, 1.5, SLOPE);
        let new_heel = moved(ankle, step(old, heel), 1.5);
        assert!((row(new_heel, SLOPE) - row(heel, SLOPE)).abs() < 1e-3, "{new_heel:?}");
    }
}
