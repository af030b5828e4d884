//! Defines vectors, rotations and affine maps in metres. The axes are right-handed with Y up. A person in the rest pose
//! faces +Z and has the left side at +X.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::trig::Exact;

/// A point or direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 3]", into = "[f32; 3]")]
#[expect(missing_docs, reason = "three coordinates")]
pub struct Vec3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

impl From<[f32; 3]> for Vec3 {
    fn from([x, y, z]: [f32; 3]) -> Self {
        Self { x, y, z }
    }
}

impl From<Vec3> for [f32; 3] {
    fn from(vector: Vec3) -> Self {
        [vector.x, vector.y, vector.z]
    }
}

impl Vec3 {
    /// The origin.
    pub const ZERO: Self = Self::new(0.0, 0.0, 0.0);
    /// Straight up.
    pub const UP: Self = Self::new(0.0, 1.0, 0.0);

    /// A vector from its coordinates.
    pub const fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    /// Dot product.
    #[inline]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Cross product.
    #[inline]
    pub fn cross(self, other: Self) -> Self {
        Self::new(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// Euclidean length.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The vector scaled to length 1; straight up for the zero vector.
    #[inline]
    pub fn normalised(self) -> Self {
        let squared = self.dot(self);
        if squared > 1e-24 { self * (1.0 / squared.sqrt()) } else { Self::UP }
    }

    /// Interpolates to `other`: a share of 0 gives this point, and 1 gives `other`.
    pub fn lerp(self, other: Self, share: f32) -> Self {
        self + (other - self) * share
    }

    /// The minimum of each coordinate.
    pub fn min(self, other: Self) -> Self {
        Self::new(self.x.min(other.x), self.y.min(other.y), self.z.min(other.z))
    }

    /// The maximum of each coordinate.
    pub fn max(self, other: Self) -> Self {
        Self::new(self.x.max(other.x), self.y.max(other.y), self.z.max(other.z))
    }

    /// True when all coordinates are finite.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }
}

impl Add for Vec3 {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}
impl AddAssign for Vec3 {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Vec3 {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}
impl Mul<f32> for Vec3 {
    type Output = Self;
    #[inline]
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}
impl Neg for Vec3 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// A rotation as a unit quaternion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quat {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
    pub(crate) w: f32,
}

impl Quat {
    /// The identity.
    pub(crate) const IDENTITY: Self = Self { x: 0.0, y: 0.0, z: 0.0, w: 1.0 };

    /// Normalises `[x, y, z, w]` of any length; the identity when it is zero or not finite.
    pub(crate) fn from_parts([x, y, z, w]: [f32; 4]) -> Self {
        let length = (x * x + y * y + z * z + w * w).sqrt();
        if !length.is_finite() || length < 1e-12 {
            return Self::IDENTITY;
        }
        Self { x: x / length, y: y / length, z: z / length, w: w / length }
    }

    /// A rotation by `angle` radians about a unit `axis`.
    pub(crate) fn about(axis: Vec3, angle: f32) -> Self {
        let (sine, cosine) = (angle / 2.0).sine_cosine();
        Self { x: axis.x * sine, y: axis.y * sine, z: axis.z * sine, w: cosine }
    }

    /// The shortest rotation from direction `from` to direction `to`.
    pub(crate) fn between(from: Vec3, to: Vec3) -> Self {
        let (from, to) = (from.normalised(), to.normalised());
        let cosine = from.dot(to);
        if cosine < -0.999_99 {
            let side = if from.x.abs() < 0.9 { Vec3::new(1.0, 0.0, 0.0) } else { Vec3::UP };
            return Self::about(from.cross(side).normalised(), std::f32::consts::PI);
        }
        let axis = from.cross(to);
        Self::from_parts([axis.x, axis.y, axis.z, 1.0 + cosine])
    }

    /// The rotation that applies `first`, then `self`.
    #[inline]
    pub(crate) fn after(self, first: Self) -> Self {
        let (a, b) = (self, first);
        Self {
            x: a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            y: a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            z: a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
            w: a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
        }
    }

    /// The inverse rotation.
    pub(crate) fn inverse(self) -> Self {
        Self { x: -self.x, y: -self.y, z: -self.z, w: self.w }
    }

    /// Rotates a vector.
    #[inline]
    pub(crate) fn rotate(self, vector: Vec3) -> Vec3 {
        let axis = Vec3::new(self.x, self.y, self.z);
        let twice = axis.cross(vector) * 2.0;
        vector + twice * self.w + axis.cross(twice)
    }

    /// Interpolates to `other` along the shorter arc (normalised linear): 0 is this rotation, 1 is the other.
    pub(crate) fn lerp(self, other: Self, share: f32) -> Self {
        let dot = self.x * other.x + self.y * other.y + self.z * other.z + self.w * other.w;
        let toward = if dot < 0.0 { -share } else { share };
        let keep = 1.0 - share;
        Self::from_parts([
            self.x * keep + other.x * toward,
            self.y * keep + other.y * toward,
            self.z * keep + other.z * toward,
            self.w * keep + other.w * toward,
        ])
    }
}

/// A linear map with a translation: `columns * point + origin`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    /// Images of the three axes.
    pub(crate) columns: [Vec3; 3],
    /// Image of the origin.
    pub(crate) origin: Vec3,
}

impl Affine {
    /// The identity.
    pub(crate) const IDENTITY: Self = Self {
        columns: [Vec3::new(1.0, 0.0, 0.0), Vec3::new(0.0, 1.0, 0.0), Vec3::new(0.0, 0.0, 1.0)],
        origin: Vec3::ZERO,
    };

