//! Follows one person through a video: the region of the next frame comes from the body network itself, and the
//! detector is asked only at the start, at the time for which a person was chosen, and after a loss.

use std::f32::consts::TAU;

use media::geometry::Pts;
use media::picture::Picture;

use crate::blazepose::body::{BodyEstimate, BodyNetwork};
use crate::blazepose::detector::{BODY_MARGIN, Detection, Detector};
use crate::error::Error;
use crate::one_euro::{PointSmoother, Smoothing};
use crate::pose::Keypoint;
use crate::turned_square::TurnedSquare;

/// A new person must be at least this sure.
const FOUND: f32 = 0.5;
/// A person that is followed is lost below this.
const KEPT: f32 = 0.35;
/// For so long after a loss only persons near the last place count, in microseconds.
const PATIENCE: i64 = 700_000;
/// The same when the user chose the person.
const PATIENCE_CHOSEN: i64 = 3_000_000;
/// Detections that are looked at by the body network before giving up.
const TRIES: usize = 3;
/// A followed person is compared with the detector's view this often, in frames.
const CHECKED_EVERY: usize = 15;
/// So many first frames, and every frame less sure than `DOUBTFUL`, are compared too.
const YOUNG: usize = 5;
const DOUBTFUL: f32 = 0.8;
/// Views that differ by more in size (ratio) or turn (radians) disagree.
const SIZE_RATIO: f32 = 1.5;
const TURN: f32 = 0.5;
/// Smoothing of the region: calmer than that of the points.
const REGION_SMOOTHING: Smoothing = Smoothing { minimum_cutoff: 0.5, speed_coefficient: 40.0, derivative_cutoff: 2.0 };

/// The person that the user means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonChoice {
    /// Column in frame pixels.
    pub x: f32,
    /// Row in frame pixels.
    pub y: f32,
    /// The time at which the person is there; before it the usual choice holds.
    pub at: Pts,
}

/// What was found in one frame.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The followed person, when seen.
    pub estimate: Option<BodyEstimate>,
    /// True when the person is not a continuation of the frame before.
    pub is_new: bool,
    /// Persons the detector saw; `None` when it was not asked.
    pub detections: Option<usize>,
    /// True when the user's point lay on nobody at its time.
    pub missed_choice: bool,
}

/// The state of following.
pub struct Tracker {
    detector: Detector,
    body: BodyNetwork,
    choice: Option<PersonChoice>,
    choice_done: bool,
    next: Option<TurnedSquare>,
    last: Option<(TurnedSquare, Pts)>,
    smoother: PointSmoother,
    age: usize,
}

impl Tracker {
    /// A tracker that has seen nothing yet.
    pub fn new(detector: Detector, body: BodyNetwork, choice: Option<PersonChoice>) -> Self {
        let smoother = PointSmoother::default();
        Self { detector, body, choice, choice_done: false, next: None, last: None, smoother, age: 0 }
    }

    /// Forgets the person's place, for example at a cut.
    pub fn forget(&mut self) {
        self.next = None;
        self.last = None;
        self.smoother.reset();
    }

