//! Holds a pose whose joints are not placed yet: the rotations of the bones, and the position of the pelvis.

use crate::body::bone::Bone;
use crate::body::pose::{Grips, Posed, pose};
use crate::body::reach::bend;
use crate::body::skeleton::Skeleton;
use crate::linear::{Quat, Vec3};

/// A pose before its joints are placed.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) turns: [Quat; Bone::COUNT],
    pub(crate) pelvis: Vec3,
    pub(crate) scale: f32,
    pub(crate) grips: Grips,
}

impl Figure {
    /// Places every joint.
    pub(crate) fn posed(&self, skeleton: &Skeleton) -> Posed {
        pose(skeleton, &self.turns, self.pelvis, self.scale, self.grips)
    }

    /// Bends a limb of three bones so that its end is at `target`, or as near as possible. Returns the new direction of
    /// the last bone. Everything attached to the limb turns with it.
    pub(crate) fn reach(&mut self, skeleton: &Skeleton, limb: [Bone; 3], target: Vec3, pole: Vec3) -> Option<Vec3> {
        let posed = self.posed(skeleton);
        let [upper, lower, end] = limb;
        let joints = [skeleton.joint(upper)?, skeleton.joint(lower)?, skeleton.joint(end)?];
        let [root, middle, tip] = joints.map(|joint| posed.joint(joint));
        let lengths = ((middle - root).length(), (tip - middle).length());
        let (new_middle, new_tip) = bend(root, lengths, target, pole);
        let first = Quat::between(middle - root, new_middle - root);
        let second = Quat::between(first.rotate(tip - middle), new_tip - new_middle).after(first);
        self.turns[upper as usize] = first.after(self.turns[upper as usize]);
        self.turns[lower as usize] = second.after(self.turns[lower as usize]);
        Some(new_tip - new_middle)
    }
}
