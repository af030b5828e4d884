//! Compares perceived signals with the ground truth: joints, masks, and jumps of the region of interest. The programs
//! that measure perception use this module. Joint errors are in torso lengths, so that they do not depend on a person's
//! size in the picture.

use media::picture::Mask;

use crate::person::rotated_roi::RotatedRoi;
use crate::pose::{Joint, Pose};

/// The largest distance, in torso lengths, at which a joint counts as correct (PCK@0.2).
pub const RIGHT_WITHIN: f32 = 0.2;

/// The known, visible joints of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownJoints {
    /// Positions in frame pixels, indexed by [`Joint`]; `None` = unknown, or not visible.
    pub places: [Option<(f32, f32)>; Joint::COUNT],
    /// Distance from the neck to the middle of the hips, in frame pixels.
    pub torso: f32,
}

impl KnownJoints {
    /// The joints of a known pose whose confidence is at least `visible`.
    pub fn from_pose(pose: &Pose, visible: f32) -> Self {
        let [neck, right, left] = [Joint::Neck, Joint::RightHip, Joint::LeftHip].map(|joint| pose.joint(joint));
        let torso = (neck.x - (right.x + left.x) / 2.0).hypot(neck.y - (right.y + left.y) / 2.0);
        let places = pose.body.map(|point| (point.confidence >= visible).then_some((point.x, point.y)));
        Self { places, torso }
    }

    /// The distance of each perceived joint from the known one, in torso lengths; `None` for unknown joints.
    pub fn errors(&self, seen: &Pose) -> [Option<f32>; Joint::COUNT] {
        std::array::from_fn(|joint| {
            let ((x, y), seen) = (self.places[joint]?, seen.body[joint]);
            Some((seen.x - x).hypot(seen.y - y) / self.torso)
        })
    }

    /// For each known joint, whether it was perceived within [`RIGHT_WITHIN`]. If nobody is seen, all joints are wrong.
    pub fn judged(&self, seen: Option<&Pose>) -> Vec<bool> {
        match seen {
            Some(seen) => self.errors(seen).into_iter().flatten().map(|error| error <= RIGHT_WITHIN).collect(),
            None => self.places.iter().flatten().map(|_| false).collect(),
        }
    }
}

/// How a mask overlaps a known one; shares are 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Intersection over union.
    pub iou: f64,
    /// Share of the perceived mask that lies inside the known one; `None` when nothing is seen.
    pub inside: Option<f64>,
}

/// Compares two masks of one size, thresholded at half coverage; `None` when both are empty.
pub fn overlap(seen: &Mask, known: &Mask) -> Option<Overlap> {
    let (mut both, mut either, mut own) = (0_u32, 0_u32, 0_u32);
    for (seen, known) in seen.cells().iter().zip(known.cells()) {
        let (seen, known) = (*seen > 127, *known > 127);
        both += u32::from(seen && known);
        either += u32::from(seen || known);
        own += u32::from(seen);
    }
    let share = |whole: u32| f64::from(both) / f64::from(whole);
    (either > 0).then(|| Overlap { iou: share(either), inside: (own > 0).then(|| share(own)) })
}

/// The distance between the centres of two consecutive regions, in sides of the first.
pub fn region_move(before: &RotatedRoi, now: &RotatedRoi) -> f32 {
    (now.centre.0 - before.centre.0).hypot(now.centre.1 - before.centre.1) / before.side
}

/// A running mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// The mean so far; `None` without values.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl Extend<f64> for Mean {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Keypoint;

    /// A torso of 10 pixels. The nose is hidden, and everything else is at the neck.
    fn person() -> Pose {
        let point = |y: f32, confidence: f32| Keypoint { x: 20.0, y, z: 0.0, confidence };
        let mut pose = Pose { body: [point(5.0, 1.0); Joint::COUNT], ..Pose::default() };
        pose.body[Joint::Nose as usize].confidence = 0.5;
        for hip in [Joint::RightHip, Joint::LeftHip] {
            pose.body[hip as usize].y = 15.0;
        }
        pose
    }

    #[test]
    fn joints_are_judged_in_torso_lengths_where_they_are_known() {
        let (truth, mut seen) = (person(), person());
        let known = KnownJoints::from_pose(&truth, 0.9);
        assert_eq!((known.torso, known.places[Joint::Nose as usize]), (10.0, None));
        seen.body[Joint::RightKnee as usize].x += 1.5;
        seen.body[Joint::LeftKnee as usize].x += 2.5;
        let errors = known.errors(&seen);
        assert_eq!([errors[Joint::Nose as usize], errors[Joint::Neck as usize]], [None, Some(0.0)]);
        assert_eq!(errors[Joint::RightKnee as usize], Some(0.15));
        let right = |seen: Option<&Pose>| {
            let judged = known.judged(seen);
            (judged.iter().filter(|right| **right).count(), judged.len())
        };
        assert_eq!([right(Some(&seen)), right(None)], [(16, 17), (0, 17)]);
    }

    #[test]
    fn masks_overlap_at_half_coverage() {
        let mask = |cells: [u8; 4]| Mask::from_cells(4, 1, cells.to_vec());
        let check = |seen, known, expected: Option<(f64, Option<f64>)>| {
            let expected = expected.map(|(iou, inside)| Overlap { iou, inside });
            assert_eq!(overlap(&mask(seen), &mask(known)), expected);
        };
        check([255, 128, 127, 0], [0, 255, 255, 0], Some((1.0 / 3.0, Some(0.5))));
        check([0; 4], [0, 255, 0, 0], Some((0.0, None)));
        check([0; 4], [127; 4], None);
    }

    #[test]
    fn moves_are_measured_in_sides_and_nothing_has_no_mean() {
        let square = |x: f32, side: f32| RotatedRoi { centre: (x, 4.0), side, turn: 0.0 };
        assert_eq!(region_move(&square(10.0, 20.0), &square(15.0, 90.0)), 0.25);
        let mut mean = Mean::default();
        assert_eq!(mean.value(), None);
        mean.extend([1.0, 2.0]);
        assert_eq!(mean.value(), Some(1.5));
    }
}
