use media::picture::{Mask, Picture};
use perception::pose::{Joint, Keypoint, Pose};
use proptest::prelude::*;

use super::*;
use crate::puppet::cutout::Cutout;

const SIZE: (usize, usize) = (200, 240);

/// A person with separated arms and legs, whose bones are thick lines.
fn person() -> (Picture, Mask, Pose) {
    let places = [
        (100.0, 40.0),
        (100.0, 66.0),
        (80.0, 68.0),
        (56.0, 90.0),
        (34.0, 112.0),
        (120.0, 68.0),
        (144.0, 90.0),
        (166.0, 112.0),
        (88.0, 124.0),
        (80.0, 164.0),
        (74.0, 204.0),
        (112.0, 124.0),
        (120.0, 164.0),
        (126.0, 204.0),
        (95.0, 34.0),
        (105.0, 34.0),
        (88.0, 38.0),
        (112.0, 38.0),
    ];
    let pose = Pose { body: places.map(|(x, y)| Keypoint { x, y, z: 0.0, confidence: 1.0 }), ..Pose::default() };
    let limbs =
        [(2, 3, 8.0), (3, 4, 7.0), (5, 6, 8.0), (6, 7, 7.0), (8, 9, 12.0), (9, 10, 9.0), (11, 12, 12.0), (12, 13, 9.0)];
    let near = |x: f32, y: f32, from: usize, to: usize| {
        let ((ax, ay), (bx, by)) = (places[from], places[to]);
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.1);
        (x - ax - along * dx).hypot(y - ay - along * dy)
    };
    let mask = Mask::from_fn(SIZE.0, SIZE.1, |x, y| {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let limb = limbs.iter().any(|&(from, to, thick)| near(x, y, from, to) < thick);
        let trunk = (80.0..120.0).contains(&x) && (62.0..130.0).contains(&y);
        let head = (x - 100.0).hypot(y - 38.0) < 18.0 || ((95.0..105.0).contains(&x) && (50.0..70.0).contains(&y));
        if limb || trunk || head { 255 } else { 0 }
    });
    let picture = Picture::from_fn(SIZE.0, SIZE.1, |x, y| {
        let wave = |a: f32, b: f32| (128.0 + 100.0 * (x as f32 * a + y as f32 * b).sin()) as u8;
        [wave(0.11, 0.03), wave(-0.05, 0.09), wave(0.02, 0.13)]
    });
    (picture, mask, pose)
}

fn puppet() -> Puppet {
    let (picture, mask, pose) = person();
    Puppet::new(Cutout::new(&picture, &mask, Some(&pose)).unwrap())
}

fn shifted(pose: &Pose, dx: f32, dy: f32) -> Pose {
    pose.map(|point| Keypoint { x: point.x + dx, y: point.y + dy, ..point })
}

/// True when the pixel and all pixels within two steps belong to the person.
fn is_inner(mask: &Mask, x: usize, y: usize) -> bool {
    (-2..=2).all(|dy| (-2..=2).all(|dx| mask.get_clamped(x as i32 + dx, y as i32 + dy) == 255))
}

#[test]
fn the_same_pose_gives_the_picture_back() {
    let (picture, mask, pose) = person();
    let warp = warp(&[puppet()], &pose, SIZE, &[None]).unwrap();
    let mut scene = Picture::filled(SIZE.0, SIZE.1, [0; 3]);
    warp.lay_over(&mut scene);
    let (mut inner, mut worst) = (0, 0);
    for y in 0..SIZE.1 {
        for x in (0..SIZE.0).filter(|&x| is_inner(&mask, x, y)) {
            inner += 1;
            let pairs = scene.get(x, y).into_iter().zip(picture.get(x, y));
            worst = worst.max(pairs.map(|(found, expected)| found.abs_diff(expected)).max().unwrap_or(0));
        }
    }
    assert!(inner > 3000 && worst <= 1, "{inner} pixels, worst {worst}");
}

#[test]
fn a_pose_from_behind_has_no_face() {
    let (mut picture, mask, pose) = person();
    // A red face on a green person.
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            let in_face = ((x as f32 - 100.0) / 9.0).hypot((y as f32 - 40.0) / 10.0) < 1.0;
            picture.set(x, y, if in_face { [250, 20, 20] } else { [20, 200, 20] });
        }
    }
    let puppet = Puppet::new(Cutout::new(&picture, &mask, Some(&pose)).unwrap());
    let mut back = pose.map(|point| Keypoint { x: 200.0 - point.x, ..point });
    for (joint, z) in [(Joint::Nose, 12.0), (Joint::RightEye, 9.0), (Joint::LeftEye, 9.0)] {
        back.body[joint as usize].z = z;
    }
    let reds = |target: &Pose| {
        let warp = warp(std::slice::from_ref(&puppet), target, SIZE, &[Some(1.0)]).unwrap();
        let seen = warp.colour.cells().iter().zip(warp.alpha.cells());
        seen.filter(|(pixel, alpha)| **alpha > 127 && pixel[0] > 180 && pixel[1] < 90).count()
    };
    assert!(reds(&pose) > 150, "{}", reds(&pose));
    assert_eq!(reds(&back), 0);
}

