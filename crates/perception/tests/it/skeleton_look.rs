//! Draws a complete skeleton with hands and face at the sizes that networks use, for visual inspection.

use std::path::Path;

use media::image_file::save_picture;
use media::sheet::Sheet;
use stuntdouble_perception::maps::skeleton::{SkeletonStyle, draw_skeleton};
use stuntdouble_perception::pose::{FACE_POINTS, Joint, Keypoint, Pose};

fn at(x: f32, y: f32) -> Keypoint {
    Keypoint { x, y, z: 0.0, confidence: 1.0 }
}

/// Five straight fingers that fan out from a wrist.
fn hand(wrist: Keypoint, turn: f32) -> Vec<Keypoint> {
    let finger = |index: usize| {
        let (finger, step) = (index / 4, index % 4 + 1);
        let (sin, cos) = (turn + (finger as f32 - 2.0) * 0.35).sin_cos();
        at(wrist.x + 13.0 * step as f32 * cos, wrist.y + 13.0 * step as f32 * sin)
    };
    std::iter::once(wrist).chain((0..20).map(finger)).collect()
}

/// A person in a map of 512 pixels, with arms spread.
fn person() -> Pose {
    let places = [
        (256.0, 110.0),
        (256.0, 160.0),
        (210.0, 160.0),
        (150.0, 190.0),
        (95.0, 150.0),
        (302.0, 160.0),
        (362.0, 190.0),
        (417.0, 150.0),
        (225.0, 290.0),
        (215.0, 380.0),
        (205.0, 470.0),
        (287.0, 290.0),
        (297.0, 380.0),
        (307.0, 470.0),
        (244.0, 98.0),
        (268.0, 98.0),
        (228.0, 104.0),
        (284.0, 104.0),
    ];
    let mut pose = Pose { body: places.map(|(x, y)| at(x, y)), ..Pose::default() };
    pose.right_hand = hand(pose.joint(Joint::RightWrist), -2.0);
    pose.left_hand = hand(pose.joint(Joint::LeftWrist), -1.1);
    let around = |index: usize| {
        let angle = index as f32 / FACE_POINTS as f32 * std::f32::consts::TAU;
        at(256.0 + 34.0 * angle.cos(), 106.0 + 42.0 * angle.sin())
    };
    pose.face = (0..FACE_POINTS).map(around).collect();
    pose
}

#[test]
fn hands_and_face_are_seen_at_every_size() {
    let mut sheet = Sheet::new(3, 512, 512);
    for size in [128, 256, 512] {
        let scale = size as f32 / 512.0;
        let pose = person().map(|point| Keypoint { x: point.x * scale, y: point.y * scale, ..point });
        let map = draw_skeleton(&pose, size, size, &SkeletonStyle::default());
        let share = |colour| map.cells().iter().filter(|&&pixel| pixel == colour).count() as f32 / (scale * scale);
        // About the same area at every size: 42 hand points and 68 face points.
        let (hands, face) = (share([0, 0, 255]), share([255, 255, 255]));
        assert!((1200.0..2600.0).contains(&hands), "{size}: {hands} blue pixels");
        assert!((900.0..2200.0).contains(&face), "{size}: {face} white pixels");
        sheet.push(&map, format!("{size}"));
    }
    save_picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("skeleton.png"), &sheet.render()).unwrap();
}
