//! The scene without person and thing: colour, distance and how light falls, at every sample of a picture. It is computed
//! once for all pictures that share a camera.

use media::picture::{DepthMap, Picture};

use crate::backdrop::{Sight, Surroundings};
use crate::camera::{Camera, View};
use crate::layer::LightTable;
use crate::tone::{byte_from_display, display_from_light};

/// Samples a side of a pixel.
pub(crate) const SAMPLES: usize = 2;
/// Samples a pixel.
pub(crate) const PER_PIXEL: usize = SAMPLES * SAMPLES;

/// An empty scene from one camera.
#[derive(Debug)]
pub(crate) struct Plate {
    pub(crate) view: View,
    /// Pixel by pixel, four samples each.
    pub(crate) samples: Vec<Sight>,
    pub(crate) picture: Picture,
    pub(crate) depth: DepthMap,
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
        let mut samples = Vec::with_capacity(width * height * PER_PIXEL);
        for y in 0..height {
            for x in 0..width {
                for sample in 0..PER_PIXEL {
                    let (column, row) = sample_place(x, y, sample);
                    let ray = view.ray(column as f32 + 0.5, row as f32 + 0.5);
                    samples.push(surroundings.look(view.eye, ray, angle, light));
                }
            }
        }
        let pixels = samples.as_chunks::<PER_PIXEL>().0;
        let picture = pixels.iter().map(|four| pixel_from_samples(four.map(|sight| display(sight.colour)))).collect();
        let depth = pixels.iter().map(|four| second_nearest(four.map(|sight| sight.depth))).collect();
        Self {
            view,
            samples,
            picture: Picture::from_cells(width, height, picture),
            depth: DepthMap::from_cells(width, height, depth),
        }
    }
}

/// Column and row, in samples, of a pixel's sample.
#[inline]
pub(crate) fn sample_place(x: usize, y: usize, sample: usize) -> (usize, usize) {
    (x * SAMPLES + sample % SAMPLES, y * SAMPLES + sample / SAMPLES)
}

/// Display values in 0..=255.
#[inline]
pub(crate) fn display(light: [f32; 3]) -> [f32; 3] {
    light.map(display_from_light)
}

/// The pixel of four samples: their mean as displayed.
#[inline]
pub(crate) fn pixel_from_samples(samples: [[f32; 3]; PER_PIXEL]) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let sum: f32 = samples.iter().map(|sample| sample[channel]).sum();
        byte_from_display(sum / PER_PIXEL as f32)
    })
}

/// The distance that stands for a pixel: what covers at least half of it and is nearest.
#[inline]
pub(crate) fn second_nearest(depths: [f32; PER_PIXEL]) -> f32 {
    let [a, b, c, d] = depths;
    // The larger of the two smallest of four.
    let (low, high) = (a.min(b), a.max(b));
    let (other_low, other_high) = (c.min(d), c.max(d));
    low.max(other_low).min(high).min(other_high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixels_distance_is_its_second_nearest() {
        for (depths, second) in [
            ([1.0, 2.0, 3.0, 4.0], 2.0),
            ([4.0, 3.0, 2.0, 1.0], 2.0),
            ([1.0, 9.0, 1.0, 9.0], 1.0),
            ([5.0, 5.0, 1.0, 2.0], 2.0),
        ] {
            assert_eq!(second_nearest(depths), second, "{depths:?}");
        }
    }

    #[test]
    fn a_pixel_is_the_mean_as_displayed() {
        let pixel = pixel_from_samples([[0.0; 3], [255.0; 3], [0.0; 3], [255.0; 3]]);
        assert_eq!(pixel, [128; 3]);
    }
}
