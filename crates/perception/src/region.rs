//! Defines the region of interest: a square of the frame that is generated at the network's size and composited back.
//! This module also contains the transforms between region and frame.
//!
//! In frame pixels and crop pixels, the centre of the top left pixel is 0.5. A crop coordinate `c` therefore
//! corresponds to the frame coordinate `square.x + c * square.width / size`. A square can extend over the frame's
//! border. Outside the frame, the picture repeats its border and masks are empty.

use media::geometry::{Frame, Rect};
use media::picture::{DepthMap, Mask, Picture};
use serde::{Deserialize, Serialize};

use crate::networks::resample::{Enlarge, Window, mask_window, picture_window};
use crate::pose::{Keypoint, Pose};

/// The square of one frame that is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The square in frame pixels; its width equals its height.
    pub square: Rect<Frame>,
}

impl Region {
    /// The transform to crop pixels when the crop has `size` pixels a side.
    pub fn transform(&self, size: u32) -> CropTransform {
        CropTransform { square: self.square, size }
    }

    /// The jump to the next frame's square, relative to the smaller square: the largest shift of an edge, or the change
    /// of size.
    pub fn jump(&self, next: &Region) -> f32 {
        let (a, b) = (self.square, next.square);
        let moves = [a.x - b.x, a.y - b.y, a.right() - b.right(), a.bottom() - b.bottom()];
        let size_change = a.width.abs_diff(b.width);
        let largest = moves.iter().map(|step| step.unsigned_abs()).fold(size_change, u32::max);
        largest as f32 / a.width.min(b.width).max(1) as f32
    }
}

/// The map between the pixels of a frame and those of a region's crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropTransform {
    square: Rect<Frame>,
    size: u32,
}

impl CropTransform {
    /// Crop pixels for each frame pixel.
    pub fn scale(&self) -> f32 {
        self.size as f32 / self.square.width as f32
    }

    /// Converts a frame coordinate to a crop coordinate.
    pub fn crop_from_frame(&self, x: f32, y: f32) -> (f32, f32) {
        let scale = self.scale();
        ((x - self.square.x as f32) * scale, (y - self.square.y as f32) * scale)
    }

    /// Converts a crop coordinate to a frame coordinate.
    pub fn frame_from_crop(&self, x: f32, y: f32) -> (f32, f32) {
        let scale = self.scale();
        (x / scale + self.square.x as f32, y / scale + self.square.y as f32)
    }
}

/// Cuts `area` out of a picture at `size x size` pixels: area average when shrinking, Catmull-Rom when enlarging.
pub fn crop_picture(picture: &Picture, area: Rect<Frame>, size: u32) -> Picture {
    picture_window(picture, window(area), (size as usize, size as usize))
}

/// Cuts `area` out of a mask at `size x size` pixels, as coverage; outside the frame the mask is empty.
pub fn crop_mask(mask: &Mask, area: Rect<Frame>, size: u32) -> Mask {
    mask_window(mask, window(area), (size as usize, size as usize), Enlarge::Linear)
}

/// Cuts `area` out of a depth map at `size x size` pixels. Each pixel takes the nearest value, because a mean of two
/// depths is meaningless.
pub fn crop_depth(depth: &DepthMap, area: Rect<Frame>, size: u32) -> DepthMap {
    let place = |start: i32, length: u32, index: usize| {
        start + ((index as f64 + 0.5) * f64::from(length) / f64::from(size)).floor() as i32
    };
    DepthMap::from_fn(size as usize, size as usize, |x, y| {
        depth.get_clamped(place(area.x, area.width, x), place(area.y, area.height, y))
    })
}

/// Converts a pose from frame pixels to crop pixels; z is scaled like x and y.
pub fn crop_pose(pose: &Pose, area: Rect<Frame>, size: u32) -> Pose {
    let transform = Region { square: area }.transform(size);
    pose.map(|point| {
        let (x, y) = transform.crop_from_frame(point.x, point.y);
        Keypoint { x, y, z: point.z * transform.scale(), confidence: point.confidence }
    })
}

pub(crate) fn window(area: Rect<Frame>) -> Window {
    Window { x: f64::from(area.x), y: f64::from(area.y), width: f64::from(area.width), height: f64::from(area.height) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn crops_agree_with_hand_counts() {
        let mask = Mask::from_fn(4, 4, |x, y| if x >= 2 && y >= 2 { 200 } else { 0 });
        assert_eq!(crop_mask(&mask, Rect::new(0, 0, 4, 4), 2).cells(), [0, 0, 0, 200]);
        assert_eq!(crop_mask(&mask, Rect::new(2, 2, 4, 4), 2).cells(), [200, 0, 0, 0]);
        assert_eq!(crop_mask(&mask, Rect::new(1, 1, 2, 2), 1).cells(), [50]);
        let picture = Picture::from_fn(2, 2, |x, y| [(100 * x) as u8, (100 * y) as u8, 7]);
        let wide = crop_picture(&picture, Rect::new(-2, 0, 4, 4), 2);
        assert_eq!(wide.cells(), [[0, 50, 7], [50, 50, 7], [0, 100, 7], [50, 100, 7]]);
        let depth = DepthMap::from_fn(2, 2, |x, y| (10 * y + x) as f32);
        assert_eq!(crop_depth(&depth, Rect::new(0, 0, 2, 2), 4).row(1), [0.0, 0.0, 1.0, 1.0]);
        let mut pose = Pose::default();
        pose.body[0] = Keypoint { x: 30.0, y: 20.0, z: -4.0, confidence: 0.9 };
        let cropped = crop_pose(&pose, Rect::new(10, 10, 40, 40), 80);
        assert_eq!(cropped.body[0], Keypoint { x: 40.0, y: 20.0, z: -8.0, confidence: 0.9 });
    }

    #[test]
    fn a_jump_is_the_largest_move_of_an_edge() {
        let region = |x, y, side| Region { square: Rect::new(x, y, side, side) };
        assert_eq!(region(0, 0, 100).jump(&region(5, -3, 100)), 0.05);
        assert_eq!(region(0, 0, 100).jump(&region(-5, -5, 110)), 0.1);
        assert_eq!(region(0, 0, 110).jump(&region(10, 0, 100)), 0.1);
    }

    proptest! {
        #[test]
        fn frame_from_crop_undoes_crop_from_frame(
            x in -3000_i32..3000, y in -3000_i32..3000, side in 1_u32..4000, size in 8_u32..1024,
            u in -1.0_f32..2.0, v in -1.0_f32..2.0,
        ) {
            let transform = Region { square: Rect::new(x, y, side, side) }.transform(size);
            let place = (x as f32 + u * side as f32, y as f32 + v * side as f32);
            let crop = transform.crop_from_frame(place.0, place.1);
            let back = transform.frame_from_crop(crop.0, crop.1);
            prop_assert!((back.0 - place.0).abs() < 0.01 && (back.1 - place.1).abs() < 0.01, "{:?} {:?}", place, back);
            // The square's corners are the crop's.
            let (left, top) = transform.crop_from_frame(x as f32, y as f32);
            let (right, _) = transform.crop_from_frame((x + side as i32) as f32, y as f32);
            prop_assert!(left.abs() < 1e-3 && top.abs() < 1e-3 && (right - size as f32).abs() < 0.01);
        }
    }
}
