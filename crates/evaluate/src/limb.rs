//! Finds the limbs of the ground-truth person in a picture: capsules around bones, clipped by the person's mask.

use media::picture::Mask;
use perception::pose::{Joint, Keypoint, Pose};
use serde::{Deserialize, Serialize};

use crate::metric::Weights;

/// Body parts whose colour is compared. The right and the left limb count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name says which part it is")]
pub enum Limb {
    Head,
    Trunk,
    UpperArms,
    LowerArms,
    UpperLegs,
    LowerLegs,
}

impl Limb {
    /// All limbs.
    pub const ALL: [Self; 6] =
        [Self::Head, Self::Trunk, Self::UpperArms, Self::LowerArms, Self::UpperLegs, Self::LowerLegs];
}

/// At least one end of a bone must have this confidence: visible, not hidden.
const SEEN: f32 = 0.7;

/// A bone between two places, with the radius of the limb around it, in pixels.
#[derive(Debug, Clone, Copy)]
struct Capsule {
    limb: Limb,
    from: (f32, f32),
    to: (f32, f32),
    radius: f32,
}

impl Capsule {
    /// Distance from the bone, in radii.
    fn distance(&self, (x, y): (f32, f32)) -> f32 {
        let along = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let step = (x - self.from.0, y - self.from.1);
        let length = (along.0 * along.0 + along.1 * along.1).max(1e-6);
        let share = ((step.0 * along.0 + step.1 * along.1) / length).clamp(0.0, 1.0);
        (step.0 - share * along.0).hypot(step.1 - share * along.1) / self.radius
    }
}

/// The pixels of each limb, in the order of [`Limb::ALL`]: the pixels of the mask inside the limb's capsule that are
/// nearer to this capsule than to any other limb's, in radii. A limb that is hidden or outside the picture has no
/// pixels.
pub fn limb_weights(pose: &Pose, person: &Mask) -> [Weights; 6] {
    let capsules = capsules(pose);
    let mut weights = Limb::ALL.map(|_| Weights::filled(person.width(), person.height(), 0.0));
    for y in 0..person.height() {
        for x in (0..person.width()).filter(|x| person.get(*x, y) > 127) {
            let at = (x as f32 + 0.5, y as f32 + 0.5);
            let distances = capsules.iter().map(|capsule| (capsule.limb, capsule.distance(at)));
            let nearest = distances.min_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((limb, _)) = nearest.filter(|(_, distance)| *distance <= 1.0) {
                weights[limb as usize].set(x, y, 1.0);
            }
        }
    }
    weights
}

