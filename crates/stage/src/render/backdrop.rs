//! Defines the backdrop behind the person. A plain colour, a room, or a panorama above a ground plane is sampled along
//! rays. For a video backdrop, rays only find the ground plane; the colours come from the video.

use std::sync::Arc;

use media::picture::Picture;

use crate::assets::collection::Assets;
use crate::assets::panorama::Panorama;
use crate::assets::video::{Crop, Video};
use crate::error::StageError;
use crate::light::LightTable;
use crate::linear::Vec3;
use crate::spec::{Backdrop, Covering, SceneSpec};
use crate::texture::Texture;
use crate::trig::Exact;

/// Index of the upward normal among the six of [`LightTable::axis`].
const FLOOR: u8 = 2;
/// Distance of the panorama, in metres.
const DOME: f32 = 40.0;
/// Between these distances, in metres, a textured ground fades into the panorama.
const FADE: (f32, f32) = (5.0, 16.0);

/// A surface with its texture loaded.
#[derive(Debug, Clone)]
pub(crate) struct Cover {
    pub(crate) texture: Arc<Texture>,
    pub(crate) covering: Covering,
}

impl Cover {
    fn of(covering: &Covering, assets: &Assets) -> Result<Self, StageError> {
        if !(covering.metres.is_finite() && covering.metres > 1e-3) {
            let found = covering.metres.to_string();
            return Err(StageError::BadSpec { what: "size of a covering", found, expected: "more than 0.001 m" });
        }
        Ok(Self { texture: assets.texture(&covering.texture)?, covering: covering.clone() })
    }

    /// Linear colour at a place of the surface, in metres. `footprint` is the size of a sample there, in metres.
    fn colour(&self, x: f32, y: f32, footprint: f32) -> [f32; 3] {
        let (sine, cosine) = self.covering.turn.sine_cosine();
        let scale = 1.0 / self.covering.metres;
        let level = self.texture.level_for(footprint * scale * self.texture.size().0 as f32);
        let (u, v) = ((x * cosine - y * sine) * scale, (x * sine + y * cosine) * scale);
        let colour = self.texture.colour(u, v, level);
        std::array::from_fn(|channel| (colour[channel] * self.covering.tint[channel]).min(0.9))
    }
}

/// The surroundings with all assets loaded.
#[derive(Debug, Clone)]
pub(crate) enum Surroundings {
    Plain([f32; 3]),
    Room { low: Vec3, high: Vec3, floor: Cover, wall: Cover, ceiling: [f32; 3], skirting: f32 },
    Dome { panorama: Arc<Panorama>, taken_at: f32, ground: Option<Cover> },
    Film { video: Arc<Video>, start: usize, step: usize, crop: Crop },
}

/// What a ray hits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) colour: [f32; 3],
    /// Distance along the ray, in lengths of its direction.
    pub(crate) depth: f32,
    pub(crate) normal: Vec3,
    /// The sun's share of the light; negative where no shadow can fall.
    pub(crate) sun_share: f32,
    /// The surface. Pixels between two surfaces are sampled more finely.
    pub(crate) surface: u8,
}

impl Sight {
    const UNSHADED: f32 = -1.0;
}

impl Surroundings {
    /// Loads the surroundings of a scene.
    pub(crate) fn of(scene: &SceneSpec, assets: &Assets) -> Result<Self, StageError> {
        Ok(match &scene.backdrop {
            Backdrop::Plain { colour } => Self::Plain(*colour),
            Backdrop::Room { low, high, floor, wall, ceiling, skirting } => Self::Room {
                low: *low,
                high: *high,
                floor: Cover::of(floor, assets)?,
                wall: Cover::of(wall, assets)?,
                ceiling: *ceiling,
                skirting: *skirting,
            },
            Backdrop::Panorama { panorama, taken_at, ground } => Self::Dome {
                panorama: assets.panorama(panorama)?,
                taken_at: *taken_at,
                ground: ground.as_ref().map(|ground| Cover::of(ground, assets)).transpose()?,
            },
            Backdrop::Video { video, start, step, zoom, place } => {
                Self::Film { video: assets.video(video)?, start: *start, step: *step, crop: Crop::new(*zoom, *place)? }
            }
        })
    }

    /// The picture behind frame `frame`, regardless of rays; only videos have one.
    pub(crate) fn picture(&self, frame: usize, size: (usize, usize)) -> Option<Picture> {
        match self {
            Self::Film { video, start, step, crop } => {
                Some(video.picture(start.saturating_add(frame.saturating_mul(*step)), *crop, size))
            }
            Self::Plain(_) | Self::Room { .. } | Self::Dome { .. } => None,
        }
    }

