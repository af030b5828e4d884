//! Tests properties of complete plates.

use media::picture::{Mask, Picture};
use proptest::prelude::*;

use super::*;

const SIZE: (usize, usize) = (64, 48);

/// A textured scene that extends beyond the frame.
fn scene(x: f64, y: f64, seed: u64) -> [u8; 3] {
    let phase = seed as f64;
    let wave = |a: f64, b: f64, c: f64| (a * x + b * y + c * phase + 1.5 * (0.13 * x - 0.11 * y + phase).sin()).sin();
    [wave(0.35, 0.1, 1.0), wave(-0.12, 0.4, 2.0), wave(0.21, -0.3, 3.0)]
        .map(|value| (128.0 + 80.0 * value).round() as u8)
}

/// The scene from a shifted camera.
fn seen_from(shift: (f64, f64), seed: u64, (width, height): (usize, usize)) -> Picture {
    Picture::from_fn(width, height, |x, y| scene(x as f64 + shift.0, y as f64 + shift.1, seed))
}

/// A box that moves to the right.
fn walker(frame: usize, step: usize, (width, height): (usize, usize)) -> Mask {
    let left = 4 + frame * step;
    Mask::from_fn(
        width,
        height,
        |x, y| if (left..left + 12).contains(&x) && (10..height - 8).contains(&y) { 255 } else { 0 },
    )
}

/// The frame with a flickering person in the hole.
fn occupied(truth: &Picture, hole: &Mask, frame: usize) -> Picture {
    Picture::from_fn(truth.width(), truth.height(), |x, y| match hole.get(x, y) {
        0 => truth.get(x, y),
        _ => [(x * 40 + frame * 31) as u8, (y * 50 + frame * 17) as u8, 250],
    })
}

