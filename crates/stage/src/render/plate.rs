//! Computes the plate, which is the scene without person and prop: colour, depth and light for each pixel. The plate is
//! computed once for all pictures that share a camera. A pixel is sampled once, or four times on the border between two
//! surfaces.

use media::picture::{DepthMap, Picture};

use crate::camera::{Camera, View};
use crate::light::LightTable;
use crate::render::backdrop::{Sight, Surroundings};
use crate::render::extras::Extras;
use crate::render::sample::{PER_PIXEL, SAMPLES, display, pixel_from_samples, sample_place, second_nearest};
use crate::tone::{byte_from_display, light_from_display};

/// Marks a pixel without an entry in [`Plate::borders`].
const SMOOTH: u32 = u32::MAX;

/// An empty scene from one camera.
#[derive(Debug, Clone)]
pub(crate) struct Plate {
    /// Size in samples.
    pub(crate) view: View,
    /// One ray for each pixel, through its centre.
    pixels: Vec<Sight>,
    /// Index of each pixel in `borders`, or [`SMOOTH`].
    border_of: Vec<u32>,
    borders: Vec<[Sight; PER_PIXEL]>,
    pub(crate) picture: Picture,
    pub(crate) depth: DepthMap,
    /// What stands in front of the backdrop, if anything does.
    pub(crate) extras: Option<Box<Extras>>,
}

impl Plate {
    pub(crate) fn new(
        camera: &Camera,
        (width, height): (usize, usize),
        surroundings: &Surroundings,
        light: &LightTable,
    ) -> Self {
        let view = camera.view((width, height), SAMPLES);
        let angle = 1.0 / view.focal;
        let look = |x: f32, y: f32, angle: f32| surroundings.look(view.eye, view.ray(x, y), angle, light);
        let (step, half) = (SAMPLES as f32, SAMPLES as f32 / 2.0);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                pixels.push(look(x as f32 * step + half, y as f32 * step + half, angle * step));
            }
        }
        let mut border_of = vec![SMOOTH; width * height];
        let mut borders = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let index = y * width + x;
                let differs = |other: usize| pixels[other].surface != pixels[index].surface;
                if (x > 0 && differs(index - 1))
                    || (x + 1 < width && differs(index + 1))
                    || (y > 0 && differs(index - width))
                    || (y + 1 < height && differs(index + width))
                {
                    border_of[index] = borders.len() as u32;
                    borders.push(std::array::from_fn(|sample| {
                        let (column, row) = sample_place(x, y, sample);
                        look(column as f32 + 0.5, row as f32 + 0.5, angle)
                    }));
                }
            }
        }
        let mut picture = Vec::with_capacity(width * height);
        let mut depth = Vec::with_capacity(width * height);
        for (sight, &border) in pixels.iter().zip(&border_of) {
            if border == SMOOTH {
                picture.push(display(sight.colour).map(byte_from_display));
                depth.push(sight.depth);
            } else {
                let four: &[Sight; PER_PIXEL] = &borders[border as usize];
                picture.push(pixel_from_samples(four.map(|sight| display(sight.colour))));
                depth.push(second_nearest(four.map(|sight| sight.depth)));
            }
        }
        Self {
            view,
            pixels,
            border_of,
            borders,
            picture: Picture::from_cells(width, height, picture),
            depth: DepthMap::from_cells(width, height, depth),
            extras: None,
        }
    }

    /// The plate with the colours of `picture`. It must have no borders.
    pub(crate) fn showing(mut self, picture: Option<Picture>) -> Self {
        let Some(picture) = picture else { return self };
        assert_eq!(picture.size(), self.picture.size(), "a picture of another size");
        let table = light_from_display();
        for (sight, cell) in self.pixels.iter_mut().zip(picture.cells()) {
            sight.colour = cell.map(|byte| table[usize::from(byte)]);
        }
        self.picture = picture;
        self
    }

    /// Replaces what is seen through a pixel, with one ray or four.
    pub(crate) fn replace(&mut self, index: usize, one: Sight, four: Option<[Sight; PER_PIXEL]>) {
        self.pixels[index] = one;
        let (picture, depth) = match four {
            None => (display(one.colour).map(byte_from_display), one.depth),
            Some(four) => {
                if self.border_of[index] == SMOOTH {
                    self.border_of[index] = self.borders.len() as u32;
                    self.borders.push(four);
                } else {
                    self.borders[self.border_of[index] as usize] = four;
                }
                let picture = pixel_from_samples(four.map(|sight| display(sight.colour)));
                (picture, second_nearest(four.map(|sight| sight.depth)))
            }
        };
        self.picture.cells_mut()[index] = picture;
        self.depth.cells_mut()[index] = depth;
    }

    /// What is seen through the middle of a pixel.
    #[inline]
    pub(crate) fn pixel(&self, index: usize) -> &Sight {
        &self.pixels[index]
    }

    /// What each sample of a border pixel shows; `None` where all are alike.
    #[inline]
    pub(crate) fn border(&self, index: usize) -> Option<&[Sight; PER_PIXEL]> {
        self.borders.get(self.border_of[index] as usize)
    }
}