    /// Scales each axis, then rotates, then moves.
    pub(crate) fn from_parts(origin: Vec3, turn: Quat, scale: Vec3) -> Self {
        let column = |axis: Vec3, factor: f32| turn.rotate(axis) * factor;
        let [x, y, z] = Self::IDENTITY.columns;
        Self { columns: [column(x, scale.x), column(y, scale.y), column(z, scale.z)], origin }
    }

    /// Reads the upper three rows of a 4x4 matrix in column order, as glTF stores it.
    pub(crate) fn from_columns(matrix: [[f32; 4]; 4]) -> Self {
        let column = |index: usize| Vec3::new(matrix[index][0], matrix[index][1], matrix[index][2]);
        Self { columns: [column(0), column(1), column(2)], origin: column(3) }
    }

    /// Maps a direction (no translation).
    #[inline]
    pub(crate) fn vector(&self, vector: Vec3) -> Vec3 {
        self.columns[0] * vector.x + self.columns[1] * vector.y + self.columns[2] * vector.z
    }

    /// Maps a point.
    #[inline]
    pub(crate) fn point(&self, point: Vec3) -> Vec3 {
        self.vector(point) + self.origin
    }

    /// The map that applies `first`, then `self`.
    pub(crate) fn after(&self, first: &Self) -> Self {
        Self { columns: first.columns.map(|column| self.vector(column)), origin: self.point(first.origin) }
    }

    /// Signed volume of the image of the unit cube; negative when the map mirrors.
    pub(crate) fn determinant(&self) -> f32 {
        self.columns[0].cross(self.columns[1]).dot(self.columns[2])
    }

    /// True when all twelve numbers are finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.origin.is_finite() && self.columns.iter().all(|column| column.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Vec3, b: Vec3) {
        assert!((a - b).length() < 1e-5, "{a:?} is not {b:?}");
    }

    #[test]
    fn a_quarter_turn_about_up_brings_z_to_x() {
        let turn = Quat::about(Vec3::UP, std::f32::consts::FRAC_PI_2);
        near(turn.rotate(Vec3::new(0.0, 0.0, 1.0)), Vec3::new(1.0, 0.0, 0.0));
        near(turn.inverse().after(turn).rotate(Vec3::new(1.0, 2.0, 3.0)), Vec3::new(1.0, 2.0, 3.0));
    }

    #[test]
    fn between_maps_one_direction_on_the_other_even_when_opposite() {
        for (from, to) in [([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]), ([0.0, 2.0, 0.0], [0.0, -1.0, 0.0])] {
            let turn = Quat::between(from.into(), to.into());
            near(turn.rotate(Vec3::from(from).normalised()), to.into());
        }
    }

    #[test]
    fn composing_maps_equals_applying_them_in_turn() {
        let turn = Quat::about(Vec3::new(1.0, 0.0, 0.0), 0.7);
        let first = Affine::from_parts(Vec3::new(1.0, 2.0, 3.0), turn, Vec3::new(2.0, 1.0, 0.5));
        let second = Affine::from_parts(Vec3::new(-1.0, 0.0, 4.0), turn, Vec3::new(1.0, 1.0, 1.0));
        let point = Vec3::new(0.3, -0.2, 0.9);
        near(second.after(&first).point(point), second.point(first.point(point)));
    }
}
