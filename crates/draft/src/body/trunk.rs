//! Models the trunk as a surface: a line from the hips to the shoulders with a half width at each end. The surface
//! therefore bends, tilts and turns with hips and shoulders.
//!
//! A point on the trunk has the coordinates `along` (0 = hips, 1 = shoulders) and `across` (-1 = the right shoulder or
//! hip, 1 = the left one).

use perception::pose::{Joint, Keypoint, Pose};

use crate::body::bones::{is_placed, mean};
use crate::body::point::Point;

/// Depth of a body relative to its width: the share of the width that remains when it is seen from the side.
const DEPTH_OF_WIDTH: f32 = 0.6;
/// How far the sides must have swapped places, as a share of the whole width, before a trunk counts as seen from
/// behind.
const BACK: f32 = 0.3;
/// Usual half distance of the shoulders and of the hips, in lengths of the trunk.
const USUAL_HALF: [f32; 2] = [0.22, 0.35];
/// Usual length of the trunk in half shoulder distances, for pictures that end above the hips.
const USUAL_LENGTH: f32 = 2.9;

/// The position of the trunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrunkFrame {
    /// Middle of the hips.
    hips: Point,
    /// Vector from the middle of the hips to the middle of the shoulders.
    axis: Point,
    /// Vectors from the middle to the left hip, and to the left shoulder, as wide as the body appears.
    halves: [Point; 2],
    /// The half widths of hips and shoulders as seen from the front.
    pub(crate) true_halves: [f32; 2],
    /// True when the left side of the body lies to the left of the picture.
    pub(crate) shows_back: bool,
    /// Turn of the body in radians: 0 faces the camera, a quarter turn faces the right of the picture, a half turn
    /// shows the back.
    pub(crate) yaw: f32,
    /// Mean depth of hips and shoulders.
    pub(crate) depth: f32,
    /// Length including depth.
    pub(crate) length: f32,
}

impl TrunkFrame {
    /// The trunk of a pose; none without shoulders. Hips without a position are placed below the shoulders.
    pub(crate) fn of(pose: &Pose) -> Option<Self> {
        let joint = |joint| Some(pose.joint(joint)).filter(|&joint| is_placed(joint));
        let (right, left) = (joint(Joint::RightShoulder)?, joint(Joint::LeftShoulder)?);
        let shoulders = mean(&[right, left]);
        let half_shoulders = half(right, left);
        let hips = joint(Joint::RightHip).zip(joint(Joint::LeftHip));
        let (hips, half_hips) = match hips {
            Some((right, left)) => (mean(&[right, left]), half(right, left)),
            None => {
                let length = USUAL_LENGTH * length3(half_shoulders).max(1.0);
                let narrow = half_shoulders.map(|step| 0.65 * step);
                (Keypoint { y: shoulders.y + length, ..shoulders }, narrow)
            }
        };
        let step = [shoulders.x - hips.x, shoulders.y - hips.y, shoulders.z - hips.z];
        let length = length3(step).max(2.0);
        let axis = Point::new(step[0], step[1]);
        // A body that points at the camera has almost no axis in the picture. A short axis keeps the map invertible.
        let along = axis.direction(Point::new(0.0, -1.0));
        let axis = along * axis.length().max(0.25 * length);
        let (halves, true_halves, shows_back) = widths([half_hips, half_shoulders], along, length);
        let yaw = yaw(half_shoulders, half_hips, along);
        Some(Self {
            hips: hips.into(),
            axis,
            halves,
            true_halves,
            shows_back,
            yaw,
            depth: (shoulders.z + hips.z) / 2.0,
            length,
        })
    }

    /// The coordinates of a place, as (across, along).
    pub(crate) fn coordinates(&self, place: Point) -> (f32, f32) {
        let from_hips = place - self.hips;
        let mut along = from_hips.dot(self.axis) / self.axis.dot(self.axis);
        let mut across = 0.0;
        for _ in 0..3 {
            let half = self.half(along);
            let determinant = self.axis.x * half.y - self.axis.y * half.x;
            along = (from_hips.x * half.y - from_hips.y * half.x) / determinant;
            across = (self.axis.x * from_hips.y - self.axis.y * from_hips.x) / determinant;
        }
        (across, along)
    }

    /// The place with these coordinates.
    pub(crate) fn place(&self, (across, along): (f32, f32)) -> Point {
        self.hips + self.axis * along + self.half(along) * across
    }

    /// The direction from the hips to the shoulders.
    pub(crate) fn up(&self) -> Point {
        self.axis.direction(Point::new(0.0, -1.0))
    }

    /// Length as it appears.
    pub(crate) fn seen_length(&self) -> f32 {
        self.axis.length()
    }

    /// This trunk with the widths that the body of `other`, scaled by `scale`, would have from this side, if they
    /// differ by more than a quarter.
    pub(crate) fn as_wide_as(&self, other: &Self, scale: f32) -> Self {
        let normal = self.up().quarter_turn();
        let halves = std::array::from_fn(|end| {
            let half = self.halves[end];
            let (seen, own) = (half.dot(normal), self.true_halves[end].max(1e-3));
            let wanted = scale * other.true_halves[end] * (seen.abs() / own).clamp(DEPTH_OF_WIDTH, 1.0);
            let width = seen.abs().clamp(wanted / 1.25, wanted * 1.25);
            half + normal * (seen.signum() * width - seen)
        });
        Self { halves, ..*self }
    }

