//! One picture of a clip: the person and the thing drawn over the plate, with their shadows, and what is where.

use media::picture::{DepthMap, Mask, Picture};
use perception::pose::Pose;

use crate::light::LightTable;
use crate::linear::Affine;
use crate::render::actor::{Actor, Thing, ball, blockers};
use crate::render::backdrop::Sight;
use crate::render::extras::{EXTRA_SURFACE, FIRST_EXTRA};
use crate::render::layer::{Moved, layer_and_triangle};
use crate::render::paint::Painter;
use crate::render::plate::Plate;
use crate::render::pose_in_picture::project_pose;
use crate::render::raster::{NOTHING, Samples};
use crate::render::sample::{PER_PIXEL, SAMPLES, coverage, display, pixel_from_samples, sample_place, second_nearest};
use crate::render::shadow::ShadowMap;
use crate::tone::byte_from_display;

/// Memory used again from frame to frame.
#[derive(Default)]
pub(crate) struct Scratch {
    maps: Vec<Affine>,
    person: Moved,
    thing: Moved,
    samples: Samples,
    shadow: ShadowMap,
}

/// What one picture of one identity carries.
pub(crate) struct Rendered {
    pub(crate) picture: Picture,
    /// Visible part of the person.
    pub(crate) person: Mask,
    /// The person as if nothing were in front of it.
    pub(crate) whole: Mask,
    /// Visible part of the thing in use.
    pub(crate) object: Mask,
    /// Visible parts of furniture and bystanders.
    pub(crate) scenery: Vec<Mask>,
    pub(crate) depth: DepthMap,
    pub(crate) pose: Pose,
}

/// What one instant carries: the empty scene and each identity in it.
pub(crate) struct Exposed {
    pub(crate) plate: Picture,
    pub(crate) plate_depth: DepthMap,
    pub(crate) parts: Vec<Rendered>,
}

const PERSON: usize = 0;
const THING: usize = 1;

