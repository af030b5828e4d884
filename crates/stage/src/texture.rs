//! Defines textures: 8-bit colour with mipmaps, and bilinear lookup in one mipmap level.

use std::sync::OnceLock;

use image::ImageEncoder;

use crate::tone::linear_from_srgb;
use crate::trig::Exact;

/// One mipmap level: RGBA bytes, row by row.
#[derive(Debug, Clone, PartialEq)]
struct Level {
    width: usize,
    height: usize,
    texels: Vec<[u8; 4]>,
}

/// A texture for surfaces. It repeats in both directions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Texture {
    levels: Vec<Level>,
    has_alpha: bool,
}

impl Texture {
    /// Takes RGBA texels in rows and builds the mipmaps.
    ///
    /// # Panics
    /// When the number of texels is not `width * height`, or either is 0.
    pub(crate) fn new(width: usize, height: usize, texels: Vec<[u8; 4]>) -> Self {
        assert!(width > 0 && height > 0, "a texture of {width}x{height}");
        assert_eq!(texels.len(), width * height, "{} texels for {width}x{height}", texels.len());
        let has_alpha = texels.iter().any(|texel| texel[3] < 255);
        let mut levels = vec![Level { width, height, texels }];
        while let Some(last) = levels.last().filter(|level| level.width > 1 || level.height > 1) {
            let half = halved(last);
            levels.push(half);
        }
        Self { levels, has_alpha }
    }

    /// A copy with no side longer than `limit` texels: the mipmaps without the first levels.
    pub(crate) fn limited(mut self, limit: usize) -> Self {
        let first = self.levels.iter().position(|level| level.width.max(level.height) <= limit.max(1)).unwrap_or(0);
        self.levels.drain(..first);
        self
    }

    /// An encoded picture of the finest level whose sides are at most `limit` texels: JPEG, or PNG if there are holes.
    ///
    /// # Errors
    /// The encoder's message.
    pub(crate) fn encoded(&self, limit: usize) -> Result<Vec<u8>, String> {
        let level = self.levels.iter().find(|level| level.width.max(level.height) <= limit.max(1));
        let Some(level) = level.or(self.levels.last()) else { return Err("an empty texture".into()) };
        let (width, height) = (level.width as u32, level.height as u32);
        let mut out = Vec::new();
        let written = if self.has_alpha {
            image::codecs::png::PngEncoder::new(&mut out).write_image(
                level.texels.as_flattened(),
                width,
                height,
                image::ExtendedColorType::Rgba8,
            )
        } else {
            let bytes: Vec<u8> = level.texels.iter().flat_map(|texel| [texel[0], texel[1], texel[2]]).collect();
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 84).write_image(
                &bytes,
                width,
                height,
                image::ExtendedColorType::Rgb8,
            )
        };
        written.map_err(|error| error.to_string())?;
        Ok(out)
    }

    /// Columns and rows of the finest level.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.levels[0].width, self.levels[0].height)
    }

    /// True when some texel is not opaque.
    pub(crate) fn has_alpha(&self) -> bool {
        self.has_alpha
    }

    /// The level for a sample of `texels` finest texels.
    #[inline]
    pub(crate) fn level_for(&self, texels: f32) -> usize {
        if texels <= 1.4 {
            return 0;
        }
        // The exponent of the float is the floor of its logarithm; 1.4 rounds it.
        let exponent = ((texels / 1.4).to_bits() >> 23) as i32 - 127 + 1;
        (exponent.max(0) as usize).min(self.levels.len() - 1)
    }

    /// The four texels around `(u, v)`, where 0..1 covers the picture from its top left, and their weights.
    #[inline]
    fn around(&self, u: f32, v: f32, level: usize) -> ([[u8; 4]; 4], [f32; 4]) {
        let level = &self.levels[level];
        let x = (u - floor(u) as f32) * level.width as f32 - 0.5;
        let y = (v - floor(v) as f32) * level.height as f32 - 0.5;
        let (left, top) = (floor(x), floor(y));
        let (right_share, bottom_share) = (x - left as f32, y - top as f32);
        let wrap = |place: i32, size: usize| -> usize {
            if place < 0 {
                size - 1
            } else if place as usize >= size {
                place as usize % size
            } else {
                place as usize
            }
        };
        let (x0, y0) = (wrap(left, level.width), wrap(top, level.height));
        let (x1, y1) = (wrap(left + 1, level.width), wrap(top + 1, level.height));
        let (upper, lower) = (&level.texels[y0 * level.width..], &level.texels[y1 * level.width..]);
        let below = bottom_share * right_share;
        let shares = [1.0 - right_share - bottom_share + below, right_share - below, bottom_share - below, below];
        ([upper[x0], upper[x1], lower[x0], lower[x1]], shares)
    }

    /// RGBA in 0..=255 (sRGB) at `(u, v)`.
    #[inline]
    pub(crate) fn sample(&self, u: f32, v: f32, level: usize) -> [f32; 4] {
        let (texels, shares) = self.around(u, v, level);
        [0, 1, 2, 3].map(|channel| mean(&texels, &shares, channel))
    }

    /// Linear colour at `(u, v)`.
    #[inline]
    pub(crate) fn colour(&self, u: f32, v: f32, level: usize) -> [f32; 3] {
        let table = linear_from_srgb();
        let (texels, shares) = self.around(u, v, level);
        [0, 1, 2].map(|channel| table[(mean(&texels, &shares, channel) + 0.5) as u8 as usize])
    }

    /// Opacity in 0..=1 at `(u, v)`.
    #[inline]
    pub(crate) fn alpha(&self, u: f32, v: f32, level: usize) -> f32 {
        let (texels, shares) = self.around(u, v, level);
        mean(&texels, &shares, 3) / 255.0
    }

    /// Mean linear colour.
    pub(crate) fn mean(&self) -> [f32; 3] {
        self.colour(0.5, 0.5, self.levels.len() - 1)
    }
}

