//! Implements the paper's self-supervision (3.1, 3.2): splits a clip with its masks, poses and clean plates into the
//! networks' input and target.
//!
//! | result | source |
//! |---|---|
//! | target | the clip, or the plates with the person and the objects composited at another scale |
//! | environment | the *source* clip; black under the formulated mask of the unscaled person and at the old position of a moved object |
//! | objects | the target at the objects' pixels, black elsewhere |
//! | skeleton, depth | the target's poses |
//! | references | the person cut out of other pictures of the same identity, on random backgrounds |
//!
//! All frames share one square window that contains the whole person before and after scaling. Scale augmentation crops
//! or pads the whole frame about the person's feet and resizes it. The person and objects of the resized frame are then
//! composited over the plate. The block counts of the mask are chosen at random once per clip.
//!
//! Deviations: the shadow does not scale with the person, because the plate has none. Scale augmentation applies to
//! only two of three clips.

use media::geometry::{Crop, Frame, Rect};
use media::picture::{Mask, Picture, Plane};
use perception::maps::skeleton::{SkeletonStyle, draw_skeleton};
use perception::maps::structured_depth::{DepthSpread, SkeletonNearness, structured_depth};
use perception::mask::{COVERED, MaskConfig, bounding_box};
use perception::pose::Pose;
use perception::region::{crop_mask, crop_picture, crop_pose};
use perception::region_path::{RegionConfig, fixed_region, person_box};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A square clip with exact ground truth. All lists have one entry for each frame.
#[derive(Debug, Clone)]
pub struct SourceClip {
    /// The clip.
    pub frames: Vec<Picture>,
    /// The same frames without person and objects.
    pub plates: Vec<Picture>,
    /// Coverage of the person.
    pub person: Vec<Mask>,
    /// Coverage of the objects in use, if there are any.
    pub objects: Option<Vec<Mask>>,
    /// Poses in frame pixels.
    pub poses: Vec<Pose>,
    /// Other pictures of the person, with their coverage.
    pub references: Vec<(Picture, Mask)>,
}

/// Settings of the split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupervisionConfig {
    /// Side of the network's pictures in pixels.
    pub size: usize,
    /// Formulated mask.
    pub mask: MaskConfig,
    /// Smallest and largest factor of the scale augmentation.
    pub scales: [f64; 2],
    /// Share of clips that are scaled.
    pub scaled_share: f64,
    /// Smallest and largest margin of the window around the person, as a share of the person's longer side.
    pub margins: [f64; 2],
    /// Number of reference pictures for a clip.
    pub references: usize,
}

impl Default for SupervisionConfig {
    fn default() -> Self {
        Self {
            size: 128,
            mask: MaskConfig::default(),
            scales: [0.8, 1.25],
            scaled_share: 0.66,
            margins: [0.06, 0.3],
            references: 4,
        }
    }
}

/// A training example. All pictures are `size x size`, and lists have one entry for each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingExample {
    /// The target of the networks.
    pub target: Vec<Picture>,
    /// The source with the removed region masked.
    pub environment: Vec<Picture>,
    /// Objects on black, if the clip has any.
    pub objects: Option<Vec<Picture>>,
    /// Skeleton maps.
    pub skeleton: Vec<Picture>,
    /// Structured depth, 255 = nearest.
    pub depth: Vec<Plane<u8>>,
    /// The loss mask: 255 in the removed region and on the target's person.
    pub loss_mask: Vec<Mask>,
    /// The person on other backgrounds.
    pub references: Vec<Picture>,
}

