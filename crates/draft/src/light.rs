//! Adapts the character's brightness to the driving person's brightness in the scene.
//!
//! The rule for the gain was fitted on 800 rendered pairs of the training split. `g` is the true ratio of the
//! character's brightness in the scene to that in its picture, and all means are in linear light.
//!
//! | rule, on 299 pairs of the test split | rms error of `ln g` |
//! |---|---|
//! | no change | 0.334 |
//! | brightness and colour cast of the surroundings (the former rule) | 0.345 |
//! | the same with fitted factors | 0.335 |
//! | `ln g = 0.443 + 0.264 ln D`, `D` the driving person's mean | 0.304 |
//! | the same, plus the surroundings, the character's picture, and highlights and shadows of all three | 0.300 |
//!
//! The colour cast could not be predicted from the surroundings or the person: the error with a fitted colour cast was
//! larger than without one (0.099 against 0.090). The code therefore applies no colour cast.

use media::picture::{Mask, Picture};

use crate::warp::Warp;

/// The driving person's mean at which the gain is 1, in linear light.
const NEUTRAL: f32 = 0.187;
/// The share of the difference that is applied, and its bound as a factor.
const SHARE: f32 = 0.264;
const BOUND: f32 = 1.35;
/// With fewer pixels of the person than this, the mean is not reliable.
const LEAST_PIXELS: u32 = 100;

/// A gain in linear light, the same for all channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LightMatch {
    gain: f32,
}

impl LightMatch {
    /// No change.
    pub const NONE: Self = Self { gain: 1.0 };

    /// The gain for the light on a person in a frame; none where hardly anything of the person is visible.
    ///
    /// # Panics
    /// When frame and mask differ in size.
    pub fn on(person: &Mask, frame: &Picture) -> Self {
        assert_eq!(frame.size(), person.size(), "light: frame {:?}, person {:?}", frame.size(), person.size());
        let (mut sum, mut count) = (0.0_f64, 0);
        for (pixel, _) in frame.cells().iter().zip(person.cells()).filter(|(_, coverage)| **coverage > 200) {
            sum += f64::from(pixel.map(linear).iter().sum::<f32>() / 3.0);
            count += 1;
        }
        if count < LEAST_PIXELS {
            return Self::NONE;
        }
        let mean = (sum / f64::from(count)).max(1e-3) as f32;
        Self { gain: (mean / NEUTRAL).powf(SHARE).clamp(1.0 / BOUND, BOUND) }
    }

    /// Blends two gains, so that the gain follows the scene slowly.
    pub fn towards(self, other: Self, share: f32) -> Self {
        Self { gain: self.gain + share * (other.gain - self.gain) }
    }

    /// Applies the gain to the colours of a warp.
    pub fn apply(&self, warp: &mut Warp) {
        if *self == Self::NONE {
            return;
        }
        let table: [u8; 256] = std::array::from_fn(|value| encoded(self.gain * linear(value as u8)));
        for pixel in warp.colour.cells_mut() {
            *pixel = pixel.map(|value| table[usize::from(value)]);
        }
    }
}

/// Linear light of an sRGB value, 0..=1.
fn linear(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn encoded(light: f32) -> u8 {
    let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (255.0 * value + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use media::geometry::Rect;
    use media::picture::Plane;

    use super::*;

    fn warp() -> Warp {
        let (width, height) = (20, 40);
        Warp {
            area: Rect::new(30, 20, 20, 40),
            colour: Picture::filled(width, height, [128, 60, 60]),
            alpha: Mask::filled(width, height, 255),
            depth: Plane::filled(width, height, 0.0),
            guess: Mask::filled(width, height, 0),
        }
    }

    #[test]
    fn a_person_in_the_dark_darkens_the_character_within_bounds() {
        let person = Mask::filled(100, 80, 255);
        let after = |level: u8| {
            let mut changed = warp();
            LightMatch::on(&person, &Picture::filled(100, 80, [level; 3])).apply(&mut changed);
            changed.colour.get(5, 5)
        };
        let [red, green, blue] = after(30);
        assert!(green == blue && (90..128).contains(&red), "{red} {green} {blue}");
        assert!(after(250)[0] > 128);
        // The gain is 1 at level 119.
        assert!(after(119)[0].abs_diff(128) <= 1);
    }

    #[test]
    fn without_a_person_nothing_changes() {
        let mut same = warp();
        LightMatch::on(&Mask::filled(100, 80, 0), &Picture::filled(100, 80, [60, 20, 20])).apply(&mut same);
        assert_eq!(same.colour, warp().colour);
    }

    #[test]
    fn the_curve_is_its_own_inverse() {
        assert!((0..=255).all(|value| encoded(linear(value)) == value));
    }
}
