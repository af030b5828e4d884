//! Defines an animatable character: joints with rest positions, a mesh bound to them, and the landmarks of the
//! project's pose convention.
//!
//! All geometry is stored in the scene's space in the rest pose. A pose then consists of one rotation and one position
//! for each joint. A vertex `x` bound to joint `j` moves to `place_j + turn_j (x - rest_j) scale`. With this formula,
//! no rest rotations or node scales are needed.

use crate::body::bone::Bone;
use crate::body::landmark::Landmarks;
use crate::body::limb::{Limb, limbs};
use crate::body::skeleton::Skeleton;
use crate::linear::{Quat, Vec3};
use crate::mesh::Mesh;
use crate::trig::Exact;

/// A rigged person with its mesh.
#[derive(Debug, Clone)]
pub struct Character {
    name: String,
    pack: String,
    skeleton: Skeleton,
    mesh: Mesh,
    landmarks: Landmarks,
    height: f32,
    soles: Vec<u32>,
    bottom: Vec<u32>,
    limbs: Vec<Limb>,
}

impl Character {
    /// Builds a person. Persons in odd units are scaled to 1.7 m. The error says what is missing.
    pub(crate) fn new(name: String, pack: String, mut skeleton: Skeleton, mut mesh: Mesh) -> Result<Self, String> {
        face_forwards(&mut skeleton, &mut mesh);
        let (low, high) = mesh.bounds();
        let height = high.y - low.y;
        if !(height.is_finite() && height > 1e-4) {
            return Err("any height".into());
        }
        let factor = if (0.6..3.0).contains(&height) { 1.0 } else { 1.7 / height };
        // The person stands on the floor, above the origin.
        let hips = skeleton.rest(Bone::Pelvis);
        let shift = Vec3::new(-hips.x, -low.y, 0.0);
        mesh.positions.iter_mut().for_each(|point| *point = (*point + shift) * factor);
        skeleton.joints.iter_mut().for_each(|joint| joint.rest = (joint.rest + shift) * factor);
        let landmarks = Landmarks::find(&skeleton, &mesh);
        // Vertices that can touch the ground: a sparse sample of all, and more of the feet.
        let feet = [Bone::LeftFoot, Bone::LeftToes, Bone::RightFoot, Bone::RightToes];
        let feet = feet.map(|bone| skeleton.joint_or_above(bone) as u16);
        let feet_step = if mesh.positions.len() < 12_000 { 1 } else { 3 };
        let soles = (0..mesh.positions.len() as u32)
            .filter(|&corner| {
                let foot = feet.contains(&mesh.joints[corner as usize][0]);
                corner % if foot { feet_step } else { 24 } == 0
            })
            .collect();
        let bottom = bottom_corners(&skeleton, &mesh);
        let limbs = limbs(&skeleton, &mesh, landmarks.extremes[0]);
        Ok(Self { name, pack, skeleton, mesh, landmarks, height: height * factor, soles, bottom, limbs })
    }

    /// Name of the file without its extension.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The family of characters it belongs to.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Joints.
    pub(crate) fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// Triangles in the rest pose.
    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Height in the rest pose, in metres.
    pub fn height(&self) -> f32 {
        self.height
    }

    pub(crate) fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    /// Capsules around its bones.
    pub(crate) fn limbs(&self) -> &[Limb] {
        &self.limbs
    }

    /// Number of triangles.
    pub fn triangles(&self) -> usize {
        self.mesh.triangles.len()
    }

    /// Vertices on which the person sits.
    pub(crate) fn bottom(&self) -> &[u32] {
        &self.bottom
    }

    /// Vertices from which the lowest point of a pose is computed.
    pub(crate) fn soles(&self) -> &[u32] {
        &self.soles
    }
}

/// Rotates a person of another convention so that it stands upright and faces +Z, with its left at +X.
fn face_forwards(skeleton: &mut Skeleton, mesh: &mut Mesh) {
    use Bone::*;
    let feet = skeleton.rest(LeftFoot).lerp(skeleton.rest(RightFoot), 0.5);
    let up = skeleton.rest(Head) - feet;
    // Small tilts are part of the posture. Only whole axes are swapped.
    let upright = Quat::between(nearest_axis(up), Vec3::UP);
    let left = upright.rotate(skeleton.rest(LeftThigh) - skeleton.rest(RightThigh));
    let angle = left.z.angle_with(left.x);
    let turn = if angle.abs() < 0.2 { upright } else { Quat::about(Vec3::UP, angle).after(upright) };
    if turn == Quat::IDENTITY {
        return;
    }
    skeleton.joints.iter_mut().for_each(|joint| joint.rest = turn.rotate(joint.rest));
    mesh.positions.iter_mut().for_each(|point| *point = turn.rotate(*point));
    mesh.normals.iter_mut().for_each(|normal| *normal = turn.rotate(*normal));
}

/// The signed axis nearest to a direction.
fn nearest_axis(direction: Vec3) -> Vec3 {
    let [x, y, z] = [direction.x, direction.y, direction.z].map(f32::abs);
    if y >= x && y >= z {
        Vec3::new(0.0, direction.y.signum(), 0.0)
    } else if x >= z {
        Vec3::new(direction.x.signum(), 0.0, 0.0)
    } else {
        Vec3::new(0.0, 0.0, direction.z.signum())
    }
}

/// Every fourth vertex of the back half of hips and upper thighs.
fn bottom_corners(skeleton: &Skeleton, mesh: &Mesh) -> Vec<u32> {
    use Bone::*;
    let bones = [Pelvis, LeftThigh, RightThigh].map(|bone| skeleton.joint_or_above(bone) as u16);
    let hips = skeleton.rest(LeftThigh).lerp(skeleton.rest(RightThigh), 0.5);
    let knees = skeleton.rest(LeftCalf).lerp(skeleton.rest(RightCalf), 0.5);
    let lowest = hips.y - 0.35 * (hips.y - knees.y);
    (0..mesh.positions.len() as u32)
        .filter(|&corner| {
            let place = mesh.positions[corner as usize];
            let near = place.y > lowest && place.y < hips.y + 0.1 && place.z < hips.z;
            corner % 4 == 0 && near && bones.contains(&mesh.joints[corner as usize][0])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::mannequin::mannequin;

    #[test]
    fn persons_of_other_conventions_are_turned_to_face_forwards() {
        let person = mannequin(1).unwrap();
        let turns = [
            Quat::about(Vec3::UP, std::f32::consts::PI),
            Quat::about(Vec3::UP, -std::f32::consts::FRAC_PI_2),
            // Z is up, as in the export of some programs.
            Quat::about(Vec3::new(1.0, 0.0, 0.0), std::f32::consts::FRAC_PI_2),
        ];
        for turn in turns {
            let (mut skeleton, mut mesh) = (person.skeleton.clone(), person.mesh.clone());
            skeleton.joints.iter_mut().for_each(|joint| joint.rest = turn.rotate(joint.rest));
            mesh.positions.iter_mut().for_each(|point| *point = turn.rotate(*point));
            mesh.normals.iter_mut().for_each(|normal| *normal = turn.rotate(*normal));
            let turned = Character::new("a".into(), "b".into(), skeleton, mesh).unwrap();
            for bone in [Bone::Head, Bone::LeftHand, Bone::RightFoot] {
                let apart = (turned.skeleton.rest(bone) - person.skeleton.rest(bone)).length();
                assert!(apart < 1e-3, "{turn:?} {bone:?}: {apart}");
            }
        }
    }
}