/// Splits a clip. `backgrounds` are pictures for the background of references. `None` when no frame shows the person.
///
/// # Panics
/// When the frames are not square, or the lists of the clip have different lengths.
pub fn split(
    clip: &SourceClip,
    config: &SupervisionConfig,
    backgrounds: &[Picture],
    random: &mut ChaCha8Rng,
) -> Option<TrainingExample> {
    let count = clip.frames.len();
    let (width, height) = clip.frames.first()?.size();
    assert!(width == height, "a clip of {width}x{height}: it must be square");
    assert!(clip.plates.len() == count && clip.person.len() == count && clip.poses.len() == count, "{count} frames");
    let frame = (width as u32, height as u32);

    // 1. Where the person is, and where it would be at the other scale.
    let boxes = boxes_of(&clip.person, &clip.poses, frame);
    let all = boxes.iter().flatten().fold(Rect::new(0, 0, 0, 0), |all, area| all.union(area));
    if all.is_empty() {
        return None;
    }
    let scaled = random.random_bool(config.scaled_share);
    let scale = random.random_range(config.scales[0]..=config.scales[1]);
    let view = scaled.then(|| scaled_view(scale, all, width));
    let target = view.map_or_else(|| clip.clone(), |view| scaled_clip(clip, view));
    let target_boxes = boxes_of(&target.person, &target.poses, frame);

    // 2. One window for all frames.
    let margin = random.random_range(config.margins[0]..=config.margins[1]) as f32;
    let both: Vec<_> = boxes.into_iter().chain(target_boxes).collect();
    let window = fixed_region(&both, frame, &RegionConfig { margin, ..RegionConfig::default() }).square;
    let size = config.size as u32;
    let pictures = |of: &[Picture]| of.iter().map(|picture| crop_picture(picture, window, size)).collect::<Vec<_>>();
    let masks = |of: &[Mask]| of.iter().map(|mask| crop_mask(mask, window, size)).collect::<Vec<_>>();

    // 3. The formulated mask of the unscaled person, with the block counts of this clip.
    let person = masks(&clip.person);
    let areas: Vec<Rect<Crop>> = person.iter().filter_map(bounding_box).collect();
    let blocks = config.mask.training_blocks(&areas, random);
    let holes: Vec<Mask> = person.iter().map(|mask| config.mask.formulate(mask, blocks)).collect();
    let moved = clip.objects.as_deref().filter(|_| scaled).map(masks);
    let mut environment = pictures(&clip.frames);
    for (index, picture) in environment.iter_mut().enumerate() {
        blacken(picture, &holes[index], 0);
        if let Some(moved) = &moved {
            blacken(picture, &moved[index], 2);
        }
    }

    // 4. The target.
    let target_pictures = pictures(&target.frames);
    let objects = target.objects.as_deref().map(|coverage| {
        let objects = target_pictures.iter().zip(masks(coverage));
        objects.map(|(picture, coverage)| only(picture, &coverage)).collect::<Vec<_>>()
    });
    let objects =
        objects.filter(|pictures| pictures.iter().any(|picture| picture.cells().iter().any(|c| *c != [0; 3])));
    let poses: Vec<Pose> = target.poses.iter().map(|pose| crop_pose(pose, window, size)).collect();
    let style = SkeletonStyle::default();
    let side = config.size;
    let skeleton = poses.iter().map(|pose| draw_skeleton(pose, side, side, &style)).collect();
    let nearness: Vec<_> = poses.iter().map(|pose| SkeletonNearness::from_joints(pose, side, side, &style)).collect();
    let depth = structured_depth(&nearness, DepthSpread::PerClip).iter().map(|plane| plane.map(byte)).collect();
    let loss_mask = holes.iter().zip(masks(&target.person)).map(|(hole, person)| larger(hole, &person)).collect();

    // 5. References.
    let references = (0..config.references)
        .filter_map(|_| {
            let (picture, coverage) = match clip.references.is_empty() || random.random_bool(0.4) {
                true => {
                    let index = random.random_range(0..count);
                    (&clip.frames[index], &clip.person[index])
                }
                false => {
                    let (picture, coverage) = &clip.references[random.random_range(0..clip.references.len())];
                    (picture, coverage)
                }
            };
            reference(picture, coverage, backgrounds, side, random)
        })
        .collect::<Vec<_>>();
    if references.is_empty() {
        return None;
    }
    Some(TrainingExample { target: target_pictures, environment, objects, skeleton, depth, loss_mask, references })
}

fn byte(value: f32) -> u8 {
    (255.0 * value).round() as u8
}

fn boxes_of(person: &[Mask], poses: &[Pose], frame: (u32, u32)) -> Vec<Option<Rect<Frame>>> {
    person.iter().zip(poses).map(|(mask, pose)| person_box(Some(mask), Some(pose), frame)).collect()
}

/// The part of the frame that, displayed at the frame's size, makes everything about `scale` times as large, with the
/// middle of the feet in place.
fn scaled_view(scale: f64, all: Rect<Frame>, width: usize) -> Rect<Frame> {
    let side = (width as f64 / scale).round().max(1.0);
    let left_over = 1.0 - side / width as f64;
    let feet = (f64::from(all.x) + f64::from(all.width) / 2.0, f64::from(all.bottom()));
    let corner = |place: f64| (place * left_over).round() as i32;
    Rect::new(corner(feet.0), corner(feet.1), side as u32, side as u32)
}

