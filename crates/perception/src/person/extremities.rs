//! Finds the hands and the face of the followed person. Each hand and the face is searched where the body pose predicts
//! it, followed while it stays there, and dropped when its own network does not detect it.

use media::geometry::Pts;
use media::picture::Picture;

use crate::error::Error;
use crate::networks::blazepose::body::{BODY_POINTS, BodyEstimate, point};
use crate::networks::blazepose::face::{self, FaceNetwork};
use crate::networks::blazepose::hand::{self, HandNetwork, Side};
use crate::person::one_euro::{PointSmoother, Smoothing};
use crate::person::rotated_roi::RotatedRoi;
use crate::pose::Keypoint;

/// A wrist or face with less confidence than this is not searched for.
const SURE: f32 = 0.5;
/// A hand or face with less confidence than this counts as absent.
const PRESENT: f32 = 0.5;
/// If the first, rough look has at least this confidence, a second one follows.
const WORTH_A_LOOK: f32 = 0.1;
/// From the second failed look on, one more frame is skipped each time, up to this number.
const MOST_PAUSES: usize = 2;

/// A hand or a face that may have been visible in the previous frame.
#[derive(Debug, Default)]
pub(crate) struct Extremity {
    next: Option<RotatedRoi>,
    smoother: PointSmoother,
    /// Points of the last look, and the body's wrist or nose at that time.
    seen: Option<(Vec<Keypoint>, Keypoint)>,
    /// Number of failed looks since it was last visible, and of frames to skip before the next look.
    missed: usize,
    pause: usize,
}

/// Whether and how to look this time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glance {
    /// Regions smaller than this show too little, in frame pixels.
    pub(crate) least_side: f32,
    /// False if the points of the last look, moved with the body, are good enough.
    pub(crate) is_due: bool,
}

/// Where the body places it.
#[derive(Debug, Clone, Copy)]
struct Expected {
    region: RotatedRoi,
    /// The wrist or nose.
    anchor: Keypoint,
}

/// A network's result for one region: points, presence, and the next region.
struct Look {
    points: Vec<Keypoint>,
    presence: f32,
    next: RotatedRoi,
}

impl Extremity {
    /// Forgets the last place.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Called after a failed look: forgets the place and skips some frames.
    fn miss(&mut self) -> Vec<Keypoint> {
        let missed = self.missed + 1;
        *self = Self { missed, pause: (missed - 1).min(MOST_PAUSES), ..Self::default() };
        Vec::new()
    }

    /// The points of the last look, moved with the body's own point.
    fn moved(&mut self, anchor: Keypoint) -> Option<Vec<Keypoint>> {
        let (mut points, before) = self.seen.take()?;
        let step = (anchor.x - before.x, anchor.y - before.y);
        for point in &mut points {
            (point.x, point.y, point.z) = (point.x + step.0, point.y + step.1, point.z + anchor.z - before.z);
        }
        if let Some(next) = &mut self.next {
            next.centre = (next.centre.0 + step.0, next.centre.1 + step.1);
        }
        self.seen = Some((points.clone(), anchor));
        Some(points)
    }

    /// Searches at the previous position, or at the position that the body predicts. The result is empty when the hand
    /// or face is not visible.
    fn follow(
        &mut self,
        expected: Expected,
        at: Pts,
        smoothing: Option<&Smoothing>,
        glance: Glance,
        look: impl Fn(&RotatedRoi) -> Result<Option<Look>, Error>,
    ) -> Result<Vec<Keypoint>, Error> {
        let Expected { region: expected, anchor } = expected;
        if self.pause > 0 {
            self.pause -= 1;
            return Ok(Vec::new());
        }
        if !glance.is_due {
            return Ok(self.moved(anchor).unwrap_or_default());
        }
        let usable = |region: &RotatedRoi| region.is_usable() && region.side >= glance.least_side;
        let agrees = |look: &Look| look.presence >= PRESENT && agrees_with(&look.next, &expected);
        let mut seen = None;
        if let Some(region) = self.next.take().filter(|region| usable(region) && agrees_with(region, &expected)) {
            seen = look(&region)?.filter(agrees);
        }
        if seen.is_none() && usable(&expected) {
            self.smoother.reset();
            let first = look(&expected)?.filter(|first| first.presence >= WORTH_A_LOOK && usable(&first.next));
            if let Some(first) = first {
                seen = look(&first.next)?.filter(agrees);
            }
        }
        let Some(mut seen) = seen else { return Ok(self.miss()) };
        (self.next, self.missed) = (Some(seen.next), 0);
        if let Some(smoothing) = smoothing {
            self.smoother.smooth(&mut seen.points, at, seen.next.side, smoothing);
        }
        self.seen = Some((seen.points.clone(), anchor));
        Ok(seen.points)
    }
}

/// True when both squares can show the same hand or face.
fn agrees_with(found: &RotatedRoi, expected: &RotatedRoi) -> bool {
    let distance = (found.centre.0 - expected.centre.0).hypot(found.centre.1 - expected.centre.1);
    distance < 0.5 * expected.side.max(found.side) && (0.25..4.0).contains(&(found.side / expected.side))
}

