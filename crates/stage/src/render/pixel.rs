//! Paints one pixel of a picture: the shadow on the backdrop, the surfaces at the pixel's samples, and the coverage in
//! each mask.

use media::picture::{DepthMap, Mask, Picture};

use crate::linear::Vec3;
use crate::render::backdrop::Sight;
use crate::render::extras::{EXTRA_SURFACE, FIRST_EXTRA};
use crate::render::layer::layer_and_triangle;
use crate::render::paint::Painter;
use crate::render::plate::Plate;
use crate::render::raster::{NOTHING, Samples};
use crate::render::sample::{PER_PIXEL, SAMPLES, coverage, display, pixel_from_samples, sample_place, second_nearest};
use crate::render::shadow::ShadowMap;
use crate::tone::byte_from_display;

/// Layer of the person.
pub(crate) const PERSON: usize = 0;
/// Layer of the prop in use.
pub(crate) const PROP: usize = 1;

/// What camera and sun see of the person and the prop, over the plate.
pub(crate) struct Seen<'a> {
    pub(crate) plate: &'a Plate,
    pub(crate) samples: &'a Samples,
    pub(crate) shadow: &'a ShadowMap,
    /// True if anything casts a shadow.
    pub(crate) shadows: bool,
}

/// The painted surfaces.
pub(crate) struct Painters<'a> {
    pub(crate) person: Painter<'a>,
    pub(crate) prop: Option<Painter<'a>>,
}

/// A picture under construction, with its masks and distances.
pub(crate) struct Canvas {
    pub(crate) picture: Picture,
    pub(crate) depth: DepthMap,
    pub(crate) person: Mask,
    pub(crate) object: Mask,
    pub(crate) scenery: Vec<Mask>,
}

/// What the samples of a pixel show.
struct Surfaces {
    /// Display values.
    colours: [[f32; 3]; PER_PIXEL],
    depths: [f32; PER_PIXEL],
    /// Number of samples of the person and of the prop.
    counts: [u32; 2],
}

impl Canvas {
    /// The plate alone.
    pub(crate) fn new(plate: &Plate) -> Self {
        let (width, height) = plate.picture.size();
        Self {
            picture: plate.picture.clone(),
            depth: plate.depth.clone(),
            person: Mask::filled(width, height, 0),
            object: Mask::filled(width, height, 0),
            scenery: plate.extras.as_deref().map_or_else(Vec::new, |extras| extras.masks.clone()),
        }
    }

    /// Paints one pixel of a picture `width` pixels wide.
    #[inline]
    pub(crate) fn paint(&mut self, (x, y): (usize, usize), width: usize, seen: &Seen<'_>, painters: &mut Painters<'_>) {
        let index = y * width + x;
        let ids = seen.ids(x, y);
        let dark = seen.darkness((x, y), index, &ids);
        if ids == [NOTHING; PER_PIXEL] {
            if let Some(pixel) = seen.shadowed(index, &dark) {
                self.picture.cells_mut()[index] = pixel;
            }
            return;
        }
        let Surfaces { colours, depths, counts } = seen.surfaces((x, y), index, &ids, &dark, painters);
        self.picture.cells_mut()[index] = pixel_from_samples(colours);
        self.depth.cells_mut()[index] = second_nearest(depths);
        self.person.cells_mut()[index] = coverage(counts[PERSON]);
        self.object.cells_mut()[index] = coverage(counts[PROP]);
        self.cover_scenery((x, y), index, seen, &ids);
    }

    /// Removes from the masks of furniture and bystanders what person and prop hide of them.
    #[inline]
    fn cover_scenery(&mut self, (x, y): (usize, usize), index: usize, seen: &Seen<'_>, ids: &[u32; PER_PIXEL]) {
        let Some(extras) = seen.plate.extras.as_deref() else { return };
        for (object, mask) in self.scenery.iter_mut().enumerate().filter(|(_, mask)| mask.cells()[index] > 0) {
            let left = (0..PER_PIXEL).filter(|&sample| {
                let (column, row) = sample_place(x, y, sample);
                let id = extras.samples.id[row * seen.samples.width + column];
                ids[sample] == NOTHING && id != NOTHING && layer_and_triangle(id).0 == FIRST_EXTRA + object
            });
            mask.cells_mut()[index] = coverage(left.count() as u32);
        }
    }
}

