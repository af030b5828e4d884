//! Handles characters whose pictures do not show their legs: the driving person's legs stay visible below the
//! character's own upper body.

use media::picture::Mask;
use perception::pose::{Joint, Keypoint, Pose};

use crate::body::bones::is_placed;
use crate::body::part::Chain;
use crate::body::point::Point;
use crate::body::trunk::TrunkFrame;
use crate::puppet::Puppet;

/// How far above the end of the character's picture the person is kept, in lengths of the trunk. The overlap avoids a
/// gap.
const OVERLAP: f32 = 0.12;
/// Half width of an arm with its sleeve, in lengths of the trunk.
const ARM: f32 = 0.15;

/// Where the pictures that show a body without any leg end: along the trunk, 0 = hips, 1 = shoulders. None when a
/// picture shows a leg, or no picture shows a body.
pub(crate) fn end_above_legs(puppets: &[Puppet]) -> Option<f32> {
    let is_leg = |chain: &Chain| matches!(chain, Chain::RightLeg | Chain::LeftLeg);
    if puppets.iter().any(|puppet| puppet.chains().iter().any(is_leg)) {
        return None;
    }
    puppets.iter().filter_map(lowest).reduce(f32::min)
}

/// The lowest place on the trunk's centre line that a picture shows.
fn lowest(puppet: &Puppet) -> Option<f32> {
    let (trunk, mask) = (puppet.figure()?.trunk, &puppet.cutout().mask);
    let shows = |along: f32| {
        let place = trunk.place((0.0, along));
        let inside = place.x >= 0.0 && place.y >= 0.0;
        inside
            && (place.x as usize) < mask.width()
            && (place.y as usize) < mask.height()
            && mask.get(place.x as usize, place.y as usize) > 127
    };
    (-20..40).map(|step| step as f32 / 40.0).find(|&along| shows(along))
}

/// The driving person below `end` along the trunk, without the arms; none when the pose has no trunk with hips.
pub(crate) fn legs_of(pose: &Pose, person: &Mask, end: f32) -> Option<Mask> {
    if !is_placed(pose.joint(Joint::RightHip)) || !is_placed(pose.joint(Joint::LeftHip)) {
        return None;
    }
    let trunk = TrunkFrame::of(pose)?;
    let arms = arms(pose);
    let reach = ARM * trunk.length;
    let kept = |x: usize, y: usize| {
        let coverage = person.get(x, y);
        let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        let is_kept = coverage > 0
            && trunk.coordinates(place).1 < end + OVERLAP
            && arms.iter().all(|&(from, to)| distance(place, from, to) > reach);
        if is_kept { coverage } else { 0 }
    };
    Some(Mask::from_fn(person.width(), person.height(), kept))
}

/// The lines from elbow to wrist and fingers, as far as they are known.
fn arms(pose: &Pose) -> Vec<(Point, Point)> {
    let sides = [
        (Joint::RightShoulder, Joint::RightElbow, Joint::RightWrist, &pose.right_hand),
        (Joint::LeftShoulder, Joint::LeftElbow, Joint::LeftWrist, &pose.left_hand),
    ];
    let mut arms = vec![];
    for (shoulder, elbow, wrist, hand) in sides {
        let [shoulder, elbow, wrist] = [shoulder, elbow, wrist].map(|joint| pose.joint(joint));
        let mut add = |from: Keypoint, to: Keypoint| {
            if is_placed(from) && is_placed(to) {
                arms.push((Point::from(from), Point::from(to)));
            }
        };
        add(shoulder, elbow);
        add(elbow, wrist);
        hand.iter().for_each(|&finger| add(wrist, finger));
    }
    arms
}

/// Distance of a place from a line segment.
fn distance(place: Point, from: Point, to: Point) -> f32 {
    let way = to - from;
    let share = ((place - from).dot(way) / way.dot(way).max(1e-6)).clamp(0.0, 1.0);
    (place - (from + way * share)).length()
}

#[cfg(test)]
mod tests {
    use media::picture::Picture;

    use super::*;
    use crate::puppet::cutout::Cutout;

    /// A person in the middle of 100 x 200 pixels, with the right arm hanging.
    fn standing() -> Pose {
        let mut pose = Pose::default();
        for (joint, x, y) in [
            (Joint::RightShoulder, 35.0, 40.0),
            (Joint::LeftShoulder, 65.0, 40.0),
            (Joint::RightHip, 42.0, 100.0),
            (Joint::LeftHip, 58.0, 100.0),
            (Joint::RightElbow, 26.0, 70.0),
            (Joint::RightWrist, 22.0, 105.0),
        ] {
            pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence: 1.0 };
        }
        pose
    }

    #[test]
    fn legs_stay_and_trunk_and_arms_do_not() {
        let person = Mask::from_fn(100, 200, |x, _| if (10..90).contains(&x) { 200 } else { 0 });
        let legs = legs_of(&standing(), &person, 0.2).unwrap();
        assert_eq!([legs.get(50, 150), legs.get(50, 90), legs.get(80, 120)], [200; 3]);
        assert_eq!([legs.get(50, 60), legs.get(24, 95), legs.get(5, 150)], [0; 3]);
        assert!(legs_of(&Pose::default(), &person, 0.2).is_none());
    }

    #[test]
    fn a_picture_ends_where_its_mask_does() {
        let picture = Picture::filled(100, 200, [90; 3]);
        let end = |bottom: usize, knees: bool| {
            let mask =
                Mask::from_fn(
                    100,
                    200,
                    |x, y| if (20..80).contains(&x) && (10..bottom).contains(&y) { 255 } else { 0 },
                );
            let mut pose = standing();
            if knees {
                for (joint, x, y) in [(Joint::RightKnee, 42.0, 140.0), (Joint::RightAnkle, 42.0, 180.0)] {
                    pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence: 1.0 };
                }
            }
            end_above_legs(&[Puppet::new(Cutout::new(&picture, &mask, Some(&pose)).unwrap())])
        };
        // Hips lie at row 100, shoulders at row 40.
        assert!((end(85, false).unwrap() - 0.25).abs() < 0.06);
        assert!((end(115, false).unwrap() + 0.25).abs() < 0.06);
        assert_eq!(end(200, true), None);
        assert_eq!(end_above_legs(&[]), None);
    }
}
