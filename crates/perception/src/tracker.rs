//! Follows one person through a video: the region of the next frame comes from the body network itself, and the
//! detector is asked only at the start, at the time for which a person was chosen, and after a loss.

mod sight;

use media::geometry::Pts;
use media::picture::Picture;

use crate::blazepose::body::{BodyEstimate, BodyNetwork};
use crate::blazepose::detector::{BODY_MARGIN, Detection, Detector};
use crate::candidates::{
    disagrees, distance, holds, is_large, is_near, other_views, parts, prominence, sort_by_key, wider,
};
use crate::error::Error;
use crate::objects::prompt::Moment;
use crate::one_euro::{PointSmoother, Smoothing};
use crate::pose::Keypoint;
use crate::turned_square::TurnedSquare;
use sight::{covers, leapt, region_after, shows_torso_of};

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
/// How much larger than the last region the one is in which a lost person is looked for.
const ROOM: f32 = 1.15;
/// Sides of the squares in which a person at the user's point is looked for without the detector, in frame sides.
const BLIND_SIDES: [f32; 4] = [0.25, 0.4, 0.6, 0.9];
/// Smoothing of the region: calmer than that of the points.
const REGION_SMOOTHING: Smoothing = Smoothing { minimum_cutoff: 0.5, speed_coefficient: 40.0, derivative_cutoff: 2.0 };

/// The person that the user means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PersonChoice {
    /// Column in frame pixels.
    pub x: f32,
    /// Row in frame pixels.
    pub y: f32,
    /// When the person is there; before it the usual choice holds.
    pub at: Moment,
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
    /// The time of the first frame, and how many frames there were.
    first: Option<Pts>,
    frames: usize,
    next: Option<TurnedSquare>,
    last: Option<(TurnedSquare, Pts)>,
    smoother: PointSmoother,
    age: usize,
}

impl Tracker {
    /// A tracker that has seen nothing yet.
    pub fn new(detector: Detector, body: BodyNetwork, choice: Option<PersonChoice>) -> Self {
        let smoother = PointSmoother::default();
        let (choice_done, first, frames) = (false, None, 0);
        Self { detector, body, choice, choice_done, first, frames, next: None, last: None, smoother, age: 0 }
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
        let better = seen.filter(|seen| seen.flag > followed.flag + 0.02 && shows_torso_of(seen, followed));
        Ok((Some(found.len()), better))
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

    /// The body in the first of the regions in which there is one.
    fn first_seen(&self, picture: &Picture, regions: &[TurnedSquare]) -> Result<Option<BodyEstimate>, Error> {
        for region in regions {
            if let Some(seen) = self.look_twice(picture, region)? {
                return Ok(Some(seen));
            }
        }
        Ok(None)
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
        match self.recent(at) {
            Some(last) => {
                detections.retain(|detection| is_near(&detection.region, &last));
                sort_by_key(&mut detections, |detection| distance(&detection.region, last.centre));
            }
            None => sort_by_key(&mut detections, |detection| -prominence(detection, picture.size())),
        }
        Ok(detections)
    }

    /// The last region of the person, while it still counts.
    fn recent(&self, at: Pts) -> Option<TurnedSquare> {
        let patience = if self.choice_done { PATIENCE_CHOSEN } else { PATIENCE };
        self.last.filter(|(_, seen)| at.0 - seen.0 <= patience).map(|(region, _)| region)
    }

    /// Somebody whom the detector does not see where the person was last, upright and with some room.
    fn near_last(&self, picture: &Picture, at: Pts) -> Result<Option<BodyEstimate>, Error> {
        let Some(last) = self.recent(at) else { return Ok(None) };
        let upright = TurnedSquare { turn: 0.0, side: ROOM * last.side, ..last };
        let seen = self.look_twice(picture, &upright)?;
        Ok(seen.filter(|seen| is_near(&region_after(seen), &last) && covers(seen, last.centre)))
    }

    /// The person whose mask covers the user's point: one that the detector sees, else one that the body network sees
    /// in a square around the point (a person from behind, bent or half hidden escapes the detector).
    fn at_point(&self, picture: &Picture, point: (f32, f32)) -> Result<Option<BodyEstimate>, Error> {
        let frame = TurnedSquare::around_frame(picture.width(), picture.height());
        for share in [1.0, 0.6, 0.35] {
            let centre = if share == 1.0 { frame.centre } else { point };
            let part = TurnedSquare { centre, side: frame.side * share, turn: 0.0 };
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
            let region = TurnedSquare { centre: point, side: share * frame.side, turn: 0.0 };
            let seen = self.look_twice(picture, &region)?.filter(|seen| covers(seen, point));
            let is_better = |seen: &BodyEstimate| best.as_ref().is_none_or(|best| seen.flag > best.flag);
            if let Some(seen) = seen.filter(is_better) {
                best = Some(seen);
            }
        }
        Ok(best)
    }

    /// All persons of a frame. When the whole shows nobody, large ones, cut by the border, are looked for with room around
    /// the frame, and small ones in parts of it.
    fn detect(&self, picture: &Picture) -> Result<Vec<Detection>, Error> {
        let whole = TurnedSquare::around_frame(picture.width(), picture.height());
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