#[test]
fn a_limb_that_the_picture_hides_is_the_other_sides_mirror_image() {
    let (picture, mut mask, pose) = person();
    // The left arm is cut off below the shoulder, and its joints are unknown.
    for y in 0..SIZE.1 {
        for x in 128..SIZE.0 {
            if y < 130 {
                mask.set(x, y, 0);
            }
        }
    }
    let mut shown = pose.clone();
    for joint in [Joint::LeftElbow, Joint::LeftWrist] {
        shown.body[joint as usize].confidence = 0.0;
    }
    let puppet = Puppet::new(Cutout::new(&picture, &mask, Some(&shown)).unwrap());
    let warp = warp(&[puppet], &pose, SIZE, &[Some(1.0)]).unwrap();
    let at = |x: usize, y: usize| (x - warp.area.x as usize, y - warp.area.y as usize);
    for (x, y) in [(140, 86), (150, 97), (158, 104)] {
        let ((left_x, left_y), (right_x, right_y)) = (at(x, y), at(199 - x, y));
        assert_eq!(warp.alpha.get(left_x, left_y), 255, "{x}, {y}");
        assert!(warp.guess.get(left_x, left_y) > 0);
        let pairs = warp.colour.get(left_x, left_y).into_iter().zip(warp.colour.get(right_x, right_y));
        assert!(pairs.into_iter().all(|(left, right)| left.abs_diff(right) < 12), "{x}, {y}");
    }
    // The arm that the picture shows is not a guess.
    let (x, y) = at(50, 97);
    assert_eq!((warp.alpha.get(x, y), warp.guess.get(x, y)), (255, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_shift_of_all_joints_shifts_everything(dx in -20i32..20, dy in -20i32..20) {
        let puppet = [puppet()];
        let (_, _, pose) = person();
        let start = shifted(&pose, 60.0, 60.0);
        let one = warp(&puppet, &start, (400, 400), &[Some(1.0)]).unwrap();
        let other = warp(&puppet, &shifted(&start, dx as f32, dy as f32), (400, 400), &[Some(1.0)]).unwrap();
        // The covered region has whole pixels, so the test compares complete pictures.
        let scene = |warp: &Warp| {
            let mut scene = Picture::filled(400, 400, [0; 3]);
            warp.lay_over(&mut scene);
            scene
        };
        let (one, other) = (scene(&one), scene(&other));
        let mut different = 0;
        for y in 30..370 {
            for x in 30..370 {
                let moved = other.get((x + dx) as usize, (y + dy) as usize);
                let pairs = one.get(x as usize, y as usize).into_iter().zip(moved);
                different += usize::from(pairs.map(|(a, b)| a.abs_diff(b)).max() > Some(2));
            }
        }
        // Rounding may swap a pixel at an edge.
        prop_assert!(different < 60, "{} pixels", different);
    }

    #[test]
    fn depth_changes_nothing_but_the_order(z in -30f32..30.0, x in 90f32..110.0) {
        let puppet = [puppet()];
        let (_, _, mut pose) = person();
        // The right hand in front of or behind the trunk.
        pose.body[Joint::RightElbow as usize] = Keypoint { x: 70.0, y: 110.0, z: 0.0, confidence: 1.0 };
        pose.body[Joint::RightWrist as usize] = Keypoint { x, y: 105.0, z: 0.0, confidence: 1.0 };
        let mut other = pose.clone();
        for joint in [Joint::RightElbow, Joint::RightWrist] {
            other.body[joint as usize].z = z;
        }
        let (one, other) =
            (warp(&puppet, &pose, SIZE, &[Some(1.0)]).unwrap(), warp(&puppet, &other, SIZE, &[Some(1.0)]).unwrap());
        prop_assert_eq!(one.area, other.area);
        for (a, b) in one.alpha.cells().iter().zip(other.alpha.cells()) {
            prop_assert!(a.abs_diff(*b) <= 1);
        }
    }

    #[test]
    fn outside_of_the_character_there_is_nothing(turn in 0.0f32..6.3, lift in 0.0f32..40.0) {
        let (_, _, mut pose) = person();
        pose.body[Joint::LeftWrist as usize].x += 20.0 * turn.cos();
        pose.body[Joint::LeftWrist as usize].y += 20.0 * turn.sin();
        pose.body[Joint::RightKnee as usize].y -= lift;
        let warp = warp(&[puppet()], &pose, SIZE, &[None]).unwrap();
        for (index, &alpha) in warp.alpha.cells().iter().enumerate() {
            prop_assert_eq!(warp.depth.cells()[index].is_finite(), alpha > 0);
            prop_assert!(alpha > 0 || warp.guess.cells()[index] == 0);
        }
    }
}
