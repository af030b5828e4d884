//! Defines a pinhole camera, which projects scene points in metres to pixels.

use serde::{Deserialize, Serialize};

use crate::linear::Vec3;
use crate::trig::Exact;

/// Nearest distance drawn, in metres along the view.
pub(crate) const NEAR: f32 = 0.05;

/// Position, direction and field of view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Its position, in metres.
    pub eye: Vec3,
    /// A point in the centre of the picture.
    pub target: Vec3,
    /// Rotation about the view axis, in radians.
    pub roll: f32,
    /// Vertical field of view, in radians.
    pub field: f32,
}

/// A camera prepared for one picture size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) eye: Vec3,
    pub(crate) right: Vec3,
    pub(crate) down: Vec3,
    pub(crate) forward: Vec3,
    /// Focal length in pixels.
    pub(crate) focal: f32,
    inverse_focal: f32,
    pub(crate) centre: [f32; 2],
}

impl Camera {
    /// Projects a point of the scene: its position in pixels, and its distance along the view axis in metres (0 or less
    /// behind the camera).
    pub fn project(&self, (width, height): (usize, usize), point: Vec3) -> ([f32; 2], f32) {
        self.view((width, height), 1).project(point)
    }

    /// Interpolates to another camera: 0 is this one, 1 is the other.
    pub(crate) fn towards(&self, other: &Self, share: f32) -> Self {
        let mix = |from: f32, to: f32| from + (to - from) * share;
        Self {
            eye: self.eye.lerp(other.eye, share),
            target: self.target.lerp(other.target, share),
            roll: mix(self.roll, other.roll),
            field: mix(self.field, other.field),
        }
    }

    /// The view with `samples` x `samples` samples in each pixel.
    pub(crate) fn view(&self, (width, height): (usize, usize), samples: usize) -> View {
        let forward = (self.target - self.eye).normalised();
        let side = forward.cross(Vec3::UP);
        let side = if side.length() < 1e-5 { Vec3::new(1.0, 0.0, 0.0) } else { side.normalised() };
        let below = forward.cross(side);
        let (sine, cosine) = self.roll.sine_cosine();
        let (width, height) = ((width * samples) as f32, (height * samples) as f32);
        let focal = height / 2.0 / (self.field / 2.0).tangent();
        View {
            eye: self.eye,
            right: side * cosine + below * sine,
            down: below * cosine - side * sine,
            forward,
            focal,
            inverse_focal: 1.0 / focal,
            centre: [width / 2.0, height / 2.0],
        }
    }
}

impl View {
    /// A point in the camera's space: right, down, forward.
    #[inline]
    pub(crate) fn view_from_scene(&self, point: Vec3) -> Vec3 {
        let offset = point - self.eye;
        Vec3::new(offset.dot(self.right), offset.dot(self.down), offset.dot(self.forward))
    }

    pub(crate) fn project(&self, point: Vec3) -> ([f32; 2], f32) {
        let point = self.view_from_scene(point);
        let nearness = self.focal / point.z.max(1e-6);
        ([self.centre[0] + point.x * nearness, self.centre[1] + point.y * nearness], point.z)
    }

    /// The direction through a place of the picture, in the scene, with length 1 along the view axis.
    #[inline]
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vec3 {
        let own = self.own_ray(x, y);
        self.forward + self.right * own.x + self.down * own.y
    }

    /// The same direction in the camera's space.
    #[inline]
    pub(crate) fn own_ray(&self, x: f32, y: f32) -> Vec3 {
        Vec3::new((x - self.centre[0]) * self.inverse_focal, (y - self.centre[1]) * self.inverse_focal, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_in_the_middle_and_left_of_the_scene_is_left() {
        // The camera looks along -Z, so +X is on its right, as for a person who faces it.
        let camera = Camera { eye: Vec3::new(0.0, 1.0, 4.0), target: Vec3::new(0.0, 1.0, 0.0), roll: 0.0, field: 1.0 };
        let ([x, y], depth) = camera.project((64, 48), Vec3::new(0.0, 1.0, 0.0));
        assert!((x - 32.0).abs() < 1e-4 && (y - 24.0).abs() < 1e-4 && (depth - 4.0).abs() < 1e-5);
        let ([x, y], _) = camera.project((64, 48), Vec3::new(1.0, 2.0, 0.0));
        assert!(x > 32.0 && y < 24.0, "{x} {y}");
    }

    #[test]
    fn rays_go_through_the_points_that_project_there() {
        let camera = Camera { eye: Vec3::new(1.0, 1.5, 3.0), target: Vec3::new(0.0, 1.0, -0.5), roll: 0.1, field: 0.8 };
        let view = camera.view((80, 60), 2);
        let point = Vec3::new(0.4, 0.2, -1.0);
        let ([x, y], depth) = view.project(point);
        let back = view.eye + view.ray(x, y) * depth;
        assert!((back - point).length() < 1e-4, "{back:?}");
    }
}
