//! Adds errors to signals, of the size that perception makes: joints that are displaced, jitter or are missing; masks
//! with bites or with edges that are too wide.

use media::picture::Mask;
use perception::pose::{Joint, Keypoint, Pose};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Largest constant error of a joint, as a share of the person's longer side. Its shaking is a third of that.
const ERROR: f32 = 0.018;
/// Probability that a joint is missing in all frames.
const MISSING: f64 = 0.02;
/// Largest number of bites taken out of a mask, or lumps added to it.
const BITES: usize = 4;

/// Points that move together: the head, the end of each arm and leg, and each other joint alone.
const GROUPS: [&[Joint]; 14] = [
    &[Joint::Nose, Joint::RightEye, Joint::LeftEye, Joint::RightEar, Joint::LeftEar],
    &[Joint::Neck],
    &[Joint::RightShoulder],
    &[Joint::LeftShoulder],
    &[Joint::RightElbow],
    &[Joint::LeftElbow],
    &[Joint::RightWrist],
    &[Joint::LeftWrist],
    &[Joint::RightHip],
    &[Joint::LeftHip],
    &[Joint::RightKnee],
    &[Joint::LeftKnee],
    &[Joint::RightAnkle],
    &[Joint::LeftAnkle],
];

/// Moves the joints of a clip's poses, by at most the share `most` of the largest error. Each joint gets a constant
/// error and a small new one in every frame. Some are missing. Hands, feet and face follow their joints.
pub(super) fn disturb_poses(poses: &mut [Pose], most: f32, random: &mut ChaCha8Rng) {
    let extent = poses.iter().map(extent).fold(0.0, f32::max);
    let strength = random.random_range(0.1..=1.0) * most * ERROR * extent;
    for group in GROUPS {
        let mut shift = |reach: f32| [random.random_range(-1.0..=1.0) * reach, random.random_range(-1.0..=1.0) * reach];
        let standing = shift(strength);
        let shakes: Vec<[f32; 2]> = poses.iter().map(|_| shift(strength / 3.0)).collect();
        let is_missing = random.random_bool(MISSING);
        for (pose, shake) in poses.iter_mut().zip(shakes) {
            let shift = [standing[0] + shake[0], standing[1] + shake[1]];
            let move_point = |point: &mut Keypoint| (point.x, point.y) = (point.x + shift[0], point.y + shift[1]);
            for joint in group {
                let point = &mut pose.body[*joint as usize];
                move_point(point);
                if is_missing {
                    point.confidence = 0.0;
                }
            }
            let followers = match group[0] {
                Joint::Nose => &mut pose.face,
                Joint::RightWrist => &mut pose.right_hand,
                Joint::LeftWrist => &mut pose.left_hand,
                Joint::RightAnkle => &mut pose.right_foot,
                Joint::LeftAnkle => &mut pose.left_foot,
                _ => continue,
            };
            followers.iter_mut().for_each(move_point);
            if is_missing {
                followers.clear();
            }
        }
    }
}

/// The longer side of the box around the drawn joints.
fn extent(pose: &Pose) -> f32 {
    let drawn = || pose.body.iter().filter(|point| point.is_drawn());
    let span = |of: fn(&Keypoint) -> f32| {
        let (least, most) =
            drawn().map(of).fold((f32::MAX, f32::MIN), |(least, most), value| (least.min(value), most.max(value)));
        (most - least).max(0.0)
    };
    span(|point| point.x).max(span(|point| point.y))
}

/// Takes bites out of the masks and adds lumps at their edges. They are the same in all frames relative to the person's
/// box.
pub(super) fn disturb_masks(masks: &mut [Mask], random: &mut ChaCha8Rng) {
    let count = random.random_range(0..=BITES);
    for _ in 0..count {
        let place = [random.random_range(0.0..1.0_f32), random.random_range(0.0..1.0_f32)];
        let radius = random.random_range(0.02..0.07_f32);
        let value = if random.random_bool(0.5) { 0 } else { 255 };
        for mask in masks.iter_mut() {
            let Some(area) = perception::mask::bounding_box::<media::geometry::Frame>(mask) else { continue };
            let middle = [area.x as f32 + place[0] * area.width as f32, area.y as f32 + place[1] * area.height as f32];
            paint(mask, middle, radius * area.width.max(area.height) as f32, value);
        }
    }
}

fn paint(mask: &mut Mask, [x, y]: [f32; 2], radius: f32, value: u8) {
    let range = |middle: f32, count: usize| {
        ((middle - radius).max(0.0) as usize).min(count)..((middle + radius).max(0.0) as usize + 1).min(count)
    };
    for row in range(y, mask.height()) {
        for column in range(x, mask.width()) {
            if (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y) <= radius {
                mask.set(column, row, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_bite_is_round_and_stays_in_the_picture() {
        let mut mask = Mask::filled(8, 8, 255);
        paint(&mut mask, [0.5, 0.5], 1.0, 0);
        let empty = mask.cells().iter().filter(|cell| **cell == 0).count();
        assert_eq!((empty, mask.get(1, 0), mask.get(0, 1), mask.get(1, 1)), (3, 0, 0, 255));
    }

    #[test]
    fn masks_without_anybody_stay_so() {
        let mut masks = vec![Mask::filled(8, 8, 0); 2];
        disturb_masks(&mut masks, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(masks.iter().all(|mask| mask.cells().iter().all(|cell| *cell == 0)));
    }
}
