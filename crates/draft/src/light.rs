//! Coarse light: the character takes on a little of the brightness, contrast and colour of the place it is put into, and
//! throws a soft shadow where the driving person threw one.
//!
//! Only means are compared, never details, and each change is bounded: a black dress stays black and a white rabbit white.

use media::picture::{Mask, Picture};

use crate::warp::Warp;

/// Share of the difference in mean brightness that is taken over, and its bound as a factor.
const BRIGHTNESS: (f32, f32) = (0.2, 1.2);
/// The same for the cast of colour.
const CAST: (f32, f32) = (0.25, 1.12);
/// Pixels around the character, as a share of its height, that count as its surroundings.
const AROUND: f32 = 0.25;
/// The mean of linear light that a picture of a person has without a scene: what the surroundings are compared with.
const NEUTRAL: f32 = 0.2;

/// Gains of the three channels in linear light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LightMatch {
    gains: [f32; 3],
}

impl LightMatch {
    /// No change.
    pub const NONE: Self = Self { gains: [1.0; 3] };

    /// The gains that bring a character closer to the surroundings of its place in `scene`. Pixels of `hole`, which are not
    /// known for sure, do not count.
    pub fn between(warp: &Warp, scene: &Picture, hole: &Mask) -> Self {
        assert_eq!(scene.size(), hole.size(), "light: scene {:?}, hole {:?}", scene.size(), hole.size());
        let reach = (AROUND * warp.area.height as f32) as i32 + 2;
        let (width, height) = (scene.width() as i32, scene.height() as i32);
        let columns = (warp.area.x - reach).max(0)..(warp.area.right() + reach).min(width);
        let rows = (warp.area.y - reach).max(0)..(warp.area.bottom() + reach).min(height);
        let (mut around, mut count) = ([0.0f32; 3], 0.0f32);
        for y in rows.step_by(2) {
            for x in columns.clone().step_by(2) {
                if hole.get(x as usize, y as usize) == 0 {
                    let pixel = scene.get(x as usize, y as usize);
                    around.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += linear(value));
                    count += 1.0;
                }
            }
        }
        if count < 50.0 {
            return Self::NONE;
        }
        let around = around.map(|sum| (sum / count).max(1e-3));
        let mean = around.iter().sum::<f32>() / 3.0;
        let gain = bounded(mean / NEUTRAL, BRIGHTNESS);
        Self { gains: around.map(|channel| gain * bounded(channel / mean, CAST)) }
    }

    /// Mixes two changes, for a light that follows the scene slowly.
    pub fn towards(self, other: Self, share: f32) -> Self {
        Self {
            gains: std::array::from_fn(|channel| {
                self.gains[channel] + share * (other.gains[channel] - self.gains[channel])
            }),
        }
    }

    /// Changes the colours of a warp.
    pub fn apply(&self, warp: &mut Warp) {
        if *self == Self::NONE {
            return;
        }
        let tables =
            self.gains.map(|gain| std::array::from_fn::<u8, 256, _>(|value| encoded(gain * linear(value as u8))));
        for pixel in warp.colour.cells_mut() {
            *pixel = std::array::from_fn(|channel| tables[channel][usize::from(pixel[channel])]);
        }
    }
}

fn bounded(ratio: f32, (share, bound): (f32, f32)) -> f32 {
    ratio.powf(share).clamp(1.0 / bound, bound)
}

/// Light of an sRGB value, 0..=1.
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
            colour: Picture::filled(width, height, [128; 3]),
            alpha: Mask::filled(width, height, 255),
            depth: Plane::filled(width, height, 0.0),
            guess: Mask::filled(width, height, 0),
        }
    }

    #[test]
    fn a_dark_red_room_darkens_and_reddens_within_bounds() {
        let (scene, hole) = (Picture::filled(100, 80, [60, 20, 20]), Mask::filled(100, 80, 0));
        let mut dark = warp();
        LightMatch::between(&dark, &scene, &hole).apply(&mut dark);
        let [red, green, blue] = dark.colour.get(5, 5);
        assert!(red < 128 && green < red && green == blue && green > 95, "{red} {green} {blue}");
    }

    #[test]
    fn an_unknown_place_changes_nothing() {
        let (scene, hole) = (Picture::filled(100, 80, [60, 20, 20]), Mask::filled(100, 80, 255));
        let mut same = warp();
        LightMatch::between(&same, &scene, &hole).apply(&mut same);
        assert_eq!(same.colour, warp().colour);
    }

    #[test]
    fn the_curve_is_its_own_inverse() {
        assert!((0..=255).all(|value| encoded(linear(value)) == value));
    }
}
