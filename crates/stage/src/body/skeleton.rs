//! Stores the joints of a person in the rest pose, and the mapping from joints to bones and fingers of the body.

use crate::body::bone::{Bone, Meaning, meaning_of};
use crate::linear::Vec3;
use crate::side::Side;

/// One joint.
#[derive(Debug, Clone)]
pub(crate) struct SkeletonJoint {
    pub(crate) parent: Option<usize>,
    pub(crate) rest: Vec3,
}

/// Joints, parents before children, and which of them are bones and fingers of the body.
#[derive(Debug, Clone)]
pub(crate) struct Skeleton {
    pub(crate) joints: Vec<SkeletonJoint>,
    bones: [Option<usize>; Bone::COUNT],
    fingers: [[Vec<usize>; 5]; 2],
    pub(crate) bone_of: Vec<Option<Bone>>,
    pub(crate) finger_of: Vec<Option<(Side, usize)>>,
}

impl Skeleton {
    /// Builds a skeleton from (name, parent, rest position), parents first. The error says what is missing.
    pub(crate) fn new(joints: impl IntoIterator<Item = (String, Option<usize>, Vec3)>) -> Result<Self, String> {
        let mut skeleton = Self {
            joints: Vec::new(),
            bones: [None; Bone::COUNT],
            fingers: Default::default(),
            bone_of: Vec::new(),
            finger_of: Vec::new(),
        };
        for (index, (name, parent, rest)) in joints.into_iter().enumerate() {
            skeleton.joints.push(SkeletonJoint { parent, rest });
            skeleton.bone_of.push(None);
            skeleton.finger_of.push(None);
            match meaning_of(&name) {
                Some(Meaning::Body(bone)) if skeleton.bones[bone as usize].is_none() => {
                    skeleton.bones[bone as usize] = Some(index);
                    skeleton.bone_of[index] = Some(bone);
                }
                Some(Meaning::Finger(side, finger)) => {
                    let chain = &mut skeleton.fingers[side as usize][finger];
                    if chain.len() < 3 {
                        chain.push(index);
                        skeleton.finger_of[index] = Some((side, finger));
                    }
                }
                _ => {}
            }
        }
        match Bone::NEEDED.into_iter().find(|bone| skeleton.bones[*bone as usize].is_none()) {
            Some(bone) => Err(format!("a joint for {bone:?}")),
            None => Ok(skeleton),
        }
    }

    /// The joint of `bone`, if the skeleton has it.
    pub(crate) fn joint(&self, bone: Bone) -> Option<usize> {
        self.bones[bone as usize]
    }

    /// The joint of `bone`, or of the nearest bone above it.
    pub(crate) fn joint_or_above(&self, bone: Bone) -> usize {
        std::iter::successors(Some(bone), |bone| bone.parent()).find_map(|bone| self.joint(bone)).unwrap_or(0)
    }

    /// Rest position of `bone`, or of the nearest bone above it.
    pub(crate) fn rest(&self, bone: Bone) -> Vec3 {
        self.joints[self.joint_or_above(bone)].rest
    }

    /// Joints of a finger (0 thumb ... 4 little) from the palm outwards; none to three.
    pub(crate) fn finger(&self, side: Side, finger: usize) -> &[usize] {
        &self.fingers[side as usize][finger]
    }

    /// Height of the hip joints above the lowest foot or toe joint, in metres.
    pub(crate) fn hip_height(&self) -> f32 {
        let hips = (self.rest(Bone::LeftThigh).y + self.rest(Bone::RightThigh).y) / 2.0;
        let feet = self.rest(Bone::LeftFoot).y.min(self.rest(Bone::RightFoot).y);
        (hips - feet).max(0.05)
    }

    /// The direction of a limb joint in the rest pose, towards the next joint.
    pub(crate) fn direction(&self, bone: Bone) -> Option<Vec3> {
        use Bone::*;
        let next = match bone {
            LeftUpperArm => LeftLowerArm,
            LeftLowerArm => LeftHand,
            RightUpperArm => RightLowerArm,
            RightLowerArm => RightHand,
            LeftThigh => LeftCalf,
            LeftCalf => LeftFoot,
            RightThigh => RightCalf,
            RightCalf => RightFoot,
            LeftHand | RightHand => {
                let side = if bone == LeftHand { Side::Left } else { Side::Right };
                let knuckle = *self.finger(side, 2).first().or_else(|| self.finger(side, 1).first())?;
                return Some((self.joints[knuckle].rest - self.rest(bone)).normalised());
            }
            _ => return None,
        };
        let (from, to) = (self.joint(bone)?, self.joint(next)?);
        Some((self.joints[to].rest - self.joints[from].rest).normalised())
    }
}
