//! Measures the quality of a set of weights on rendered clips with unseen identities and motions.
//!
//! `measure first-weights ASSETS OUT [WEIGHTS] [CLIPS] [FRAMES] [STEPS] [GUIDANCE] [SPLIT]` prints one JSON line and writes
//! `OUT/sheet.png`. `-` selects the bundled weights. `SPLIT` is `test`, or `val` for the choice of settings. The
//! program measures:
//! - colour: share of clips in which, among four references, the true one has the mean torso colour (Lab) nearest to
//!   the result's (chance 25 %). The ground-truth frames are measured too. The light in the ground-truth frames differs
//!   from the reference's, so their score is that of a perfect result.
//! - pose: with the pose of another clip as input, the IoU of that clip's mask with the pixels in which the result
//!   differs from the plate.
//! - environment: with the environment of another clip as input, share of clips in which the colours in the ring around
//!   the hole are nearer to that environment than to the clip's own.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use media::image_file::save_picture;
use media::picture::{Mask, Picture};
use media::sheet::Sheet;
use model::conditioning::pixels;
use model::sampling::sampler::{SamplingSettings, generate_clip, starting_noise};
use perception::conditions::{Conditions, ConditionsConfig, CropSignals, FrameSignals, inference_conditions};
use perception::pose::{Joint, Pose};
use perception::region::crop_picture;
use perception::region_path::{RegionConfig, fixed_region, person_box};
use stage::{Assets, Clip, ClipSettings, ClipSpec, Passes, Split, render_parts};
use stuntdouble::networks::LoadedNetworks;
use stuntdouble::settings::Settings;
use stuntdouble::tensors;

/// Seeds of the test clips; no training uses them.
const FIRST_SEED: u64 = 900_000;

/// One clip as the networks see it.
struct Case {
    signals: Vec<CropSignals>,
    plates: Vec<Picture>,
    reference: Picture,
    torso: [f64; 3],
}

fn split_of(word: Option<&String>) -> anyhow::Result<Split> {
    match word.map(String::as_str) {
        None | Some("test") => Ok(Split::Test),
        Some("val") => Ok(Split::Val),
        Some(other) => anyhow::bail!("split `{other}`, expected `test` or `val`"),
    }
}

pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let path = |index: usize| {
        let usage = "usage: measure first-weights ASSETS OUT [WEIGHTS] [CLIPS] [FRAMES] [STEPS] [GUIDANCE] [SPLIT]";
        arguments.get(index).map(PathBuf::from).context(usage)
    };
    let (assets, out) = (path(0)?, path(1)?);
    let weights = arguments.get(2).filter(|text| *text != "-").map(PathBuf::from);
    let number = |index: usize, default: usize| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let (clips, frames) = (number(3, 100)?, number(4, 8)?);
    ensure!(clips >= 4, "at least 4 clips, so that there are 4 references");
    std::fs::create_dir_all(&out)?;
    let defaults = Settings::default();
    let guidance = arguments.get(6).map_or(Ok(defaults.guidance), |text| text.parse())?;
    let split = split_of(arguments.get(7))?;
    let settings = Settings { weights, steps: number(5, defaults.steps)?, guidance, ..defaults };
    let loaded = LoadedNetworks::load(&settings, None)?;
    let sampling = SamplingSettings {
        steps: settings.steps,
        guidance: settings.guidance as f32,
        schedule: loaded.networks.config().schedule.clone(),
        windows: None,
    };
    let (assets, _) = Assets::load(&assets)?;
    let cases: Vec<Case> =
        (0..clips).map(|index| render(index, split, frames, loaded.size(), &assets)).collect::<anyhow::Result<_>>()?;
    let mut sheet = Sheet::new(8, 128, 128).titled(
        "reference, true, environment, skeleton, result, result of other pose, its truth, result in other scene",
    );
    let (mut colours, mut true_colours, mut rings, mut overlaps) = (0, 0, 0, vec![]);
    let mut off = [0.0; 3];
    for (index, case) in cases.iter().enumerate() {
        let other = &cases[(index + 1) % clips];
        // 1. As it is.
        let conditions = conditions(&case.signals);
        let result = make(&loaded, &sampling, &conditions, &case.reference, index);
        let candidates = [0, 1, 2, 3].map(|step| &cases[(index + step * clips / 4) % clips]);
        let true_frames: Vec<Picture> = case.signals.iter().map(|signals| signals.picture.clone()).collect();
        let nearest = |found| {
            let distances = candidates.map(|candidate| distance(found, candidate.torso));
            usize::from(distances[1..].iter().all(|other| distances[0] < *other))
        };
        let [found, right] = [&result, &true_frames].map(|frames| torso_colour(frames, &case.signals));
        colours += nearest(found);
        true_colours += nearest(right);
        for (off, (found, right)) in off.iter_mut().zip(found.iter().zip(right)) {
            *off += (found - right) / clips as f64;
        }
        // 2. The other clip's pose in this clip's scene.
        let posed: Vec<CropSignals> = case
            .plates
            .iter()
            .zip(&other.signals)
            .map(|(plate, signals)| CropSignals { picture: plate.clone(), ..signals.clone() })
            .collect();
        let posed_conditions = self::conditions(&posed);
        let posed_result = make(&loaded, &sampling, &posed_conditions, &case.reference, index);
        overlaps.extend(
            (0..frames).map(|frame| overlap(&posed_result[frame], &case.plates[frame], &other.signals[frame].person)),
        );
        // 3. This clip's person in the other clip's scene.
        let moved: Vec<CropSignals> = other
            .plates
            .iter()
            .zip(&case.signals)
            .map(|(plate, signals)| CropSignals { picture: plate.clone(), ..signals.clone() })
            .collect();
        let moved_conditions = self::conditions(&moved);
        let moved_result = make(&loaded, &sampling, &moved_conditions, &case.reference, index);
        let difference = |plates: &[Picture]| -> f64 {
            (0..frames)
                .map(|frame| ring_difference(&moved_result[frame], &plates[frame], &moved_conditions[frame].mask))
                .sum()
        };
        rings += usize::from(difference(&other.plates) < difference(&case.plates));
        if index < 16 {
            let frame = frames / 2;
            sheet.push(&case.reference, format!("{index}"));
            sheet.push(&case.signals[frame].picture, "true");
            sheet.push(&conditions[frame].environment, "");
            sheet.push(&conditions[frame].skeleton, "");
            sheet.push(&result[frame], "result");
            sheet.push(&posed_result[frame], "pose");
            sheet.push(&other.signals[frame].picture, "truth");
            sheet.push(&moved_result[frame], "scene");
            sheet.end_row();
        }
    }
    save_picture(&out.join("sheet.png"), &sheet.render())?;
    let share = |count: usize| count as f64 / clips as f64;
    let overlap = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
    let line = serde_json::json!({
        "clips": clips, "frames": frames, "steps": settings.steps, "guidance": settings.guidance,
        "torso_colour_nearest": share(colours), "torso_colour_nearest_of_truth": share(true_colours),
        "torso_lab_off": off, "pose_iou": overlap, "environment_ring": share(rings),
    });
    std::fs::write(out.join("result.json"), line.to_string())?;
    eprintln_line(&line.to_string());
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the figures are this program's result")]
fn eprintln_line(line: &str) {
    eprintln!("{line}");
}

