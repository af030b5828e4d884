//! What is behind the person: a plain colour, a room, or a panorama over a ground, seen along single rays.

use std::sync::Arc;

use crate::layer::LightTable;
use crate::light::shade;
use crate::linear::Vec3;
use crate::panorama::Panorama;
use crate::spec::Covering;
use crate::texture::Texture;

/// Distance of the panorama, in metres.
const DOME: f32 = 40.0;
/// Between these distances a textured ground gives way to the panorama, in metres.
const FADE: (f32, f32) = (5.0, 16.0);

/// A covering with its texture at hand.
#[derive(Debug, Clone)]
pub(crate) struct Cover {
    pub(crate) texture: Arc<Texture>,
    pub(crate) covering: Covering,
}

impl Cover {
    /// Linear colour at a place of the surface in metres; `footprint` is the size of a sample there, in metres.
    fn colour(&self, x: f32, y: f32, footprint: f32) -> [f32; 3] {
        let (sine, cosine) = self.covering.turn.sin_cos();
        let scale = 1.0 / self.covering.metres;
        let level = self.texture.level_for(footprint * scale * self.texture.size().0 as f32);
        let (u, v) = ((x * cosine - y * sine) * scale, (x * sine + y * cosine) * scale);
        let colour = self.texture.colour(u, v, level);
        std::array::from_fn(|channel| (colour[channel] * self.covering.tint[channel]).min(0.9))
    }
}

/// The surroundings with everything at hand.
#[derive(Debug, Clone)]
pub(crate) enum Surroundings {
    Plain([f32; 3]),
    Room { low: Vec3, high: Vec3, floor: Cover, wall: Cover, ceiling: [f32; 3], skirting: f32 },
    Dome { panorama: Arc<Panorama>, taken_at: f32, ground: Option<Cover> },
}

/// What a ray meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) colour: [f32; 3],
    /// Along the ray, in lengths of its direction.
    pub(crate) depth: f32,
    pub(crate) normal: Vec3,
    /// Share of the light that comes from the sun; negative where no shadow falls at all.
    pub(crate) sun_share: f32,
}

impl Sight {
    const UNSHADED: f32 = -1.0;
}

impl Surroundings {
    /// Looks from `eye` along `ray`; `angle` is the size of a sample at distance 1.
    pub(crate) fn look(&self, eye: Vec3, ray: Vec3, angle: f32, light: &LightTable) -> Sight {
        match self {
            Self::Plain(colour) => Sight { colour: *colour, depth: DOME, normal: Vec3::UP, sun_share: Sight::UNSHADED },
            Self::Room { low, high, floor, wall, ceiling, skirting } => {
                let (depth, normal) = inside_box(*low, *high, eye, ray);
                let place = eye + ray * depth;
                let footprint = depth * angle / normal.dot(ray).abs().max(0.05) * ray.length();
                let albedo = if normal.y > 0.5 {
                    floor.colour(place.x, place.z, footprint)
                } else if normal.y < -0.5 {
                    *ceiling
                } else if place.y < *skirting {
                    floor.covering.tint.map(|tint| 0.25 + 0.3 * tint)
                } else {
                    let along = if normal.x.abs() > 0.5 { place.z } else { place.x };
                    wall.colour(along, -place.y, footprint)
                };
                let corner = corner_darkening(*low, *high, place, normal);
                let (colour, sun_share) = lit(albedo, normal, light);
                Sight { colour: colour.map(|value| value * corner), depth, normal, sun_share }
            }
            Self::Dome { panorama, taken_at, ground } => {
                let centre = Vec3::new(0.0, *taken_at, 0.0);
                let depth = if ray.y < -1e-4 { -eye.y / ray.y } else { f32::INFINITY };
                let place = eye + ray * depth.min(1e6);
                let seen = place - centre;
                if depth.is_finite() && seen.dot(seen) < DOME * DOME {
                    let photo = || panorama.look(seen);
                    let (_, sun_share) = lit([1.0; 3], Vec3::UP, light);
                    let sun_share = sun_share.min(0.7);
                    let normal = Vec3::UP;
                    let away = (place.x * place.x + place.z * place.z).sqrt();
                    let fade = ((away - FADE.0) / (FADE.1 - FADE.0)).clamp(0.0, 1.0);
                    let colour = match ground {
                        Some(cover) if fade < 1.0 => {
                            let footprint = depth * angle * ray.length() / (-ray.y).max(0.03);
                            let near = lit(cover.colour(place.x, place.z, footprint), normal, light).0;
                            let share = fade * fade * (3.0 - 2.0 * fade);
                            if share == 0.0 { near } else { mix(near, photo(), share) }
                        }
                        _ => photo(),
                    };
                    return Sight { colour, depth, normal, sun_share };
                }
                // The sphere around the place where the panorama was taken.
                let offset = eye - centre;
                let (a, b) = (ray.dot(ray), offset.dot(ray));
                let root = (b * b - a * (offset.dot(offset) - DOME * DOME)).max(0.0).sqrt();
                let depth = (root - b) / a;
                let colour = panorama.look(offset + ray * depth);
                Sight { colour, depth, normal: Vec3::UP, sun_share: Sight::UNSHADED }
            }
        }
    }
}

