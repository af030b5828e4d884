//! Computes the shadows of the person and a held prop. Cast shadows come from a depth map rendered from the sun's
//! direction. Soft contact shadows come from spheres on the body, and exist even when light comes from all directions.

use crate::linear::Vec3;
use crate::mesh::Mesh;
use crate::render::raster::{Faces, Samples};

/// Cells a side of the map.
const SIDE: usize = 288;
/// Distance by which a receiver is moved towards the sun, in metres, to avoid self-shadowing.
const BIAS: f32 = 0.025;
/// Share of the sky behind a sphere from which the sphere counts.
const FAINT: f32 = 0.003;

/// The nearest surface as seen from the sun.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShadowMap {
    samples: Samples,
    right: Vec3,
    down: Vec3,
    sun: Vec3,
    centre: Vec3,
    /// Cells a metre.
    scale: f32,
    /// Half the side of the map, in metres.
    radius: f32,
    screen: Vec<[f32; 3]>,
    spheres: Vec<Blocker>,
    reach: f32,
}

/// A sphere that blocks light from its surroundings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocker {
    pub(crate) centre: Vec3,
    pub(crate) radius: f32,
}

impl ShadowMap {
    /// Starts an empty map for objects inside a sphere.
    pub(crate) fn begin(&mut self, centre: Vec3, radius: f32, sun: Vec3, blockers: impl Iterator<Item = Blocker>) {
        let side = if sun.y.abs() > 0.99 { Vec3::new(1.0, 0.0, 0.0) } else { Vec3::UP };
        self.sun = sun;
        self.right = side.cross(sun).normalised();
        self.down = self.right.cross(sun);
        self.centre = centre;
        self.radius = radius;
        self.scale = SIDE as f32 / (2.0 * radius);
        self.samples.clear(SIDE, SIDE, false);
        self.spheres.clear();
        self.spheres.extend(blockers);
        self.reach = radius + 0.8;
    }

    /// Column, row and nearness of a point.
    #[inline]
    fn place(&self, point: Vec3) -> [f32; 3] {
        let offset = point - self.centre;
        let half = SIDE as f32 / 2.0;
        [
            half + offset.dot(self.right) * self.scale,
            half + offset.dot(self.down) * self.scale,
            // Positive for everything inside the sphere.
            4.0 * self.radius + offset.dot(self.sun),
        ]
    }

    /// Adds a mesh whose vertices are in the scene. Only surfaces that face away from the sun are drawn (of hair, both
    /// sides), so that lit surfaces do not shadow themselves.
    pub(crate) fn add(&mut self, corners: &[Vec3], mesh: &Mesh) {
        let mut screen = std::mem::take(&mut self.screen);
        screen.clear();
        screen.extend(corners.iter().map(|&corner| self.place(corner)));
        for (triangle, &material) in mesh.triangles.iter().zip(&mesh.material_of) {
            let material = &mesh.materials[usize::from(material)];
            let faces = if material.double_sided { Faces::Both } else { Faces::Back };
            let corners = triangle.map(|corner| corner as usize);
            let places = corners.map(|corner| screen[corner]);
            match (&material.texture, material.cutoff) {
                (Some(texture), Some(cutoff)) => {
                    let level = texture.level_for(4.0);
                    let opaque = |weights: [f32; 3]| {
                        let place = |axis: usize| -> f32 {
                            (0..3).map(|corner| mesh.places[corners[corner]][axis] * weights[corner]).sum()
                        };
                        texture.alpha(place(0), place(1), level) >= cutoff
                    };
                    self.samples.draw(places, 0, faces, Some(&opaque));
                }
                _ => self.samples.draw(places, 0, faces, None),
            }
        }
        self.screen = screen;
    }