    /// Looks at the next frame.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn follow(&mut self, picture: &Picture, at: Pts) -> Result<Sighting, Error> {
        let due = self.choice.filter(|choice| !self.choice_done && at >= choice.at);
        if due.is_some() {
            self.choice_done = true;
            self.forget();
        }
        if let Some(region) = self.next.take() {
            let estimate = self.body.estimate(picture, &region)?.filter(|estimate| estimate.flag >= KEPT);
            if let Some(mut estimate) = estimate {
                let (detections, better) = self.compare(picture, &estimate)?;
                let is_new = better.is_some();
                if let Some(better) = better {
                    estimate = better;
                    self.smoother.reset();
                    self.age = 0;
                }
                if self.plan(&estimate, at) {
                    self.age += 1;
                    let estimate = Some(estimate);
                    return Ok(Sighting { estimate, is_new, detections, missed_choice: false });
                }
            }
        }
        self.smoother.reset();
        self.age = 0;
        let (detections, missed_choice) = match due {
            Some(choice) => self.at_point(picture, (choice.x, choice.y))?,
            None => (self.best_first(picture, at)?, false),
        };
        for detection in detections.iter().take(TRIES) {
            if let Some(estimate) = self.look_twice(picture, &detection.region)?
                && self.plan(&estimate, at)
            {
                let (estimate, detections) = (Some(estimate), Some(detections.len()));
                return Ok(Sighting { estimate, is_new: true, detections, missed_choice });
            }
        }
        Ok(Sighting { estimate: None, is_new: false, detections: Some(detections.len()), missed_choice })
    }

    /// Now and then, and when in doubt, asks the detector; where its view of the same person differs and convinces the
    /// body network more, that view is returned: the region had drifted.
    fn compare(
        &self,
        picture: &Picture,
        followed: &BodyEstimate,
    ) -> Result<(Option<usize>, Option<BodyEstimate>), Error> {
        let due = self.age < YOUNG || self.age.is_multiple_of(CHECKED_EVERY) || followed.flag < DOUBTFUL;
        if !due {
            return Ok((None, None));
        }
        let region = region_after(followed);
        let whole = TurnedSquare::around_frame(picture.width(), picture.height());
        let found = self.detector.detect(picture, &whole)?;
        let same = found.iter().filter(|detection| is_near(&detection.region, &region));
        let nearest = same.min_by(|one, other| {
            distance(&one.region, region.centre).total_cmp(&distance(&other.region, region.centre))
        });
        let Some(other) = nearest.filter(|other| disagrees(&other.region, &region)) else {
            return Ok((Some(found.len()), None));
        };
        let seen = self.look_twice(picture, &other.region)?;
        Ok((Some(found.len()), seen.filter(|seen| seen.flag > followed.flag + 0.02)))
    }

    /// A detector's region is rough: the body network looks, says where the body is, and looks again.
    fn look_twice(&self, picture: &Picture, region: &TurnedSquare) -> Result<Option<BodyEstimate>, Error> {
        let Some(first) = self.body.estimate(picture, region)?.filter(|estimate| estimate.flag >= FOUND) else {
            return Ok(None);
        };
        let better = region_after(&first);
        if !better.is_usable() {
            return Ok(Some(first));
        }
        let second = self.body.estimate(picture, &better)?;
        Ok(Some(second.filter(|second| second.flag >= FOUND).unwrap_or(first)))
    }

    /// Remembers where to look next; false when the answer cannot be used.
    fn plan(&mut self, estimate: &BodyEstimate, at: Pts) -> bool {
        let mut points = estimate.next.map(|(x, y)| Keypoint { x, y, ..Keypoint::default() });
        self.smoother.smooth(&mut points, at, estimate.region.side, &REGION_SMOOTHING);
        let [hips, top] = points.map(|point| (point.x, point.y));
        let region = TurnedSquare::from_centre_and_top(hips, top, BODY_MARGIN);
        if !region.is_usable() {
            return false;
        }
        self.next = Some(region);
        self.last = Some((region, at));
        true
    }

    /// Detections in the order in which they are tried.
    fn best_first(&self, picture: &Picture, at: Pts) -> Result<Vec<Detection>, Error> {
        let mut detections = self.detect(picture)?;
        let patience = if self.choice_done { PATIENCE_CHOSEN } else { PATIENCE };
        match self.last.filter(|(_, seen)| at.0 - seen.0 <= patience) {
            Some((last, _)) => {
                detections.retain(|detection| is_near(&detection.region, &last));
                sort_by_key(&mut detections, |detection| distance(&detection.region, last.centre));
            }
            None => sort_by_key(&mut detections, |detection| -prominence(detection, picture.size())),
        }
        Ok(detections)
    }

    /// Persons at the user's point; the usual choice and `true` when there is none.
    fn at_point(&self, picture: &Picture, point: (f32, f32)) -> Result<(Vec<Detection>, bool), Error> {
        let frame = TurnedSquare::around_frame(picture.width(), picture.height());
        for share in [1.0, 0.6, 0.35] {
            let centre = if share == 1.0 { frame.centre } else { point };
            let part = TurnedSquare { centre, side: frame.side * share, turn: 0.0 };
            let mut found = self.detector.detect(picture, &part)?;
            found.retain(|detection| holds(&detection.region, point));
            if !found.is_empty() {
                sort_by_key(&mut found, |detection| distance(&detection.region, point));
                return Ok((found, false));
            }
        }
        let mut found = self.detect(picture)?;
        sort_by_key(&mut found, |detection| -prominence(detection, picture.size()));
        Ok((found, true))
    }

    /// All persons of a frame; small ones are looked for in parts of it when the whole shows nobody.
    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, Error> {
        let whole = TurnedSquare::around_frame(picture.width(), picture.height());
        let mut found = self.detector.detect(picture, &whole)?;
        if found.is_empty() {
            for part in parts(picture.size()) {
                found.extend(self.detector.detect(picture, &part)?);
            }
        }
        Ok(found)
    }
}

/// The region of the next frame as the network says it, not smoothed.
fn region_after(estimate: &BodyEstimate) -> TurnedSquare {
    TurnedSquare::from_centre_and_top(estimate.next[0], estimate.next[1], BODY_MARGIN)
}

