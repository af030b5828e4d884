//! Makes plates frame by frame in bounded memory.

use std::collections::VecDeque;

use media::picture::{Mask, Picture, Plane};
use media::resize::{Filter, fit_size, resize_picture};

use super::fill_hole::fill_hole;
use super::keyframes::Keyframes;
use super::memory::{Memory, mask};
use super::observation::Observation;
use super::seam::RING;
use super::sources::{sources, tolerance};
use super::view::View;
use super::{PlateConfig, PlateFrame};
use crate::plate::alignment::chain::{Chain, Pose};

/// Makes the plates of a video of any length. Pass every frame twice, in order: first to [`look`](Self::look), which
/// runs ahead by up to [`PlateConfig::look_ahead`] frames, and then to [`plate`](Self::plate), which returns its plate.
///
/// ```
/// use stuntdouble_draft::plate::{PlateConfig, PlateMaker};
/// use media::picture::{Mask, Picture};
/// let frames = vec![(Picture::filled(32, 24, [90; 3]), Mask::filled(32, 24, 0)); 5];
/// let mut maker = PlateMaker::new(PlateConfig::default());
/// let (mut ahead, mut plates) = (frames.iter().enumerate(), Vec::new());
/// for (picture, hole) in &frames {
///     while maker.wants_look() {
///         match ahead.next() {
///             Some((index, (picture, hole))) => maker.look(picture, hole, index == 0),
///             None => maker.end(),
///         }
///     }
///     plates.push(maker.plate(picture, hole));
/// }
/// assert_eq!(plates[4].picture, frames[4].0);
/// ```
pub struct PlateMaker {
    config: PlateConfig,
    chain: Chain,
    keyframes: Keyframes,
    memory: Memory,
    /// Poses of the frames that were looked at and have no plate yet.
    poses: VecDeque<Pose>,
    looked: usize,
    made: usize,
    ended: bool,
    /// The chain of the last plate.
    current: usize,
}

impl PlateMaker {
    /// A maker that has seen no frame yet.
    pub fn new(config: PlateConfig) -> Self {
        Self {
            config,
            chain: Chain::default(),
            keyframes: Keyframes::default(),
            memory: Memory::default(),
            poses: VecDeque::new(),
            looked: 0,
            made: 0,
            ended: false,
            current: 0,
        }
    }

    /// True if [`look`](Self::look) should be called before the next plate, or [`end`](Self::end) if there are no more
    /// frames.
    pub fn wants_look(&self) -> bool {
        !self.ended && self.looked < self.made + self.config.look_ahead.max(1)
    }

    /// Looks at the next frame. The covered pixels of `hole` are filled later.
    ///
    /// # Panics
    /// When the sizes of frame and hole differ.
    pub fn look(&mut self, picture: &Picture, hole: &Mask, starts_shot: bool) {
        assert_eq!(picture.size(), hole.size(), "look: picture {:?}, hole {:?}", picture.size(), hole.size());
        let (picture, hole) = self.held_size(picture, hole);
        let view = View::new(&picture, &hole);
        let pose = self.chain.push(view.clone(), starts_shot);
        self.poses.push_back(pose);
        let frame = Observation::new(self.looked, pose, picture, &hole, view.searchable());
        self.keyframes.push(frame, self.made, self.config.keyframes.max(2));
        self.looked += 1;
    }

    /// Reports that there are no more frames.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The plate of the next frame.
    ///
    /// # Panics
    /// When the sizes of frame and hole differ, or when the frame was not looked at.
    pub fn plate(&mut self, picture: &Picture, hole: &Mask) -> PlateFrame {
        assert_eq!(picture.size(), hole.size(), "plate: picture {:?}, hole {:?}", picture.size(), hole.size());
        let Some(pose) = self.poses.pop_front() else {
            panic!("frame {} needs a plate before it was looked at; {} were", self.made, self.looked);
        };
        if pose.chain != self.current {
            self.memory = Memory::default();
            self.current = pose.chain;
        }
        let index = self.made;
        self.made += 1;
        if hole.cells().iter().all(|&covered| covered == 0) {
            return PlateFrame { picture: picture.clone(), seen: hole.map(|_| 255) };
        }
        let (small, small_hole) = self.held_size(picture, hole);
        let view = View::new(&small, &small_hole);
        let target = Observation::new(index, pose, small, &small_hole, view);
        let frames: Vec<&Observation> = self.keyframes.held().iter().collect();
        let sources = sources(&target, &frames);
        let layer = fill_hole(&target, &sources, self.memory.before(&target), RING);
        let (plate, seen) = self.memory.complete(target, layer, tolerance(&sources));
        at_full_size(picture, hole, &plate, &seen)
    }

    /// The frame at the size at which frames are held.
    fn held_size(&self, picture: &Picture, hole: &Mask) -> (Picture, Mask) {
        let (width, height) = picture.size();
        let side = self.config.held_side.max(16);
        if width.max(height) <= side {
            return (picture.clone(), hole.clone());
        }
        let size = fit_size((width, height), (side, side));
        let small = resize_picture(picture, size.0, size.1, Filter::Area);
        // A held pixel belongs to the hole if any of its pixels does.
        let mut small_hole = Mask::filled(size.0, size.1, 0);
        for y in 0..height {
            for x in (0..width).filter(|&x| hole.get(x, y) > 0) {
                let first = (x * size.0 / width, y * size.1 / height);
                let last = (((x + 1) * size.0).div_ceil(width), ((y + 1) * size.1).div_ceil(height));
                for row in first.1..last.1.min(size.1) {
                    for column in first.0..last.0.min(size.0) {
                        small_hole.set(column, row, 255);
                    }
                }
            }
        }
        (small, small_hole)
    }
}

/// Fills the frame's hole from a plate of the held size.
fn at_full_size(picture: &Picture, hole: &Mask, plate: &Picture, seen: &Plane<bool>) -> PlateFrame {
    if plate.size() == picture.size() {
        return PlateFrame { picture: plate.clone(), seen: mask(seen) };
    }
    let (width, height) = picture.size();
    let large = resize_picture(plate, width, height, Filter::Bicubic);
    let mut result = picture.clone();
    let mut shown = Mask::filled(width, height, 255);
    for y in 0..height {
        for x in (0..width).filter(|&x| hole.get(x, y) > 0) {
            result.set(x, y, large.get(x, y));
            let (column, row) = (x * seen.width() / width, y * seen.height() / height);
            shown.set(x, y, if seen.get(column, row) { 255 } else { 0 });
        }
    }
    PlateFrame { picture: result, seen: shown }
}
