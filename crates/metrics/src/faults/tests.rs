use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FRAMES: usize = 8;
const SEEDS: u64 = 10;

/// A coloured disc that moves over coloured stripes. Each seed has its own colours and path.
fn clip(seed: u64) -> Vec<Picture> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut number = |from: f64, to: f64| from + (to - from) * random.random::<f64>();
    let mut colour = || [number(0.0, 255.0), number(0.0, 255.0), number(0.0, 255.0)];
    let [near, far, disc] = [colour(), colour(), colour()];
    let (slope, wide) = (number(-1.0, 1.0), number(9.0, 20.0));
    let (start, step) = ([number(20.0, 60.0), number(20.0, 40.0)], [number(2.0, 4.0), number(1.0, 2.0)]);
    let frame = |time: usize| {
        Picture::from_fn(96, 64, |x, y| {
            let (x, y) = (x as f64, y as f64);
            let middle = [0, 1].map(|axis| start[axis] + time as f64 * step[axis]);
            let away = (x - middle[0]).hypot(y - middle[1]);
            let part = 0.5 + 0.5 * ((x + slope * y) / wide).sin();
            let ground = [0, 1, 2].map(|channel| part * near[channel] + (1.0 - part) * far[channel]);
            (if away < 14.0 { disc } else { ground }).map(|level| level as u8)
        })
    };
    (0..FRAMES).map(frame).collect()
}

/// The result of a good method: the truth, softened, with noise.
fn made_of(truth: &[Picture], seed: u64) -> Vec<Picture> {
    let mut random = ChaCha8Rng::seed_from_u64(1_000 + seed);
    let soft = |picture: &Picture, x: usize, y: usize, channel: usize| {
        let at = |dx: i32| f64::from(picture.get_clamped(x as i32 + dx, y as i32)[channel]);
        (at(-1) + at(0) + at(1)) / 3.0
    };
    truth
        .iter()
        .map(|picture| {
            Picture::from_fn(picture.width(), picture.height(), |x, y| {
                [0, 1, 2].map(|channel| (soft(picture, x, y, channel) + random.random_range(-25.0..25.0)) as u8)
            })
        })
        .collect()
}

fn changed(pictures: &[Picture], change: impl Fn([u8; 3]) -> [u8; 3]) -> Vec<Picture> {
    pictures.iter().map(|picture| picture.map(&change)).collect()
}

/// The names of the faults found in one pair, for each seed.
fn found(plant: impl Fn(&mut Vec<Picture>, u64)) -> Vec<Vec<&'static str>> {
    let one = |seed: u64| {
        let truth = clip(seed);
        let mut made = made_of(&truth, seed);
        plant(&mut made, seed);
        let warnings = find_faults(&[ClipPair { made: &made, truth: &truth }]);
        warnings.iter().map(|warning| warning.fault.name()).collect()
    };
    (0..SEEDS).map(one).collect()
}

#[track_caller]
fn each_is(found: Vec<Vec<&'static str>>, expected: &[&str]) {
    assert_eq!(found, vec![expected.to_vec(); SEEDS as usize]);
}

#[test]
fn good_pairs_have_no_warning() {
    each_is(found(|_, _| ()), &[]);
    let truths: Vec<_> = (0..SEEDS).map(clip).collect();
    let made: Vec<_> = truths.iter().enumerate().map(|(seed, truth)| made_of(truth, seed as u64)).collect();
    let pairs: Vec<_> = made.iter().zip(&truths).map(|(made, truth)| ClipPair { made, truth }).collect();
    assert_eq!(find_faults(&pairs), []);
    // The truth against itself, and a method that failed completely.
    let itself: Vec<_> = truths.iter().map(|truth| ClipPair { made: truth, truth }).collect();
    assert_eq!(find_faults(&itself), []);
    each_is(found(|made, _| *made = changed(made, |_| [127; 3])), &[]);
    // A still picture fits the frames beside its own better, which is no shift.
    each_is(found(|made, _| *made = vec![made[0].clone(); FRAMES]), &[]);
}

#[test]
fn a_planted_exchange_of_colours_is_found() {
    each_is(found(|made, _| *made = changed(made, |[red, green, blue]| [blue, green, red])), &["bgr_for_rgb"]);
}

#[test]
fn planted_ranges_are_found() {
    each_is(found(|made, _| *made = changed(made, |colour| colour.map(|v| 128 + v / 2))), &["unit_as_signed"]);
    let cut = |colour: [u8; 3]| colour.map(|v| (2 * i32::from(v) - 255).max(0) as u8);
    each_is(found(|made, _| *made = changed(made, cut)), &["signed_as_unit"]);
}

