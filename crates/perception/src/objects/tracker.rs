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

/// A frame as the segmenter takes it.
#[derive(Debug, Clone)]
pub struct ObjectFrame {
    look: Arc<Look>,
    size: (usize, usize),
}

impl ObjectFrame {
    /// Prepares a frame of `size` (columns, rows). The picture may be the frame itself or one from [`working_picture`], the
    /// person's mask may be of any size, the pose is in frame pixels.
    ///
    /// # Panics
    /// When the frame is empty.
    pub fn new(picture: &Picture, person: &Mask, pose: Option<&Pose>, size: (usize, usize)) -> Self {
        Self { look: Arc::new(Look::of(picture, person, pose, size)), size }
    }

    /// What a click may mean, the likeliest first.
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
    /// How sure the mask is, 0..=1; 0 where the object is not seen.
    pub score: f32,
}

/// Follows one object through a shot. A clone that is given the frames before the first one in reverse order follows it backwards.
#[derive(Debug, Clone)]
pub struct ObjectTracker {
    follower: Follower,
}

impl ObjectTracker {
    /// Segments what is pointed at in a frame; none where nothing can be told from its surroundings. `not` are places, in frame
    /// pixels, that are not the object's.
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

    /// Starts from a mask that is known, at frame size; none when it is empty.
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

    /// Finds the object in the next frame. `not` are places, in frame pixels, that are not the object's.
    pub fn follow(&mut self, frame: &ObjectFrame, not: &[(f32, f32)]) -> ObjectMask {
        let seen = self.follower.follow(&frame.look, &frame.places(not));
        frame.mask(&seen)
    }
}
