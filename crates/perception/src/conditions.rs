//! Computes the network's input conditions for a frame from the signals of its crop. Inference and training share this
//! code. In training, the block counts of the mask and the scale of the person are random.
//!
//! | condition | symbol | shape | values |
//! |---|---|---|---|
//! | mask | `M_f` | [H, W] | 255 = removed |
//! | environment | `I_e = I * (1 - M_f)` | [H, W, 3] | removed pixels are black (grey is an option) |
//! | skeleton | `I_m` | [H, W, 3] | drawn limbs on black |
//! | depth | structured depth | [H, W] | 0 = no skeleton, else 0.1 (farthest) to 1 |
//! | object | `I_o` | [H, W, 3] | the objects in use, black elsewhere; absent when the clip has no objects |

use media::geometry::{Crop, Rect};
use media::picture::{DepthMap, Mask, Picture, Plane};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::maps::skeleton::{SkeletonStyle, draw_skeleton};
use crate::maps::structured_depth::{DepthSpan, DepthSpread, SkeletonNearness, structured_depth};
use crate::mask::{Blocks, COVERED, MaskConfig, MaskKind, block_mask, bounding_box};
use crate::pose::Pose;
use crate::region::{Region, crop_depth, crop_mask, crop_picture, crop_pose};
use crate::scale_augmentation::{ScaleAugmentation, Scaling, anchors, left_over, union};

/// The fill of removed pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// Byte 0.
    #[default]
    Black,
    /// Byte 128, the middle of the network's range.
    Grey,
}

/// Settings of the conditions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionsConfig {
    /// The formulated mask.
    pub mask: MaskConfig,
    /// The fill of the removed region.
    pub fill: Fill,
    /// Widths of the skeleton's strokes.
    pub skeleton: SkeletonStyle,
    /// The frames over which depth is normalised.
    pub depth_spread: DepthSpread,
    /// Random scale of the person in training.
    pub scale: ScaleAugmentation,
}

/// The signals of one frame in pixels of the region's crop, all of the same square size, a multiple of 8.
#[derive(Debug, Clone, PartialEq)]
pub struct CropSignals {
    /// The frame's pixels.
    pub picture: Picture,
    /// Coverage by the person.
    pub person: Mask,
    /// The pose; without a pose, no skeleton is drawn.
    pub pose: Option<Pose>,
    /// A depth map, larger = nearer, 0 = unknown. Without a depth map, the depth of the joints is drawn.
    pub depth: Option<DepthMap>,
    /// Coverage by each object in use.
    pub objects: Vec<Mask>,
}

/// The signals of one frame in its own pixels, all of the same size.
#[derive(Debug, Clone, Copy)]
pub struct FrameSignals<'a> {
    /// The frame.
    pub picture: &'a Picture,
    /// Coverage by the person.
    pub person: &'a Mask,
    /// The pose.
    pub pose: Option<&'a Pose>,
    /// A depth map, larger = nearer, 0 = unknown.
    pub depth: Option<&'a DepthMap>,
    /// Coverage by each object in use.
    pub objects: &'a [Mask],
}

impl FrameSignals<'_> {
    /// Crops the region to `size x size` pixels, the size of the network.
    pub fn crop(&self, region: Region, size: u32) -> CropSignals {
        let area = region.square;
        CropSignals {
            picture: crop_picture(self.picture, area, size),
            person: crop_mask(self.person, area, size),
            pose: self.pose.map(|pose| crop_pose(pose, area, size)),
            depth: self.depth.map(|depth| crop_depth(depth, area, size)),
            objects: self.objects.iter().map(|object| crop_mask(object, area, size)).collect(),
        }
    }
}

/// The conditions of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// The removed region, 0 or 255.
    pub mask: Mask,
    /// The frame without the removed region.
    pub environment: Picture,
    /// The drawn skeleton.
    pub skeleton: Picture,
    /// Structured depth, 0..=1.
    pub depth: Plane<f32>,
    /// The objects in use. Either every frame of a clip has an object picture, or no frame has one.
    pub object: Option<Picture>,
}