#[test]
fn a_planted_shift_in_time_is_found() {
    let late = |made: &mut Vec<Picture>, _| {
        made.pop();
        made.insert(0, made[0].clone());
    };
    each_is(found(late), &["one_frame_late"]);
    let early = |made: &mut Vec<Picture>, _| {
        made.remove(0);
        made.push(made[made.len() - 1].clone());
    };
    each_is(found(early), &["one_frame_early"]);
}

#[test]
fn planted_sizes_and_counts_are_found() {
    let smaller = |made: &mut Vec<Picture>, _| {
        made[3] = Picture::from_fn(48, 32, |x, y| made[3].get(2 * x, 2 * y));
    };
    each_is(found(smaller), &["wrong_size"]);
    each_is(found(|made, _| drop(made.pop())), &["frame_count"]);
}

#[test]
fn a_planted_black_frame_is_found() {
    each_is(found(|made, seed| made[seed as usize % FRAMES] = Picture::filled(96, 64, [1; 3])), &["black_frame"]);
}

#[test]
fn planted_swaps_are_found() {
    for seed in 0..SEEDS {
        let truths: Vec<_> = (0..4).map(|place| clip(10 * seed + place)).collect();
        let made: Vec<_> = truths.iter().map(|truth| made_of(truth, seed)).collect();
        let pair = |from: usize, to: usize| ClipPair { made: &made[from], truth: &truths[to] };
        let found = find_faults(&[pair(0, 0), pair(3, 1), pair(2, 2), pair(1, 3)]);
        let swapped = |clip, with| Warning { clip, fault: Fault::SwappedPair { with } };
        assert_eq!(found, [swapped(1, 3), swapped(3, 1)], "seed {seed}");
    }
}

#[test]
fn small_pictures_are_judged_like_large_ones() {
    let truths: Vec<_> = (0..3).map(clip).collect();
    let mut made: Vec<_> = truths.iter().map(|truth| made_of(truth, 1)).collect();
    made.swap(0, 2);
    made[1] = changed(&made[1], |[red, green, blue]| [blue, green, red]);
    let shrunk = |clips: &[Vec<Picture>]| -> Vec<Vec<Picture>> {
        clips.iter().map(|clip| clip.iter().map(small).collect()).collect()
    };
    let found = |made: &[Vec<Picture>], truths: &[Vec<Picture>]| {
        let pairs: Vec<_> = made.iter().zip(truths).map(|(made, truth)| ClipPair { made, truth }).collect();
        find_faults(&pairs)
    };
    let small_made = shrunk(&made);
    assert_eq!(small(&small_made[0][0]), small_made[0][0]);
    let large = found(&made, &truths);
    assert_eq!(large.len(), 3);
    assert_eq!(found(&small_made, &shrunk(&truths)), large);
}

#[test]
fn warnings_say_what_and_where() {
    let check = |fault: Fault, expected: &str| assert_eq!(Warning { clip: 2, fault }.to_string(), expected);
    check(
        Fault::FrameCount { made: 7, truth: 8 },
        "frame_count: clip 2: the number of frames is 7, the ground truth has 8",
    );
    check(
        Fault::WrongSize { frame: 3, made: (4, 5), truth: (6, 7) },
        "wrong_size: clip 2: frame 3 has 4x5 pixels, the ground truth has 6x7",
    );
    check(Fault::BlackFrame { frame: 1 }, "black_frame: clip 2: frame 1 is black, but the ground truth is not");
    check(Fault::BgrForRgb, "bgr_for_rgb: clip 2: the red and blue channels seem to be swapped");
    check(
        Fault::UnitAsSigned,
        "unit_as_signed: clip 2: values in [0, 1] seem to be displayed as if they were in [-1, 1]",
    );
    check(
        Fault::SignedAsUnit,
        "signed_as_unit: clip 2: values in [-1, 1] seem to be displayed as if they were in [0, 1]",
    );
    check(
        Fault::OneFrameLate,
        "one_frame_late: clip 2: the frames match the ground truth of the previous frame better",
    );
    check(Fault::OneFrameEarly, "one_frame_early: clip 2: the frames match the ground truth of the next frame better");
    check(Fault::SwappedPair { with: 0 }, "swapped_pair: clip 2: the frames match the ground truth of clip 0 better");
}