    /// Share of the sun that reaches a point: 0 in shadow, 1 in light. `spread` is the radius of the softening in
    /// cells.
    #[inline]
    pub(crate) fn sunlit(&self, point: Vec3, spread: f32) -> f32 {
        const TAPS: [[f32; 2]; 9] = [
            [0.0, 0.0],
            [0.9, 0.2],
            [-0.2, 0.9],
            [-0.9, -0.2],
            [0.2, -0.9],
            [0.45, 0.55],
            [-0.55, 0.45],
            [-0.45, -0.55],
            [0.55, -0.45],
        ];
        let [x, y, near] = self.place(point + self.sun * BIAS);
        let [left, top, right, bottom] = self.samples.touched;
        let margin = spread + 1.0;
        if x < left as f32 - margin
            || y < top as f32 - margin
            || x > right as f32 + margin
            || y > bottom as f32 + margin
        {
            return 1.0;
        }
        let mut lit = 0.0;
        for [dx, dy] in TAPS {
            let (column, row) = ((x + dx * spread) as i32, (y + dy * spread) as i32);
            let inside = column >= 0 && row >= 0 && (column as usize) < SIDE && (row as usize) < SIDE;
            let blocked = inside && self.samples.nearness[row as usize * SIDE + column as usize] > near;
            lit += f32::from(u8::from(!blocked));
        }
        lit / TAPS.len() as f32
    }

    /// Share of the surrounding light that reaches a point with unit normal `normal`.
    #[inline]
    pub(crate) fn open(&self, point: Vec3, normal: Vec3) -> f32 {
        let offset = point - self.centre;
        if offset.dot(offset) > self.reach * self.reach {
            return 1.0;
        }
        let mut open = 1.0;
        for sphere in &self.spheres {
            let way = sphere.centre - point;
            let (own, facing) = (sphere.radius * sphere.radius, way.dot(normal));
            let squared = way.dot(way).max(own);
            // Darkening below one display step is ignored.
            if facing > 0.0 && own > FAINT * squared {
                open *= 1.0 - 0.9 * facing / squared.sqrt() * own / squared;
            }
        }
        open
    }

    /// Light factor of a place that gets the share `sun_share` of its light from the sun.
    #[inline]
    pub(crate) fn darkness(&self, place: Vec3, normal: Vec3, sun_share: f32) -> f32 {
        if !self.may_darken(place) {
            return 1.0;
        }
        let sunlit = if sun_share > 0.01 { self.sunlit(place, 3.0) } else { 1.0 };
        (1.0 - sun_share * (1.0 - sunlit)) * self.open(place, normal)
    }

    /// True if anything near `point` could be darkened.
    #[inline]
    pub(crate) fn may_darken(&self, point: Vec3) -> bool {
        let offset = point - self.centre;
        let along = offset.dot(self.sun);
        let beside = offset.dot(offset) - along * along;
        // In the cylinder behind the ball, or near it.
        (along < self.radius && beside < self.radius * self.radius) || offset.dot(offset) < self.reach * self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::{Kind, Material};

    #[test]
    fn a_ball_shadows_the_ground_below_it_and_not_beside_it() {
        let material = Material {
            name: "ball".into(),
            colour: [1.0; 3],
            texture: None,
            cutoff: None,
            double_sided: false,
            kind: Kind::Cloth,
        };
        let ball = Mesh::ellipsoid(Vec3::new(0.0, 1.0, 0.0), Vec3::new(0.4, 0.4, 0.4), material, 0, 12);
        let mut map = ShadowMap::default();
        let blocker = Blocker { centre: Vec3::new(0.0, 1.0, 0.0), radius: 0.4 };
        map.begin(Vec3::new(0.0, 1.0, 0.0), 0.8, Vec3::UP, [blocker].into_iter());
        map.add(&ball.positions, &ball);
        assert_eq!(map.sunlit(Vec3::ZERO, 1.0), 0.0);
        assert_eq!(map.sunlit(Vec3::new(0.6, 0.0, 0.0), 1.0), 1.0);
        assert_eq!(map.sunlit(Vec3::new(0.0, 1.5, 0.0), 1.0), 1.0);
        assert_eq!(map.sunlit(Vec3::new(9.0, 0.0, 0.0), 1.0), 1.0);
        // (r / d)^2 = 0.16 straight below.
        assert!((map.open(Vec3::ZERO, Vec3::UP) - (1.0 - 0.9 * 0.16)).abs() < 1e-5);
        assert_eq!(map.open(Vec3::ZERO, -Vec3::UP), 1.0);
    }
}
