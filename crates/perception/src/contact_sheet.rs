//! Draws a contact sheet of a video. For some frames, the sheet shows the source with region and skeleton, the person
//! mask, and the conditions. Look at the sheet before you spend hours on generating.

use media::picture::{Mask, Picture};
use media::sheet::Sheet;

use crate::conditions::Conditions;
use crate::maps::skeleton::{SkeletonStyle, overlay_skeleton};
use crate::mask::COVERED;
use crate::pose::Pose;
use crate::region::Region;

const REGION: [u8; 3] = [255, 220, 0];
const PERSON: [u8; 3] = [255, 0, 160];

/// One row of the sheet.
#[derive(Debug, Clone, Copy)]
pub struct SheetFrame<'a> {
    /// The frame's index, from 0.
    pub index: usize,
    /// The frame.
    pub picture: &'a Picture,
    /// Coverage by the person, at the frame's size.
    pub person: &'a Mask,
    /// The pose in frame pixels.
    pub pose: Option<&'a Pose>,
    /// The region of interest.
    pub region: Region,
    /// The conditions of the frame.
    pub conditions: &'a Conditions,
}

/// The indices of `count` rows spread over `frames` frames, including the first and last.
pub fn spread_rows(frames: usize, count: usize) -> Vec<usize> {
    let count = count.min(frames);
    (0..count).map(|row| if count < 2 { 0 } else { row * (frames - 1) / (count - 1) }).collect()
}

/// Draws the sheet: source with region and skeleton, person mask, skeleton map, structured depth, environment and, if
/// the clip has any, objects.
pub fn contact_sheet(title: &str, frames: &[SheetFrame<'_>]) -> Picture {
    let has_object = frames.iter().any(|frame| frame.conditions.object.is_some());
    let mut sheet = Sheet::new(if has_object { 6 } else { 5 }, 256, 256).titled(title);
    for frame in frames {
        let mut source = match frame.pose {
            Some(pose) => overlay_skeleton(frame.picture, pose, &SkeletonStyle::default()),
            None => frame.picture.clone(),
        };
        outline(&mut source, frame.region);
        sheet.push(&source, format!("frame {}", frame.index));
        sheet.push(&tint(frame.picture, frame.person), "person");
        sheet.push(&frame.conditions.skeleton, "skeleton");
        let depth = frame.conditions.depth.map(|value| [(value.clamp(0.0, 1.0) * 255.0) as u8; 3]);
        sheet.push(&depth, "structured depth");
        sheet.push(&frame.conditions.environment, "environment");
        match &frame.conditions.object {
            Some(object) => sheet.push(object, "object"),
            None if has_object => sheet.skip(),
            None => {}
        }
    }
    sheet.render()
}

/// Tints the covered pixels half with a colour.
fn tint(picture: &Picture, mask: &Mask) -> Picture {
    let cells = picture.cells().iter().zip(mask.cells()).map(|(&pixel, &covered)| {
        if covered < COVERED {
            return pixel;
        }
        std::array::from_fn(|channel| (u16::from(pixel[channel]) + u16::from(PERSON[channel])).div_ceil(2) as u8)
    });
    Picture::from_cells(picture.width(), picture.height(), cells.collect())
}

/// Draws the border of the region where it lies inside the picture.
fn outline(picture: &mut Picture, region: Region) {
    let square = region.square;
    let mut dot = |x: i32, y: i32| {
        if x >= 0 && y >= 0 && (x as usize) < picture.width() && (y as usize) < picture.height() {
            picture.set(x as usize, y as usize, REGION);
        }
    };
    for step in 0..square.width as i32 {
        dot(square.x + step, square.y);
        dot(square.x + step, square.bottom() - 1);
        dot(square.x, square.y + step);
        dot(square.right() - 1, square.y + step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::geometry::Rect;

    #[test]
    fn rows_are_spread_over_the_whole_video() {
        assert_eq!(spread_rows(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread_rows(2, 4), [0, 1]);
        assert_eq!(spread_rows(9, 1), [0]);
        assert!(spread_rows(0, 3).is_empty());
    }

    #[test]
    fn a_region_over_the_border_is_outlined_inside() {
        let mut picture = Picture::filled(6, 6, [0; 3]);
        outline(&mut picture, Region { square: Rect::new(-2, 1, 5, 5) });
        let marked = picture.cells().iter().filter(|&&pixel| pixel == REGION).count();
        // Two lines of 3 pixels (columns 0 to 2) and one column of 3 between them.
        assert_eq!(marked, 3 + 3 + 3);
        let mask = Mask::from_cells(2, 1, vec![255, 0]);
        assert_eq!(tint(&Picture::filled(2, 1, [101, 0, 0]), &mask).cells(), [[178, 0, 80], [101, 0, 0]]);
    }
}
