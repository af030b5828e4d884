//! Defines the strokes of a skeleton, and the pixels that each stroke covers. There is no anti-aliasing: a stroke
//! covers a pixel if it covers the pixel's centre.
//!
//! The skeleton map and the structured depth use the same strokes, so they cover exactly the same pixels.

use serde::{Deserialize, Serialize};

use crate::pose::{HAND_POINTS, Joint, Keypoint, Pose};

/// Sizes of the strokes, in pixels of a map whose longer side is 512. No stroke becomes thinner than about a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SkeletonStyle {
    /// Half the width of a limb in its middle.
    pub limb: f32,
    /// Radius of a body joint.
    pub joint: f32,
    /// Half the width of a finger's bone.
    pub hand_line: f32,
    /// Radius of a hand point.
    pub hand_point: f32,
    /// Radius of a face point.
    pub face_point: f32,
}

impl Default for SkeletonStyle {
    fn default() -> Self {
        Self { limb: 4.0, joint: 4.0, hand_line: 1.0, hand_point: 4.0, face_point: 3.0 }
    }
}

/// The outline of a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An ellipse between two joints.
    Limb,
    /// A bar of constant width between two joints.
    Bar,
    /// A disc about `from`.
    Disc,
}

/// One limb, finger bone, joint or face point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) shape: Shape,
    pub(crate) from: Keypoint,
    pub(crate) to: Keypoint,
    /// Half the width of a limb or bar, the radius of a disc; in pixels.
    pub(crate) reach: f32,
    pub(crate) colour: [u8; 3],
}

/// Limbs in drawing order. A limb has the colour of its index in this list, dimmed.
const LIMBS: [(Joint, Joint); 17] = [
    (Joint::Neck, Joint::RightShoulder),
    (Joint::Neck, Joint::LeftShoulder),
    (Joint::RightShoulder, Joint::RightElbow),
    (Joint::RightElbow, Joint::RightWrist),
    (Joint::LeftShoulder, Joint::LeftElbow),
    (Joint::LeftElbow, Joint::LeftWrist),
    (Joint::Neck, Joint::RightHip),
    (Joint::RightHip, Joint::RightKnee),
    (Joint::RightKnee, Joint::RightAnkle),
    (Joint::Neck, Joint::LeftHip),
    (Joint::LeftHip, Joint::LeftKnee),
    (Joint::LeftKnee, Joint::LeftAnkle),
    (Joint::Neck, Joint::Nose),
    (Joint::Nose, Joint::RightEye),
    (Joint::RightEye, Joint::RightEar),
    (Joint::Nose, Joint::LeftEye),
    (Joint::LeftEye, Joint::LeftEar),
];
/// Limbs are drawn at this share of their colour, joints at the full one.
const LIMB_SHARE: f32 = 0.6;
const HAND_POINT: [u8; 3] = [0, 0, 255];
const FACE_POINT: [u8; 3] = [255, 255, 255];

/// The colour of step `index` of `count` around a rainbow that starts at red.
fn rainbow(index: usize, count: usize) -> [u8; 3] {
    let angle = index as f32 / count as f32 * 6.0;
    let channel = |shift: f32| {
        let place = (angle + shift) % 6.0;
        // Rises over one sixth, stays high for two, falls over one, and stays low for two.
        (255.0 * (2.0 - (place - 2.0).abs()).clamp(0.0, 1.0)).round() as u8
    };
    [channel(2.0), channel(0.0), channel(4.0)]
}

/// The joint's own colour: 18 steps around the rainbow, in the order of [`Joint`].
fn joint_colour(index: usize) -> [u8; 3] {
    rainbow(index, Joint::COUNT)
}

/// Every stroke of a pose in drawing order: limbs, joints, hands, face.
pub(crate) fn strokes(pose: &Pose, width: usize, height: usize, style: &SkeletonStyle) -> Vec<Stroke> {
    let unit = width.max(height) as f32 / 512.0;
    let limb = (style.limb * unit).max(0.8);
    let joint = (style.joint * unit).max(0.8);
    let hand_line = (style.hand_line * unit).max(0.6);
    let hand_point = (style.hand_point * unit).max(0.6);
    let face_point = (style.face_point * unit).max(0.6);
    let mut strokes = Vec::new();
    let mut bone = |shape, from: Keypoint, to: Keypoint, reach, colour| {
        if drawn(&from) && drawn(&to) {
            strokes.push(Stroke { shape, from, to, reach, colour });
        }
    };
    for (index, (from, to)) in LIMBS.into_iter().enumerate() {
        let colour = joint_colour(index).map(|channel| (f32::from(channel) * LIMB_SHARE) as u8);
        bone(Shape::Limb, pose.joint(from), pose.joint(to), limb, colour);
    }
    for (index, point) in pose.body.into_iter().enumerate() {
        bone(Shape::Disc, point, point, joint, joint_colour(index));
    }
    for hand in [&pose.right_hand, &pose.left_hand] {
        if hand.len() != HAND_POINTS {
            continue;
        }
        for edge in 0..20 {
            // Five fingers with four points each. Each finger starts at the wrist.
            let from = if edge % 4 == 0 { 0 } else { edge };
            bone(Shape::Bar, hand[from], hand[edge + 1], hand_line, rainbow(edge, 20));
        }
        for &point in hand {
            bone(Shape::Disc, point, point, hand_point, HAND_POINT);
        }
    }
    for &point in &pose.face {
        bone(Shape::Disc, point, point, face_point, FACE_POINT);
    }
    strokes
}

