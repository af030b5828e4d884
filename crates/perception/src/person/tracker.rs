//! Follows one person through a video. The body network itself predicts the region for the next frame. The detector
//! runs at the start, at the time of a chosen point, after a loss, and for occasional checks.

mod sight;

use media::geometry::Pts;
use media::picture::Picture;

use sight::{covers, leapt, region_after, shows_torso_of};

use crate::error::Error;
use crate::networks::blazepose::body::{BodyEstimate, BodyNetwork};
use crate::networks::blazepose::detector::{BODY_MARGIN, Detection, Detector};
use crate::objects::prompt::Moment;
use crate::person::candidates::{
    disagrees, distance, holds, is_large, is_near, other_views, parts, prominence, sort_by_key, wider,
};
use crate::person::one_euro::{PointSmoother, Smoothing};
use crate::person::rotated_roi::RotatedRoi;
use crate::pose::Keypoint;

/// Smallest confidence of a new person.
const FOUND: f32 = 0.5;
/// Below this confidence, a followed person is lost.
const KEPT: f32 = 0.35;
/// For this long after a loss, only persons near the last place count, in microseconds.
const PATIENCE: i64 = 700_000;
/// The same if the user chose the person.
const PATIENCE_CHOSEN: i64 = 3_000_000;
/// Number of detections that the body network checks before giving up.
const TRIES: usize = 3;
/// A followed person is compared with the detector's view once in this many frames.
const CHECKED_EVERY: usize = 15;
/// This many first frames are compared too, and every frame with less confidence than `DOUBTFUL`.
const YOUNG: usize = 5;
const DOUBTFUL: f32 = 0.8;
/// Enlargement of the last region when searching for a lost person.
const ROOM: f32 = 1.15;
/// Sides of the squares in which a person at the user's point is searched without the detector, in frame sides.
const BLIND_SIDES: [f32; 4] = [0.25, 0.4, 0.6, 0.9];
/// Smoothing of the region, which is stronger than that of the points.
const REGION_SMOOTHING: Smoothing = Smoothing { minimum_cutoff: 0.5, speed_coefficient: 40.0, derivative_cutoff: 2.0 };

/// The person whom the user chose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonChoice {
    /// Column in frame pixels.
    pub x: f32,
    /// Row in frame pixels.
    pub y: f32,
    /// The moment at which the person is at this point. Before this moment, the default choice applies.
    pub at: Moment,
}

/// The result for one frame.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The followed person, if visible.
    pub estimate: Option<BodyEstimate>,
    /// True when this person is not the person of the previous frame.
    pub is_new: bool,
    /// Number of persons that the detector found; `None` when it did not run.
    pub detections: Option<usize>,
    /// True when nobody was at the user's point at its time.
    pub missed_choice: bool,
}

/// The state of a tracker.
pub struct Tracker {
    detector: Detector,
    body: BodyNetwork,
    choice: Option<PersonChoice>,
    choice_done: bool,
    /// The time of the first frame, and how many frames there were.
    first: Option<Pts>,
    frames: usize,
    next: Option<RotatedRoi>,
    last: Option<(RotatedRoi, Pts)>,
    smoother: PointSmoother,
    age: usize,
}

impl Tracker {
    /// A tracker that has seen no frame.
    pub fn new(detector: Detector, body: BodyNetwork, choice: Option<PersonChoice>) -> Self {
        let smoother = PointSmoother::default();
        let (choice_done, first, frames) = (false, None, 0);
        Self { detector, body, choice, choice_done, first, frames, next: None, last: None, smoother, age: 0 }
    }

    /// Forgets the person's position, for example at a scene cut.
    pub fn forget(&mut self) {
        self.next = None;
        self.last = None;
        self.smoother.reset();
    }

    /// Processes the next frame.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn follow(&mut self, picture: &Picture, at: Pts) -> Result<Sighting, Error> {
        let first = *self.first.get_or_insert(at);
        let is_due = |choice: &PersonChoice| choice.at.has_come(self.frames, Pts(at.0 - first.0));
        let due = self.choice.filter(|choice| !self.choice_done && is_due(choice));
        self.frames += 1;
        if due.is_some() {
            self.choice_done = true;
            self.forget();
        }
        if let Some(region) = self.next.take() {
            let kept = |estimate: &BodyEstimate| estimate.flag >= KEPT && !leapt(estimate);
            let estimate = self.body.estimate(picture, &region)?.filter(kept);
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
        let mut missed_choice = false;
        if let Some(choice) = due {
            let chosen = self.at_point(picture, (choice.x, choice.y))?;
            missed_choice = chosen.is_none();
            if let Some(estimate) = chosen
                && self.plan(&estimate, at)
            {
                return Ok(Sighting { estimate: Some(estimate), is_new: true, detections: None, missed_choice });
            }
        }
        let detections = self.best_first(picture, at)?;
        let regions: Vec<_> = detections.iter().take(TRIES).map(|detection| detection.region).collect();
        let mut seen = self.first_seen(picture, &regions)?;
        if seen.is_none() {
            seen = self.near_last(picture, at)?;
        }
        if seen.is_none() {
            let others: Vec<_> = regions.iter().flat_map(|region| other_views(region, picture.size())).collect();
            seen = self.first_seen(picture, &others)?;
        }
        let estimate = seen.filter(|seen| self.plan(seen, at));
        let (is_new, detections) = (estimate.is_some(), Some(detections.len()));
        Ok(Sighting { estimate, is_new, detections, missed_choice })
    }

