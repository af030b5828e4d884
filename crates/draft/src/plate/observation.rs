//! Holds a frame with all data that are derived from it and its hole.

use media::crop::paste;
use media::picture::{Mask, Picture, Plane};

use super::distance::{bounds, distance_to};
use super::view::View;
use crate::plate::alignment::chain::Pose;
use crate::plate::alignment::homography::{Homography, Place};

/// Distances are measured up to this far from the box of the hole, in pixels.
const FARTHEST: usize = 48;

/// A frame of a shot.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// Its number in the video.
    pub(super) index: usize,
    pub(super) pose: Pose,
    pub(super) picture: Picture,
    /// Distance to the hole in pixels: 0 inside, infinite far away.
    pub(super) distance: Plane<f32>,
    pub(super) view: View,
}

impl Observation {
    pub(super) fn new(index: usize, pose: Pose, picture: Picture, hole: &Mask, view: View) -> Self {
        let distance = near_distance(&hole.map(|covered| covered > 0));
        Self { index, pose, picture, distance, view }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        self.picture.size()
    }

    /// Maps a place in another frame to this frame; none when the two were not aligned.
    pub(super) fn map_from(&self, other: &Pose) -> Option<Homography> {
        if self.pose.chain != other.chain {
            return None;
        }
        Homography::between(&other.scene_from_frame, &self.pose.scene_from_frame)
    }

    /// Distance to the hole of a place in this frame; none in the hole and outside the frame.
    pub(super) fn shows(&self, (x, y): Place) -> Option<f32> {
        let (width, height) = self.size();
        let inside = x >= 0.0 && y >= 0.0 && x <= width as f64 - 1.0 && y <= height as f64 - 1.0;
        if !inside {
            return None;
        }
        let cells = self.distance.cells();
        let (left, top) = (x as usize, y as usize);
        let right = if x > left as f64 { left + 1 } else { left };
        let bottom = if y > top as f64 { top + 1 } else { top };
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
        let least = corners.map(|(x, y)| cells[y * width + x]).into_iter().fold(f32::INFINITY, f32::min);
        (least > 0.0).then_some(least)
    }
}

/// Distance to the hole in a window around it; infinite elsewhere.
pub(super) fn near_distance(hole: &Plane<bool>) -> Plane<f32> {
    let (width, height) = hole.size();
    let mut distance = Plane::filled(width, height, f32::INFINITY);
    if let Some((left, top, right, bottom)) = bounds(hole) {
        let (left, top) = (left.saturating_sub(FARTHEST), top.saturating_sub(FARTHEST));
        let (right, bottom) = ((right + FARTHEST).min(width), (bottom + FARTHEST).min(height));
        let columns = right - left;
        let inside = |index: usize| hole.cells()[(top + index / columns) * width + left + index % columns];
        paste(&mut distance, &distance_to(columns, bottom - top, inside), left as i32, top as i32);
    }
    distance
}