fn drawn(point: &Keypoint) -> bool {
    point.is_drawn() && point.x.is_finite() && point.y.is_finite()
}

impl Stroke {
    /// Calls `paint` for every covered pixel, with its column, row and relative position between `from` and `to`.
    pub(crate) fn visit(&self, width: usize, height: usize, mut paint: impl FnMut(usize, usize, f32)) {
        let (from, to, reach) = (self.from, self.to, self.reach);
        let first = |low: f32| (low - reach - 0.5).floor().max(0.0) as usize;
        let past = |high: f32, end: usize| ((high + reach + 1.5).ceil().max(0.0) as usize).min(end);
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx.hypot(dy);
        for y in first(from.y.min(to.y))..past(from.y.max(to.y), height) {
            for x in first(from.x.min(to.x))..past(from.x.max(to.x), width) {
                let (px, py) = (x as f32 + 0.5 - from.x, y as f32 + 0.5 - from.y);
                if self.shape == Shape::Disc || length < 1e-3 {
                    if px.hypot(py) <= reach {
                        paint(x, y, 0.0);
                    }
                    continue;
                }
                let along = (px * dx + py * dy) / (length * length);
                let across = (px * dy - py * dx).abs() / length;
                let covered = match self.shape {
                    // The thin bar inside keeps the pointed ends of the ellipse connected.
                    Shape::Limb => {
                        let (u, v) = (2.0 * along - 1.0, across / reach);
                        u * u + v * v <= 1.0 || ((0.0..=1.0).contains(&along) && across <= 0.75)
                    }
                    Shape::Bar | Shape::Disc => (0.0..=1.0).contains(&along) && across <= reach,
                };
                if covered {
                    paint(x, y, along.clamp(0.0, 1.0));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, y: f32) -> Keypoint {
        Keypoint { x, y, z: 0.0, confidence: 1.0 }
    }

    #[test]
    fn colours_are_the_usual_eighteen() {
        assert_eq!(joint_colour(0), [255, 0, 0]);
        assert_eq!(joint_colour(3), [255, 255, 0]);
        assert_eq!(joint_colour(6), [0, 255, 0]);
        assert_eq!(joint_colour(9), [0, 255, 255]);
        assert_eq!(joint_colour(12), [0, 0, 255]);
        assert_eq!(joint_colour(15), [255, 0, 255]);
        for (got, expected) in joint_colour(1).into_iter().zip([255_i32, 85, 0]) {
            assert!((i32::from(got) - expected).abs() <= 1, "{:?}", joint_colour(1));
        }
    }

    #[test]
    fn shapes_cover_the_pixels_counted_by_hand() {
        let count = |shape, from, to, reach| {
            let mut pixels = Vec::new();
            Stroke { shape, from, to, reach, colour: [0; 3] }.visit(8, 8, |x, y, t| pixels.push((x, y, t)));
            pixels
        };
        // A disc of radius 1 about a pixel's centre: that pixel and its four neighbours.
        assert_eq!(count(Shape::Disc, at(2.5, 2.5), at(2.5, 2.5), 1.0).len(), 5);
        // A bar of half width 0.6 through three pixel centres; the share grows from end to end.
        let bar = count(Shape::Bar, at(1.5, 4.5), at(3.5, 4.5), 0.6);
        assert_eq!(bar, [(1, 4, 0.0), (2, 4, 0.5), (3, 4, 1.0)]);
        // A limb is widest in its middle.
        let limb = count(Shape::Limb, at(0.5, 4.0), at(7.5, 4.0), 2.0);
        let column = |x| limb.iter().filter(|pixel| pixel.0 == x).count();
        assert_eq!((column(0), column(3), column(7)), (2, 4, 2));
        // Strokes far outside or of zero length cause no panic.
        assert!(count(Shape::Limb, at(-1e9, -1e9), at(-9e8, -1e9), 2.0).is_empty());
        assert_eq!(count(Shape::Limb, at(2.5, 2.5), at(2.5, 2.5), 1.0).len(), 5);
    }

    #[test]
    fn unsure_and_unknown_joints_are_not_drawn() {
        let mut pose = Pose::default();
        pose.body[Joint::Nose as usize] = at(4.0, 4.0);
        pose.body[Joint::Neck as usize] = Keypoint { confidence: 0.2, ..at(4.0, 8.0) };
        pose.body[Joint::LeftEye as usize] = at(f32::NAN, 2.0);
        let strokes = strokes(&pose, 16, 16, &SkeletonStyle::default());
        assert_eq!(strokes.len(), 1, "{strokes:?}");
    }
}