    fn half(&self, along: f32) -> Point {
        self.halves[0].lerp(self.halves[1], along.clamp(0.0, 1.0))
    }
}

fn half(right: Keypoint, left: Keypoint) -> [f32; 3] {
    [(left.x - right.x) / 2.0, (left.y - right.y) / 2.0, (left.z - right.z) / 2.0]
}

fn length3([x, y, z]: [f32; 3]) -> f32 {
    (x * x + y * y + z * z).sqrt()
}

/// Half widths as they appear and as they are, of hips and shoulders. From the side a body is as wide as it is deep.
fn widths(halves: [[f32; 3]; 2], up: Point, length: f32) -> ([Point; 2], [f32; 2], bool) {
    let normal = up.quarter_turn();
    // Hips and shoulders face the same way. A profile counts as a front, because noise would swap its sides.
    let side: f32 = halves.iter().map(|&[x, y, _]| Point::new(x, y).dot(normal)).sum();
    let facing = if side < -BACK * halves.iter().map(|&half| length3(half)).sum::<f32>() { -1.0 } else { 1.0 };
    let mut seen = [Point::default(); 2];
    let mut own = [0.0; 2];
    for (end, [x, y, z]) in halves.into_iter().enumerate() {
        let flat = Point::new(x, y);
        let (side, tilt) = (flat.dot(normal), flat.dot(up));
        let usual = USUAL_HALF[end] * length;
        own[end] = length3([x, y, z]).clamp(0.6 * usual, 1.6 * usual);
        let deep = DEPTH_OF_WIDTH * (own[end] * own[end] - side * side).max(0.0).sqrt();
        // If hips and shoulders face different ways, the hips' side has the wrong sign, but still a width.
        let width = (side * facing).max(0.0).hypot(deep).max(DEPTH_OF_WIDTH * own[end]);
        seen[end] = normal * (facing * width) + up * tilt.clamp(-0.6 * width, 0.6 * width);
    }
    (seen, own, facing < 0.0)
}

/// The turn of the body. Without depth, only front and back are distinguished.
fn yaw(shoulders: [f32; 3], hips: [f32; 3], up: Point) -> f32 {
    // If a body faces the camera, its left side lies on the right of the picture.
    let right = up.quarter_turn();
    let side = Point::new(shoulders[0] + hips[0], shoulders[1] + hips[1]).dot(right);
    let depth = shoulders[2] + hips[2];
    if side == 0.0 && depth == 0.0 { 0.0 } else { depth.atan2(side) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose(places: [(f32, f32, f32); 4]) -> Pose {
        let mut pose = Pose::default();
        let joints = [Joint::RightShoulder, Joint::LeftShoulder, Joint::LeftHip, Joint::RightHip];
        for (joint, (x, y, z)) in joints.into_iter().zip(places) {
            pose.body[joint as usize] = Keypoint { x, y, z, confidence: 1.0 };
        }
        pose
    }

    #[test]
    fn places_and_coordinates_are_inverse() {
        let frame = TrunkFrame::of(&pose([(40.0, 20.0, 0.0), (80.0, 26.0, 4.0), (72.0, 90.0, 0.0), (48.0, 88.0, 0.0)]));
        let frame = frame.unwrap();
        for place in [(50.0, 50.0), (60.0, 25.0), (75.0, 100.0), (30.0, 60.0)].map(|(x, y)| Point::new(x, y)) {
            let back = frame.place(frame.coordinates(place));
            assert!((back - place).length() < 0.05, "{place:?} became {back:?}");
        }
    }

    #[test]
    fn the_turn_is_known_from_the_shoulders() {
        let yaw = |right: (f32, f32), left: (f32, f32)| {
            let (rx, rz) = right;
            let (lx, lz) = left;
            let frame = TrunkFrame::of(&pose([(rx, 20.0, rz), (lx, 20.0, lz), (lx, 90.0, lz), (rx, 90.0, rz)]));
            frame.unwrap().yaw.to_degrees()
        };
        assert!(yaw((40.0, 0.0), (80.0, 0.0)).abs() < 1.0);
        assert!((yaw((80.0, 0.0), (40.0, 0.0)).abs() - 180.0).abs() < 1.0);
        // The left side is farther away: the body faces the right of the picture.
        assert!((yaw((60.0, -20.0), (60.0, 20.0)) - 90.0).abs() < 1.0);
    }

    #[test]
    fn hips_that_face_another_way_than_the_shoulders_keep_a_width() {
        let twisted = pose([(40.0, 20.0, 0.0), (80.0, 20.0, 0.0), (48.0, 90.0, 0.0), (72.0, 90.0, 0.0)]);
        let frame = TrunkFrame::of(&twisted).unwrap();
        let width = (frame.place((1.0, 0.0)) - frame.place((-1.0, 0.0))).length();
        assert!(width > 10.0, "{width}");
        let (across, _) = frame.coordinates(Point::new(75.0, 92.0));
        assert!(across.abs() < 3.0, "{across}");
    }

    #[test]
    fn from_the_side_a_body_keeps_a_width() {
        let side = pose([(60.0, 20.0, -22.0), (61.0, 20.0, 22.0), (61.0, 90.0, 14.0), (60.0, 90.0, -14.0)]);
        let frame = TrunkFrame::of(&side).unwrap();
        let (right, left) = (frame.place((-1.0, 1.0)), frame.place((1.0, 1.0)));
        assert!((left - right).length() > 20.0, "{left:?} {right:?}");
    }
}
