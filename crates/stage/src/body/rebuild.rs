//! Changes the proportions of a body: makes bones longer or shorter, thicker or thinner, in the rest pose.
//!
//! Each joint `j` has an affine map `x -> rest'_j + S_j (x - rest_j)`. `S_j` stretches along the bone and scales across
//! it, and `rest'` are the new joint positions. A vertex moves by the weighted mean of its joints' maps, as in
//! skinning.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::skeleton::Skeleton;
use crate::linear::{Affine, Vec3};
use crate::spec::Build;

/// The change of one joint's part.
#[derive(Clone, Copy)]
struct Stretch {
    /// The bone's direction, a unit vector. The part is scaled by `along` in it, and by `across` perpendicular to it.
    axis: Vec3,
    along: f32,
    across: f32,
}

impl Stretch {
    fn even(factor: f32) -> Self {
        Self { axis: Vec3::UP, along: factor, across: factor }
    }

    fn apply(&self, vector: Vec3) -> Vec3 {
        vector * self.across + self.axis * (vector.dot(self.axis) * (self.along - self.across))
    }

    fn map(&self, from: Vec3, to: Vec3) -> Affine {
        let columns = Affine::IDENTITY.columns.map(|axis| self.apply(axis));
        let linear = Affine { columns, origin: Vec3::ZERO };
        Affine { origin: to - linear.point(from), ..linear }
    }
}

/// The change of the bone's part with `build`. Parts without a bone follow the joint above.
fn stretch_of(skeleton: &Skeleton, bone: Bone, build: &Build) -> Stretch {
    use Bone::*;
    let limb = |along: f32| {
        let axis = skeleton.direction(bone).unwrap_or(-Vec3::UP);
        Stretch { axis, along, across: build.girth }
    };
    match bone {
        LeftThigh | LeftCalf | RightThigh | RightCalf => limb(build.legs),
        LeftUpperArm | LeftLowerArm | RightUpperArm | RightLowerArm => limb(build.arms),
        LeftHand | RightHand => Stretch::even((build.arms + 1.0) / 2.0),
        LeftFoot | LeftToes | RightFoot | RightToes => Stretch::even((build.legs + 1.0) / 2.0),
        Pelvis | LowerSpine | MiddleSpine | UpperSpine => {
            Stretch { axis: Vec3::UP, along: build.trunk, across: build.girth }
        }
        LeftClavicle | RightClavicle => {
            Stretch { axis: Vec3::new(1.0, 0.0, 0.0), along: build.shoulders, across: build.trunk }
        }
        Neck => Stretch { axis: Vec3::UP, along: build.trunk, across: (build.girth + 1.0) / 2.0 },
        Head => Stretch::even(build.head),
    }
}

impl Character {
    /// The same person with other proportions.
    ///
    /// # Errors
    /// What is missing if the result is not a valid person.
    pub(crate) fn rebuilt(&self, build: &Build) -> Result<Self, String> {
        if *build == Build::OWN {
            return Ok(self.clone());
        }
        let (mut skeleton, mut mesh) = (self.skeleton().clone(), self.mesh().clone());
        let count = skeleton.joints.len();
        let mut stretches = vec![Stretch::even(1.0); count];
        let mut maps = Vec::with_capacity(count);
        for joint in 0..count {
            let parent = skeleton.joints[joint].parent;
            stretches[joint] = match (skeleton.bone_of[joint], parent) {
                (Some(bone), _) => stretch_of(self.skeleton(), bone, build),
                (None, Some(parent)) => stretches[parent],
                (None, None) => Stretch::even(1.0),
            };
            let old = self.skeleton().joints[joint].rest;
            let new = match parent {
                Some(parent) => {
                    let offset = old - self.skeleton().joints[parent].rest;
                    skeleton.joints[parent].rest + stretches[parent].apply(offset)
                }
                None => old,
            };
            skeleton.joints[joint].rest = new;
            maps.push(stretches[joint].map(old, new));
        }
        for corner in 0..mesh.positions.len() {
            let (joints, weights) = (mesh.joints[corner], mesh.weights[corner]);
            let position = mesh.positions[corner];
            mesh.positions[corner] = (0..4)
                .filter(|&slot| weights[slot] > 0.0)
                .fold(Vec3::ZERO, |sum, slot| sum + maps[usize::from(joints[slot])].point(position) * weights[slot]);
        }
        Self::new(self.name().to_owned(), self.pack().to_owned(), skeleton, mesh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::mannequin::mannequin;

    #[test]
    fn longer_legs_lift_the_hips_and_leave_the_arms() {
        let person = mannequin(4).unwrap();
        let changed = person.rebuilt(&Build { legs: 1.2, ..Build::OWN }).unwrap();
        let length = |character: &Character, from: Bone, to: Bone| {
            (character.skeleton().rest(from) - character.skeleton().rest(to)).length()
        };
        let factor = |from, to| length(&changed, from, to) / length(&person, from, to);
        assert!((factor(Bone::LeftThigh, Bone::LeftCalf) - 1.2).abs() < 1e-4);
        assert!((factor(Bone::RightCalf, Bone::RightFoot) - 1.2).abs() < 1e-4);
        assert!((factor(Bone::LeftUpperArm, Bone::LeftLowerArm) - 1.0).abs() < 1e-4);
        assert!(changed.mesh().bounds().0.y.abs() < 1e-4);
        assert!(changed.height() > person.height() + 0.1);
    }

    #[test]
    fn own_proportions_change_nothing() {
        let person = mannequin(5).unwrap();
        assert_eq!(person.rebuilt(&Build::OWN).unwrap().mesh().positions, person.mesh().positions);
    }
}