/// A training clip in pixels of one fixed region's crop.
#[derive(Debug, Clone)]
pub struct TrainingClip {
    /// The signals of each frame.
    pub frames: Vec<CropSignals>,
    /// The same frames without person and objects, if known (rendered clips).
    pub plates: Option<Vec<Picture>>,
    /// The part of the crop that lies inside the video frame.
    pub visible: Rect<Crop>,
}

/// The conditions of a training clip, and the target output.
#[derive(Debug, Clone)]
pub struct TrainingConditions {
    /// The conditions of each frame.
    pub conditions: Vec<Conditions>,
    /// The target for each frame.
    pub targets: Vec<Picture>,
    /// 255 where a target still shows the unscaled person, so that a loss can ignore it. Only clips without a plate
    /// have such pixels.
    pub left_over: Vec<Mask>,
    /// The randomly chosen block counts.
    pub blocks: Blocks,
    /// The randomly chosen scale of the person.
    pub scale: f32,
}

/// The nearness of a frame's skeleton before normalisation. [`DepthSpan::of`] over a whole video gives the span that
/// makes depth continuous across clips.
pub fn nearness(signals: &CropSignals, style: &SkeletonStyle) -> SkeletonNearness {
    let (width, height) = signals.picture.size();
    let nobody = Pose::default();
    let pose = signals.pose.as_ref().unwrap_or(&nobody);
    match &signals.depth {
        Some(depth) => SkeletonNearness::from_map(depth, &draw_skeleton(pose, width, height, style)),
        None => SkeletonNearness::from_joints(pose, width, height, style),
    }
}

/// The conditions of the frames of one clip at inference. With `span`, depth is normalised over that span; otherwise
/// over these frames, according to the settings.
pub fn inference_conditions(
    frames: &[CropSignals],
    span: Option<DepthSpan>,
    config: &ConditionsConfig,
) -> Vec<Conditions> {
    let masks = frames.iter().map(|frame| {
        let area = bounding_box(&frame.person).unwrap_or(Rect::new(0, 0, 0, 0));
        config.mask.formulate(&frame.person, config.mask.inference_blocks(area))
    });
    let removed = frames.iter().zip(masks).map(|(frame, mask)| Removed { picture: &frame.picture, mask });
    assemble(frames, removed.collect(), span, config)
}

/// The conditions and targets of one training clip. The block counts and the scale are chosen with `random`.
///
/// # Panics
/// When there are plates, but their number differs from that of the frames.
pub fn training_conditions(
    clip: &TrainingClip,
    config: &ConditionsConfig,
    random: &mut impl Rng,
) -> TrainingConditions {
    let boxes: Vec<Option<Rect<Crop>>> = clip.frames.iter().map(|frame| bounding_box(&frame.person)).collect();
    let known: Vec<Rect<Crop>> = boxes.iter().copied().flatten().collect();
    let blocks = config.mask.training_blocks(&known, random);
    let scale = config.scale.draw(&boxes, clip.visible, clip.plates.is_some(), random);
    if let Some(plates) = &clip.plates {
        assert_eq!(plates.len(), clip.frames.len(), "{} plates for {} frames", plates.len(), clip.frames.len());
    }
    let (mut scaled, mut removed, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for ((index, frame), anchor) in clip.frames.iter().enumerate().zip(anchors(&boxes)) {
        let scaling = Scaling { anchor, scale };
        let plate = clip.plates.as_ref().map(|plates| &plates[index]);
        let new = scale_frame(frame, plate, scaling);
        // Only the unscaled person decides what is removed, so nothing of the scaled one leaks.
        let mut mask = config.mask.formulate(&frame.person, blocks);
        if scale != 1.0 {
            let moved = frame.objects.iter().map(|object| hide_object(object, config));
            mask = union(moved.chain([mask]).collect::<Vec<_>>().iter()).unwrap_or_else(|| frame.person.clone());
        }
        rest.push(match plate {
            Some(_) => Mask::filled(mask.width(), mask.height(), 0),
            None => left_over(&all_of(frame), &all_of(&new)),
        });
        scaled.push(new);
        removed.push(Removed { picture: &frame.picture, mask });
    }
    let conditions = assemble(&scaled, removed, None, config);
    let targets = scaled.into_iter().map(|frame| frame.picture).collect();
    TrainingConditions { conditions, targets, left_over: rest, blocks, scale }
}

/// The old place of an object that moves with its scaled person: in blocks as at inference, not as its outline.
fn hide_object(object: &Mask, config: &ConditionsConfig) -> Mask {
    let area = bounding_box(object).unwrap_or(Rect::new(0, 0, 0, 0));
    match config.mask.kind {
        MaskKind::Precise => config.mask.formulate(object, Blocks { rows: 1, columns: 1 }),
        MaskKind::ShapeAgnostic | MaskKind::BoundingBox => block_mask(object, config.mask.inference_blocks(area)),
    }
}

fn all_of(frame: &CropSignals) -> Mask {
    union(frame.objects.iter().chain([&frame.person])).unwrap_or_else(|| frame.person.clone())
}

fn scale_frame(frame: &CropSignals, plate: Option<&Picture>, scaling: Scaling) -> CropSignals {
    if scaling.scale == 1.0 {
        return frame.clone();
    }
    CropSignals {
        picture: scaling.put_over(plate.unwrap_or(&frame.picture), &frame.picture, &all_of(frame)),
        person: scaling.mask(&frame.person),
        pose: frame.pose.as_ref().map(|pose| scaling.pose(pose)),
        depth: frame.depth.as_ref().map(|depth| scaling.depth(depth)),
        objects: frame.objects.iter().map(|object| scaling.mask(object)).collect(),
    }
}

/// The source picture of the environment, and what is removed from it.
struct Removed<'a> {
    picture: &'a Picture,
    mask: Mask,
}

