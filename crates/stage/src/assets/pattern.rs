//! Generates textures for floors, walls and skies from seeds.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assets::panorama::Panorama;
use crate::colour::hsv;
use crate::texture::{Texture, srgb_from_linear};

/// Side of a generated texture, in texels.
const SIDE: usize = 128;

/// Smooth noise that repeats after `period` cells.
struct Noise {
    values: Vec<f32>,
    period: usize,
}

impl Noise {
    fn new(random: &mut ChaCha8Rng, period: usize) -> Self {
        Self { values: (0..period * period).map(|_| random.random_range(-1.0..1.0)).collect(), period }
    }

    /// Value at a place in 0..1, 0..1.
    fn at(&self, u: f32, v: f32) -> f32 {
        let (x, y) = (u.rem_euclid(1.0) * self.period as f32, v.rem_euclid(1.0) * self.period as f32);
        let (left, top) = (x as usize, y as usize);
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (sx, sy) = (ease(x - left as f32), ease(y - top as f32));
        let value =
            |dx: usize, dy: usize| self.values[((top + dy) % self.period) * self.period + (left + dx) % self.period];
        let upper = value(0, 0) + (value(1, 0) - value(0, 0)) * sx;
        let lower = value(0, 1) + (value(1, 1) - value(0, 1)) * sx;
        upper + (lower - upper) * sy
    }
}

/// The sum of several octaves.
struct Cloud(Vec<Noise>);

impl Cloud {
    fn new(random: &mut ChaCha8Rng, first: usize) -> Self {
        Self((0..4).map(|octave| Noise::new(random, first << octave)).collect())
    }

    fn at(&self, u: f32, v: f32) -> f32 {
        self.0.iter().enumerate().map(|(octave, noise)| noise.at(u, v) / (2 << octave) as f32).sum()
    }
}

/// A floor or wall covering: boards, tiles, bricks, checks, stripes, dots, cloth or plaster.
pub(crate) fn covering(seed: u64) -> Texture {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x636f_7665_7269_6e67);
    let value = random.random_range(0.12..0.7);
    let base = hsv(random.random_range(0.0..6.0), random.random_range(0.0..0.55), value);
    let second = match random.random_bool(0.5) {
        true => base.map(|value| value * random.random_range(0.45..0.8)),
        false => hsv(random.random_range(0.0..6.0), random.random_range(0.0..0.6), random.random_range(0.1..0.7)),
    };
    let kind = random.random_range(0..8);
    let cells = random.random_range(2..7) as f32;
    let grain = Cloud::new(&mut random, 4);
    let fine = Noise::new(&mut random, 64);
    let shades: Vec<f32> = (0..64).map(|_| random.random_range(-1.0..1.0)).collect();
    let strength = random.random_range(0.05..0.35);
    let texels = (0..SIDE * SIDE).map(|index| {
        let (u, v) = ((index % SIDE) as f32 / SIDE as f32, (index / SIDE) as f32 / SIDE as f32);
        let (across, down) = (u * cells, v * cells);
        // Share of the second colour, and a brightness factor.
        let (share, factor) = match kind {
            // Boards, each with its own shade.
            0 => {
                let board = across as usize;
                let seam = (across.fract() < 0.04) as u8 as f32;
                (0.35 * seam, 1.0 + 0.2 * shades[board] + 0.25 * grain.at(u * 4.0, v * 0.5) - 0.4 * seam)
            }
            // Tiles.
            1 => {
                let joint = (across.fract() < 0.05 || down.fract() < 0.05) as u8 as f32;
                let shade = shades[(across as usize * 7 + down as usize) % shades.len()];
                (joint, 1.0 + 0.08 * shade + 0.15 * grain.at(u, v))
            }
            // Bricks.
            2 => {
                let row = (down * 2.0) as usize;
                let along = across + if row.is_multiple_of(2) { 0.0 } else { 0.5 };
                let joint = (along.fract() < 0.06 || (down * 2.0).fract() < 0.12) as u8 as f32;
                let shade = shades[(along as usize % cells as usize * 7 + row * 3) % shades.len()];
                (joint, 1.0 + 0.15 * shade + 0.2 * grain.at(u, v))
            }
            // Checks.
            3 => {
                let cells = (cells / 2.0).ceil() * 2.0;
                let odd = ((u * cells) as usize + (v * cells) as usize) % 2;
                (odd as f32, 1.0 + 0.15 * grain.at(u, v))
            }
            // Stripes.
            4 => ((across.fract() < 0.5) as u8 as f32, 1.0 + 0.1 * grain.at(u, v)),
            // Dots.
            5 => {
                let (x, y) = (across.fract() - 0.5, down.fract() - 0.5);
                ((x * x + y * y < 0.06) as u8 as f32, 1.0 + 0.1 * grain.at(u, v))
            }
            // Carpet.
            6 => (0.3 + 0.3 * grain.at(u, v), 1.0 + 0.4 * fine.at(u, v)),
            // Plaster.
            _ => (0.0, 1.0 + strength * grain.at(u, v) + 0.05 * fine.at(u, v)),
        };
        let factor = factor * (1.0 + 0.04 * fine.at(v, u));
        let colour: [u8; 3] = std::array::from_fn(|channel| {
            let mixed = base[channel] + (second[channel] - base[channel]) * share.clamp(0.0, 1.0);
            srgb_from_linear(mixed * factor.max(0.1))
        });
        [colour[0], colour[1], colour[2], 255]
    });
    Texture::new(SIDE, SIDE, texels.collect())
}

