//! Provides the segmenter's interface to other modules: it takes frames and returns masks at frame size.

use std::sync::Arc;

use media::picture::{Mask, Picture, Plane};
use media::resize::{Filter, resize_real};

use super::first::{Pointed, Target as Place};
use super::follower::{Follower, Seen};
use super::look::{Look, reduced};
use super::prompt::Target;
use super::proposals::{self, Proposal};
use crate::pose::Pose;

/// A frame, prepared for the segmenter.
#[derive(Debug, Clone)]
pub struct ObjectFrame {
    look: Arc<Look>,
    size: (usize, usize),
}

impl ObjectFrame {
    /// Prepares a frame of `size` (columns, rows). The picture can be the frame itself or the result of
    /// [`working_picture`]. The person's mask can have any size. The pose is in frame pixels.
    ///
    /// # Panics
    /// When the frame is empty.
    pub fn new(picture: &Picture, person: &Mask, pose: Option<&Pose>, size: (usize, usize)) -> Self {
        Self { look: Arc::new(Look::of(picture, person, pose, size)), size }
    }

    /// The regions that a click can mean, the most likely first.
    pub fn proposals(&self, (x, y): (f32, f32)) -> Vec<Proposal> {
        let (width, height) = self.look.size();
        let place = ((x * self.look.scale) as usize, (y * self.look.scale) as usize);
        let place = (place.0.min(width - 1), place.1.min(height - 1));
        proposals::proposals(&self.look, &proposals::hierarchies(&self.look), place)
    }

    fn places(&self, places: &[(f32, f32)]) -> Vec<(f32, f32)> {
        places.iter().map(|(x, y)| (x * self.look.scale, y * self.look.scale)).collect()
    }

    fn mask(&self, seen: &Seen) -> ObjectMask {
        let (width, height) = self.size;
        let coverage: Plane<f32> = match seen.coverage.size() == self.size {
            true => seen.coverage.clone(),
            false => resize_real(&seen.coverage, width, height, Filter::Bilinear),
        };
        let mask = coverage.map(|share| (255.0 * share.clamp(0.0, 1.0)).round() as u8);
        ObjectMask { mask, score: seen.score.clamp(0.0, 1.0) }
    }
}

/// A frame at the size in which objects are followed, to be kept for [`ObjectFrame::new`].
pub fn working_picture(picture: &Picture) -> Picture {
    reduced(picture)
}

/// An object in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectMask {
    /// Coverage at frame size, 255 = object.
    pub mask: Mask,
    /// Confidence of the mask, 0..=1; 0 if the object is not visible.
    pub score: f32,
}

/// Follows one object through a shot. To follow the object backwards, pass the earlier frames to a clone in reverse
/// order.
#[derive(Debug, Clone)]
pub struct ObjectTracker {
    follower: Follower,
}

impl ObjectTracker {
    /// Segments the object at `target`; none if no object can be distinguished from its surroundings. `not` are points
    /// in frame pixels that do not belong to the object.
    pub fn begin(frame: &ObjectFrame, target: Target, not: &[(f32, f32)]) -> Option<(Self, ObjectMask)> {
        let scale = frame.look.scale;
        let target = match target {
            Target::Point { x, y } => Place::Place(x * scale, y * scale),
            Target::Box { x, y, width, height } => {
                Place::Box(x * scale, y * scale, (x + width) * scale, (y + height) * scale)
            }
        };
        let (follower, seen) = Follower::begin(&frame.look, &Pointed { target, not: frame.places(not) })?;
        Some((Self { follower }, frame.mask(&seen)))
    }

    /// Starts from a known mask at frame size; none when the mask is empty.
    pub fn begin_with(frame: &ObjectFrame, mask: &Mask) -> Option<Self> {
        let (width, height) = frame.look.size();
        let coverage = mask.map(|value| f32::from(value) / 255.0);
        let coverage = if coverage.size() == (width, height) {
            coverage
        } else {
            resize_real(&coverage, width, height, Filter::Area)
        };
        Some(Self { follower: Follower::begin_with(&frame.look, coverage)? })
    }

    /// Finds the object in the next frame. `not` are points in frame pixels that do not belong to the object.
    pub fn follow(&mut self, frame: &ObjectFrame, not: &[(f32, f32)]) -> ObjectMask {
        let seen = self.follower.follow(&frame.look, &frame.places(not));
        frame.mask(&seen)
    }
}
