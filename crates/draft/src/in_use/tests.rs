//! Tests with small artificial scenes: a person in a blue shirt and dark trousers in front of a grey wall. The mask
//! also covers the object that the person holds.

use media::picture::{Mask, Picture};
use perception::pose::{Joint, Keypoint, Pose};

use super::{InUse, InUseInput};
use crate::plate::PlateFrame;

const SIZE: (usize, usize) = (200, 200);
const WALL: [u8; 3] = [150, 150, 150];
const SKIN: [u8; 3] = [205, 160, 135];

/// The content of a frame besides the person.
type Prop = fn(usize, f32, f32) -> Option<[u8; 3]>;

/// Moves the right hand up and down.
fn wrist(frame: usize) -> (f32, f32) {
    (55.0, 90.0 + 14.0 * (frame as f32 * 0.6).sin())
}

fn pose(frame: usize) -> Pose {
    let mut pose = Pose::default();
    let (x, y) = wrist(frame);
    for (joint, x, y) in [
        (Joint::Neck, 100.0, 46.0),
        (Joint::Nose, 100.0, 32.0),
        (Joint::RightEar, 93.0, 30.0),
        (Joint::LeftEar, 107.0, 30.0),
        (Joint::RightShoulder, 86.0, 50.0),
        (Joint::LeftShoulder, 114.0, 50.0),
        (Joint::RightHip, 90.0, 110.0),
        (Joint::LeftHip, 110.0, 110.0),
        (Joint::RightElbow, 70.0, 72.0),
        (Joint::RightWrist, x, y),
        (Joint::LeftElbow, 126.0, 78.0),
        (Joint::LeftWrist, 128.0, 106.0),
        (Joint::RightKnee, 90.0, 150.0),
        (Joint::LeftKnee, 110.0, 150.0),
        (Joint::RightAnkle, 90.0, 188.0),
        (Joint::LeftAnkle, 110.0, 188.0),
    ] {
        pose.body[joint as usize] = Keypoint { x, y, z: 0.0, confidence: 1.0 };
    }
    pose
}

/// The person's colour at a place.
fn person(pose: &Pose, x: f32, y: f32) -> Option<[u8; 3]> {
    let near = |from: Joint, to: Joint, radius: f32, beyond: f32| {
        let (from, to) = (pose.joint(from), pose.joint(to));
        let way = ((to.x - from.x) * beyond, (to.y - from.y) * beyond);
        let share = ((x - from.x) * way.0 + (y - from.y) * way.1) / (way.0 * way.0 + way.1 * way.1);
        let share = share.clamp(0.0, 1.0);
        (x - from.x - share * way.0).hypot(y - from.y - share * way.1) < radius
    };
    let is_hand = |wrist: Joint, elbow: Joint| {
        let (wrist, elbow) = (pose.joint(wrist), pose.joint(elbow));
        let hand = (wrist.x + 0.3 * (wrist.x - elbow.x), wrist.y + 0.3 * (wrist.y - elbow.y));
        (x - hand.0).hypot(y - hand.1) < 5.0
    };
    use Joint::{
        LeftAnkle, LeftElbow, LeftHip, LeftKnee, LeftShoulder, LeftWrist, Neck, Nose, RightAnkle, RightElbow, RightHip,
        RightKnee, RightShoulder, RightWrist,
    };
    let stripes = ((x + y) as usize / 3 % 2) as u8 * 12;
    if is_hand(RightWrist, RightElbow) || is_hand(LeftWrist, LeftElbow) || near(Neck, Nose, 13.0, 1.1) {
        return Some(SKIN);
    }
    let arms =
        [(RightShoulder, RightElbow), (RightElbow, RightWrist), (LeftShoulder, LeftElbow), (LeftElbow, LeftWrist)];
    let trunk = (84.0..116.0).contains(&x) && (46.0..112.0).contains(&y);
    if trunk || arms.into_iter().any(|(from, to)| near(from, to, 5.0, 1.0)) {
        return Some([40, 50 + stripes, 150]);
    }
    let legs = [(RightHip, RightKnee), (RightKnee, RightAnkle), (LeftHip, LeftKnee), (LeftKnee, LeftAnkle)];
    legs.into_iter().any(|(from, to)| near(from, to, 8.0, 1.0)).then_some([45 + stripes, 45, 45])
}