/// A sky with clouds over hills, used when no panoramas are loaded.
pub(crate) fn sky(seed: u64) -> Panorama {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x736b_7900);
    let zenith = hsv(random.random_range(3.2..4.2), random.random_range(0.2..0.7), random.random_range(0.4..0.9));
    let haze = hsv(random.random_range(0.0..6.0), random.random_range(0.0..0.35), random.random_range(0.6..1.0));
    let ground = hsv(random.random_range(0.3..2.4), random.random_range(0.15..0.6), random.random_range(0.1..0.4));
    let hill = ground.map(|value| value * random.random_range(0.5..0.9));
    let clouds = Cloud::new(&mut random, 4);
    let ridge = Cloud::new(&mut random, 6);
    let cover = random.random_range(-0.3..0.3);
    let (width, height) = (512, 256);
    let mix = |a: [f32; 3], b: [f32; 3], share: f32| -> [f32; 3] {
        std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share.clamp(0.0, 1.0))
    };
    let pixels = (0..width * height)
        .map(|index| {
            let (u, v) = ((index % width) as f32 / width as f32, (index / width) as f32 / height as f32);
            let up = 0.5 - v;
            if up < 0.0 {
                return mix(haze, ground, -up * 9.0).map(|value| value * (1.0 + 0.25 * clouds.at(u * 8.0, v * 16.0)));
            }
            if up < 0.03 + 0.06 * ridge.at(u, 0.3) {
                return mix(hill, haze, 0.35);
            }
            let sky = mix(haze, zenith, up * 2.5);
            mix(sky, [0.95; 3], (clouds.at(u * 2.0, v * 3.0) + cover) * 2.0 * (up * 6.0).min(1.0))
        })
        .collect();
    let brightest = (random.random_range(0.0..std::f32::consts::TAU), random.random_range(0.5..1.3f32));
    Panorama::from_light(width, height, pixels, brightest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_texture_and_seeds_differ() {
        assert_eq!(covering(3), covering(3));
        let means: Vec<[f32; 3]> = (0..6).map(|seed| covering(seed).mean()).collect();
        assert!(means.windows(2).all(|pair| pair[0] != pair[1]), "{means:?}");
    }

    #[test]
    fn noise_repeats_without_a_seam() {
        let noise = Noise::new(&mut ChaCha8Rng::seed_from_u64(1), 8);
        assert!((noise.at(0.0, 0.3) - noise.at(0.9999, 0.3)).abs() < 0.01);
    }
}
