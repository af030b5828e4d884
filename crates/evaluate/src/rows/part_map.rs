//! Computes affine maps of body parts for row `rigid`.

use std::ops::{Add, Mul, Sub};

use super::compose::Affine;

/// Smallest width of the trunk, as a share of its scaled width in the reference. It prevents side views from vanishing.
const LEAST_TRUNK: f64 = 0.55;

/// A position or a vector, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f64> for Point {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { x: self.x * factor, y: self.y * factor }
    }
}

impl Point {
    pub(super) fn length(self) -> f64 {
        self.x.hypot(self.y)
    }

    fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// A quarter turn.
    fn normal(self) -> Self {
        Self { x: -self.y, y: self.x }
    }
}

/// The distance of a position from a line segment.
pub(super) fn distance_to_segment(at: Point, from: Point, to: Point) -> f64 {
    let along = to - from;
    let share = ((at - from).dot(along) / along.dot(along).max(1e-6)).clamp(0.0, 1.0);
    (at - from - along * share).length()
}

/// The map from one bone to another. It scales by `width` perpendicular to the bone.
pub(super) fn bone_map([from, to]: [Point; 2], [new_from, new_to]: [Point; 2], width: f64) -> Affine {
    let (old, new) = (to - from, new_to - new_from);
    let (old_length, new_length) = (old.length().max(1e-3), new.length());
    let along = old * (1.0 / old_length);
    let new_along = if new_length > 1e-3 { new * (1.0 / new_length) } else { along };
    let (across, new_across) = (along.normal(), new_along.normal());
    let stretch = new_length / old_length;
    // M = stretch * new_along along^T + width * new_across across^T
    let row = |new_along: f64, new_across: f64| {
        [
            stretch * new_along * along.x + width * new_across * across.x,
            stretch * new_along * along.y + width * new_across * across.y,
        ]
    };
    let [a, b] = row(new_along.x, new_across.x);
    let [d, e] = row(new_along.y, new_across.y);
    Affine { rows: [[a, b, new_from.x - a * from.x - b * from.y], [d, e, new_from.y - d * from.x - e * from.y]] }
}

/// The four corners of a trunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrunkCorners {
    pub(super) right_shoulder: Point,
    pub(super) left_shoulder: Point,
    pub(super) right_hip: Point,
    pub(super) left_hip: Point,
}

impl TrunkCorners {
    /// In the order of the brackets: right and left shoulder, right and left hip.
    fn list(&self) -> [Point; 4] {
        [self.right_shoulder, self.left_shoulder, self.right_hip, self.left_hip]
    }

    /// Distance to the quadrilateral, 0 inside of it.
    pub(super) fn distance(&self, at: Point) -> f64 {
        let round = [self.right_shoulder, self.left_shoulder, self.left_hip, self.right_hip];
        if in_triangle(at, [round[0], round[1], round[2]]) || in_triangle(at, [round[0], round[2], round[3]]) {
            return 0.0;
        }
        (0..4).map(|side| distance_to_segment(at, round[side], round[(side + 1) % 4])).fold(f64::INFINITY, f64::min)
    }

    /// Widened where it is narrower than the old trunk at `scale` by more than [`LEAST_TRUNK`] allows.
    fn widened(self, old: &Self, scale: f64) -> Self {
        let across = self.right_shoulder - self.left_shoulder;
        let up = (self.right_shoulder + self.left_shoulder - self.right_hip - self.left_hip) * 0.5;
        let perpendicular = (up * (1.0 / up.length().max(1e-3))).normal();
        let side = across.dot(perpendicular);
        let shoulders = (old.right_shoulder - old.left_shoulder).length() * scale;
        if side.abs() >= LEAST_TRUNK * shoulders {
            return self;
        }
        let sign = if side < 0.0 { -1.0 } else { 1.0 };
        let hips = (old.right_hip - old.left_hip).length() * scale;
        let half = |width: f64| perpendicular * (LEAST_TRUNK * width / 2.0 * sign);
        let (top, bottom) = ((self.right_shoulder + self.left_shoulder) * 0.5, (self.right_hip + self.left_hip) * 0.5);
        Self {
            right_shoulder: top + half(shoulders),
            left_shoulder: top - half(shoulders),
            right_hip: bottom + half(hips),
            left_hip: bottom - half(hips),
        }
    }
}