/// Three squares along a wide or tall frame; four corners and the middle of a squarish one.
fn parts((width, height): (usize, usize)) -> Vec<TurnedSquare> {
    let (width, height) = (width as f32, height as f32);
    let (long, short) = (width.max(height), width.min(height));
    if long > 1.3 * short {
        let centres = [short / 2.0, long / 2.0, long - short / 2.0];
        let place = |along: f32| if width > height { (along, height / 2.0) } else { (width / 2.0, along) };
        return centres.map(|along| TurnedSquare { centre: place(along), side: short, turn: 0.0 }).to_vec();
    }
    let side = 0.6 * long;
    let (x, y) = (width / 2.0, height / 2.0);
    let (dx, dy) = (x - side / 2.0, y - side / 2.0);
    [(x, y), (x - dx, y - dy), (x + dx, y - dy), (x - dx, y + dy), (x + dx, y + dy)]
        .map(|centre| TurnedSquare { centre, side, turn: 0.0 })
        .to_vec()
}

fn sort_by_key(detections: &mut [Detection], key: impl Fn(&Detection) -> f32) {
    detections.sort_by(|one, other| key(one).total_cmp(&key(other)));
}

/// Large and central persons first: side times score, less up to a half towards the border.
fn prominence(detection: &Detection, (width, height): (usize, usize)) -> f32 {
    let (x, y) = detection.region.centre;
    let off = (2.0 * x / width as f32 - 1.0).abs().max((2.0 * y / height as f32 - 1.0).abs());
    detection.region.side * detection.score * (1.0 - 0.5 * off.clamp(0.0, 1.0))
}

/// Distance of a place from the region's centre in sides.
fn distance(region: &TurnedSquare, place: (f32, f32)) -> f32 {
    (region.centre.0 - place.0).hypot(region.centre.1 - place.1) / region.side
}

fn holds(region: &TurnedSquare, place: (f32, f32)) -> bool {
    let (x, y) = region.region_from_frame(place);
    (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)
}

/// True when the person of `last` may have become `found`.
fn is_near(found: &TurnedSquare, last: &TurnedSquare) -> bool {
    let ratio = found.side / last.side;
    distance(last, found.centre) < 0.6 && (0.4..2.5).contains(&ratio)
}

/// True when two views of one person differ so much that one of them is wrong.
fn disagrees(one: &TurnedSquare, other: &TurnedSquare) -> bool {
    let ratio = (one.side / other.side).max(other.side / one.side);
    let turn = (one.turn - other.turn).rem_euclid(TAU);
    ratio > SIZE_RATIO || turn.min(TAU - turn) > TURN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32, y: f32, side: f32) -> TurnedSquare {
        TurnedSquare { centre: (x, y), side, turn: 0.0 }
    }

    #[test]
    fn the_large_and_central_person_comes_first() {
        let detection = |x, y, side| Detection { score: 0.9, region: square(x, y, side) };
        let prominence = |one: Detection| prominence(&one, (640, 360));
        assert!(prominence(detection(320.0, 180.0, 200.0)) > prominence(detection(320.0, 180.0, 150.0)));
        assert!(prominence(detection(320.0, 180.0, 200.0)) > prominence(detection(20.0, 180.0, 200.0)));
        assert!(prominence(detection(20.0, 180.0, 450.0)) > prominence(detection(320.0, 180.0, 200.0)));
    }

    #[test]
    fn parts_lie_inside_and_cover_the_frame() {
        for (width, height) in [(640, 360), (360, 640), (512, 512)] {
            let parts = parts((width, height));
            for part in &parts {
                for (x, y) in part.corners() {
                    assert!((-1e-3..=width as f32 + 1e-3).contains(&x) && (-1e-3..=height as f32 + 1e-3).contains(&y));
                }
            }
            for place in
                [(1.0, 1.0), (width as f32 - 1.0, height as f32 - 1.0), (width as f32 / 2.0, height as f32 / 2.0)]
            {
                assert!(parts.iter().any(|part| holds(part, place)), "{place:?} of {width}x{height}");
            }
        }
    }

    #[test]
    fn a_turn_counts_the_short_way_round() {
        let one = TurnedSquare { turn: 3.1, ..square(0.0, 0.0, 10.0) };
        assert!(!disagrees(&one, &TurnedSquare { turn: -3.1, ..one }));
        assert!(disagrees(&one, &TurnedSquare { turn: 2.5, ..one }));
        assert!(disagrees(&one, &TurnedSquare { side: 16.0, ..one }));
        assert!(!disagrees(&one, &TurnedSquare { side: 14.0, ..one }));
    }

    #[test]
    fn only_a_similar_place_and_size_is_the_same_person() {
        let last = square(100.0, 100.0, 80.0);
        assert!(is_near(&square(130.0, 100.0, 90.0), &last));
        assert!(!is_near(&square(160.0, 100.0, 90.0), &last));
        assert!(!is_near(&square(100.0, 100.0, 300.0), &last));
    }
}
