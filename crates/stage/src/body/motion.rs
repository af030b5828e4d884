//! Stores motions as rotations of the body's bones in scene space, relative to a standing rest pose. In this form a
//! motion fits any skeleton, because the source's rest rotations, joint names and proportions no longer matter.

use crate::body::bone::Bone;
use crate::body::skeleton::Skeleton;
use crate::linear::{Quat, Vec3};

/// Frame rate at which motions are stored.
pub(crate) const MOTION_RATE: f32 = 30.0;

/// One instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MotionSample {
    /// Rotation of each bone relative to the rest pose, in the scene's space.
    pub(crate) turns: [Quat; Bone::COUNT],
    /// Position of the pelvis joint, in metres of the source.
    pub(crate) pelvis: Vec3,
}

/// A named motion.
#[derive(Debug, Clone)]
pub struct Motion {
    pub(crate) name: String,
    pub(crate) pack: String,
    pub(crate) samples: Vec<MotionSample>,
    /// Height of the source's hips above its feet, in metres.
    pub(crate) hip_height: f32,
    /// The directions of the source's limbs in the rest pose.
    pub(crate) directions: [Option<Vec3>; Bone::COUNT],
}

impl Motion {
    /// Name of the motion in its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source file, without its extension.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Duration in seconds, from the first to the last sample.
    pub fn duration(&self) -> f32 {
        (self.samples.len() - 1) as f32 / MOTION_RATE
    }

    /// The instant at `time` seconds, clamped to the motion.
    pub(crate) fn at(&self, time: f32) -> MotionSample {
        let place = (time * MOTION_RATE).clamp(0.0, (self.samples.len() - 1) as f32);
        let first = place as usize;
        let (a, b) = (&self.samples[first], &self.samples[(first + 1).min(self.samples.len() - 1)]);
        let share = place - first as f32;
        MotionSample {
            turns: std::array::from_fn(|bone| a.turns[bone].lerp(b.turns[bone], share)),
            pelvis: a.pelvis.lerp(b.pelvis, share),
        }
    }

    /// For each bone, the rotation from the limb of `skeleton` in the rest pose to the source's limb in the rest pose.
    /// Small differences are left out, because they come from the build of the body and not from the pose.
    pub(crate) fn alignment(&self, skeleton: &Skeleton) -> [Quat; Bone::COUNT] {
        const BUILD: f32 = 0.96; // cosine of 16 degrees
        let mut turns = [Quat::IDENTITY; Bone::COUNT];
        for bone in Bone::ALL {
            let (Some(from), Some(to)) = (skeleton.direction(bone), self.directions[bone as usize]) else { continue };
            let above = match bone {
                Bone::LeftThigh | Bone::RightThigh | Bone::LeftUpperArm | Bone::RightUpperArm => Quat::IDENTITY,
                bone => bone.parent().map_or(Quat::IDENTITY, |parent| turns[parent as usize]),
            };
            let carried = above.rotate(from);
            let turn = if carried.dot(to) > BUILD { Quat::IDENTITY } else { Quat::between(carried, to) };
            turns[bone as usize] = turn.after(above);
        }
        turns
    }
}