#[inline]
fn mean(texels: &[[u8; 4]; 4], shares: &[f32; 4], channel: usize) -> f32 {
    f32::from(texels[0][channel]) * shares[0]
        + f32::from(texels[1][channel]) * shares[1]
        + f32::from(texels[2][channel]) * shares[2]
        + f32::from(texels[3][channel]) * shares[3]
}

/// The integer at or below a number, without the system's mathematics.
#[inline]
pub(crate) fn floor(value: f32) -> i32 {
    let cut = value as i32;
    cut - i32::from((cut as f32) > value)
}

/// Means of 2x2 texels in linear light, weighted by opacity so that the colour of holes does not bleed in.
fn halved(level: &Level) -> Level {
    let table = linear_from_srgb();
    let (width, height) = ((level.width / 2).max(1), (level.height / 2).max(1));
    let mut texels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut colour = [0.0f32; 3];
            let (mut weight, mut alpha) = (0.0f32, 0u32);
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let (sx, sy) = ((2 * x + dx).min(level.width - 1), (2 * y + dy).min(level.height - 1));
                let texel = level.texels[sy * level.width + sx];
                let share = f32::from(texel[3]) + 0.01;
                weight += share;
                alpha += u32::from(texel[3]);
                for channel in 0..3 {
                    colour[channel] += table[usize::from(texel[channel])] * share;
                }
            }
            let byte = |value: f32| srgb_from_linear(value / weight);
            texels.push([byte(colour[0]), byte(colour[1]), byte(colour[2]), (alpha as f32 / 4.0 + 0.5) as u8]);
        }
    }
    Level { width, height, texels }
}

/// Number of steps of the square root of light, for the table in which the search for a byte starts.
const STEPS: usize = 1024;

/// The sRGB byte of linear light.
pub(crate) fn srgb_from_linear(value: f32) -> u8 {
    /// Smallest light of each byte, and the byte at each step.
    static TABLES: OnceLock<([f32; 256], Vec<u8>)> = OnceLock::new();
    let (least, starts) = TABLES.get_or_init(|| {
        let least = std::array::from_fn(|byte| {
            let display = (byte as f32 - 0.5).max(0.0) / 255.0;
            if display <= 0.040_45 { display / 12.92 } else { ((display + 0.055) / 1.055).power(2.4) }
        });
        let start = |step: usize| {
            let root = step as f32 / STEPS as f32;
            (least.partition_point(|light| *light <= root * root).max(1) - 1) as u8
        };
        (least, (0..=STEPS).map(start).collect())
    });
    let value = value.clamp(0.0, 1.0);
    let mut byte = starts[(value.sqrt() * STEPS as f32) as usize];
    while byte < 255 && least[usize::from(byte) + 1] <= value {
        byte += 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_linear_light() {
        for byte in 0..=255u8 {
            assert_eq!(srgb_from_linear(linear_from_srgb()[usize::from(byte)]), byte);
        }
        assert_eq!((srgb_from_linear(-1.0), srgb_from_linear(2.0), srgb_from_linear(0.2140)), (0, 255, 127));
    }

    #[test]
    fn the_pyramid_ends_at_the_mean_of_linear_light() {
        let texture = Texture::new(2, 1, vec![[0, 0, 0, 255], [255, 255, 255, 255]]);
        assert_eq!(texture.levels.len(), 2);
        assert_eq!(texture.levels[1].texels, [[188, 188, 188, 255]]);
    }

    #[test]
    fn holes_do_not_bleed_into_coarser_levels() {
        let texture = Texture::new(2, 2, vec![[255, 0, 0, 255], [0, 255, 0, 0], [255, 0, 0, 255], [0, 255, 0, 0]]);
        let [r, g, _, a] = texture.levels[1].texels[0];
        assert!(r > 250 && g < 10 && a == 128, "{r} {g} {a}");
    }

    #[test]
    fn a_look_up_at_a_texel_centre_is_that_texel_and_repeats() {
        let texture = Texture::new(2, 2, vec![[10, 0, 0, 255], [20, 0, 0, 255], [30, 0, 0, 255], [40, 0, 0, 255]]);
        assert_eq!(texture.sample(0.75, 0.25, 0)[0], 20.0);
        assert_eq!(texture.sample(-0.25, 1.25, 0)[0], 20.0);
        assert_eq!(texture.sample(0.5, 0.25, 0)[0], 15.0);
    }

    #[test]
    fn coarser_levels_serve_smaller_pictures() {
        let texture = Texture::new(8, 8, vec![[1, 2, 3, 255]; 64]);
        for (texels, level) in [(0.5, 0), (1.0, 0), (2.0, 1), (4.0, 2), (1e6, 3)] {
            assert_eq!(texture.level_for(texels), level, "{texels}");
        }
        assert_eq!(texture.limited(2).size(), (2, 2));
    }
}