    /// Now and then, and when in doubt, runs the detector. If its view of the same person differs and the body network
    /// has more confidence in it, returns that view: the region had drifted.
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
        let whole = RotatedRoi::around_frame(picture.width(), picture.height());
        let found = self.detector.detect(picture, &whole)?;
        let same = found.iter().filter(|detection| is_near(&detection.region, &region));
        let nearest = same.min_by(|one, other| {
            distance(&one.region, region.centre).total_cmp(&distance(&other.region, region.centre))
        });
        let Some(other) = nearest.filter(|other| disagrees(&other.region, &region)) else {
            return Ok((Some(found.len()), None));
        };
        let seen = self.look_twice(picture, &other.region)?;
        let better = seen.filter(|seen| seen.flag > followed.flag + 0.02 && shows_torso_of(seen, followed));
        Ok((Some(found.len()), better))
    }

    /// A detector's region is rough. The body network therefore runs once, corrects the region, and runs again.
    fn look_twice(&self, picture: &Picture, region: &RotatedRoi) -> Result<Option<BodyEstimate>, Error> {
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

    /// The body in the first region that contains one.
    fn first_seen(&self, picture: &Picture, regions: &[RotatedRoi]) -> Result<Option<BodyEstimate>, Error> {
        for region in regions {
            if let Some(seen) = self.look_twice(picture, region)? {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    /// Stores the next region; false when the result cannot be used.
    fn plan(&mut self, estimate: &BodyEstimate, at: Pts) -> bool {
        let mut points = estimate.next.map(|(x, y)| Keypoint { x, y, ..Keypoint::default() });
        self.smoother.smooth(&mut points, at, estimate.region.side, &REGION_SMOOTHING);
        let [hips, top] = points.map(|point| (point.x, point.y));
        let region = RotatedRoi::from_centre_and_top(hips, top, BODY_MARGIN);
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
        match self.recent(at) {
            Some(last) => {
                detections.retain(|detection| is_near(&detection.region, &last));
                sort_by_key(&mut detections, |detection| distance(&detection.region, last.centre));
            }
            None => sort_by_key(&mut detections, |detection| -prominence(detection, picture.size())),
        }
        Ok(detections)
    }

    /// The last region of the person, while it is still valid.
    fn recent(&self, at: Pts) -> Option<RotatedRoi> {
        let patience = if self.choice_done { PATIENCE_CHOSEN } else { PATIENCE };
        self.last.filter(|(_, seen)| at.0 - seen.0 <= patience).map(|(region, _)| region)
    }

    /// Searches where the person was last, upright and with a margin, for a person whom the detector misses.
    fn near_last(&self, picture: &Picture, at: Pts) -> Result<Option<BodyEstimate>, Error> {
        let Some(last) = self.recent(at) else { return Ok(None) };
        let upright = RotatedRoi { turn: 0.0, side: ROOM * last.side, ..last };
        let seen = self.look_twice(picture, &upright)?;
        Ok(seen.filter(|seen| is_near(&region_after(seen), &last) && covers(seen, last.centre)))
    }

    /// The person whose mask covers the user's point. The detector finds the person, or else the body network does in a
    /// square around the point, because the detector misses persons who are seen from behind, bent or half hidden.
    fn at_point(&self, picture: &Picture, point: (f32, f32)) -> Result<Option<BodyEstimate>, Error> {
        let frame = RotatedRoi::around_frame(picture.width(), picture.height());
        for share in [1.0, 0.6, 0.35] {
            let centre = if share == 1.0 { frame.centre } else { point };
            let part = RotatedRoi { centre, side: frame.side * share, turn: 0.0 };
            let mut found = self.detector.detect(picture, &part)?;
            found.retain(|detection| holds(&detection.region, point));
            sort_by_key(&mut found, |detection| distance(&detection.region, point));
            for detection in found.iter().take(TRIES) {
                let seen = self.look_twice(picture, &detection.region)?;
                if let Some(seen) = seen.filter(|seen| covers(seen, point)) {
                    return Ok(Some(seen));
                }
            }
        }
        let mut best: Option<BodyEstimate> = None;
        for share in BLIND_SIDES {
            let region = RotatedRoi { centre: point, side: share * frame.side, turn: 0.0 };
            let seen = self.look_twice(picture, &region)?.filter(|seen| covers(seen, point));
            let is_better = |seen: &BodyEstimate| best.as_ref().is_none_or(|best| seen.flag > best.flag);
            if let Some(seen) = seen.filter(is_better) {
                best = Some(seen);
            }
        }
        Ok(best)
    }

    /// All persons of a frame. If the whole frame shows nobody, searches for large ones that the border cuts, with a
    /// margin around the frame, and for small ones in parts of it.
    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, Error> {
        let whole = RotatedRoi::around_frame(picture.width(), picture.height());
        let mut found = self.detector.detect(picture, &whole)?;
        if found.is_empty() {
            for square in wider(&whole) {
                found.extend(self.detector.detect(picture, &square)?);
            }
            found.retain(|detection| is_large(&detection.region, picture.size()));
            for part in parts(picture.size()) {
                found.extend(self.detector.detect(picture, &part)?);
            }
        }
        Ok(found)
    }
}
