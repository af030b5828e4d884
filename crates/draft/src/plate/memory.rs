//! Remembers inpainted pixels, so that they stay the same over time. Inpainted pixels follow the camera, and only
//! regions that newly come into view are inpainted.

use std::collections::VecDeque;

use media::picture::{Mask, Picture, Plane};

use super::brightness::Brightness;
use super::inpaint::fill;
use super::observation::{Observation, near_distance};
use super::sample::{cubic, linear, rounded};
use super::seam::Layer;
use super::seam::{RING, blend};
use crate::plate::alignment::homography::Homography;

/// Number of plates with much inpainting that are kept.
const MOST_ANCHORS: usize = 4;
/// A plate is kept if this share of the frame was inpainted.
const WORTH: f32 = 0.004;

/// A finished plate.
struct Remembered {
    /// Its frame, with the plate as the picture.
    frame: Observation,
    /// The pixels that some frame really showed.
    seen: Plane<bool>,
}

/// The inpainted pixels of a chain so far.
#[derive(Default)]
pub(super) struct Memory {
    anchors: VecDeque<Remembered>,
    previous: Option<Remembered>,
}

impl Memory {
    /// The previous plate, and the map from this frame to it.
    pub(super) fn before(&self, target: &Observation) -> Option<(&Picture, Homography)> {
        let last = self.previous.as_ref()?;
        Some((&last.frame.picture, last.frame.map_from(&target.pose)?))
    }

    /// Completes the hole of a frame. `layer` holds what its sources show. Where it misses the border by more than
    /// `tolerance`, it is discarded. Returns the plate, and which pixels of it were really visible.
    pub(super) fn complete(&mut self, target: Observation, mut layer: Layer, tolerance: f32) -> (Picture, Plane<bool>) {
        let hidden = |index: usize| target.distance.cells()[index] == 0.0;
        let part = Plane::from_fn(target.size().0, target.size().1, |x, y| target.distance.get(x, y) == 0.0);
        blend(&mut layer, &part, &target.picture, tolerance, |index| !hidden(index));
        let layer = layer.without_slivers(hidden);
        let mut plate = target.picture.clone();
        let mut seen = part.map(|inside| !inside);
        let mut open = part.clone();
        for index in (0..part.cells().len()).filter(|&index| hidden(index) && layer.known.cells()[index]) {
            plate.cells_mut()[index] = rounded(layer.colours.cells()[index]);
            seen.cells_mut()[index] = true;
            open.cells_mut()[index] = false;
        }
        let previous = self.previous.take();
        if open.cells().contains(&true) {
            let still =
                previous.as_ref().filter(|last| last.frame.map_from(&target.pose) == Some(Homography::IDENTITY));
            for past in still.into_iter().chain(&self.anchors).chain(&previous) {
                past.recall(&target, &mut plate, &mut seen, &mut open);
            }
        }
        let missing = open.cells().iter().filter(|&&open| open).count();
        if missing > 0 {
            plate = fill(&plate, &open.map(|open| if open { 255 } else { 0 }));
        }
        let whole = part.cells().len();
        let frame = Observation { picture: plate.clone(), view: target.view.searchable(), ..target };
        if missing as f32 > WORTH * whole as f32 {
            if self.anchors.len() == MOST_ANCHORS {
                self.anchors.pop_front();
            }
            self.anchors.push_back(Remembered { frame: frame.clone(), seen: seen.clone() });
        }
        self.previous = Some(Remembered { frame, seen: seen.clone() });
        (plate, seen)
    }
}

impl Remembered {
    /// Fills the open pixels that this plate contains.
    fn recall(&self, target: &Observation, plate: &mut Picture, seen: &mut Plane<bool>, open: &mut Plane<bool>) {
        let Some(map) = self.frame.map_from(&target.pose) else { return };
        let (width, height) = target.size();
        let brightness = self.brightness(target, &map);
        let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
        let mut layer = Layer::empty((width, height));
        let near = near_distance(open);
        let mut found = Vec::new();
        for index in (0..width * height).filter(|&index| near.cells()[index] <= RING) {
            let (u, v) = map.apply(((index % width) as f64, (index / width) as f64));
            if u < 0.0 || v < 0.0 || u > right || v > bottom {
                continue;
            }
            layer.colours.cells_mut()[index] = brightness.apply(cubic(&self.frame.picture, u, v));
            layer.known.cells_mut()[index] = true;
            if open.cells()[index] {
                found.push((index, self.seen.get((u + 0.5) as usize, (v + 0.5) as usize)));
            }
        }
        blend(&mut layer, open, plate, f32::INFINITY, |index| !open.cells()[index]);
        for (index, was_seen) in found.into_iter().filter(|&(index, _)| layer.known.cells()[index]) {
            plate.cells_mut()[index] = rounded(layer.colours.cells()[index]);
            seen.cells_mut()[index] = was_seen;
            open.cells_mut()[index] = false;
        }
    }

    fn brightness(&self, target: &Observation, map: &Homography) -> Brightness {
        let (width, height) = target.size();
        let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
        let mut pairs = Vec::new();
        for y in (0..height).step_by(6) {
            for x in (0..width).step_by(6) {
                let (u, v) = map.apply((x as f64, y as f64));
                if target.distance.get(x, y) > 1.0 && u >= 0.0 && v >= 0.0 && u <= right && v <= bottom {
                    pairs.push((target.picture.get(x, y).map(f32::from), linear(&self.frame.picture, u, v)));
                }
            }
        }
        Brightness::fit(&pairs)
    }
}

/// 255 where the pixel was really visible.
pub(super) fn mask(seen: &Plane<bool>) -> Mask {
    seen.map(|seen| if seen { 255 } else { 0 })
}
