//! Computes the bones of a pose: one for each [`Part`] whose joints are known.

use perception::pose::{Joint, Keypoint, Pose};

use crate::body::part::Part;
use crate::body::point::Point;

/// Joints of the palm where the four fingers begin.
const KNUCKLES: [usize; 4] = [5, 9, 13, 17];
/// The length of a hand without points, in lengths of the forearm.
const HAND_LENGTH: f32 = 0.35;
/// The length of a foot without points, in lengths of the shin.
const FOOT_LENGTH: f32 = 0.3;
/// A joint outside the picture is guessed from the rest of the body, and never certain. It still says where a limb
/// leaves the picture.
const OUTSIDE: f32 = 0.05;

/// The line that represents a part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bone {
    /// The end next to the trunk.
    pub(crate) from: Keypoint,
    /// The far end.
    pub(crate) to: Keypoint,
}

impl Bone {
    /// Length in pixels, including depth.
    pub(crate) fn length(&self) -> f32 {
        let (dx, dy, dz) = (self.to.x - self.from.x, self.to.y - self.from.y, self.to.z - self.from.z);
        (dx * dx + dy * dy + dz * dz).sqrt()
    }

    /// Both ends in the picture.
    pub(crate) fn line(&self) -> (Point, Point) {
        (self.from.into(), self.to.into())
    }

    /// Depth of its middle; smaller is nearer to the camera.
    pub(crate) fn depth(&self) -> f32 {
        (self.from.z + self.to.z) / 2.0
    }
}

/// The bones of one person, without the trunk, which is a surface (`TrunkFrame`).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bones {
    bones: [Option<Bone>; Part::COUNT],
}

impl Bones {
    /// The bones of a pose in a picture of `size` pixels. A joint counts if it is certain enough to be drawn, or if it
    /// lies outside the picture.
    pub(crate) fn of(pose: &Pose, size: (usize, usize)) -> Self {
        let usable = |joint: Keypoint| is_usable(joint, size);
        let mut bones = [None; Part::COUNT];
        for part in Part::ALL {
            let Some((from, to)) = part.joints() else { continue };
            let bone = Bone { from: pose.joint(from), to: pose.joint(to) };
            if usable(bone.from) && usable(bone.to) {
                bones[part as usize] = Some(bone);
            }
        }
        bones[Part::Head as usize] = head(pose);
        for (hand, forearm, points) in [
            (Part::RightHand, Part::RightForearm, &pose.right_hand),
            (Part::LeftHand, Part::LeftForearm, &pose.left_hand),
        ] {
            bones[hand as usize] = bones[forearm as usize].map(|forearm: Bone| {
                let known = points.len() > KNUCKLES[3] && KNUCKLES.iter().all(|&point| points[point].is_drawn());
                let palm = known.then(|| mean(&KNUCKLES.map(|point| points[point])));
                // A palm far from the wrist belongs to another person's hand.
                let near = palm.filter(|palm| distance(*palm, forearm.to) < 0.8 * forearm.length().max(1.0));
                Bone { from: forearm.to, to: near.unwrap_or_else(|| beyond(&forearm, HAND_LENGTH)) }
            });
        }
        for (foot, shin, points) in
            [(Part::RightFoot, Part::RightShin, &pose.right_foot), (Part::LeftFoot, Part::LeftShin, &pose.left_foot)]
        {
            bones[foot as usize] = bones[shin as usize].map(|shin: Bone| {
                let toe = points.first().copied().filter(|toe| usable(*toe));
                let near = toe.filter(|toe| distance(*toe, shin.to) < 0.9 * shin.length().max(1.0));
                Bone { from: shin.to, to: near.unwrap_or_else(|| beyond(&shin, FOOT_LENGTH)) }
            });
        }
        Self { bones }
    }

    /// The bone of a part, when it is known.
    pub(crate) fn get(&self, part: Part) -> Option<Bone> {
        self.bones[part as usize]
    }

    /// Removes the bone of a part and returns it.
    pub(crate) fn remove(&mut self, part: Part) {
        self.bones[part as usize] = None;
    }
}

