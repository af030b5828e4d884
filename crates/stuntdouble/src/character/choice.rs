//! Which person of a picture is meant.

use perception::blazepose::body::BodyEstimate;
use perception::people::covers;

use crate::events::Events;

/// How far outside of a body's square a point may lie that still means this body, in its sides.
const NEAR: f32 = 0.6;

/// Takes the person at the user's point, else the largest one, and says so when there are several. The others come back too.
pub(super) fn choose(
    mut people: Vec<BodyEstimate>,
    at: Option<(f32, f32)>,
    picture: &str,
    events: &Events,
) -> Option<(BodyEstimate, Vec<BodyEstimate>)> {
    let index = match at {
        Some(at) => nearest(&people, at).or_else(|| {
            let message = format!("nobody is seen at {},{} of `{picture}`", at.0, at.1);
            events.warn("character.nobody_at_point", message);
            None
        }),
        None => None,
    };
    if people.is_empty() {
        return None;
    }
    if at.is_none() && people.len() > 1 {
        let message = format!(
            "{} people are in `{picture}`: the largest is taken; choose another with `--character-at X,Y`",
            people.len()
        );
        events.warn("character.several_people", message);
    }
    let chosen = people.remove(index.unwrap_or(0));
    Some((chosen, people))
}

/// The body that covers the point, else the one whose middle is nearest to it.
fn nearest(people: &[BodyEstimate], at: (f32, f32)) -> Option<usize> {
    let distance = |seen: &BodyEstimate| {
        let (x, y) = (seen.region.centre.0 - at.0, seen.region.centre.1 - at.1);
        x.hypot(y) / seen.region.side
    };
    let order = |one: &usize, other: &usize| distance(&people[*one]).total_cmp(&distance(&people[*other]));
    let covering = (0..people.len()).filter(|index| covers(&people[*index], at)).min_by(order);
    covering.or_else(|| (0..people.len()).min_by(order).filter(|index| distance(&people[*index]) < NEAR))
}
