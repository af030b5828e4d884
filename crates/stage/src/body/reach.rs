//! Solves two-bone inverse kinematics: positions the elbow or knee so that the wrist or ankle reaches a given point.

use crate::linear::{Quat, Vec3};
use crate::trig::Exact;

/// The middle joint and the end of a limb from `root` with the given lengths. The end is at `target`, or as near as
/// possible. The limb bends towards `pole`.
pub(crate) fn bend(root: Vec3, lengths: (f32, f32), target: Vec3, pole: Vec3) -> (Vec3, Vec3) {
    let (first, second) = lengths;
    let way = target - root;
    let least = (first - second).abs() + 1e-3;
    let distance = way.length().clamp(least, ((first + second) * 0.998).max(least));
    let towards = way.normalised();
    // The law of cosines at the root.
    let cosine = ((first * first + distance * distance - second * second) / (2.0 * first * distance)).clamp(-1.0, 1.0);
    let aside = pole - towards * pole.dot(towards);
    let aside = if aside.length() < 1e-4 { perpendicular(towards) } else { aside.normalised() };
    let middle = root + towards * (first * cosine) + aside * (first * (1.0 - cosine * cosine).max(0.0).sqrt());
    (middle, root + towards * distance)
}

fn perpendicular(direction: Vec3) -> Vec3 {
    let other = if direction.y.abs() < 0.9 { Vec3::UP } else { Vec3::new(1.0, 0.0, 0.0) };
    direction.cross(other).normalised()
}

/// The rotation from `normal` to `to_normal` that brings `along` as near to `to_along` as possible.
pub(crate) fn turn_onto((along, normal): (Vec3, Vec3), (to_along, to_normal): (Vec3, Vec3)) -> Quat {
    let first = Quat::between(normal, to_normal);
    let to_normal = to_normal.normalised();
    let flat = |vector: Vec3| vector - to_normal * vector.dot(to_normal);
    let (from, to) = (flat(first.rotate(along)), flat(to_along));
    if from.length() < 1e-4 || to.length() < 1e-4 {
        return first;
    }
    let (from, to) = (from.normalised(), to.normalised());
    let angle = to_normal.dot(from.cross(to)).angle_with(from.dot(to));
    Quat::about(to_normal, angle).after(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bones_keep_their_lengths(x in -1.0f32..1.0, y in -1.0f32..1.0, z in -1.0f32..1.0, first in 0.2f32..0.5, second in 0.2f32..0.5) {
            let root = Vec3::new(0.1, 1.4, 0.0);
            let target = root + Vec3::new(x, y, z);
            let (middle, end) = bend(root, (first, second), target, Vec3::new(0.0, 0.0, -1.0));
            prop_assert!(((middle - root).length() - first).abs() < 2e-3);
            prop_assert!(((end - middle).length() - second).abs() < 2e-3);
            let distance = (target - root).length();
            if distance < 0.99 * (first + second) && distance > (first - second).abs() + 0.01 {
                prop_assert!((end - target).length() < 2e-3);
            }
        }
    }

    #[test]
    fn both_directions_are_met_where_they_can_be() {
        let (x, y, z) = (Vec3::new(1.0, 0.0, 0.0), Vec3::UP, Vec3::new(0.0, 0.0, 1.0));
        let turn = turn_onto((x, y), (z, x));
        assert!((turn.rotate(y) - x).length() < 1e-5 && (turn.rotate(x) - z).length() < 1e-5);
        // Half a turn about the normal.
        let turn = turn_onto((x, y), (-x, y));
        assert!((turn.rotate(x) + x).length() < 1e-5 && (turn.rotate(y) - y).length() < 1e-5);
    }
}