fn capsules(pose: &Pose) -> Vec<Capsule> {
    let middle = |a: Joint, b: Joint| {
        let (a, b) = (pose.joint(a), pose.joint(b));
        Keypoint {
            x: (a.x + b.x) / 2.0,
            y: (a.y + b.y) / 2.0,
            z: (a.z + b.z) / 2.0,
            confidence: a.confidence.min(b.confidence),
        }
    };
    let length = |a: Keypoint, b: Keypoint| (a.x - b.x).hypot(a.y - b.y);
    let (neck, hips) = (pose.joint(Joint::Neck), middle(Joint::RightHip, Joint::LeftHip));
    let ears = middle(Joint::RightEar, Joint::LeftEar);
    let legs =
        [(Joint::RightHip, Joint::RightKnee, Joint::RightAnkle), (Joint::LeftHip, Joint::LeftKnee, Joint::LeftAnkle)];
    let arms = [
        (Joint::RightShoulder, Joint::RightElbow, Joint::RightWrist),
        (Joint::LeftShoulder, Joint::LeftElbow, Joint::LeftWrist),
    ];
    // The body's size: the trunk's length, or that of the leg bones where the trunk is seen end-on.
    let bones = legs.iter().flat_map(|(a, b, c)| [(*a, *b), (*b, *c)]);
    let size = bones.map(|(a, b)| length(pose.joint(a), pose.joint(b))).fold(length(neck, hips), f32::max).max(1.0);
    let mut capsules = Vec::new();
    let mut add = |limb: Limb, from: Keypoint, to: Keypoint, radius: f32| {
        let known = from.is_drawn() && to.is_drawn() && from.confidence.max(to.confidence) >= SEEN;
        if known {
            let (from, to) = ((from.x, from.y), (to.x, to.y));
            capsules.push(Capsule { limb, from, to, radius: radius * size });
        }
    };
    // The head: from between neck and ears to the same distance beyond the ears. From behind, the face's joints are
    // hidden.
    let towards = |share: f32| Keypoint {
        x: neck.x + share * (ears.x - neck.x),
        y: neck.y + share * (ears.y - neck.y),
        confidence: 1.0,
        ..neck
    };
    if ears.is_drawn() {
        add(Limb::Head, towards(0.6), towards(1.4), 0.26);
    }
    add(Limb::Trunk, neck, Keypoint { confidence: hips.confidence.max(neck.confidence), ..hips }, 0.3);
    for (shoulder, elbow, wrist) in arms.map(|(a, b, c)| (pose.joint(a), pose.joint(b), pose.joint(c))) {
        add(Limb::UpperArms, shoulder, elbow, 0.13);
        add(Limb::LowerArms, elbow, wrist, 0.12);
    }
    for (hip, knee, ankle) in legs.map(|(a, b, c)| (pose.joint(a), pose.joint(b), pose.joint(c))) {
        add(Limb::UpperLegs, hip, knee, 0.19);
        add(Limb::LowerLegs, knee, ankle, 0.15);
    }
    capsules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trunk of 40 pixels from (50, 20) down. The right arm is held out to the left; the left arm is unknown.
    fn person() -> Pose {
        let mut pose = Pose::default();
        let mut set = |joint: Joint, x: f32, y: f32, confidence: f32| {
            pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence };
        };
        set(Joint::Neck, 50.0, 20.0, 1.0);
        set(Joint::RightHip, 46.0, 60.0, 1.0);
        set(Joint::LeftHip, 54.0, 60.0, 1.0);
        set(Joint::RightEar, 48.0, 10.0, 0.5);
        set(Joint::LeftEar, 52.0, 10.0, 0.5);
        set(Joint::RightShoulder, 44.0, 20.0, 1.0);
        set(Joint::RightElbow, 24.0, 20.0, 1.0);
        set(Joint::RightWrist, 4.0, 20.0, 0.5);
        set(Joint::RightKnee, 46.0, 60.0, 0.1);
        set(Joint::LeftKnee, 54.0, 60.0, 0.1);
        set(Joint::RightAnkle, 46.0, 60.0, 0.1);
        set(Joint::LeftAnkle, 54.0, 60.0, 0.1);
        pose
    }

    #[test]
    fn each_pixel_belongs_to_the_nearest_limb_inside_the_mask() {
        let weights = limb_weights(&person(), &Mask::from_fn(100, 100, |x, _| if x == 60 { 0 } else { 255 }));
        let limb_at = |x: usize, y: usize| {
            let found: Vec<Limb> =
                Limb::ALL.into_iter().filter(|limb| weights[*limb as usize].get(x, y) > 0.0).collect();
            assert!(found.len() <= 1, "({x}, {y}): {found:?}");
            found.first().copied()
        };
        assert_eq!(limb_at(50, 40), Some(Limb::Trunk));
        assert_eq!(limb_at(60, 40), None, "outside of the mask");
        assert_eq!(limb_at(50, 6), Some(Limb::Head));
        // Radii: upper arm 5.2, lower arm 4.8 pixels.
        assert_eq!(limb_at(30, 24), Some(Limb::UpperArms));
        assert_eq!(limb_at(30, 26), None);
        assert_eq!(limb_at(10, 20), Some(Limb::LowerArms));
        assert!(weights[Limb::UpperLegs as usize].cells().iter().all(|weight| *weight == 0.0), "legs are not seen");
    }
}