/// The clip with person and objects transformed by `view`, over the unchanged plates.
fn scaled_clip(clip: &SourceClip, view: Rect<Frame>) -> SourceClip {
    let size = clip.frames[0].width() as u32;
    let person: Vec<Mask> = clip.person.iter().map(|mask| crop_mask(mask, view, size)).collect();
    let objects: Option<Vec<Mask>> =
        clip.objects.as_ref().map(|masks| masks.iter().map(|mask| crop_mask(mask, view, size)).collect());
    let frames = clip.frames.iter().enumerate().map(|(index, frame)| {
        let seen = crop_picture(frame, view, size);
        let coverage = match &objects {
            Some(objects) => added(&person[index], &objects[index]),
            None => person[index].clone(),
        };
        laid_over(&clip.plates[index], &seen, &coverage)
    });
    SourceClip {
        frames: frames.collect(),
        plates: clip.plates.clone(),
        poses: clip.poses.iter().map(|pose| crop_pose(pose, view, size)).collect(),
        references: vec![],
        person,
        objects,
    }
}

fn combined(one: &Mask, other: &Mask, value: impl Fn(u8, u8) -> u8) -> Mask {
    Mask::from_fn(one.width(), one.height(), |x, y| value(one.get(x, y), other.get(x, y)))
}

fn larger(one: &Mask, other: &Mask) -> Mask {
    combined(one, other, u8::max)
}

fn added(one: &Mask, other: &Mask) -> Mask {
    combined(one, other, u8::saturating_add)
}

/// Composites `over` over `under` by coverage.
fn laid_over(under: &Picture, over: &Picture, coverage: &Mask) -> Picture {
    Picture::from_fn(under.width(), under.height(), |x, y| {
        let share = u32::from(coverage.get(x, y));
        let (under, over) = (under.get(x, y), over.get(x, y));
        [0, 1, 2].map(|c| ((u32::from(under[c]) * (255 - share) + u32::from(over[c]) * share + 127) / 255) as u8)
    })
}

fn only(picture: &Picture, coverage: &Mask) -> Picture {
    laid_over(&Picture::filled(picture.width(), picture.height(), [0; 3]), picture, coverage)
}

/// Sets pixels to black if `mask` covers a pixel at most `reach` pixels away (in a square).
fn blacken(picture: &mut Picture, mask: &Mask, reach: i32) {
    for y in 0..mask.height() as i32 {
        for x in 0..mask.width() as i32 {
            let near =
                (-reach..=reach).any(|dy| (-reach..=reach).any(|dx| mask.get_clamped(x + dx, y + dy) >= COVERED));
            if near {
                picture.set(x as usize, y as usize, [0; 3]);
            }
        }
    }
}

/// The person of `picture` in the middle of a square with a random margin, on a random background.
fn reference(
    picture: &Picture,
    coverage: &Mask,
    backgrounds: &[Picture],
    size: usize,
    random: &mut ChaCha8Rng,
) -> Option<Picture> {
    let area: Rect<Frame> = bounding_box(coverage)?;
    let longer = area.width.max(area.height);
    if (longer as usize) < size / 4 {
        return None;
    }
    let side = (f64::from(longer) * random.random_range(1.04..1.4)).round() as u32;
    let (x, y) = area.centre();
    let square = Rect::new((x - side as f32 / 2.0).round() as i32, (y - side as f32 / 2.0).round() as i32, side, side);
    let behind = match backgrounds.is_empty() || random.random_bool(0.3) {
        true => Picture::filled(size, size, [random.random(), random.random(), random.random()]),
        false => {
            let background = &backgrounds[random.random_range(0..backgrounds.len())];
            let (width, height) = background.size();
            let largest = width.min(height);
            let side = random.random_range((largest / 3).max(1)..=largest);
            let x = random.random_range(0..=width - side);
            let y = random.random_range(0..=height - side);
            crop_picture(background, Rect::new(x as i32, y as i32, side as u32, side as u32), size as u32)
        }
    };
    let (person, coverage) = (crop_picture(picture, square, size as u32), crop_mask(coverage, square, size as u32));
    let result = laid_over(&behind, &person, &coverage);
    // A mirrored person is still the same person.
    let mirrored = random.random_bool(0.5);
    Some(if mirrored { Picture::from_fn(size, size, |x, y| result.get(size - 1 - x, y)) } else { result })
}

#[cfg(test)]
mod tests {
    use perception::pose::{Joint, Keypoint};

    use super::*;
    use crate::trainer::random_of_step;

    const PERSON: [u8; 3] = [200, 30, 30];
    const GROUND: [u8; 3] = [20, 60, 90];