fn in_triangle(at: Point, corners: [Point; 3]) -> bool {
    let sides: [f64; 3] =
        std::array::from_fn(|index| (corners[(index + 1) % 3] - corners[index]).normal().dot(at - corners[index]));
    sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
}

/// The affine map from the corners of one trunk to those of another with the smallest squared error.
pub(super) fn trunk_map(from: &TrunkCorners, to: &TrunkCorners, scale: f64) -> Affine {
    let (old, new) = (from.list(), to.widened(from, scale).list());
    let middle = |points: [Point; 4]| points.into_iter().fold(Point { x: 0.0, y: 0.0 }, Add::add) * 0.25;
    let (old_middle, new_middle) = (middle(old), middle(new));
    // Normal equations of the centred points: M (sum q q^T) = sum p q^T. A small value on the diagonal prevents a
    // division by 0 for a trunk that appears as a line.
    let (mut xx, mut xy, mut yy) = (1e-3, 0.0, 1e-3);
    let mut mixed = [[0.0; 2]; 2];
    for (old, new) in old.into_iter().zip(new) {
        let (q, p) = (old - old_middle, new - new_middle);
        (xx, xy, yy) = (xx + q.x * q.x, xy + q.x * q.y, yy + q.y * q.y);
        for (row, p) in mixed.iter_mut().zip([p.x, p.y]) {
            *row = [row[0] + p * q.x, row[1] + p * q.y];
        }
    }
    let determinant = xx * yy - xy * xy;
    let solve = |[with_x, with_y]: [f64; 2]| {
        [(with_x * yy - with_y * xy) / determinant, (with_y * xx - with_x * xy) / determinant]
    };
    let [[a, b], [d, e]] = mixed.map(solve);
    let offset = |u: f64, v: f64, middle: f64| middle - u * old_middle.x - v * old_middle.y;
    Affine { rows: [[a, b, offset(a, b, new_middle.x)], [d, e, offset(d, e, new_middle.y)]] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    fn trunk(left: f64, top: f64, width: f64, height: f64) -> TrunkCorners {
        TrunkCorners {
            right_shoulder: point(left, top),
            left_shoulder: point(left + width, top),
            right_hip: point(left, top + height),
            left_hip: point(left + width, top + height),
        }
    }

    fn check(map: Affine, from: (f64, f64), to: (f64, f64)) {
        let found = map.apply(from);
        assert!((found.0 - to.0).abs() < 0.01 && (found.1 - to.1).abs() < 0.01, "{from:?}: {found:?} for {to:?}");
    }

    #[test]
    fn a_bone_is_stretched_along_and_scaled_across() {
        // Down 10 pixels becomes right 20 pixels. 3 to the left of it becomes 1.5 pixels below, after a quarter turn
        // back.
        let map = bone_map([point(0.0, 0.0), point(0.0, 10.0)], [point(50.0, 50.0), point(70.0, 50.0)], 0.5);
        check(map, (0.0, 0.0), (50.0, 50.0));
        check(map, (0.0, 10.0), (70.0, 50.0));
        check(map, (-3.0, 5.0), (60.0, 51.5));
    }

    #[test]
    fn a_trunk_follows_its_corners_but_never_gets_thin() {
        let map = trunk_map(&trunk(10.0, 10.0, 20.0, 30.0), &trunk(100.0, 40.0, 30.0, 60.0), 1.5);
        check(map, (10.0, 10.0), (100.0, 40.0));
        check(map, (20.0, 25.0), (115.0, 70.0));
        // 2 pixels wide where 20 are scaled to 20: widened to 11 around its middle.
        let thin = trunk_map(&trunk(10.0, 10.0, 20.0, 30.0), &trunk(100.0, 40.0, 2.0, 30.0), 1.0);
        check(thin, (10.0, 10.0), (95.5, 40.0));
        check(thin, (30.0, 40.0), (106.5, 70.0));
    }

    #[test]
    fn distances_to_segments_and_trunks() {
        assert_eq!(distance_to_segment(point(3.0, 4.0), point(0.0, 0.0), point(0.0, 0.0)), 5.0);
        assert_eq!(distance_to_segment(point(5.0, 2.0), point(0.0, 0.0), point(10.0, 0.0)), 2.0);
        let trunk = trunk(0.0, 0.0, 4.0, 6.0);
        assert_eq!([trunk.distance(point(1.0, 1.0)), trunk.distance(point(7.0, 3.0))], [0.0, 3.0]);
    }
}
