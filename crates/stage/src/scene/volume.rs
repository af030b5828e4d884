//! Measures how deep a prop penetrates a body. A held prop must not pass through the capsules around the bones.

use crate::assets::prop::Prop;
use crate::body::character::Character;
use crate::body::limb::{BodyPart, distance};
use crate::body::pose::Posed;
use crate::linear::{Affine, Vec3};
use crate::spec::{Usage, UsedProp};

/// Number of points of a prop that are tested.
const POINTS: usize = 240;
/// From this depth, in metres, a prop counts as inside a body. Cloth and flesh give way by that much.
const DEEP: f32 = 0.04;
/// Share of the frames in which this may happen.
const OFTEN: f32 = 0.25;

/// True if `part` may touch a prop with this use.
fn touches(part: BodyPart, usage: &Usage) -> bool {
    match usage {
        Usage::Hand { hand, .. } => part == BodyPart::Forearm(*hand),
        Usage::BothHands => matches!(part, BodyPart::Forearm(_)),
        Usage::Seat { .. } => part != BodyPart::Head,
        Usage::Support { hand, .. } => part == BodyPart::Forearm(*hand),
        Usage::Kicked { .. } => part == BodyPart::Leg,
        Usage::Near { .. } => false,
    }
}

/// How deep points of a prop are inside a body, in metres; 0 outside.
fn depth(character: &Character, posed: &Posed, points: &[Vec3], map: &Affine, usage: &Usage) -> f32 {
    let skeleton = character.skeleton();
    let limbs: Vec<(Vec3, Vec3, f32)> = character
        .limbs()
        .iter()
        .filter(|limb| !touches(limb.part, usage))
        .map(|limb| {
            let place = |landmark| posed.landmark(skeleton, landmark);
            (place(&limb.from), place(&limb.to), limb.radius * posed.scale())
        })
        .collect();
    points
        .iter()
        .map(|point| map.point(*point))
        .flat_map(|point| limbs.iter().map(move |(from, to, radius)| radius - distance(point, *from, *to)))
        .fold(0.0, f32::max)
}

/// Points spread over a prop: vertices and centres of triangles.
fn points_of(prop: &Prop) -> Vec<Vec3> {
    let mesh = prop.mesh();
    let middles = mesh.triangles.iter().map(|triangle| {
        let [a, b, c] = triangle.map(|corner| mesh.positions[corner as usize]);
        (a + b + c) * (1.0 / 3.0)
    });
    let all: Vec<Vec3> = mesh.positions.iter().copied().chain(middles).collect();
    let step = (all.len() / POINTS).max(1);
    all.into_iter().step_by(step).collect()
}

/// The largest depth of a prop inside a body, for each frame.
pub(crate) fn depths(
    (character, poses): (&Character, &[Posed]),
    prop: &Prop,
    used: &UsedProp,
    seconds: f32,
) -> Vec<f32> {
    let points = points_of(prop);
    let each = |(frame, posed): (usize, &Posed)| {
        let map = prop.in_use(character, posed, used, frame as f32 * seconds);
        depth(character, posed, &points, &map, &used.usage)
    };
    poses.iter().enumerate().map(each).collect()
}

/// True if a prop is inside a body so often that it shows.
pub(crate) fn goes_through(depths: &[f32]) -> bool {
    let deep = depths.iter().filter(|depth| **depth > DEEP).count();
    deep as f32 > OFTEN * depths.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;
    use crate::body::performance::perform;
    use crate::body::pose::Grips;
    use crate::body::stance::Stance;
    use crate::spec::Action;

    fn idle() -> (Character, Vec<Posed>) {
        let person = mannequin(5).unwrap();
        let action = Action { motion: "idle".into(), start: 0.0, speed: 1.0, heading: 0.0, mirror: false };
        let free = Stance::Free(Grips::RELAXED_BOTH);
        let poses = perform(&person, &act("idle").unwrap(), &action, 1.0, free, &[0.0, 0.1]);
        (person, poses)
    }

    #[test]
    fn a_ball_in_the_belly_is_deep_and_one_beside_the_body_is_not() {
        let (person, poses) = idle();
        let ball = Prop::ball(1);
        let at = |place: Vec3| {
            let usage = Usage::Near { place, heading: 0.0 };
            let used = UsedProp { prop: "ball/1".into(), usage, size: 0.2, appearance: 0 };
            depths((&person, &poses), &ball, &used, 0.1)
        };
        let belly = at(Vec3::new(0.0, 0.55 * person.height(), 0.0));
        assert!(goes_through(&belly), "{belly:?}");
        assert_eq!(at(Vec3::new(0.8, 0.5, 0.0)), [0.0, 0.0]);
    }

    #[test]
    fn limbs_are_as_thick_as_limbs() {
        let (person, _) = idle();
        assert_eq!(person.limbs().len(), 10);
        for limb in person.limbs() {
            assert!((0.01..=0.2).contains(&limb.radius), "{limb:?}");
        }
    }
}
