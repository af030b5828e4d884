//! Reports which parts of the character a picture does not show.

use perception::pose::{Joint, Pose};

use super::picture::{Character, MaskSource};
use crate::events::Events;

/// Parts of a body, and the joints that show them.
const PARTS: [(&str, &[Joint]); 4] = [
    ("the head", &[Joint::Nose, Joint::RightEye, Joint::LeftEye, Joint::RightEar, Joint::LeftEar]),
    ("the arms", &[Joint::RightElbow, Joint::LeftElbow, Joint::RightWrist, Joint::LeftWrist]),
    ("the hips", &[Joint::RightHip, Joint::LeftHip]),
    ("the legs", &[Joint::RightKnee, Joint::LeftKnee, Joint::RightAnkle, Joint::LeftAnkle]),
];

/// Warns if the character is only partly visible, or not recognised.
pub(super) fn warn(character: &Character, events: &Events) {
    let path = character.path.display();
    let Some(pose) = &character.pose else {
        let used = match character.source {
            MaskSource::WholePicture => "the whole picture is used",
            _ => "its whole foreground is used",
        };
        events.warn(
            "character.no_person",
            format!("no person was recognised in the character's picture, so {used}: `{path}`"),
        );
        return;
    };
    let missing = missing_parts(pose, character.picture.size());
    if !missing.is_empty() {
        let message =
            format!("the character's picture does not show {}, which will be invented: `{path}`", missing.join(", "));
        events.warn("character.partly_seen", message);
    }
}

/// Parts of which most joints are uncertain or outside the picture.
fn missing_parts(pose: &Pose, (width, height): (usize, usize)) -> Vec<&'static str> {
    let is_seen = |joint: &&Joint| {
        let point = pose.joint(**joint);
        let inside = (0.0..=width as f32).contains(&point.x) && (0.0..=height as f32).contains(&point.y);
        point.is_drawn() && inside
    };
    let is_missing = |joints: &[Joint]| 2 * joints.iter().filter(is_seen).count() < joints.len();
    PARTS.iter().filter(|(_, joints)| is_missing(joints)).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use perception::pose::Keypoint;

    use super::*;

    #[test]
    fn parts_outside_and_unsure_ones_are_missing() {
        let sure = Keypoint { x: 50.0, y: 50.0, z: 0.0, confidence: 0.9 };
        let mut pose = Pose { body: [sure; Joint::COUNT], ..Pose::default() };
        assert!(missing_parts(&pose, (100, 100)).is_empty());
        for joint in [Joint::RightKnee, Joint::LeftKnee, Joint::RightAnkle] {
            pose.body[joint as usize].y = 130.0;
        }
        for joint in [Joint::RightHip, Joint::LeftHip] {
            pose.body[joint as usize].confidence = 0.1;
        }
        assert_eq!(missing_parts(&pose, (100, 100)), ["the hips", "the legs"]);
    }
}