    /// Casts `ray` from `eye`. `angle` is the size of a sample at distance 1.
    pub(crate) fn look(&self, eye: Vec3, ray: Vec3, angle: f32, light: &LightTable) -> Sight {
        match self {
            Self::Plain(colour) => {
                Sight { colour: *colour, depth: DOME, normal: Vec3::UP, sun_share: Sight::UNSHADED, surface: 0 }
            }
            Self::Film { .. } => {
                // The colours are those of the picture. The ground is where the renderer's own camera would see it.
                let depth = if ray.y < -1e-4 { (-eye.y / ray.y).max(0.0) } else { f32::INFINITY };
                let share = light.axis(FLOOR).1.min(0.7);
                let sun_share = if depth * ray.length() < DOME { share } else { Sight::UNSHADED };
                Sight { colour: [0.0; 3], depth: depth.min(DOME), normal: Vec3::UP, sun_share, surface: 0 }
            }
            Self::Room { low, high, floor, wall, ceiling, skirting } => {
                let (depth, normal, side) = inside_box(*low, *high, eye, ray);
                let place = eye + ray * depth;
                let footprint = depth * angle / normal.dot(ray).abs().max(0.05) * ray.length();
                let mut surface = side;
                let albedo = if normal.y > 0.5 {
                    floor.colour(place.x, place.z, footprint)
                } else if normal.y < -0.5 {
                    *ceiling
                } else if place.y < *skirting {
                    surface += 6;
                    floor.covering.tint.map(|tint| 0.25 + 0.3 * tint)
                } else {
                    let along = if normal.x.abs() > 0.5 { place.z } else { place.x };
                    wall.colour(along, -place.y, footprint)
                };
                let corner = corner_darkening(*low, *high, place, normal);
                let (bright, sun_share) = light.axis(side);
                let colour = std::array::from_fn(|channel| albedo[channel] * bright[channel] * corner);
                Sight { colour, depth, normal, sun_share, surface }
            }
            Self::Dome { panorama, taken_at, ground } => {
                let centre = Vec3::new(0.0, *taken_at, 0.0);
                let depth = if ray.y < -1e-4 { -eye.y / ray.y } else { f32::INFINITY };
                let place = eye + ray * depth.min(1e6);
                let seen = place - centre;
                if depth.is_finite() && seen.dot(seen) < DOME * DOME {
                    let photo = || panorama.look(seen);
                    let (bright, sun_share) = light.axis(FLOOR);
                    let sun_share = sun_share.min(0.7);
                    let normal = Vec3::UP;
                    let away = (place.x * place.x + place.z * place.z).sqrt();
                    let fade = ((away - FADE.0) / (FADE.1 - FADE.0)).clamp(0.0, 1.0);
                    let colour = match ground {
                        Some(cover) if fade < 1.0 => {
                            let footprint = depth * angle * ray.length() / (-ray.y).max(0.03);
                            let albedo = cover.colour(place.x, place.z, footprint);
                            let near = std::array::from_fn(|channel| albedo[channel] * bright[channel]);
                            let share = fade * fade * (3.0 - 2.0 * fade);
                            if share == 0.0 { near } else { mix(near, photo(), share) }
                        }
                        _ => photo(),
                    };
                    return Sight { colour, depth, normal, sun_share, surface: 0 };
                }
                // The sphere around the place where the panorama was taken.
                let offset = eye - centre;
                let (a, b) = (ray.dot(ray), offset.dot(ray));
                let root = (b * b - a * (offset.dot(offset) - DOME * DOME)).max(0.0).sqrt();
                let depth = (root - b) / a;
                let colour = panorama.look(offset + ray * depth);
                Sight { colour, depth, normal: Vec3::UP, sun_share: Sight::UNSHADED, surface: 0 }
            }
        }
    }
}

fn mix(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
}

/// Where a ray from inside a box leaves it, the inward normal there, and its index in [`LightTable::axis`].
fn inside_box(low: Vec3, high: Vec3, eye: Vec3, ray: Vec3) -> (f32, Vec3, u8) {
    let mut best = (f32::INFINITY, Vec3::UP, FLOOR);
    let axes = [
        (ray.x, eye.x, low.x, high.x, Vec3::new(1.0, 0.0, 0.0)),
        (ray.y, eye.y, low.y, high.y, Vec3::UP),
        (ray.z, eye.z, low.z, high.z, Vec3::new(0.0, 0.0, 1.0)),
    ];
    for (index, (way, from, low, high, axis)) in axes.into_iter().enumerate() {
        let index = 2 * index as u8;
        let (wall, normal, side) = if way > 0.0 { (high, -axis, index + 1) } else { (low, axis, index) };
        let depth = if way.abs() < 1e-9 { f32::INFINITY } else { (wall - from) / way };
        if depth < best.0 {
            best = (depth.max(1e-3), normal, side);
        }
    }
    best
}

/// There is less light where walls meet.
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
        let met = inside_box(low, high, eye, Vec3::new(0.0, 0.0, -1.0));
        assert_eq!(met, (3.0, Vec3::new(0.0, 0.0, 1.0), 4));
        assert_eq!(inside_box(low, high, eye, Vec3::new(0.0, -0.5, 0.1)), (2.0, Vec3::UP, FLOOR));
    }
}
