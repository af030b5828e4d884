//! Chooses the frames from which a hole is filled, and measures how well each fits the target frame.

use rayon::prelude::*;

use super::brightness::Brightness;
use super::local::{LocalFit, Probe, fit, probes};
use super::observation::Observation;
use super::sample::linear;
use super::seam::WRONG;
use crate::plate::alignment::homography::{Homography, Place};

/// Spacing of the test pixels in the hole.
const CHOICE_SPACING: usize = 5;
/// This many frames that show a pixel are enough, for a still camera and for a moving one.
const ENOUGH: (u32, u32) = (9, 5);
/// Largest number of frames from which a hole is filled.
const MOST: usize = 12;
/// Spacing of the pixels at which exposures are compared.
const EXPOSURE_SPACING: usize = 4;
/// How far from the hole exposures are compared, in pixels.
const EXPOSURE_BAND: f32 = 40.0;
/// After this many frames a frame counts half, for a still camera and for a moving one.
const HALF_LIFE: (f32, f32) = (40.0, 14.0);

/// A frame from which the hole is filled.
pub(super) struct Source<'a> {
    pub(super) frame: &'a Observation,
    /// Maps a place in the target to `frame`.
    map: Homography,
    fit: LocalFit,
    brightness: Brightness,
    /// Its weight, from its distance in time and its sharpness.
    weight: f32,
}

impl Source<'_> {
    /// The place in the source that shows a pixel of the target.
    pub(super) fn place(&self, x: usize, y: usize) -> Place {
        let (u, v) = self.map.apply((x as f64, y as f64));
        let (dx, dy) = self.fit.shift(x, y);
        (u + dx, v + dy)
    }

    /// A colour of the source, converted to the target's exposure.
    pub(super) fn exposed(&self, colour: [f32; 3]) -> [f32; 3] {
        self.brightness.apply(colour)
    }

    /// The weight of the source at a pixel that lies `distance` pixels away from its own hole.
    pub(super) fn weight(&self, x: usize, y: usize, distance: f32) -> f32 {
        let residual = self.fit.residual(x, y);
        let rim = (distance / 6.0).clamp(0.08, 1.0);
        self.weight * rim / (1.0 + (residual / 8.0).powi(2))
    }
}

/// The largest acceptable error at the border of the hole, in levels. If the camera stands still, the sources fit,
/// whatever else moves.
pub(super) fn tolerance(sources: &[Source<'_>]) -> f32 {
    if sources.iter().all(|source| source.map == Homography::IDENTITY) { f32::INFINITY } else { WRONG }
}

/// Chooses frames by their distance in time and by what they show of the hole. Fits them to the target.
pub(super) fn sources<'a>(target: &Observation, frames: &[&'a Observation]) -> Vec<Source<'a>> {
    let chosen = choose(target, frames);
    let probes = probes(target);
    let mut found: Vec<Source<'a>> =
        chosen.into_par_iter().filter_map(|(frame, map)| source(target, &probes, frame, map)).collect();
    let best = found.iter().map(|source| source.fit.middle).fold(f32::INFINITY, f32::min);
    found.retain(|source| source.fit.middle <= 2.0 * best + 8.0);
    found
}

fn choose<'a>(target: &Observation, frames: &[&'a Observation]) -> Vec<(&'a Observation, Homography)> {
    let (width, height) = target.size();
    let mut places: Vec<Place> = Vec::new();
    for y in (0..height).step_by(CHOICE_SPACING) {
        for x in (0..width).step_by(CHOICE_SPACING) {
            if target.distance.get(x, y) == 0.0 {
                places.push((x as f64, y as f64));
            }
        }
    }
    if places.is_empty() {
        // A small hole may lie between the test pixels.
        let hidden = target.distance.cells().iter().position(|&distance| distance == 0.0);
        places.extend(hidden.map(|index| ((index % width) as f64, (index / width) as f64)));
    }
    let mut near: Vec<&Observation> = frames.iter().copied().filter(|frame| frame.index != target.index).collect();
    near.sort_by_key(|frame| (frame.index.abs_diff(target.index), frame.index));
    let mut shown = vec![0_u32; places.len()];
    let mut chosen = Vec::new();
    for frame in near {
        let Some(map) = frame.map_from(&target.pose) else { continue };
        let enough = if map == Homography::IDENTITY { ENOUGH.0 } else { ENOUGH.1 };
        let shows: Vec<usize> =
            (0..places.len()).filter(|&index| frame.shows(map.apply(places[index])).is_some()).collect();
        let needed = shows.iter().filter(|&&index| shown[index] < enough).count();
        let rare = shows.iter().any(|&index| shown[index] == 0);
        if rare || needed * 50 > places.len() {
            shows.iter().for_each(|&index| shown[index] += 1);
            chosen.push((frame, map));
        }
        if chosen.len() == MOST {
            break;
        }
    }
    chosen
}

fn source<'a>(target: &Observation, probes: &[Probe], frame: &'a Observation, map: Homography) -> Option<Source<'a>> {
    let fit = match fit(target, probes, frame, &map) {
        Some(fit) => fit,
        // A small or featureless frame can still show the same view.
        None if map == Homography::IDENTITY => LocalFit::unknown(target.size()),
        None => return None,
    };
    let time = frame.index.abs_diff(target.index) as f32;
    let half_life = if map == Homography::IDENTITY { HALF_LIFE.0 } else { HALF_LIFE.1 };
    let [a, b, c, d] = map.derivative((target.size().0 as f64 / 2.0, target.size().1 as f64 / 2.0));
    let detail = (a * d - b * c).abs().clamp(0.1, 1.0);
    let weight = detail * 1.0 / (1.0 + time / half_life).powi(2);
    let mut source = Source { frame, map, fit, brightness: Brightness::SAME, weight };
    source.brightness = Brightness::fit(&exposure_pairs(target, &source));
    Some(source)
}

/// Pairs of colours near the hole: of the target and of the source.
fn exposure_pairs(target: &Observation, source: &Source<'_>) -> Vec<([f32; 3], [f32; 3])> {
    let (width, height) = target.size();
    let mut pairs = Vec::new();
    for y in (0..height).step_by(EXPOSURE_SPACING) {
        for x in (0..width).step_by(EXPOSURE_SPACING) {
            let distance = target.distance.get(x, y);
            if distance <= 1.0 || distance > EXPOSURE_BAND {
                continue;
            }
            let place = source.place(x, y);
            if source.frame.shows(place).is_some_and(|distance| distance > 1.0) {
                let colour = target.picture.get(x, y).map(f32::from);
                pairs.push((colour, linear(&source.frame.picture, place.0, place.1)));
            }
        }
    }
    pairs
}
