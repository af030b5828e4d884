//! Computes the colour of a sample from the visible point of the triangle, the surface there, and the light on it.

use crate::body::appearance::Tint;
use crate::light::LightTable;
use crate::linear::Vec3;
use crate::mesh::Mesh;
use crate::render::layer::{Moved, blend_places, density};

/// A surface with its light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lit {
    albedo: [f32; 3],
    around: [f32; 3],
    sun: [f32; 3],
    pub(crate) normal: Vec3,
}

impl Lit {
    /// Linear colour.
    #[inline]
    pub(crate) fn colour(&self) -> [f32; 3] {
        std::array::from_fn(|channel| self.albedo[channel] * (self.around[channel] + self.sun[channel]))
    }

    /// The sun's share of the light.
    pub(crate) fn sun_share(&self) -> f32 {
        let (sun, around) = (self.sun.iter().sum::<f32>(), self.around.iter().sum::<f32>());
        sun / (sun + around).max(1e-6)
    }
}

/// Colours samples. It remembers the last triangle.
pub(crate) struct Painter<'a> {
    moved: &'a Moved,
    mesh: &'a Mesh,
    tints: &'a [Tint],
    light: &'a LightTable,
    triangle: usize,
    setup: Setup,
}

#[derive(Default)]
struct Setup {
    corners: [usize; 3],
    origin: Vec3,
    first: Vec3,
    second: Vec3,
    /// `-origin x first`, for the third weight.
    across: Vec3,
    level: usize,
}

impl<'a> Painter<'a> {
    /// A painter without a remembered triangle.
    pub(crate) fn new(moved: &'a Moved, mesh: &'a Mesh, tints: &'a [Tint], light: &'a LightTable) -> Self {
        Self { moved, mesh, tints, light, triangle: usize::MAX, setup: Setup::default() }
    }

    /// Linear colour of triangle `triangle` along the camera-space direction `ray`. `sunlit` returns the share of the
    /// sun that reaches the point. It is not called where the surface faces away from the sun.
    #[inline]
    pub(crate) fn colour(&mut self, triangle: usize, ray: Vec3, sunlit: impl FnOnce() -> f32) -> [f32; 3] {
        self.lit(triangle, ray, sunlit).colour()
    }

    /// The surface and its light, as [`colour`](Self::colour) needs them.
    #[inline]
    pub(crate) fn lit(&mut self, triangle: usize, ray: Vec3, sunlit: impl FnOnce() -> f32) -> Lit {
        if triangle != self.triangle {
            self.prepare(triangle);
        }
        // Intersection of ray and triangle (Moeller and Trumbore 1997): exact perspective, regardless of clipping.
        let setup = &self.setup;
        let p = ray.cross(setup.second);
        let scale = 1.0 / nonzero(setup.first.dot(p));
        let u = ((-setup.origin).dot(p) * scale).clamp(0.0, 1.0);
        let v = (ray.dot(setup.across) * scale).clamp(0.0, 1.0 - u);
        let weights = [1.0 - u - v, u, v];
        let [a, b, c] = setup.corners;
        let material = &self.mesh.materials[usize::from(self.mesh.material_of[triangle])];
        let mut albedo = material.colour;
        if let Some(texture) = &material.texture {
            let [s, t] = blend_places(&setup.corners.map(|corner| self.mesh.places[corner]), weights);
            let colour = texture.colour(s, t, setup.level);
            (0..3).for_each(|channel| albedo[channel] *= colour[channel]);
        }
        if let Some(tint) = self.tints.get(usize::from(self.mesh.material_of[triangle])) {
            let positions = &self.mesh.positions;
            albedo = tint
                .apply(albedo, || positions[a] * weights[0] + positions[b] * weights[1] + positions[c] * weights[2]);
        }
        let moved = self.moved;
        let facing = moved.sun[a] * weights[0] + moved.sun[b] * weights[1] + moved.sun[c] * weights[2];
        let sun = if facing > 0.0 { facing * sunlit() } else { 0.0 };
        let around = std::array::from_fn(|channel| {
            moved.around[a][channel] * weights[0]
                + moved.around[b][channel] * weights[1]
                + moved.around[c][channel] * weights[2]
        });
        let normal = moved.normals[a] * weights[0] + moved.normals[b] * weights[1] + moved.normals[c] * weights[2];
        Lit { albedo, around, sun: self.light.sun.map(|value| value * sun), normal }
    }

    fn prepare(&mut self, triangle: usize) {
        let corners = self.mesh.triangles[triangle].map(|corner| corner as usize);
        let [a, b, c] = corners.map(|corner| self.moved.view[corner]);
        let material = &self.mesh.materials[usize::from(self.mesh.material_of[triangle])];
        let level = material.texture.as_ref().map_or(0, |texture| {
            let screen = corners.map(|corner| self.moved.screen[corner]);
            texture.level_for(density(texture.size(), &corners.map(|corner| self.mesh.places[corner]), &screen))
        });
        let (first, second) = (b - a, c - a);
        self.setup = Setup { corners, origin: a, first, second, across: (-a).cross(first), level };
        self.triangle = triangle;
    }
}

fn nonzero(value: f32) -> f32 {
    if value.abs() < 1e-20 { 1e-20 } else { value }
}
