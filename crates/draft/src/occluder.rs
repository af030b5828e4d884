//! Finds occluders, which stand in front of the driving person: a table, a counter, a box.
//!
//! A hidden joint outside the person's mask is behind an occluder, because a joint that is hidden by the person's own
//! body lies inside the mask. Around a hidden stretch of a limb, the source's pixels stay in front of the character.

use media::picture::Mask;
use perception::pose::Pose;

use crate::body::bones::Bones;
use crate::body::part::Part;
use crate::body::point::Point;
use crate::body::trunk::TrunkFrame;

/// A joint with less confidence than this may be hidden.
const SEEN: f32 = 0.75;
/// How far the cover of a limb extends, in half widths of the limb.
const REACH: f32 = 2.0;
/// Number of test points along each bone.
const PLACES: usize = 9;

/// 255 where something outside the person's mask stands in front of the person. None if there is nothing.
///
/// # Panics
/// When the sizes of mask and hole differ.
pub(crate) fn occluder(pose: &Pose, person: &Mask, hole: &Mask) -> Option<Mask> {
    assert_eq!(person.size(), hole.size(), "occluder: person {:?}, hole {:?}", person.size(), hole.size());
    let (width, height) = person.size();
    let length = TrunkFrame::of(pose)?.length;
    let bones = Bones::of(pose, (width, height));
    let covered = |place: Point| {
        let inside = place.x >= 0.0 && place.y >= 0.0 && place.x < width as f32 && place.y < height as f32;
        inside.then(|| person.get(place.x as usize, place.y as usize) > 64)
    };
    // Test points on limbs: position, extent, and whether something hides them. Outside the picture nothing is known.
    let mut places: Vec<(Point, f32, bool)> = Vec::new();
    for part in Part::ALL {
        let Some(bone) = bones.get(part).filter(|_| part != Part::Trunk) else { continue };
        let unsure = bone.from.confidence.min(bone.to.confidence) < SEEN;
        let (from, to) = bone.line();
        for place in (0..PLACES).map(|step| from.lerp(to, step as f32 / (PLACES - 1) as f32)) {
            if let Some(covered) = covered(place) {
                places.push((place, REACH * part.usual_radius() * length, unsure && !covered));
            }
        }
    }
    if !places.iter().any(|(_, _, is_hidden)| *is_hidden) {
        return None;
    }
    let mask = Mask::from_fn(width, height, |x, y| {
        if hole.get(x, y) > 0 {
            return 0;
        }
        let pixel = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        let nearest = places
            .iter()
            .map(|&(place, reach, is_hidden)| ((pixel - place).length() / reach, is_hidden))
            .filter(|(distance, _)| *distance < 1.0)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if nearest.is_some_and(|(_, is_hidden)| is_hidden) { 255 } else { 0 }
    });
    Some(mask)
}

#[cfg(test)]
mod tests {
    use perception::pose::{Joint, Keypoint};

    use super::*;

    #[test]
    fn legs_behind_a_counter_are_covered_and_an_arm_behind_the_back_is_not() {
        let mut pose = Pose::default();
        for (joint, x, y, confidence) in [
            (Joint::RightShoulder, 40.0, 30.0, 1.0),
            (Joint::LeftShoulder, 60.0, 30.0, 1.0),
            (Joint::RightHip, 44.0, 70.0, 1.0),
            (Joint::LeftHip, 56.0, 70.0, 1.0),
            (Joint::RightKnee, 44.0, 100.0, 0.5),
            (Joint::RightElbow, 50.0, 45.0, 0.5),
        ] {
            pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence };
        }
        let person =
            Mask::from_fn(100, 120, |x, y| if (36..64).contains(&x) && (10..76).contains(&y) { 255 } else { 0 });
        let found = occluder(&pose, &person, &person).unwrap();
        assert!(found.get(44, 95) == 255 && found.get(44, 70) == 0 && found.get(50, 45) == 0 && found.get(90, 95) == 0);
        pose.body[Joint::RightKnee as usize].confidence = 1.0;
        assert!(occluder(&pose, &person, &person).is_none());
    }
}
