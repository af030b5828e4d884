//! Draws the skeleton map: a pose as a picture, which gives the network the motion (paper 3.4).
//!
//! The map has the style that open pose-driven models expect. 17 limbs are ellipses and 18 joints are discs, in rainbow
//! colours that start at the nose. Hand bones have their own rainbow colours and blue points. Face points are white,
//! and everything else is black. Widths scale with the picture, so a map of 128 pixels looks like a reduced map of 512
//! pixels. Joints with less confidence than [`Keypoint::DRAWN`](crate::pose::Keypoint::DRAWN) are omitted, together
//! with the limbs that end at them.

pub use crate::maps::stroke::SkeletonStyle;
use crate::maps::stroke::strokes;
use crate::pose::Pose;
use media::picture::Picture;

/// Draws a pose, whose points are in pixels of the map, on black.
pub fn draw_skeleton(pose_in_region: &Pose, width: usize, height: usize, style: &SkeletonStyle) -> Picture {
    let mut map = Picture::filled(width, height, [0; 3]);
    paint(&mut map, pose_in_region, style);
    map
}

/// Draws a pose over a picture, for visual inspection. The points are in pixels of that picture.
pub fn overlay_skeleton(picture: &Picture, pose: &Pose, style: &SkeletonStyle) -> Picture {
    let mut drawn = picture.clone();
    paint(&mut drawn, pose, style);
    drawn
}

fn paint(map: &mut Picture, pose: &Pose, style: &SkeletonStyle) {
    let (width, height) = map.size();
    for stroke in strokes(pose, width, height, style) {
        stroke.visit(width, height, |x, y, _| map.set(x, y, stroke.colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::{Joint, Keypoint};

    #[test]
    fn joints_lie_over_limbs_and_scale_with_the_map() {
        let mut pose = Pose::default();
        pose.body[Joint::Neck as usize] = Keypoint { x: 128.0, y: 100.0, z: 0.0, confidence: 1.0 };
        pose.body[Joint::RightShoulder as usize] = Keypoint { x: 40.0, y: 100.0, z: 0.0, confidence: 1.0 };
        let map = draw_skeleton(&pose, 256, 256, &SkeletonStyle::default());
        // The neck is joint 1 (orange), the right shoulder joint 2; the limb between them is limb 0, dimmed red.
        assert_eq!(map.get(84, 100), [153, 0, 0]);
        assert_eq!(map.get(127, 100)[0], 255);
        assert_eq!(map.get(84, 110), [0; 3]);
        // At half size the middle of the limb is half as wide.
        let rows = |map: &Picture, x: usize| (0..map.height()).filter(|&y| map.get(x, y) != [0; 3]).count();
        let large = pose.map(|point| Keypoint { x: point.x * 2.0, y: point.y * 2.0, ..point });
        let twice = draw_skeleton(&large, 512, 512, &SkeletonStyle::default());
        assert_eq!((rows(&map, 84), rows(&twice, 168)), (4, 8));
    }

    #[test]
    fn an_unknown_pose_is_black_and_overlay_keeps_the_rest() {
        let style = SkeletonStyle::default();
        assert!(draw_skeleton(&Pose::default(), 9, 7, &style).cells().iter().all(|&pixel| pixel == [0; 3]));
        let picture = Picture::filled(9, 7, [3, 4, 5]);
        assert_eq!(overlay_skeleton(&picture, &Pose::default(), &style), picture);
    }
}