/// Light that a matt surface sends back, and the sun's share of it.
pub(crate) fn lit(albedo: [f32; 3], normal: Vec3, light: &LightTable) -> ([f32; 3], f32) {
    let around = shade(&light.around, normal);
    let sun = light.sun.map(|value| value * normal.dot(light.sun_direction).max(0.0));
    let share = sun.iter().sum::<f32>() / (sun.iter().sum::<f32>() + around.iter().sum::<f32>());
    (std::array::from_fn(|channel| albedo[channel] * (around[channel] + sun[channel])), share)
}

fn mix(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

/// Where a ray from inside a box leaves it, and the normal there, inwards.
fn inside_box(low: Vec3, high: Vec3, eye: Vec3, ray: Vec3) -> (f32, Vec3) {
    let mut best = (f32::INFINITY, Vec3::UP);
    let axes = [
        (ray.x, eye.x, low.x, high.x, Vec3::new(1.0, 0.0, 0.0)),
        (ray.y, eye.y, low.y, high.y, Vec3::UP),
        (ray.z, eye.z, low.z, high.z, Vec3::new(0.0, 0.0, 1.0)),
    ];
    for (way, from, low, high, axis) in axes {
        let (wall, normal) = if way > 0.0 { (high, -axis) } else { (low, axis) };
        let depth = if way.abs() < 1e-9 { f32::INFINITY } else { (wall - from) / way };
        if depth < best.0 {
            best = (depth.max(1e-3), normal);
        }
    }
    best
}

/// Less light where walls meet.
fn corner_darkening(low: Vec3, high: Vec3, place: Vec3, normal: Vec3) -> f32 {
    let mut factor = 1.0;
    let mut near = |distance: f32| {
        let share = 1.0 - (distance / 0.7).clamp(0.0, 1.0);
        factor *= 1.0 - 0.3 * share * share;
    };
    if normal.x == 0.0 {
        near(place.x - low.x);
        near(high.x - place.x);
    }
    if normal.y == 0.0 {
        near(place.y - low.y);
        near(high.y - place.y);
    }
    if normal.z == 0.0 {
        near(place.z - low.z);
        near(high.z - place.z);
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_in_a_box_meets_the_wall_it_points_at() {
        let (low, high) = (Vec3::new(-2.0, 0.0, -3.0), Vec3::new(2.0, 2.5, 3.0));
        let eye = Vec3::new(0.0, 1.0, 0.0);
        let (depth, normal) = inside_box(low, high, eye, Vec3::new(0.0, 0.0, -1.0));
        assert_eq!((depth, normal), (3.0, Vec3::new(0.0, 0.0, 1.0)));
        let (depth, normal) = inside_box(low, high, eye, Vec3::new(0.0, -0.5, 0.1));
        assert_eq!((depth, normal), (2.0, Vec3::UP));
    }
}
