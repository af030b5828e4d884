//! Defines the samples of a pixel: their positions, and how a pixel is computed from them.

use crate::tone::{byte_from_display, display_from_light};

/// Number of samples along a side of a pixel.
pub(crate) const SAMPLES: usize = 2;
/// Number of samples in a pixel.
pub(crate) const PER_PIXEL: usize = SAMPLES * SAMPLES;

/// Column and row, in samples, of a sample of a pixel.
#[inline]
pub(crate) fn sample_place(x: usize, y: usize, sample: usize) -> (usize, usize) {
    (x * SAMPLES + sample % SAMPLES, y * SAMPLES + sample / SAMPLES)
}

/// Display values in 0..=255.
#[inline]
pub(crate) fn display([r, g, b]: [f32; 3]) -> [f32; 3] {
    [display_from_light(r), display_from_light(g), display_from_light(b)]
}

/// The pixel for four samples: their mean in display values.
#[inline]
pub(crate) fn pixel_from_samples([a, b, c, d]: [[f32; 3]; PER_PIXEL]) -> [u8; 3] {
    let mean = |channel: usize| (a[channel] + b[channel] + (c[channel] + d[channel])) * (1.0 / PER_PIXEL as f32);
    [byte_from_display(mean(0)), byte_from_display(mean(1)), byte_from_display(mean(2))]
}

/// The distance of a pixel: that of the nearest surface that covers at least half of it.
#[inline]
pub(crate) fn second_nearest(depths: [f32; PER_PIXEL]) -> f32 {
    let [a, b, c, d] = depths;
    // The second smallest of four: the larger of the two pairs' minima, unless one pair contains both smallest values.
    let (low, high) = (a.min(b), a.max(b));
    let (other_low, other_high) = (c.min(d), c.max(d));
    low.max(other_low).min(high).min(other_high)
}

/// The mask value for a number of covered samples.
pub(crate) fn coverage(samples: u32) -> u8 {
    ((samples * 255 + 2) / PER_PIXEL as u32) as u8
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
