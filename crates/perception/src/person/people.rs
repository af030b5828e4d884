//! Finds everybody in a still picture, the largest person first. For small people in a wide picture, the search uses
//! increasing magnification.

use media::picture::Picture;

use crate::error::Error;
use crate::networks::blazepose::body::{BODY_SIDE, BodyEstimate, BodyNetwork};
use crate::networks::blazepose::detector::{BODY_MARGIN, Detector};
use crate::perceiver::PersonModels;
use crate::person::candidates::{distance, holds, is_large, other_views, parts, wider};
use crate::person::rotated_roi::{RotatedRoi, bilinear_value};

/// Smallest confidence of a person.
const FOUND: f32 = 0.5;
/// Smallest confidence of a second person. A false one would only cause a false warning.
const FOUND_BESIDE: f32 = 0.8;
/// Two views show one person if their hips are within this share of the larger side.
const SAME: f32 = 0.2;
/// Sides of the tiles in which small people are searched, as shares of the picture's shorter side. Neighbouring tiles
/// overlap by half.
const TILES: [f32; 2] = [0.5, 0.28];
/// A picture this many times as wide as high is always searched in tiles too.
const WIDE: f32 = 1.5;
/// Tiles smaller than this, in pixels, show nobody worth cutting out.
const LEAST_TILE: f32 = 64.0;
/// Largest number of tiles.
const MOST_TILES: usize = 160;

/// The networks that find bodies.
pub struct PeopleFinder {
    detector: Detector,
    body: BodyNetwork,
}

impl PeopleFinder {
    /// Loads the networks.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelMismatched`],
    /// [`Error::ModelFailed`].
    pub fn open(models: &PersonModels) -> Result<Self, Error> {
        Ok(Self { detector: Detector::open(&models.detector)?, body: BodyNetwork::open(&models.landmarks)? })
    }

    /// Finds the bodies in a picture, each once, the largest first.
    ///
    /// # Errors
    /// [`Error::FrameEmpty`], [`Error::ModelFailed`].
    pub fn find(&self, picture: &Picture) -> Result<Vec<BodyEstimate>, Error> {
        let (width, height) = picture.size();
        if width == 0 || height == 0 {
            return Err(Error::FrameEmpty { width, height });
        }
        let whole = RotatedRoi::around_frame(width, height);
        let mut people = self.look(picture, &[whole], |_| true)?;
        let (is_nobody, is_wide) = (people.is_empty(), width as f32 > WIDE * height as f32);
        if is_nobody {
            people = self.look(picture, &wider(&whole), |region| is_large(region, picture.size()))?;
        }
        // People side by side are small compared with the whole picture.
        if is_nobody || is_wide {
            people.extend(self.look(picture, &parts(picture.size()), |_| true)?);
        }
        for share in TILES {
            if people.is_empty() {
                people = self.look(picture, &tiles(picture.size(), share), |_| true)?;
            }
        }
        people.sort_by(|one, other| other.region.side.total_cmp(&one.region.side));
        Ok(distinct(people))
    }

    /// The body in a square around a point, if its mask covers the point. This finds a person whom the detector misses.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn at(&self, picture: &Picture, point: (f32, f32)) -> Result<Option<BodyEstimate>, Error> {
        let whole = RotatedRoi::around_frame(picture.width(), picture.height());
        let mut best: Option<BodyEstimate> = None;
        for share in [0.25, 0.4, 0.6, 0.9] {
            let region = RotatedRoi { centre: point, side: share * whole.side, turn: 0.0 };
            let seen = self.look_twice(picture, &region)?.filter(|seen| covers(seen, point));
            if let Some(seen) = seen.filter(|seen| best.as_ref().is_none_or(|best| seen.flag > best.flag)) {
                best = Some(seen);
            }
        }
        Ok(best)
    }

    /// The bodies that are detected in the squares, if their regions are `wanted`.
    fn look(
        &self,
        picture: &Picture,
        squares: &[RotatedRoi],
        wanted: impl Fn(&RotatedRoi) -> bool,
    ) -> Result<Vec<BodyEstimate>, Error> {
        let mut people: Vec<BodyEstimate> = vec![];
        for square in squares {
            let found = self.detector.detect(picture, square)?;
            for region in found.iter().map(|found| found.region).filter(&wanted) {
                if people.iter().any(|known| is_same(&known.region, &region)) {
                    continue;
                }
                let mut seen = self.look_twice(picture, &region)?;
                for other in other_views(&region, picture.size()) {
                    if seen.is_none() {
                        seen = self.look_twice(picture, &other)?;
                    }
                }
                people.extend(seen);
            }
        }
        Ok(people)
    }

    /// A detector's region is rough. The body network therefore runs once, corrects the region, and runs again.
    fn look_twice(&self, picture: &Picture, region: &RotatedRoi) -> Result<Option<BodyEstimate>, Error> {
        let Some(first) = self.body.estimate(picture, region)?.filter(|seen| seen.flag >= FOUND) else {
            return Ok(None);
        };
        let better = RotatedRoi::from_centre_and_top(first.next[0], first.next[1], BODY_MARGIN);
        if !better.is_usable() {
            return Ok(Some(first));
        }
        let second = self.body.estimate(picture, &better)?;
        Ok(Some(second.filter(|seen| seen.flag >= first.flag.min(FOUND_BESIDE)).unwrap_or(first)))
    }
}

