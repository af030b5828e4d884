//! Draws signals over a frame in thin lines, for visual inspection.

use media::picture::{Mask, Picture};

use crate::person::rotated_roi::RotatedRoi;
use crate::pose::{Joint, Keypoint, Pose};

const BONES: [(Joint, Joint); 17] = {
    use Joint::*;
    [
        (Neck, RightShoulder),
        (RightShoulder, RightElbow),
        (RightElbow, RightWrist),
        (Neck, LeftShoulder),
        (LeftShoulder, LeftElbow),
        (LeftElbow, LeftWrist),
        (Neck, RightHip),
        (RightHip, RightKnee),
        (RightKnee, RightAnkle),
        (Neck, LeftHip),
        (LeftHip, LeftKnee),
        (LeftKnee, LeftAnkle),
        (Neck, Nose),
        (Nose, RightEye),
        (RightEye, RightEar),
        (Nose, LeftEye),
        (LeftEye, LeftEar),
    ]
};
/// Chains of a hand, from the wrist.
const FINGERS: [[usize; 5]; 5] =
    [[0, 1, 2, 3, 4], [0, 5, 6, 7, 8], [0, 9, 10, 11, 12], [0, 13, 14, 15, 16], [0, 17, 18, 19, 20]];

/// The frame with a green mask, its outline in yellow, the region in white and the points in colours.
pub fn overlay_signals(picture: &Picture, person: &Mask, pose: Option<&Pose>, region: Option<&RotatedRoi>) -> Picture {
    let mut drawn = picture.clone();
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            let coverage = person.get(x, y);
            let outline = coverage > 127
                && [(1, 0), (-1, 0), (0, 1), (0, -1)]
                    .iter()
                    .any(|(dx, dy)| person.get_clamped(x as i32 + dx, y as i32 + dy) <= 127);
            let [r, g, b] = picture.get(x, y);
            let tint = 0.4 * f32::from(coverage) / 255.0;
            let mixed = |value: u8, colour: f32| (f32::from(value) * (1.0 - tint) + colour * tint) as u8;
            let colour = if outline { [255, 230, 0] } else { [mixed(r, 0.0), mixed(g, 255.0), mixed(b, 80.0)] };
            drawn.set(x, y, colour);
        }
    }
    if let Some(region) = region {
        let corners = region.corners();
        for index in 0..4 {
            line(&mut drawn, corners[index], corners[(index + 1) % 4], [255; 3], 0);
        }
    }
    let Some(pose) = pose else { return drawn };
    let place = |point: &Keypoint| (point.x, point.y);
    for (from, to) in BONES {
        let (from, to) = (pose.joint(from), pose.joint(to));
        if from.is_drawn() && to.is_drawn() {
            line(&mut drawn, place(&from), place(&to), [255, 60, 60], 1);
        }
    }
    for (hand, colour) in [(&pose.right_hand, [60, 160, 255]), (&pose.left_hand, [255, 0, 255])] {
        for finger in FINGERS.iter().filter(|_| !hand.is_empty()) {
            for pair in finger.windows(2) {
                line(&mut drawn, place(&hand[pair[0]]), place(&hand[pair[1]]), colour, 0);
            }
        }
    }
    for pair in pose.face.windows(2).enumerate().filter(|(index, _)| ![16, 21, 26, 35, 41, 47, 59].contains(index)) {
        line(&mut drawn, place(&pair.1[0]), place(&pair.1[1]), [0, 255, 255], 0);
    }
    drawn
}

fn line(picture: &mut Picture, from: (f32, f32), to: (f32, f32), colour: [u8; 3], radius: i32) {
    let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).clamp(1.0, 4000.0) as usize;
    for step in 0..=steps {
        let share = step as f32 / steps as f32;
        let (x, y) = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
        for (dx, dy) in (-radius..=radius).flat_map(|dx| (-radius..=radius).map(move |dy| (dx, dy))) {
            let (x, y) = (x.floor() as i32 + dx, y.floor() as i32 + dy);
            if x >= 0 && y >= 0 && (x as usize) < picture.width() && (y as usize) < picture.height() {
                picture.set(x as usize, y as usize, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_region_and_bones_are_marked_and_the_rest_stays() {
        let picture = Picture::filled(24, 24, [100; 3]);
        let mask = Mask::from_fn(24, 24, |x, y| if (2..9).contains(&x) && (2..9).contains(&y) { 255 } else { 0 });
        let region = RotatedRoi { centre: (12.0, 12.0), side: 20.0, turn: 0.0 };
        let mut pose = Pose::default();
        for (joint, y) in [(Joint::Nose, 12.0), (Joint::Neck, 18.0)] {
            pose.body[joint as usize] = Keypoint { x: 15.0, y, z: 0.0, confidence: 1.0 };
        }
        let drawn = overlay_signals(&picture, &mask, Some(&pose), Some(&region));
        let at = |places: [(usize, usize); 5]| places.map(|(x, y)| drawn.get(x, y));
        let expected = [[60, 162, 92], [255, 230, 0], [255; 3], [255, 60, 60], [100; 3]];
        assert_eq!(at([(5, 5), (8, 5), (22, 12), (15, 15), (19, 10)]), expected);
        assert_eq!(overlay_signals(&picture, &Mask::filled(24, 24, 0), None, None), picture);
    }
}
