//! Defines points and directions in a picture, in pixels. The centre of the top left pixel is (0.5, 0.5).

use std::ops::{Add, Mul, Sub};

use perception::pose::Keypoint;

/// A place or a direction, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Point {
    /// Column.
    pub(crate) x: f32,
    /// Row.
    pub(crate) y: f32,
}

impl Point {
    /// A point from its column and row.
    pub(crate) const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Dot product.
    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Euclidean length.
    pub(crate) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }

    /// The unit vector in this direction; `fallback` for a vector of length 0.
    pub(crate) fn direction(self, fallback: Self) -> Self {
        let length = self.length();
        if length > 1e-4 { self * (1.0 / length) } else { fallback }
    }

    /// Rotated by a quarter turn: right becomes down.
    pub(crate) fn quarter_turn(self) -> Self {
        Self::new(-self.y, self.x)
    }

    /// Linear interpolation towards `other`: 0 is here, 1 is there.
    pub(crate) fn lerp(self, other: Self, share: f32) -> Self {
        self + (other - self) * share
    }
}

impl From<Keypoint> for Point {
    fn from(joint: Keypoint) -> Self {
        Self::new(joint.x, joint.y)
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Point {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// A linear map and a shift: `p -> column_x * p.x + column_y * p.y + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    /// The image of the unit step to the right.
    pub(crate) column_x: Point,
    /// The image of the unit step down.
    pub(crate) column_y: Point,
    /// The image of the origin.
    pub(crate) shift: Point,
}

impl Affine {
    /// Applies the map.
    pub(crate) fn apply(&self, point: Point) -> Point {
        self.column_x * point.x + self.column_y * point.y + self.shift
    }

    /// Maps the direction `old` at `from` to the direction `new` at `new_from`. Scales by `along` in that direction and
    /// by `across` perpendicular to it.
    pub(crate) fn from_axes(from: Point, old: Point, new_from: Point, new: Point, along: f32, across: f32) -> Self {
        let (side, new_side) = (old.quarter_turn(), new.quarter_turn());
        let linear = |step: Point| new * (along * step.dot(old)) + new_side * (across * step.dot(side));
        let (column_x, column_y) = (linear(Point::new(1.0, 0.0)), linear(Point::new(0.0, 1.0)));
        let shift = new_from - (column_x * from.x + column_y * from.y);
        Self { column_x, column_y, shift }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_is_turned_and_both_axes_are_scaled() {
        let (down, right) = (Point::new(0.0, 1.0), Point::new(1.0, 0.0));
        let map = Affine::from_axes(Point::new(1.0, 1.0), down, Point::new(5.0, 5.0), right, 2.0, 3.0);
        let close = |a: Point, b: Point| assert!((a - b).length() < 1e-4, "{a:?} is not {b:?}");
        close(map.apply(Point::new(1.0, 1.0)), Point::new(5.0, 5.0));
        close(map.apply(Point::new(1.0, 3.0)), Point::new(9.0, 5.0));
        // Down became right, so right became up.
        close(map.apply(Point::new(2.0, 1.0)), Point::new(5.0, 2.0));
    }
}
