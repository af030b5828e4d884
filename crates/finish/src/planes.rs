//! Prepares the finisher's input for frames and for the character, as bytes: one plane of `size x size` pixels per
//! channel. Training and inference use the same code.

use draft::drafter::Draft;
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use model::finisher::CHANNELS;
use perception::maps::skeleton::{SkeletonStyle, draw_skeleton};
use perception::maps::structured_depth::{DepthSpread, SkeletonNearness, structured_depth};
use perception::pose::Pose;
use perception::region::{Region, crop_mask, crop_picture, crop_pose};

/// A drafted frame and its intermediate results. Pictures and masks have the frame's size.
#[derive(Debug, Clone, Copy)]
pub struct DraftedFrame<'a> {
    /// The draft.
    pub draft: &'a Draft,
    /// The region removed from the source.
    pub hole: &'a Mask,
    /// The character's pose in this frame.
    pub pose: Option<&'a Pose>,
}

/// The planes of the frames of one clip, [`CHANNELS`]`.count` planes per frame, cropped to the frame's region.
///
/// # Panics
/// When the numbers of regions and frames differ.
pub fn known_planes(frames: &[DraftedFrame<'_>], regions: &[Region], size: u32) -> Vec<Vec<u8>> {
    assert_eq!(frames.len(), regions.len(), "regions of {} frames", frames.len());
    let side = size as usize;
    let style = SkeletonStyle::default();
    let poses: Vec<Pose> = frames
        .iter()
        .zip(regions)
        .map(|(frame, region)| frame.pose.map(|pose| crop_pose(pose, region.square, size)).unwrap_or_default())
        .collect();
    let nearness: Vec<_> = poses.iter().map(|pose| SkeletonNearness::from_joints(pose, side, side, &style)).collect();
    let depths = structured_depth(&nearness, DepthSpread::PerClip);
    let planes = frames.iter().zip(regions).zip(poses.iter().zip(&depths)).map(|((frame, region), (pose, depth))| {
        let square = region.square;
        let mut planes = vec![0; CHANNELS.count * side * side];
        let mut put = |channel: usize, bytes: &mut dyn Iterator<Item = u8>| {
            planes[channel * side * side..][..side * side].iter_mut().zip(bytes).for_each(|(cell, byte)| *cell = byte);
        };
        for (first, picture) in [
            (CHANNELS.draft, crop_picture(&frame.draft.picture, square, size)),
            (CHANNELS.under, crop_picture(&frame.draft.under, square, size)),
            (CHANNELS.skeleton, draw_skeleton(pose, side, side, &style)),
        ] {
            for channel in 0..3 {
                put(first + channel, &mut picture.cells().iter().map(|pixel| pixel[channel]));
            }
        }
        if let Some(warp) = &frame.draft.warp {
            let inside = within(square, warp.area);
            let layer = crop_picture(&warp.spread_colour(), inside, size);
            for channel in 0..3 {
                put(CHANNELS.layer + channel, &mut layer.cells().iter().map(|pixel| pixel[channel]));
            }
            put(CHANNELS.alpha, &mut crop_mask(&warp.alpha, inside, size).cells().iter().copied());
            put(CHANNELS.guess, &mut crop_mask(&warp.guess, inside, size).cells().iter().copied());
        }
        put(CHANNELS.hole, &mut crop_mask(frame.hole, square, size).cells().iter().copied());
        put(CHANNELS.front, &mut crop_mask(&frame.draft.front, square, size).cells().iter().copied());
        put(CHANNELS.depth, &mut depth.cells().iter().map(|depth| (255.0 * depth).round() as u8));
        planes
    });
    planes.collect()
}

/// Converts a square of the frame to the coordinates of an area of the frame.
fn within(square: Rect<Frame>, area: Rect<Frame>) -> Rect<Frame> {
    Rect::new(square.x - area.x, square.y - area.y, square.width, square.height)
}

/// Number of planes for a picture of the character.
pub const CHARACTER_PLANES: usize = 7;
/// Margin around the character, as a share of its longer side.
const MARGIN: f32 = 0.08;

/// The 7 planes of a picture of the character: colour on grey, mask, skeleton map.
pub fn character_planes(picture: &Picture, mask: &Mask, pose: Option<&Pose>, size: u32) -> Vec<u8> {
    let side = size as usize;
    let whole = Rect::of_size(picture.width() as u32, picture.height() as u32);
    let area: Rect<Frame> = perception::mask::bounding_box(mask).unwrap_or(whole);
    let longer = area.width.max(area.height);
    let width = longer + (2.0 * MARGIN * longer as f32) as u32 + 2;
    let (x, y) = (area.x + (area.width as i32 - width as i32) / 2, area.y + (area.height as i32 - width as i32) / 2);
    let square = Rect::new(x, y, width, width);
    let (colour, coverage) = (crop_picture(picture, square, size), crop_mask(mask, square, size));
    let pose = pose.map(|pose| crop_pose(pose, square, size)).unwrap_or_default();
    let skeleton = draw_skeleton(&pose, side, side, &SkeletonStyle::default());
    let over_grey = |channel: usize| {
        colour.cells().iter().zip(coverage.cells()).map(move |(pixel, &alpha)| {
            let (alpha, value) = (u32::from(alpha), u32::from(pixel[channel]));
            ((alpha * value + (255 - alpha) * 128 + 127) / 255) as u8
        })
    };
    let mut planes = Vec::with_capacity(CHARACTER_PLANES * side * side);
    (0..3).for_each(|channel| planes.extend(over_grey(channel)));
    planes.extend_from_slice(coverage.cells());
    (0..3).for_each(|channel| planes.extend(skeleton.cells().iter().map(|pixel| pixel[channel])));
    planes
}