/// True when a joint gives a usable position.
pub(crate) fn is_usable(joint: Keypoint, (width, height): (usize, usize)) -> bool {
    let inside = joint.x >= 0.0 && joint.y >= 0.0 && joint.x < width as f32 && joint.y < height as f32;
    joint.x.is_finite() && joint.y.is_finite() && (joint.is_drawn() || (!inside && joint.confidence >= OUTSIDE))
}

/// True when the joint has a position at all, visible or not.
pub(crate) fn is_placed(joint: Keypoint) -> bool {
    joint.confidence > 0.0 && joint.x.is_finite() && joint.y.is_finite()
}

fn head(pose: &Pose) -> Option<Bone> {
    let neck = pose.joint(Joint::Neck);
    let placed = |joints: &[Joint]| -> Option<Keypoint> {
        let known: Vec<Keypoint> = joints.iter().map(|&joint| pose.joint(joint)).filter(|&j| is_placed(j)).collect();
        (known.len() == joints.len()).then(|| mean(&known))
    };
    let middles = [
        placed(&[Joint::RightEar, Joint::LeftEar]),
        placed(&[Joint::RightEye, Joint::LeftEye]),
        placed(&[Joint::Nose]),
    ];
    // Ears lie on the axis about which a head turns. Eyes and nose do not, so they are used only without ears.
    let known: Vec<Keypoint> = match middles[0] {
        Some(ears) => vec![ears],
        None => middles.into_iter().flatten().collect(),
    };
    if known.is_empty() || !is_placed(neck) {
        return None;
    }
    let centre = mean(&known);
    (centre.confidence >= 0.1 || neck.is_drawn()).then_some(Bone { from: neck, to: centre })
}

/// The mean of some points, with the confidence of the least certain one.
pub(crate) fn mean(points: &[Keypoint]) -> Keypoint {
    let share = 1.0 / points.len() as f32;
    let start = Keypoint { confidence: 1.0, ..Keypoint::default() };
    points.iter().fold(start, |sum, point| Keypoint {
        x: sum.x + share * point.x,
        y: sum.y + share * point.y,
        z: sum.z + share * point.z,
        confidence: sum.confidence.min(point.confidence),
    })
}

fn beyond(bone: &Bone, share: f32) -> Keypoint {
    let further = |from: f32, to: f32| to + share * (to - from);
    Keypoint {
        x: further(bone.from.x, bone.to.x),
        y: further(bone.from.y, bone.to.y),
        z: further(bone.from.z, bone.to.z),
        confidence: bone.to.confidence,
    }
}

fn distance(a: Keypoint, b: Keypoint) -> f32 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// A vector in three dimensions.
pub(crate) type Step = [f32; 3];

pub(crate) fn step(from: Keypoint, to: Keypoint) -> Step {
    [to.x - from.x, to.y - from.y, to.z - from.z]
}

pub(crate) fn moved(from: Keypoint, [x, y, z]: Step, factor: f32) -> Keypoint {
    Keypoint { x: from.x + factor * x, y: from.y + factor * y, z: from.z + factor * z, ..from }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_need_both_ends_and_hands_follow_the_forearm_when_they_have_no_points() {
        let mut pose = Pose::default();
        let joint = |x, y, confidence| Keypoint { x, y, z: 0.0, confidence };
        pose.body[Joint::RightElbow as usize] = joint(10.0, 10.0, 0.9);
        pose.body[Joint::RightWrist as usize] = joint(10.0, 30.0, 0.9);
        pose.body[Joint::RightShoulder as usize] = joint(10.0, 0.0, 0.2);
        let bones = Bones::of(&pose, (100, 100));
        assert!(bones.get(Part::RightUpperArm).is_none() && bones.get(Part::RightForearm).is_some());
        assert_eq!(bones.get(Part::RightHand).unwrap().to.y, 37.0);
        // Outside the picture a joint need not be certain.
        pose.body[Joint::RightShoulder as usize] = joint(10.0, -5.0, 0.2);
        assert!(Bones::of(&pose, (100, 100)).get(Part::RightUpperArm).is_some());
    }
}