/// Draws `actor` and what it holds over `plate`.
pub(crate) fn render(
    plate: &Plate,
    actor: &Actor<'_>,
    thing: Option<&Thing<'_>>,
    light: &LightTable,
    shadows: bool,
    scratch: &mut Scratch,
) -> Rendered {
    let (width, height) = plate.picture.size();
    let (skeleton, mesh) = (actor.character.skeleton(), actor.character.mesh());
    let Scratch { maps, person, thing: held, samples, shadow } = scratch;

    // 1. Move the corners.
    maps.clear();
    maps.extend((0..skeleton.joints.len()).map(|joint| actor.posed.scene_from_rest(skeleton, joint)));
    person.update(mesh, maps, &plate.view, light);
    if let Some(thing) = thing {
        held.update(thing.mesh, &[thing.scene_from_thing], &plate.view, light);
    }

    // 2. What the sun sees.
    let (centre, radius) = ball(actor.posed.joints(), thing.map(|_| held.scene.as_slice()));
    shadow.begin(centre, radius, light.sun_direction, blockers(actor.character, actor.posed));
    person.draw_shadow(mesh, shadow);
    if let Some(thing) = thing {
        held.draw_shadow(thing.mesh, shadow);
    }

    // 3. What the camera sees. The person alone gives the mask without regard to what hides it.
    samples.clear(width * SAMPLES, height * SAMPLES, true);
    person.draw(mesh, PERSON, &plate.view, samples);
    let whole = covered(samples, (width, height));
    if let Some(thing) = thing {
        held.draw(thing.mesh, THING, &plate.view, samples);
    }
    let extras = plate.extras.as_deref();
    if let Some(extras) = extras {
        hide_behind(samples, &extras.samples);
    }

    // 4. Colour.
    let mut paint_person = Painter::new(person, mesh, actor.tints, light);
    let mut paint_thing = thing.map(|thing| Painter::new(held, thing.mesh, thing.tints, light));
    let mut picture = plate.picture.clone();
    let mut depth = plate.depth.clone();
    let mut person_mask = Mask::filled(width, height, 0);
    let mut object_mask = Mask::filled(width, height, 0);
    let mut scenery = extras.map_or_else(Vec::new, |extras| extras.masks.clone());
    let [left, top, right, bottom] = samples.touched;
    for y in 0..height {
        for x in 0..width {
            let index = y * width + x;
            let touched =
                x * SAMPLES + 1 >= left && x * SAMPLES < right && y * SAMPLES + 1 >= top && y * SAMPLES < bottom;
            let ids = if touched {
                std::array::from_fn(|sample| {
                    let (column, row) = sample_place(x, y, sample);
                    samples.id[row * samples.width + column]
                })
            } else {
                [NOTHING; PER_PIXEL]
            };
            // The samples of the backdrop share one shadow, measured in the middle of the pixel; furniture has its own.
            let sight = plate.pixel(index);
            let border = plate.border(index);
            let dark = if shadows && ids.contains(&NOTHING) {
                let at = |px: f32, py: f32, sight: &Sight| {
                    if sight.sun_share < 0.0 {
                        return 1.0;
                    }
                    let place = plate.view.eye + plate.view.ray(px, py) * sight.depth;
                    shadow.darkness(place, sight.normal, sight.sun_share)
                };
                match border.filter(|four| four.iter().any(|sight| sight.surface == EXTRA_SURFACE)) {
                    Some(four) => std::array::from_fn(|sample| {
                        let (column, row) = sample_place(x, y, sample);
                        at(column as f32 + 0.5, row as f32 + 0.5, &four[sample])
                    }),
                    None => {
                        let half = SAMPLES as f32 / 2.0;
                        [at((x * SAMPLES) as f32 + half, (y * SAMPLES) as f32 + half, sight); PER_PIXEL]
                    }
                }
            } else {
                [1.0; PER_PIXEL]
            };
            if ids == [NOTHING; PER_PIXEL] {
                if dark.iter().any(|dark| *dark < 0.9995) {
                    picture.cells_mut()[index] = match border {
                        Some(four) => {
                            pixel_from_samples(std::array::from_fn(|sample| darkened(&four[sample], dark[sample])))
                        }
                        None => darkened(sight, dark[0]).map(byte_from_display),
                    };
                }
                continue;
            }
            let mut colours = [[0.0; 3]; PER_PIXEL];
            let mut depths = [0.0; PER_PIXEL];
            let mut counts = [0u32; 2];
            let mut known: [Option<(f32, f32)>; 2] = [None; 2];
            for sample in 0..PER_PIXEL {
                if ids[sample] == NOTHING {
                    let sight = border.map_or(sight, |four| &four[sample]);
                    (colours[sample], depths[sample]) = (darkened(sight, dark[sample]), sight.depth);
                    continue;
                }
                let (column, row) = sample_place(x, y, sample);
                let (px, py) = (column as f32 + 0.5, row as f32 + 0.5);
                let distance = 1.0 / samples.nearness[row * samples.width + column];
                depths[sample] = distance;
                let (layer, triangle) = layer_and_triangle(ids[sample]);
                counts[layer] += 1;
                // Samples of one pixel on one surface share the shadow on it.
                let known = &mut known[layer];
                let sunlit = || {
                    if !shadows {
                        return 1.0;
                    }
                    if let Some((near, share)) = *known
                        && (distance - near).abs() < 0.01 * near
                    {
                        return share;
                    }
                    let place = plate.view.eye + plate.view.ray(px, py) * distance;
                    let share = shadow.sunlit(place, 1.5) * extras.map_or(1.0, |extras| extras.sunlit(place));
                    *known = Some((distance, share));
                    share
                };
                let ray = plate.view.own_ray(px, py);
                let colour = match (&mut paint_thing, layer) {
                    (Some(painter), THING) => painter.colour(triangle, ray, sunlit),
                    _ => paint_person.colour(triangle, ray, sunlit),
                };
                colours[sample] = display(colour);
            }
            picture.cells_mut()[index] = pixel_from_samples(colours);
            depth.cells_mut()[index] = second_nearest(depths);
            person_mask.cells_mut()[index] = coverage(counts[PERSON]);
            object_mask.cells_mut()[index] = coverage(counts[THING]);
            if let Some(extras) = extras {
                for (object, mask) in scenery.iter_mut().enumerate().filter(|(_, mask)| mask.cells()[index] > 0) {
                    let seen = (0..PER_PIXEL).filter(|&sample| {
                        let (column, row) = sample_place(x, y, sample);
                        let id = extras.samples.id[row * samples.width + column];
                        ids[sample] == NOTHING && id != NOTHING && layer_and_triangle(id).0 == FIRST_EXTRA + object
                    });
                    mask.cells_mut()[index] = coverage(seen.count() as u32);
                }
            }
        }
    }
    let pose = project_pose(&plate.view, actor, &depth);
    Rendered { picture, person: person_mask, whole, object: object_mask, scenery, depth, pose }
}

/// How much of each pixel anything covers.
fn covered(samples: &Samples, (width, height): (usize, usize)) -> Mask {
    let mut mask = Mask::filled(width, height, 0);
    let [left, top, right, bottom] = samples.touched;
    for y in top / SAMPLES..bottom.div_ceil(SAMPLES) {
        for x in left / SAMPLES..right.div_ceil(SAMPLES) {
            let count = (0..PER_PIXEL).filter(|&sample| {
                let (column, row) = sample_place(x, y, sample);
                samples.id[row * samples.width + column] != NOTHING
            });
            mask.set(x, y, coverage(count.count() as u32));
        }
    }
    mask
}

/// Forgets samples behind furniture and bystanders.
fn hide_behind(samples: &mut Samples, extras: &Samples) {
    let [left, top, right, bottom] = samples.touched;
    for row in top..bottom {
        for place in row * samples.width + left..row * samples.width + right {
            if extras.nearness[place] > samples.nearness[place] {
                (samples.nearness[place], samples.id[place]) = (0.0, NOTHING);
            }
        }
    }
}

/// Displayed colour of a part of the backdrop in shadow `dark`.
#[inline]
fn darkened(sight: &Sight, dark: f32) -> [f32; 3] {
    let factor = if sight.sun_share >= 0.0 { dark } else { 1.0 };
    let [r, g, b] = sight.colour;
    display([r * factor, g * factor, b * factor])
}
