//! Draws furniture and bystanders. Both are drawn once, into the plate, and occlude the person where they are nearer to
//! the camera.

use media::picture::Mask;

use crate::body::appearance::Tint;
use crate::light::LightTable;
use crate::linear::{Affine, Vec3};
use crate::mesh::Mesh;
use crate::render::backdrop::Sight;
use crate::render::extras::{EXTRA_SURFACE, Extras, FIRST_EXTRA};
use crate::render::layer::{Moved, layer_and_triangle};
use crate::render::paint::Painter;
use crate::render::plate::Plate;
use crate::render::raster::{NOTHING, Samples};
use crate::render::sample::{PER_PIXEL, SAMPLES, coverage, sample_place};
use crate::render::shadow::{Blocker, ShadowMap};

/// An item of the empty scene, at one instant.
pub(crate) struct Extra<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) tints: &'a [Tint],
    /// One map for each joint, or one map for a rigid prop.
    pub(crate) maps: Vec<Affine>,
    /// Spheres that darken their surroundings.
    pub(crate) blockers: Vec<Blocker>,
    /// A sphere around it.
    pub(crate) ball: (Vec3, f32),
}

impl Plate {
    /// The plate with `extras` in it.
    pub(crate) fn furnished(mut self, extras: &[Extra<'_>], light: &LightTable, shadows: bool) -> Self {
        if extras.is_empty() {
            return self;
        }
        let (width, height) = self.picture.size();
        let mut samples = Samples::default();
        samples.clear(width * SAMPLES, height * SAMPLES, true);
        let mut maps = Vec::new();
        let mut moved = Vec::new();
        for (index, extra) in extras.iter().enumerate() {
            let mut corners = Moved::default();
            corners.update(extra.mesh, &extra.maps, &self.view, light);
            corners.draw(extra.mesh, FIRST_EXTRA + index, &self.view, &mut samples);
            let mut map = ShadowMap::default();
            map.begin(extra.ball.0, extra.ball.1, light.sun_direction, extra.blockers.iter().copied());
            corners.draw_shadow(extra.mesh, &mut map);
            maps.push(map);
            moved.push(corners);
        }
        let mut result = Extras { samples, shadows: maps, masks: vec![Mask::filled(width, height, 0); extras.len()] };
        let mut painters: Vec<_> = moved
            .iter()
            .zip(extras)
            .map(|(moved, extra)| Painter::new(moved, extra.mesh, extra.tints, light))
            .collect();
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                let ids: [u32; PER_PIXEL] = std::array::from_fn(|sample| {
                    let (column, row) = sample_place(x, y, sample);
                    result.samples.id[row * result.samples.width + column]
                });
                let seen = *self.pixel(index);
                let (dark, share) = if shadows && seen.sun_share >= 0.0 && ids.contains(&NOTHING) {
                    let (px, py) = (x * SAMPLES + SAMPLES / 2, y * SAMPLES + SAMPLES / 2);
                    let place = self.view.eye + self.view.ray(px as f32, py as f32) * seen.depth;
                    shade(&result.shadows, place, seen.normal, seen.sun_share)
                } else {
                    (1.0, seen.sun_share)
                };
                let backdrop = |sight: &Sight| Sight {
                    colour: if sight.sun_share >= 0.0 { sight.colour.map(|value| value * dark) } else { sight.colour },
                    sun_share: if sight.sun_share >= 0.0 { share } else { sight.sun_share },
                    ..*sight
                };
                if ids == [NOTHING; PER_PIXEL] {
                    if dark < 0.9995 {
                        let four = self.border(index).map(|four| four.each_ref().map(backdrop));
                        self.replace(index, backdrop(&seen), four);
                    }
                    continue;
                }
                let four = std::array::from_fn(|sample| {
                    if ids[sample] == NOTHING {
                        return backdrop(self.border(index).map_or(&seen, |four| &four[sample]));
                    }
                    let (column, row) = sample_place(x, y, sample);
                    let (px, py) = (column as f32 + 0.5, row as f32 + 0.5);
                    let depth = 1.0 / result.samples.nearness[row * result.samples.width + column];
                    let place = self.view.eye + self.view.ray(px, py) * depth;
                    let sunlit = || if shadows { result.sunlit(place) } else { 1.0 };
                    let (layer, triangle) = layer_and_triangle(ids[sample]);
                    let lit = painters[layer - FIRST_EXTRA].lit(triangle, self.view.own_ray(px, py), sunlit);
                    Sight {
                        colour: lit.colour(),
                        depth,
                        normal: lit.normal,
                        sun_share: lit.sun_share(),
                        surface: EXTRA_SURFACE,
                    }
                });
                for (object, mask) in result.masks.iter_mut().enumerate() {
                    let count =
                        ids.iter().filter(|id| **id != NOTHING && layer_and_triangle(**id).0 == FIRST_EXTRA + object);
                    mask.cells_mut()[index] = coverage(count.count() as u32);
                }
                self.replace(index, four[0], Some(four));
            }
        }
        drop(painters);
        self.extras = Some(Box::new(result));
        self
    }
}

/// Light factor of a place in the shadow of several objects, and the sun's share of the rest.
fn shade(shadows: &[ShadowMap], place: Vec3, normal: Vec3, sun_share: f32) -> (f32, f32) {
    let (mut sunlit, mut open) = (1.0f32, 1.0f32);
    for map in shadows {
        if map.may_darken(place) {
            sunlit *= if sun_share > 0.01 { map.sunlit(place, 3.0) } else { 1.0 };
            open *= map.open(place, normal);
        }
    }
    let left = 1.0 - sun_share * (1.0 - sunlit);
    (left * open, sun_share * sunlit / left.max(1e-3))
}

/// Spheres along the foot of a prop whose box has the half sides `half`, in the space of `map`.
pub(crate) fn foot_blockers(half: Vec3, map: &Affine) -> Vec<Blocker> {
    let (narrow, wide) = (half.x.min(half.z), half.x.max(half.z));
    let radius = (0.75 * narrow).clamp(0.03, 0.4);
    let count = (wide / radius.max(1e-3)).ceil().clamp(1.0, 6.0) as usize;
    let scale = map.columns[1].length().max(1e-6);
    (0..count)
        .map(|index| {
            let along = if count > 1 {
                (index as f32 / (count - 1) as f32 * 2.0 - 1.0) * (wide - radius).max(0.0)
            } else {
                0.0
            };
            let low = -half.y + radius * 1.3;
            let place = if half.x >= half.z { Vec3::new(along, low, 0.0) } else { Vec3::new(0.0, low, along) };
            Blocker { centre: map.point(place * (1.0 / scale)), radius }
        })
        .collect()
}