impl Seen<'_> {
    /// Layer and triangle at each sample of a pixel.
    #[inline]
    fn ids(&self, x: usize, y: usize) -> [u32; PER_PIXEL] {
        let samples = self.samples;
        let [left, top, right, bottom] = samples.touched;
        let touched = x * SAMPLES + 1 >= left && x * SAMPLES < right && y * SAMPLES + 1 >= top && y * SAMPLES < bottom;
        if !touched {
            return [NOTHING; PER_PIXEL];
        }
        std::array::from_fn(|sample| {
            let (column, row) = sample_place(x, y, sample);
            samples.id[row * samples.width + column]
        })
    }

    /// The place in the scene at a distance along the ray of a sample.
    #[inline]
    fn place(&self, px: f32, py: f32, distance: f32) -> Vec3 {
        self.plate.view.eye + self.plate.view.ray(px, py) * distance
    }

    /// Shadow on the backdrop at each sample. The samples of the backdrop share one shadow, measured in the middle of
    /// the pixel. Furniture has its own shadow.
    #[inline]
    fn darkness(&self, (x, y): (usize, usize), index: usize, ids: &[u32; PER_PIXEL]) -> [f32; PER_PIXEL] {
        if !(self.shadows && ids.contains(&NOTHING)) {
            return [1.0; PER_PIXEL];
        }
        let at = |px: f32, py: f32, sight: &Sight| {
            if sight.sun_share < 0.0 {
                return 1.0;
            }
            self.shadow.darkness(self.place(px, py, sight.depth), sight.normal, sight.sun_share)
        };
        let border = self.plate.border(index);
        match border.filter(|four| four.iter().any(|sight| sight.surface == EXTRA_SURFACE)) {
            Some(four) => std::array::from_fn(|sample| {
                let (column, row) = sample_place(x, y, sample);
                at(column as f32 + 0.5, row as f32 + 0.5, &four[sample])
            }),
            None => {
                let half = SAMPLES as f32 / 2.0;
                let sight = self.plate.pixel(index);
                [at((x * SAMPLES) as f32 + half, (y * SAMPLES) as f32 + half, sight); PER_PIXEL]
            }
        }
    }

    /// The colour of a pixel that shows only backdrop; `None` where no shadow changes it.
    #[inline]
    fn shadowed(&self, index: usize, dark: &[f32; PER_PIXEL]) -> Option<[u8; 3]> {
        if !dark.iter().any(|dark| *dark < 0.9995) {
            return None;
        }
        Some(match self.plate.border(index) {
            Some(four) => pixel_from_samples(std::array::from_fn(|sample| darkened(&four[sample], dark[sample]))),
            None => darkened(self.plate.pixel(index), dark[0]).map(byte_from_display),
        })
    }

    /// Colour and distance of each sample of a pixel.
    #[inline]
    fn surfaces(
        &self,
        (x, y): (usize, usize),
        index: usize,
        ids: &[u32; PER_PIXEL],
        dark: &[f32; PER_PIXEL],
        painters: &mut Painters<'_>,
    ) -> Surfaces {
        let extras = self.plate.extras.as_deref();
        let (sight, border) = (self.plate.pixel(index), self.plate.border(index));
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
            let distance = 1.0 / self.samples.nearness[row * self.samples.width + column];
            depths[sample] = distance;
            let (layer, triangle) = layer_and_triangle(ids[sample]);
            counts[layer] += 1;
            // Samples of one pixel on one surface share its shadow.
            let known = &mut known[layer];
            let sunlit = || {
                if !self.shadows {
                    return 1.0;
                }
                if let Some((near, share)) = *known
                    && (distance - near).abs() < 0.01 * near
                {
                    return share;
                }
                let place = self.place(px, py, distance);
                let share = self.shadow.sunlit(place, 1.5) * extras.map_or(1.0, |extras| extras.sunlit(place));
                *known = Some((distance, share));
                share
            };
            let ray = self.plate.view.own_ray(px, py);
            let colour = match (&mut painters.prop, layer) {
                (Some(painter), PROP) => painter.colour(triangle, ray, sunlit),
                _ => painters.person.colour(triangle, ray, sunlit),
            };
            colours[sample] = display(colour);
        }
        Surfaces { colours, depths, counts }
    }
}

/// Display colour of a part of the backdrop in shadow `dark`.
#[inline]
fn darkened(sight: &Sight, dark: f32) -> [f32; 3] {
    let factor = if sight.sun_share >= 0.0 { dark } else { 1.0 };
    let [r, g, b] = sight.colour;
    display([r * factor, g * factor, b * factor])
}
