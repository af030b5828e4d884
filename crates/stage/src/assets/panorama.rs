//! Loads equirectangular panoramas and the light that they cast.
//!
//! Column `c` of `W` and row `r` of `H` show the direction given by `theta = (r + 0.5) / H pi`, `phi = 2 pi (c + 0.5) /
//! W - pi`, `X = sin theta sin phi`, `Y = cos theta`, `Z = -sin theta cos phi`. The middle of the picture therefore
//! shows the direction -Z.

use std::f32::consts::{PI, TAU};

use crate::light::basis;
use crate::linear::Vec3;
use crate::texture::{Texture, floor};
use crate::tone::light_from_display;
use crate::trig::Exact;

/// A sphere of light, seen from its centre.
#[derive(Debug, Clone)]
pub(crate) struct Panorama {
    width: usize,
    height: usize,
    /// Tone-mapped bytes.
    pixels: Vec<[u8; 3]>,
    /// Radiance in the basis of [`crate::light::Light`].
    pub(crate) light: [[f32; 3]; 9],
    pub(crate) brightest: Vec3,
    /// True if there is sky above.
    pub(crate) open: bool,
}

/// Outdoors, the upper part is at least this much brighter than the lower part.
const SKY: f32 = 1.8;

impl Panorama {
    /// Creates a panorama from tone-mapped pixels. The light comes from the original, or is measured from the pixels.
    pub(crate) fn new(texture: &Texture, known: Option<([[f32; 3]; 9], Vec3)>) -> Self {
        let (width, height) = texture.size();
        let pixels: Vec<[u8; 3]> = (0..width * height)
            .map(|index| {
                let (u, v) = ((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
                let [r, g, b, _] = texture.sample(u / width as f32, v / height as f32, 0);
                [r, g, b].map(|value| (value + 0.5) as u8)
            })
            .collect();
        let open = is_open(&pixels, width);
        let mut panorama = Self { width, height, pixels, light: [[0.0; 3]; 9], brightest: Vec3::UP, open };
        (panorama.light, panorama.brightest) = known.unwrap_or_else(|| panorama.measured());
        panorama
    }

    /// The pixels as a texture.
    pub(crate) fn texture(&self) -> Texture {
        let texels = self.pixels.iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        Texture::new(self.width, self.height, texels)
    }

    /// Creates a panorama from linear light, with a sun at (azimuth, height) in radians.
    pub(crate) fn from_light(
        width: usize,
        height: usize,
        light: Vec<[f32; 3]>,
        (azimuth, elevation): (f32, f32),
    ) -> Self {
        let display = |value: f32| crate::tone::byte_from_display(crate::tone::display_from_light(value));
        let pixels = light.into_iter().map(|colour| colour.map(display)).collect();
        let mut panorama = Self { width, height, pixels, light: [[0.0; 3]; 9], brightest: Vec3::UP, open: true };
        panorama.light = panorama.measured().0;
        let (sine, cosine) = elevation.sine_cosine();
        panorama.brightest = Vec3::new(cosine * azimuth.sine(), sine, -cosine * azimuth.cosine());
        let sun = basis(panorama.brightest).map(|value| value * 1.6);
        for (coefficient, value) in panorama.light.iter_mut().zip(sun) {
            coefficient.iter_mut().for_each(|channel| *channel += value);
        }
        panorama
    }

    /// The light of the pixels, and the brightest direction.
    fn measured(&self) -> ([[f32; 3]; 9], Vec3) {
        let table = light_from_display();
        let mut light = [[0.0f32; 3]; 9];
        let (mut best, mut brightest) = (-1.0, Vec3::UP);
        for row in 0..self.height {
            let theta = (row as f32 + 0.5) / self.height as f32 * PI;
            let solid = theta.sine() * (PI / self.height as f32) * (TAU / self.width as f32);
            for column in 0..self.width {
                let phi = (column as f32 + 0.5) / self.width as f32 * TAU - PI;
                let direction = Vec3::new(theta.sine() * phi.sine(), theta.cosine(), -theta.sine() * phi.cosine());
                let colour = self.pixels[row * self.width + column].map(|byte| table[usize::from(byte)]);
                let sum: f32 = colour.iter().sum();
                if sum > best {
                    (best, brightest) = (sum, direction);
                }
                for (coefficient, value) in light.iter_mut().zip(basis(direction)) {
                    (0..3).for_each(|channel| coefficient[channel] += colour[channel] * value * solid);
                }
            }
        }
        (light, brightest)
    }

    /// Light from a direction of any length.
    #[inline]
    pub(crate) fn look(&self, direction: Vec3) -> [f32; 3] {
        let flat = (direction.x * direction.x + direction.z * direction.z).sqrt();
        let phi = arc_tangent(direction.x, -direction.z);
        let theta = arc_tangent(flat, direction.y);
        let x = (phi + PI) / TAU * self.width as f32 - 0.5;
        let y = (theta / PI * self.height as f32 - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (floor(x), floor(y));
        let (sx, sy) = (x - left as f32, y - top as f32);
        let x0 = if left < 0 { self.width - 1 } else { (left as usize).min(self.width - 1) };
        let x1 = if x0 + 1 == self.width { 0 } else { x0 + 1 };
        let y0 = top as usize;
        let y1 = (y0 + 1).min(self.height - 1);
        let table = light_from_display();
        let (upper, lower) = (y0 * self.width, y1 * self.width);
        let four = [upper + x0, upper + x1, lower + x0, lower + x1].map(|index| self.pixels[index]);
        std::array::from_fn(|channel| {
            let [a, b, c, d] = four.map(|pixel| table[usize::from(pixel[channel])]);
            let upper = a + (b - a) * sx;
            let lower = c + (d - c) * sx;
            upper + (lower - upper) * sy
        })
    }
}

/// True if the upper three eighths of a picture are so much brighter than the rest that they must be sky.
pub(crate) fn is_open(pixels: &[[u8; 3]], width: usize) -> bool {
    let table = light_from_display();
    let part = pixels.len() / width.max(1) * 3 / 8 * width;
    let sum =
        |pixels: &[[u8; 3]]| pixels.iter().flatten().map(|byte| f64::from(table[usize::from(*byte)])).sum::<f64>();
    sum(&pixels[..part]) > f64::from(SKY) * sum(&pixels[pixels.len() - part..])
}

/// The angle of (`x`, `y`), with swapped arguments: `atan2(first, second)`, within 1e-4 radians, from sums and products
/// only.
#[inline]
fn arc_tangent(first: f32, second: f32) -> f32 {
    let (a, b) = (first.abs(), second.abs());
    let ratio = a.min(b) / a.max(b).max(1e-30);
    let squared = ratio * ratio;
    let mut angle = ratio
        * (0.999_866
            + squared * (-0.330_299_5 + squared * (0.180_141 + squared * (-0.085_133 + squared * 0.020_835_1))));
    if a > b {
        angle = PI / 2.0 - angle;
    }
    if second < 0.0 {
        angle = PI - angle;
    }
    if first < 0.0 { -angle } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_angle_is_near_the_exact_one() {
        for index in 0..100 {
            let angle = index as f32 * 0.0628 - 3.13;
            let (sine, cosine) = angle.sine_cosine();
            assert!((arc_tangent(sine, cosine) - angle).abs() < 2e-4, "{angle}");
        }
    }

    #[test]
    fn directions_find_their_pixels() {
        // The left quarter is red and looks along +Z and beyond. The middle is green and looks along -Z.
        let texels =
            (0..8 * 4).map(|index| if index % 8 == 3 || index % 8 == 4 { [0, 255, 0, 255] } else { [255, 0, 0, 255] });
        let panorama = Panorama::new(&Texture::new(8, 4, texels.collect()), None);
        let [r, g, _] = panorama.look(Vec3::new(0.0, 0.0, -1.0));
        assert!(g > 1.0 && r < 0.01, "{r} {g}");
        let [r, g, _] = panorama.look(Vec3::new(0.0, 0.0, 1.0));
        assert!(r > 1.0 && g < 0.01, "{r} {g}");
    }

    #[test]
    fn a_bright_upper_half_is_sky() {
        let panorama = |above: u8, below: u8| {
            let texels = (0..16 * 8).map(|index| [if index < 64 { above } else { below }; 3]);
            Panorama::new(&Texture::new(16, 8, texels.map(|[r, g, b]| [r, g, b, 255]).collect()), None)
        };
        assert!(panorama(200, 90).open && !panorama(120, 110).open && !panorama(90, 200).open);
    }

    #[test]
    fn an_even_panorama_lights_evenly() {
        let texture = Texture::new(16, 8, vec![[128, 128, 128, 255]; 128]);
        let panorama = Panorama::new(&texture, None);
        let level = light_from_display()[128];
        assert!((panorama.light[0][0] * 0.282_095 - level).abs() < 0.02 * level);
        assert!(panorama.light[1..].iter().flatten().all(|value| value.abs() < 0.05 * level));
    }
}