/// For each frame, what is found and what is really there.
fn found(frames: usize, prop: Prop, seen: u8) -> Vec<(Option<Mask>, Mask)> {
    let (width, height) = SIZE;
    let truth = |frame: usize| {
        Mask::from_fn(width, height, |x, y| if prop(frame, x as f32, y as f32).is_some() { 255 } else { 0 })
    };
    let picture = |frame: usize| {
        let pose = pose(frame);
        Picture::from_fn(width, height, |x, y| {
            let (x, y) = (x as f32, y as f32);
            prop(frame, x, y).or_else(|| person(&pose, x, y)).unwrap_or(WALL)
        })
    };
    // Perception takes the object for a part of the person.
    let mask = |frame: usize| {
        let picture = picture(frame);
        let covers = |x: i32, y: i32| picture.get_clamped(x, y) != WALL;
        Mask::from_fn(width, height, |x, y| {
            let (x, y) = (x as i32, y as i32);
            let near = [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)];
            if near.into_iter().any(|(dx, dy)| covers(x + dx, y + dy)) { 255 } else { 0 }
        })
    };
    let mut in_use = InUse::default();
    (0..frames).for_each(|frame| in_use.look(&picture(frame), &mask(frame), Some(&pose(frame)), frame == 0));
    let plate = PlateFrame { picture: Picture::filled(width, height, WALL), seen: Mask::filled(width, height, seen) };
    (0..frames)
        .map(|frame| {
            let (source, person, pose) = (picture(frame), mask(frame), pose(frame));
            let starts_shot = frame == 0;
            let input = InUseInput { source: &source, plate: &plate, person: &person, pose: Some(&pose), starts_shot };
            (in_use.objects(&input), truth(frame))
        })
        .collect()
}

/// Intersection over union of found and true pixels.
fn overlap(found: Option<&Mask>, truth: &Mask) -> f32 {
    let Some(found) = found else { return 0.0 };
    let pairs = || found.cells().iter().zip(truth.cells()).map(|(found, truth)| (*found > 127, *truth > 127));
    let both = pairs().filter(|&(found, truth)| found && truth).count() as f32;
    both / pairs().filter(|&(found, truth)| found || truth).count().max(1) as f32
}

/// Asserts that the object is found in all but `misses` of the frames.
fn check(frames: &[(Option<Mask>, Mask)], misses: usize) {
    let overlaps: Vec<f32> = frames.iter().map(|(found, truth)| overlap(found.as_ref(), truth)).collect();
    let missed = overlaps.iter().filter(|&&overlap| overlap < 0.6).count();
    assert!(missed <= misses, "{overlaps:.2?}");
}

fn ball(x: f32, y: f32, middle: (f32, f32)) -> Option<[u8; 3]> {
    ((x - middle.0).hypot(y - middle.1) < 12.0).then_some([215, 110, 40])
}

fn at_hand(frame: usize, x: f32, y: f32) -> Option<[u8; 3]> {
    let (hand_x, hand_y) = wrist(frame);
    ball(x, y, (hand_x - 12.0, hand_y + 14.0))
}

#[test]
fn a_ball_that_the_mask_covers_wholly_is_found() {
    check(&found(16, at_hand, 255), 0);
}

#[test]
fn empty_hands_hold_nothing() {
    let frames = found(16, |_, _, _| None, 255);
    assert!(frames.iter().all(|(found, _)| found.is_none()));
}

#[test]
fn a_racket_is_found() {
    let racket = |frame: usize, x: f32, y: f32| {
        let (hand_x, hand_y) = wrist(frame);
        let (across, down) = (x - hand_x + 8.0, y - hand_y - 10.0);
        let shaft = across.abs() < 2.5 && (0.0..24.0).contains(&down);
        (shaft || (across / 10.0).hypot((down - 36.0) / 14.0) < 1.0).then_some([235, 235, 225])
    };
    check(&found(16, racket, 255), 0);
}

#[test]
fn a_thrown_ball_stays_in_use() {
    let thrown = |frame: usize, x: f32, y: f32| match frame {
        0..8 => at_hand(frame, x, y),
        _ => {
            let (start, time) = (wrist(7), (frame - 7) as f32);
            ball(x, y, (start.0 - 12.0 - 2.0 * time, start.1 + 14.0 - 12.0 * time + time * time))
        }
    };
    check(&found(14, thrown, 255), 0);
}

#[test]
fn a_ball_before_the_trunk_is_found_once_it_was_seen_beside_it() {
    let passing = |frame: usize, x: f32, y: f32| match frame {
        0..10 => at_hand(frame, x, y),
        _ => {
            let start = wrist(9);
            ball(x, y, (start.0 - 12.0 + 9.0 * (frame - 9) as f32, start.1 + 14.0))
        }
    };
    check(&found(16, passing, 255), 1);
}

#[test]
fn a_place_that_no_frame_showed_says_nothing() {
    assert!(found(16, at_hand, 0).iter().all(|(found, _)| found.is_none()));
}