fn assert_outside_is_kept(frames: &[Picture], holes: &[Mask], made: &[PlateFrame]) {
    assert_eq!(made.len(), frames.len());
    for ((frame, hole), plate) in frames.iter().zip(holes).zip(made) {
        for index in (0..frame.cells().len()).filter(|&index| hole.cells()[index] == 0) {
            assert_eq!(plate.picture.cells()[index], frame.cells()[index]);
            assert_eq!(plate.seen.cells()[index], 255);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_standing_camera_recovers_the_scene_exactly(seed in 0_u64..1000, step in 4_usize..7) {
        let truth = seen_from((0.0, 0.0), seed, SIZE);
        let holes: Vec<Mask> = (0..7).map(|frame| walker(frame, step, SIZE)).collect();
        let frames: Vec<Picture> = holes.iter().enumerate().map(|(frame, hole)| occupied(&truth, hole, frame)).collect();
        for plate in plates(&frames, &holes, &PlateConfig::default()) {
            prop_assert!(plate.picture == truth);
            prop_assert!(plate.seen.cells().iter().all(|&seen| seen == 255));
        }
    }

    #[test]
    fn outside_of_any_hole_bytes_are_kept(
        seed in 0_u64..1000,
        holes in prop::collection::vec(prop::collection::vec(any::<bool>(), 12), 1..5),
        whole in any::<bool>(),
    ) {
        let size = (24, 18);
        let mut holes: Vec<Mask> = holes
            .iter()
            .map(|blocks| Mask::from_fn(size.0, size.1, |x, y| if blocks[y / 6 * 4 + x / 6] { 255 } else { 0 }))
            .collect();
        if whole {
            holes[0] = Mask::filled(size.0, size.1, 255);
        }
        let frames: Vec<Picture> = (0..holes.len())
            .map(|frame| seen_from((frame as f64 * 1.3, 0.0), seed, size))
            .collect();
        let made = plates(&frames, &holes, &PlateConfig::default());
        assert_outside_is_kept(&frames, &holes, &made);
    }
}

#[test]
fn a_panning_camera_recovers_the_scene_within_a_level() {
    let size = (160, 96);
    for shift in [(3.0, 0.0), (-2.0, 1.0)] {
        let truths: Vec<Picture> =
            (0..10).map(|frame| seen_from((shift.0 * frame as f64, shift.1 * frame as f64), 3, size)).collect();
        let holes: Vec<Mask> = (0..10).map(|frame| walker(frame, 9, size)).collect();
        let frames: Vec<Picture> =
            truths.iter().zip(&holes).enumerate().map(|(frame, (truth, hole))| occupied(truth, hole, frame)).collect();
        let made = plates(&frames, &holes, &PlateConfig::default());
        assert_outside_is_kept(&frames, &holes, &made);
        for (frame, (plate, truth)) in made.iter().zip(&truths).enumerate() {
            let worst =
                plate.picture.cells().iter().zip(truth.cells()).map(|(a, b)| (0..3).map(|i| a[i].abs_diff(b[i])).max());
            let worst = worst.flatten().max().unwrap_or(0);
            assert!(worst <= 2, "{shift:?}, frame {frame}: off by {worst}");
        }
    }
}

#[test]
fn a_ramp_of_brightness_is_followed() {
    let holes: Vec<Mask> = (0..8).map(|frame| walker(frame, 5, SIZE)).collect();
    let truth = |frame: usize| {
        seen_from((0.0, 0.0), 5, SIZE)
            .map(|pixel| pixel.map(|value| (f64::from(value) * (0.8 + 0.04 * frame as f64)) as u8))
    };
    let frames: Vec<Picture> =
        holes.iter().enumerate().map(|(frame, hole)| occupied(&truth(frame), hole, frame)).collect();
    for (frame, plate) in plates(&frames, &holes, &PlateConfig::default()).iter().enumerate() {
        let truth = truth(frame);
        for (found, expected) in plate.picture.cells().iter().zip(truth.cells()) {
            assert!((0..3).all(|i| found[i].abs_diff(expected[i]) <= 3), "frame {frame}: {found:?}, not {expected:?}");
        }
    }
}

#[test]
fn shots_do_not_mix() {
    let hole = walker(2, 5, SIZE);
    let open = Mask::filled(SIZE.0, SIZE.1, 0);
    let frames = [seen_from((0.0, 0.0), 1, SIZE), seen_from((0.0, 0.0), 1, SIZE)];
    let holes = [open, hole];
    let config = PlateConfig::default();
    assert!(plates(&frames, &holes, &config)[1].seen.cells().iter().all(|&seen| seen == 255));
    let cut = plates_of_shots(&frames, &holes, &[1], &config);
    assert_eq!(cut[1].seen, holes[1].map(|covered| 255 - covered));
}

#[test]
fn what_is_never_seen_stays_the_same_while_the_camera_stands() {
    let hole = walker(3, 5, SIZE);
    let frames = vec![seen_from((0.0, 0.0), 9, SIZE); 4];
    let made = plates(&frames, &vec![hole; 4], &PlateConfig::default());
    assert!(made.iter().all(|plate| plate.picture == made[0].picture && plate.seen == made[0].seen));
}

#[test]
fn large_frames_are_filled_at_the_held_size() {
    let size = (200, 120);
    let truth = seen_from((0.0, 0.0), 2, size);
    let holes: Vec<Mask> = (0..6).map(|frame| walker(frame, 20, size)).collect();
    let frames: Vec<Picture> = holes.iter().enumerate().map(|(frame, hole)| occupied(&truth, hole, frame)).collect();
    let made = plates(&frames, &holes, &PlateConfig { held_side: 100, ..PlateConfig::default() });
    assert_outside_is_kept(&frames, &holes, &made);
    let worst = made[2].picture.cells().iter().zip(truth.cells()).map(|(a, b)| a[0].abs_diff(b[0])).max();
    assert!(worst.is_some_and(|worst| worst < 40), "{worst:?}");
}

#[test]
fn the_number_of_threads_and_of_frames_held_ahead_change_nothing_for_short_shots() {
    let size = (96, 64);
    let holes: Vec<Mask> = (0..6).map(|frame| walker(frame, 3, size)).collect();
    let frames: Vec<Picture> = holes
        .iter()
        .enumerate()
        .map(|(frame, hole)| occupied(&seen_from((1.7 * frame as f64, 0.4), 4, size), hole, frame))
        .collect();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| plates(&frames, &holes, &PlateConfig::default()))
    };
    assert!(with(1) == with(3));
}