/// The 21 points of a hand, or none. Depths are relative to the hips.
pub(crate) fn follow_hand(
    extremity: &mut Extremity,
    network: &HandNetwork,
    side: Side,
    (picture, at): (&Picture, Pts),
    body: &BodyEstimate,
    smoothing: Option<&Smoothing>,
    glance: Glance,
) -> Result<Vec<Keypoint>, Error> {
    let wrist = body.points[match side {
        Side::Right => point::RIGHT_WRIST,
        Side::Left => point::LEFT_WRIST,
    }];
    if wrist.confidence < SURE || !lies_inside(&wrist, picture) {
        extremity.reset();
        return Ok(Vec::new());
    }
    let look = |region: &RotatedRoi| {
        let seen = network.estimate(picture, region)?;
        Ok(seen.map(|seen| Look {
            next: hand::region_from_hand(&seen.points),
            presence: seen.presence,
            points: moved_in_depth(seen.points, wrist.z),
        }))
    };
    let expected = Expected { region: hand::region_from_body(&body.points, side), anchor: wrist };
    extremity.follow(expected, at, smoothing, glance, look)
}

/// The 68 points of the face, or none. Depths are relative to the hips.
pub(crate) fn follow_face(
    extremity: &mut Extremity,
    network: &FaceNetwork,
    (picture, at): (&Picture, Pts),
    body: &BodyEstimate,
    smoothing: Option<&Smoothing>,
    glance: Glance,
) -> Result<Vec<Keypoint>, Error> {
    let nose = body.points[point::NOSE];
    if nose.confidence < SURE || !lies_inside(&nose, picture) {
        extremity.reset();
        return Ok(Vec::new());
    }
    let depth = head_depth(&body.points);
    let look = |region: &RotatedRoi| {
        let seen = network.estimate(picture, region)?;
        Ok(seen.map(|seen| Look {
            next: face::region_from_mesh(&seen.mesh),
            presence: seen.presence,
            points: moved_in_depth(seen.points(), depth),
        }))
    };
    let expected = Expected { region: face::region_from_body(&body.points), anchor: nose };
    extremity.follow(expected, at, smoothing, glance, look)
}

fn lies_inside(point: &Keypoint, picture: &Picture) -> bool {
    (0.0..picture.width() as f32).contains(&point.x) && (0.0..picture.height() as f32).contains(&point.y)
}

/// The middle of the head lies between the ears.
fn head_depth(points: &[Keypoint; BODY_POINTS]) -> f32 {
    (points[point::LEFT_EAR].z + points[point::RIGHT_EAR].z) / 2.0
}

fn moved_in_depth(mut points: Vec<Keypoint>, depth: f32) -> Vec<Keypoint> {
    for point in &mut points {
        point.z += depth;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_elsewhere_is_another_hand() {
        let expected = RotatedRoi { centre: (50.0, 50.0), side: 40.0, turn: 0.0 };
        assert!(agrees_with(&RotatedRoi { centre: (60.0, 50.0), side: 30.0, turn: 1.0 }, &expected));
        assert!(!agrees_with(&RotatedRoi { centre: (90.0, 50.0), side: 30.0, turn: 0.0 }, &expected));
        assert!(!agrees_with(&RotatedRoi { side: 4.0, ..expected }, &expected));
        assert!(!agrees_with(&RotatedRoi { centre: (f32::NAN, 0.0), ..expected }, &expected));
    }

    const SQUARE: RotatedRoi = RotatedRoi { centre: (50.0, 50.0), side: 40.0, turn: 0.0 };
    const GLANCE: Glance = Glance { least_side: 24.0, is_due: true };

    fn seen(presence: f32) -> impl Fn(&RotatedRoi) -> Result<Option<Look>, Error> {
        move |region| Ok(Some(Look { points: vec![Keypoint::default(); 21], presence, next: *region }))
    }

    #[test]
    fn a_hand_that_is_not_seen_is_forgotten_and_looked_for_less_often() {
        let expected = Expected { region: SQUARE, anchor: Keypoint::default() };
        let mut extremity = Extremity::default();
        assert_eq!(extremity.follow(expected, Pts(0), None, GLANCE, seen(0.9)).unwrap().len(), 21);
        assert_eq!(extremity.next, Some(SQUARE));
        let mut looks = Vec::new();
        for frame in 1..12 {
            let looked = std::cell::Cell::new(false);
            let look = |region: &RotatedRoi| {
                looked.set(true);
                seen(0.05)(region)
            };
            assert!(extremity.follow(expected, Pts(frame), None, GLANCE, look).unwrap().is_empty());
            looks.extend(looked.get().then_some(frame));
        }
        assert_eq!(extremity.next, None);
        assert_eq!(looks, [1, 2, 4, 7, 10]);
    }

    #[test]
    fn small_hands_are_not_looked_at_and_those_not_due_move_with_the_wrist() {
        let mut extremity = Extremity::default();
        let anchor = |x: f32| Keypoint { x, y: 5.0, ..Keypoint::default() };
        let small = Expected { region: RotatedRoi { side: 23.0, ..SQUARE }, anchor: anchor(0.0) };
        assert!(extremity.follow(small, Pts(0), None, GLANCE, seen(0.9)).unwrap().is_empty());
        extremity.reset();
        let expected = |x: f32| Expected { region: SQUARE, anchor: anchor(x) };
        extremity.follow(expected(10.0), Pts(1), None, GLANCE, seen(0.9)).unwrap();
        let held = Glance { is_due: false, ..GLANCE };
        let moved = extremity.follow(expected(13.0), Pts(2), None, held, seen(0.0)).unwrap();
        assert_eq!((moved.len(), moved[0].x, moved[0].y), (21, 3.0, 0.0));
        assert_eq!(extremity.next.unwrap().centre, (53.0, 50.0));
    }
}