/// True when the point lies on the body.
pub fn covers(seen: &BodyEstimate, place: (f32, f32)) -> bool {
    coverage_at(seen, place) > 0.5
}

/// The probability that the place lies on the body, 0..1.
pub(crate) fn coverage_at(seen: &BodyEstimate, place: (f32, f32)) -> f32 {
    let (x, y) = seen.region.region_from_frame(place);
    let side = BODY_SIDE as f32;
    if holds(&seen.region, place) { bilinear_value(&seen.mask, x * side, y * side) } else { 0.0 }
}

/// Each body once, in the given order. The most certain one always stays; others must have enough confidence.
fn distinct(people: Vec<BodyEstimate>) -> Vec<BodyEstimate> {
    let surest = people.iter().map(|seen| seen.flag).fold(0.0, f32::max);
    let mut kept: Vec<BodyEstimate> = vec![];
    for seen in people {
        let is_sure = seen.flag >= FOUND_BESIDE.min(surest);
        if is_sure && !kept.iter().any(|known| is_same(&known.region, &seen.region)) {
            kept.push(seen);
        }
    }
    kept
}

fn is_same(one: &RotatedRoi, other: &RotatedRoi) -> bool {
    let larger = if one.side > other.side { one } else { other };
    distance(larger, one.centre).max(distance(larger, other.centre)) < SAME
}

/// Upright squares that cover a picture. Neighbours overlap by half.
fn tiles((width, height): (usize, usize), share: f32) -> Vec<RotatedRoi> {
    let (width, height) = (width as f32, height as f32);
    let side = share * width.min(height);
    if side < LEAST_TILE {
        return vec![];
    }
    let count = |length: f32| (2.0 * length / side).ceil().max(2.0) as usize - 1;
    let (columns, rows) = (count(width), count(height));
    let place = |index: usize, count: usize, length: f32| {
        let step = if count > 1 { (length - side) / (count - 1) as f32 } else { 0.0 };
        if count > 1 { side / 2.0 + index as f32 * step } else { length / 2.0 }
    };
    let all = (0..columns * rows).map(|index| RotatedRoi {
        centre: (place(index % columns, columns, width), place(index / columns, rows, height)),
        side,
        turn: 0.0,
    });
    all.take(MOST_TILES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_picture() {
        assert!(tiles((7, 7), 0.5).is_empty());
        for size in [(640, 360), (200, 900), (130, 130)] {
            let tiles = tiles(size, 0.5);
            for place in [(1.0, 1.0), (size.0 as f32 - 1.0, size.1 as f32 - 1.0), (size.0 as f32 / 3.0, 3.0)] {
                assert!(tiles.iter().any(|tile| holds(tile, place)), "{place:?} of {size:?}");
            }
        }
    }

    #[test]
    fn views_of_one_body_are_one() {
        let square = |x: f32, side: f32| RotatedRoi { centre: (x, 0.0), side, turn: 0.0 };
        assert!(is_same(&square(0.0, 100.0), &square(15.0, 60.0)));
        assert!(!is_same(&square(0.0, 100.0), &square(30.0, 100.0)));
        assert!(!is_same(&square(0.0, 10.0), &square(15.0, 10.0)));
    }
}
