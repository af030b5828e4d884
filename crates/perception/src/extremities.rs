//! Hands and face of the followed person: each is looked for where the body says it is, followed while it stays there,
//! and dropped when its own network does not see it.

use media::geometry::Pts;
use media::picture::Picture;

use crate::blazepose::body::{BODY_POINTS, BodyEstimate, point};
use crate::blazepose::face::{self, FaceNetwork};
use crate::blazepose::hand::{self, HandNetwork, Side};
use crate::error::Error;
use crate::one_euro::{PointSmoother, Smoothing};
use crate::pose::Keypoint;
use crate::turned_square::TurnedSquare;

/// A wrist or face less sure than this is not looked at.
const SURE: f32 = 0.5;
/// A hand or face less sure than this is not there.
const PRESENT: f32 = 0.5;
/// A first, rough look that is at least this sure earns a second one.
const WORTH_A_LOOK: f32 = 0.1;
/// Regions smaller than this show too little, in frame pixels.
const LEAST_SIDE: f32 = 12.0;

/// A hand or a face that may have been seen in the frame before.
#[derive(Debug, Default)]
pub(crate) struct Extremity {
    next: Option<TurnedSquare>,
    smoother: PointSmoother,
}

/// What a network said of one region: points, presence, the region to look at next.
struct Look {
    points: Vec<Keypoint>,
    presence: f32,
    next: TurnedSquare,
}

impl Extremity {
    /// Forgets the last place.
    pub(crate) fn reset(&mut self) {
        self.next = None;
        self.smoother.reset();
    }

    /// Looks where it was, or where the body says it is; empty when it is not seen.
    fn follow(
        &mut self,
        expected: TurnedSquare,
        at: Pts,
        smoothing: Option<&Smoothing>,
        look: impl Fn(&TurnedSquare) -> Result<Option<Look>, Error>,
    ) -> Result<Vec<Keypoint>, Error> {
        let usable = |region: &TurnedSquare| region.is_usable() && region.side >= LEAST_SIDE;
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
        let Some(mut seen) = seen else {
            self.reset();
            return Ok(Vec::new());
        };
        self.next = Some(seen.next);
        if let Some(smoothing) = smoothing {
            self.smoother.smooth(&mut seen.points, at, seen.next.side, smoothing);
        }
        Ok(seen.points)
    }
}

/// True when both squares can hold the same thing.
fn agrees_with(found: &TurnedSquare, expected: &TurnedSquare) -> bool {
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
) -> Result<Vec<Keypoint>, Error> {
    let wrist = body.points[match side {
        Side::Right => point::RIGHT_WRIST,
        Side::Left => point::LEFT_WRIST,
    }];
    if wrist.confidence < SURE || !lies_inside(&wrist, picture) {
        extremity.reset();
        return Ok(Vec::new());
    }
    let look = |region: &TurnedSquare| {
        let seen = network.estimate(picture, region)?;
        Ok(seen.map(|seen| Look {
            next: hand::region_from_hand(&seen.points),
            presence: seen.presence,
            points: moved_in_depth(seen.points, wrist.z),
        }))
    };
    extremity.follow(hand::region_from_body(&body.points, side), at, smoothing, look)
}

/// The 68 points of the face, or none. Depths are relative to the hips.
pub(crate) fn follow_face(
    extremity: &mut Extremity,
    network: &FaceNetwork,
    (picture, at): (&Picture, Pts),
    body: &BodyEstimate,
    smoothing: Option<&Smoothing>,
) -> Result<Vec<Keypoint>, Error> {
    let nose = body.points[point::NOSE];
    if nose.confidence < SURE || !lies_inside(&nose, picture) {
        extremity.reset();
        return Ok(Vec::new());
    }
    let depth = head_depth(&body.points);
    let look = |region: &TurnedSquare| {
        let seen = network.estimate(picture, region)?;
        Ok(seen.map(|seen| Look {
            next: face::region_from_mesh(&seen.mesh),
            presence: seen.presence,
            points: moved_in_depth(seen.points(), depth),
        }))
    };
    extremity.follow(face::region_from_body(&body.points), at, smoothing, look)
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
        let expected = TurnedSquare { centre: (50.0, 50.0), side: 40.0, turn: 0.0 };
        assert!(agrees_with(&TurnedSquare { centre: (60.0, 50.0), side: 30.0, turn: 1.0 }, &expected));
        assert!(!agrees_with(&TurnedSquare { centre: (90.0, 50.0), side: 30.0, turn: 0.0 }, &expected));
        assert!(!agrees_with(&TurnedSquare { side: 4.0, ..expected }, &expected));
        assert!(!agrees_with(&TurnedSquare { centre: (f32::NAN, 0.0), ..expected }, &expected));
    }

    #[test]
    fn a_hand_that_is_not_seen_is_forgotten() {
        let expected = TurnedSquare { centre: (50.0, 50.0), side: 40.0, turn: 0.0 };
        let mut extremity = Extremity::default();
        let seen = |presence| {
            move |region: &TurnedSquare| {
                Ok(Some(Look { points: vec![Keypoint::default(); 21], presence, next: *region }))
            }
        };
        assert_eq!(extremity.follow(expected, Pts(0), None, seen(0.9)).unwrap().len(), 21);
        assert_eq!(extremity.next, Some(expected));
        assert!(extremity.follow(expected, Pts(1), None, seen(0.2)).unwrap().is_empty());
        assert_eq!(extremity.next, None);
    }
}