fn render(index: usize, split: Split, frames: usize, size: u32, assets: &Assets) -> anyhow::Result<Case> {
    let settings = ClipSettings {
        width: 192,
        height: 192,
        frames,
        split: Some(split),
        swapped: false,
        references: 1,
        mannequin_share: 0.0,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(FIRST_SEED + index as u64, assets, &settings)?;
    let Clip { take, plate, .. } = render_parts(&spec, assets, Passes { swapped: false, references: true })?;
    let frame = (192, 192);
    let boxes: Vec<_> =
        take.person.iter().zip(&take.poses).map(|(mask, pose)| person_box(Some(mask), Some(pose), frame)).collect();
    let region = fixed_region(&boxes, frame, &RegionConfig::default());
    let signals = (0..frames).map(|frame| {
        let (picture, person, pose) = (&take.frames[frame], &take.person[frame], Some(&take.poses[frame]));
        FrameSignals { picture, person, pose, depth: None, objects: &[] }.crop(region, size)
    });
    let signals: Vec<CropSignals> = signals.collect();
    let plates = plate.iter().map(|plate| crop_picture(plate, region.square, size)).collect();
    let picture = &take.references[0];
    let area = person_box(Some(&take.reference_masks[0]), None, (picture.width() as u32, picture.height() as u32))
        .context("an empty reference")?;
    let square =
        fixed_region(&[Some(area)], (picture.width() as u32, picture.height() as u32), &RegionConfig::default());
    let (person, pose) = (&take.reference_masks[0], Some(&take.reference_poses[0]));
    let reference = FrameSignals { picture, person, pose, depth: None, objects: &[] }.crop(square, size);
    let torso = torso_colour(std::slice::from_ref(&reference.picture), std::slice::from_ref(&reference));
    Ok(Case { signals, plates, reference: reference.picture, torso })
}

fn conditions(signals: &[CropSignals]) -> Vec<Conditions> {
    inference_conditions(signals, None, &ConditionsConfig::default())
}

fn make(
    loaded: &LoadedNetworks,
    sampling: &SamplingSettings,
    conditions: &[Conditions],
    reference: &Picture,
    seed: usize,
) -> Vec<Picture> {
    let networks = &loaded.networks;
    let clip = tensors::clip_conditions(networks, conditions);
    let reference = tensors::reference_state(networks, reference);
    let shape = networks.latent_shape(&clip);
    let noise = starting_noise(networks, seed as u64, 0, shape, &Default::default());
    let latents =
        generate_clip(networks, &clip, &reference, sampling, noise, |_, _| std::ops::ControlFlow::Continue(()))
            .unwrap_or_else(|error| panic!("{error}"));
    let [_, c, n, h, w] = latents.dims();
    let frames = latents.swap_dims(1, 2).reshape([n, c, h, w]);
    pixels::rgb_from_pictures(networks.decode(frames))
        .iter()
        .map(|rgb| Picture::from_bytes(networks.config().size, networks.config().size, rgb))
        .collect()
}

/// Mean Lab colour of the quadrilateral between shoulders and hips, over all frames.
fn torso_colour(pictures: &[Picture], signals: &[CropSignals]) -> [f64; 3] {
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for (picture, signals) in pictures.iter().zip(signals) {
        let Some(pose) = &signals.pose else { continue };
        for y in 0..picture.height() {
            for x in 0..picture.width() {
                if signals.person.get(x, y) > 128 && in_torso(pose, x as f32 + 0.5, y as f32 + 0.5) {
                    for (sum, value) in sum.iter_mut().zip(lab(picture.get(x, y))) {
                        *sum += value;
                    }
                    count += 1.0;
                }
            }
        }
    }
    sum.map(|sum| sum / f64::max(count, 1.0))
}

fn in_torso(pose: &Pose, x: f32, y: f32) -> bool {
    let corners =
        [Joint::RightShoulder, Joint::LeftShoulder, Joint::LeftHip, Joint::RightHip].map(|joint| pose.joint(joint));
    let mut inside = false;
    for (index, a) in corners.iter().enumerate() {
        let b = corners[(index + 1) % 4];
        if (a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
    }
    inside
}

/// IoU of the mask with the pixels that differ from the plate.
fn overlap(result: &Picture, plate: &Picture, mask: &Mask) -> f64 {
    let (mut both, mut either) = (0.0, 0.0);
    for ((result, plate), mask) in result.cells().iter().zip(plate.cells()).zip(mask.cells()) {
        let (changed, person) = (distance(lab(*result), lab(*plate)) > 15.0, *mask > 128);
        both += f64::from(u8::from(changed && person));
        either += f64::from(u8::from(changed || person));
    }
    both / f64::max(either, 1.0)
}

/// Mean colour difference in a ring of 4 pixels around the hole.
fn ring_difference(result: &Picture, plate: &Picture, hole: &Mask) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for y in 0..hole.height() {
        for x in 0..hole.width() {
            let near = |dx: i32, dy: i32| {
                let (x, y) = (x as i32 + dx, y as i32 + dy);
                x >= 0
                    && y >= 0
                    && (x as usize) < hole.width()
                    && (y as usize) < hole.height()
                    && hole.get(x as usize, y as usize) > 0
            };
            if hole.get(x, y) == 0 && [(4, 0), (-4, 0), (0, 4), (0, -4)].iter().any(|&(dx, dy)| near(dx, dy)) {
                sum += distance(lab(result.get(x, y)), lab(plate.get(x, y)));
                count += 1.0;
            }
        }
    }
    sum / f64::max(count, 1.0)
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// CIE Lab of an sRGB colour (D65).
fn lab(colour: [u8; 3]) -> [f64; 3] {
    let linear = colour.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let [r, g, b] = linear;
    let xyz = [
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    ];
    let [x, y, z] = xyz.map(|value: f64| if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}
