//! Moves the driving person to the position of the person in the reference picture, for the command `animate`. The
//! scale is computed from the bones of both poses, and the shift from the hips in the first frame. The same scale and
//! shift apply to the whole video.

use media::picture::Mask;

use crate::networks::resample::{Enlarge, Window, mask_window};
use crate::pose::{Joint, Keypoint, Pose};

/// Long bones that are seldom foreshortened all at once.
const BONES: [(Joint, Joint); 8] = [
    (Joint::RightShoulder, Joint::RightHip),
    (Joint::LeftShoulder, Joint::LeftHip),
    (Joint::RightHip, Joint::RightKnee),
    (Joint::LeftHip, Joint::LeftKnee),
    (Joint::RightKnee, Joint::RightAnkle),
    (Joint::LeftKnee, Joint::LeftAnkle),
    (Joint::RightShoulder, Joint::LeftShoulder),
    (Joint::Neck, Joint::Nose),
];

/// `canvas = scale * frame + shift`: from pixels of the driving frame to pixels of the reference picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// Canvas pixels for each frame pixel.
    pub scale: f32,
    /// Shift in canvas pixels.
    pub shift: (f32, f32),
}

impl Alignment {
    /// Aligns the first driving pose to the reference's. None when they share no bone or no anchor.
    pub fn between(driving: &Pose, reference: &Pose) -> Option<Self> {
        let mut ratios: Vec<f32> = BONES
            .iter()
            .filter_map(|&(from, to)| {
                let (driving, reference) = (length(driving, from, to)?, length(reference, from, to)?);
                (driving > 1.0).then_some(reference / driving)
            })
            .collect();
        ratios.sort_by(f32::total_cmp);
        let scale = *ratios.get(ratios.len() / 2)?;
        let (from, to) = anchors(driving, reference)?;
        Some(Self { scale, shift: (to.0 - scale * from.0, to.1 - scale * from.1) })
    }

    /// Converts a pose from frame pixels to canvas pixels.
    pub fn canvas_from_frame(&self, pose: &Pose) -> Pose {
        pose.map(|point| Keypoint {
            x: self.scale * point.x + self.shift.0,
            y: self.scale * point.y + self.shift.1,
            z: self.scale * point.z,
            confidence: point.confidence,
        })
    }

    /// Moves a mask to a canvas of `size` pixels.
    pub fn canvas_from_frame_mask(&self, mask: &Mask, size: (usize, usize)) -> Mask {
        let scale = f64::from(self.scale);
        let window = Window {
            x: f64::from(-self.shift.0) / scale,
            y: f64::from(-self.shift.1) / scale,
            width: size.0 as f64 / scale,
            height: size.1 as f64 / scale,
        };
        mask_window(mask, window, size, Enlarge::Linear)
    }
}

fn length(pose: &Pose, from: Joint, to: Joint) -> Option<f32> {
    let (from, to) = (pose.joint(from), pose.joint(to));
    (from.is_drawn() && to.is_drawn()).then(|| (from.x - to.x).hypot(from.y - to.y))
}

/// The middle of the hips of both, else the neck, else the nose.
fn anchors(driving: &Pose, reference: &Pose) -> Option<((f32, f32), (f32, f32))> {
    let hips = |pose: &Pose| {
        let (right, left) = (pose.joint(Joint::RightHip), pose.joint(Joint::LeftHip));
        (right.is_drawn() && left.is_drawn()).then(|| ((right.x + left.x) / 2.0, (right.y + left.y) / 2.0))
    };
    let joint = |pose: &Pose, joint: Joint| Some(pose.joint(joint)).filter(Keypoint::is_drawn).map(|at| (at.x, at.y));
    let pairs = [
        (hips(driving), hips(reference)),
        (joint(driving, Joint::Neck), joint(reference, Joint::Neck)),
        (joint(driving, Joint::Nose), joint(reference, Joint::Nose)),
    ];
    pairs.into_iter().find_map(|(driving, reference)| driving.zip(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose() -> Pose {
        let mut pose = Pose::default();
        for (index, point) in pose.body.iter_mut().enumerate() {
            let (x, y) = ((index * 7 % 11) as f32 * 9.0, (index * 5 % 13) as f32 * 8.0);
            *point = Keypoint { x, y, z: 1.0, confidence: 0.9 };
        }
        pose
    }

    #[test]
    fn an_aligned_pose_is_the_reference() {
        let truth = Alignment { scale: 1.5, shift: (20.0, -10.0) };
        let reference = truth.canvas_from_frame(&pose());
        let found = Alignment::between(&pose(), &reference).unwrap();
        assert!((found.scale - 1.5).abs() < 1e-4 && (found.shift.0 - 20.0).abs() < 1e-2, "{found:?}");
        assert_eq!(Alignment::between(&Pose::default(), &reference), None);
    }

    #[test]
    fn masks_move_with_the_pose() {
        let mask = Mask::from_fn(8, 8, |x, y| if (2..4).contains(&x) && (2..4).contains(&y) { 255 } else { 0 });
        let moved = Alignment { scale: 2.0, shift: (1.0, 0.0) }.canvas_from_frame_mask(&mask, (16, 16));
        assert_eq!(moved.get(6, 5), 255);
        assert_eq!((moved.get(2, 5), moved.get(11, 5)), (0, 0));
    }
}