    /// A red person of 32x64 pixels beside a blue object, walking to the right by 4 pixels a frame.
    fn clip() -> SourceClip {
        let inside =
            |x: usize, y: usize, left: usize, width: usize| (left..left + width).contains(&x) && (96..160).contains(&y);
        let lefts = [100, 104, 108];
        let mask = |from: usize, width: usize| {
            lefts
                .map(|left| Mask::from_fn(256, 256, |x, y| if inside(x, y, left + from, width) { 255 } else { 0 }))
                .to_vec()
        };
        let frames = lefts.map(|left| {
            Picture::from_fn(256, 256, |x, y| match (inside(x, y, left, 32), inside(x, y, left + 40, 8)) {
                (true, _) => PERSON,
                (_, true) => [0, 0, 250],
                _ => GROUND,
            })
        });
        let poses = lefts.map(|left| {
            let mut pose = Pose::default();
            let at = |y: f32, z| Keypoint { x: left as f32 + 16.0, y, z, confidence: 1.0 };
            pose.body[Joint::Neck as usize] = at(110.0, 0.0);
            pose.body[Joint::RightHip as usize] = at(135.0, -8.0);
            pose
        });
        SourceClip {
            frames: frames.to_vec(),
            plates: vec![Picture::filled(256, 256, GROUND); 3],
            person: mask(0, 32),
            objects: Some(mask(40, 8)),
            poses: poses.to_vec(),
            references: vec![],
        }
    }

    fn example(seed: u64, scaled_share: f64) -> TrainingExample {
        let config = SupervisionConfig { scaled_share, scales: [1.2, 1.25], ..SupervisionConfig::default() };
        split(&clip(), &config, &[], &mut random_of_step(seed, 0)).unwrap()
    }

    fn reddish(picture: &Picture) -> usize {
        picture.cells().iter().filter(|colour| colour[0] > 120).count()
    }

    #[test]
    fn nothing_of_the_person_is_left_in_the_environment() {
        for seed in 0..12 {
            let example = example(seed, 0.5);
            for (environment, target) in example.environment.iter().zip(&example.target) {
                assert!(environment.cells().iter().all(|colour| colour[0] <= 60), "seed {seed}");
                assert!(reddish(target) > 100);
            }
        }
    }

    #[test]
    fn unscaled_examples_are_the_clip_itself() {
        for seed in 0..6 {
            let example = example(seed, 0.0);
            for index in 0..3 {
                let (environment, target, loss_mask) =
                    (&example.environment[index], &example.target[index], &example.loss_mask[index]);
                for ((environment, target), loss_mask) in
                    environment.cells().iter().zip(target.cells()).zip(loss_mask.cells())
                {
                    assert!(*loss_mask >= COVERED || environment == target);
                }
                let skeleton = example.skeleton[index].cells().iter().zip(example.depth[index].cells());
                let drawn = skeleton.filter(|(colour, depth)| {
                    assert_eq!(**colour == [0; 3], **depth == 0);
                    **depth > 0
                });
                assert!(drawn.count() > 10);
            }
            let objects = example.objects.unwrap();
            assert!(objects[1].cells().iter().any(|colour| colour[2] > 200));
            assert!(objects[1].cells().iter().all(|colour| colour[0] < 60));
        }
    }

    #[test]
    fn a_scaled_person_is_larger_and_the_moved_object_leaves_a_hole() {
        let view = scaled_view(1.25, Rect::new(100, 96, 40, 64), 256);
        let larger = scaled_clip(&clip(), view);
        let area = |masks: &[Mask]| masks[0].cells().iter().filter(|value| **value > 127).count() as f64;
        let ratio = area(&larger.person) / area(&clip().person);
        assert!((ratio - 1.5625).abs() < 0.1, "{ratio}");
        let feet: Rect<Frame> = bounding_box(&larger.person[0]).unwrap();
        assert!((feet.bottom() - 160).abs() <= 1, "{feet:?}");
        let hole = |example: &TrainingExample| {
            example.environment.iter().flat_map(|p| p.cells()).filter(|c| c[2] > 200).count()
        };
        assert_eq!(hole(&example(3, 1.0)), 0);
        assert!(hole(&example(3, 0.0)) > 0 || example(3, 0.0).loss_mask[0].cells().iter().all(|v| *v > 0));
    }

    #[test]
    fn references_hold_the_person_and_nothing_of_its_surroundings() {
        for seed in 0..6 {
            let example = example(seed, 0.5);
            assert_eq!(example.references.len(), 4);
            for picture in &example.references {
                assert!(reddish(picture) > 128 * 128 / 10);
                assert!(picture.get(0, 0) != GROUND);
            }
        }
    }

    #[test]
    fn an_example_is_a_function_of_the_seed() {
        assert_eq!(example(5, 0.5), example(5, 0.5));
        assert_ne!(example(5, 0.5), example(6, 0.5));
        let mut nobody = clip();
        nobody.person.iter_mut().for_each(|mask| mask.cells_mut().fill(0));
        nobody.poses.fill(Pose::default());
        assert!(split(&nobody, &SupervisionConfig::default(), &[], &mut random_of_step(1, 0)).is_none());
    }
}