fn assemble(
    frames: &[CropSignals],
    removed: Vec<Removed<'_>>,
    span: Option<DepthSpan>,
    config: &ConditionsConfig,
) -> Vec<Conditions> {
    let near: Vec<SkeletonNearness> = frames.iter().map(|frame| nearness(frame, &config.skeleton)).collect();
    let depths = match span {
        Some(span) => near.iter().map(|frame| frame.spread(span)).collect(),
        None => structured_depth(&near, config.depth_spread),
    };
    let seen = |object: &Mask| object.cells().iter().any(|&value| value >= COVERED);
    let has_object = frames.iter().flat_map(|frame| &frame.objects).any(seen);
    let parts = frames.iter().zip(removed).zip(depths);
    parts
        .map(|((frame, Removed { picture, mask }), depth)| {
            let (width, height) = frame.picture.size();
            let nobody = Pose::default();
            let pose = frame.pose.as_ref().unwrap_or(&nobody);
            Conditions {
                environment: without(picture, &mask, config.fill),
                skeleton: draw_skeleton(pose, width, height, &config.skeleton),
                object: has_object.then(|| only(&frame.picture, union(&frame.objects))),
                mask,
                depth,
            }
        })
        .collect()
}

/// `I_e = I * (1 - M_f)`, or with a grey fill.
fn without(picture: &Picture, mask: &Mask, fill: Fill) -> Picture {
    assert_eq!(picture.size(), mask.size(), "picture of {:?}, mask of {:?}", picture.size(), mask.size());
    let fill = match fill {
        Fill::Black => [0; 3],
        Fill::Grey => [128; 3],
    };
    let cells = picture.cells().iter().zip(mask.cells()).map(|(&pixel, &mask)| if mask > 0 { fill } else { pixel });
    Picture::from_cells(picture.width(), picture.height(), cells.collect())
}

/// `I_o`: the frame where it is at least half covered by an object, black elsewhere.
fn only(picture: &Picture, objects: Option<Mask>) -> Picture {
    let Some(objects) = objects else {
        return picture.map(|_| [0; 3]);
    };
    let cells = picture.cells().iter().zip(objects.cells()).map(|(&pixel, &of)| if of >= 128 { pixel } else { [0; 3] });
    Picture::from_cells(picture.width(), picture.height(), cells.collect())
}

#[cfg(test)]
mod tests;
