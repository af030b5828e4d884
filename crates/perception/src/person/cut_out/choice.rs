//! Chooses the character among the people in a picture.

use crate::networks::blazepose::body::BodyEstimate;
use crate::person::people::covers;

/// How far from a body's middle a point may lie and still select this body, in sides of its square.
const NEAR: f32 = 0.6;

/// The chosen person, and all others.
pub(super) struct Choice {
    pub(super) chosen: Option<BodyEstimate>,
    pub(super) others: Vec<BodyEstimate>,
    /// True when the chosen person is at the user's point.
    pub(super) is_at_point: bool,
}

/// Chooses the person at the user's point, else the first one.
pub(super) fn choose(mut people: Vec<BodyEstimate>, at: Option<(f32, f32)>) -> Choice {
    if people.is_empty() {
        return Choice { chosen: None, others: people, is_at_point: false };
    }
    let index = at.and_then(|at| nearest(&people, at));
    let chosen = people.remove(index.unwrap_or(0));
    Choice { chosen: Some(chosen), others: people, is_at_point: index.is_some() }
}

/// The body that covers the point, else the one whose middle is nearest to it.
fn nearest(people: &[BodyEstimate], at: (f32, f32)) -> Option<usize> {
    let distance = |index: &usize| {
        let region = &people[*index].region;
        (region.centre.0 - at.0).hypot(region.centre.1 - at.1) / region.side
    };
    let order = |one: &usize, other: &usize| distance(one).total_cmp(&distance(other));
    let covering = (0..people.len()).filter(|index| covers(&people[*index], at)).min_by(order);
    covering.or_else(|| (0..people.len()).min_by(order).filter(|index| distance(index) < NEAR))
}

#[cfg(test)]
mod tests {
    use media::picture::Plane;

    use super::*;
    use crate::networks::blazepose::body::BODY_SIDE;
    use crate::person::rotated_roi::RotatedRoi;
    use crate::pose::Keypoint;

    #[test]
    fn the_person_at_the_point_is_taken_else_the_first() {
        let body = |x: f32| BodyEstimate {
            region: RotatedRoi { centre: (x, 50.0), side: 60.0, turn: 0.0 },
            points: [Keypoint::default(); _],
            next: [(x, 50.0), (x, 20.0)],
            flag: 1.0,
            mask: Plane::from_fn(BODY_SIDE, BODY_SIDE, |x, _| if (100..156).contains(&x) { 1.0 } else { 0.0 }),
            shown: vec![],
        };
        let check = |at: Option<(f32, f32)>, expected: f32, is_at_point: bool| {
            let choice = choose(vec![body(50.0), body(150.0)], at);
            let x = choice.chosen.map(|chosen| chosen.region.centre.0);
            assert_eq!((x, choice.is_at_point, choice.others.len()), (Some(expected), is_at_point, 1), "{at:?}");
        };
        check(None, 50.0, false);
        check(Some((151.0, 60.0)), 150.0, true);
        check(Some((120.0, 40.0)), 150.0, true);
        check(Some((400.0, 400.0)), 50.0, false);
        assert!(choose(vec![], Some((1.0, 1.0))).chosen.is_none());
    }
}
