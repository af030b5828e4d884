//! Defines colours of props and clothes, in linear light.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A saturated linear colour.
pub(crate) fn vivid(random: &mut ChaCha8Rng) -> [f32; 3] {
    hsv(dye(random), random.random_range(0.6..0.95), random.random_range(0.25..0.8))
}

/// A hue in 0..6, distributed as in clothes: much blue and red, little purple.
fn dye(random: &mut ChaCha8Rng) -> f32 {
    match random.random_range(0..20) {
        0..5 => random.random_range(-0.25..0.3),
        5..8 => random.random_range(0.3..1.1),
        8..11 => random.random_range(1.5..2.6),
        11..13 => random.random_range(2.6..3.3),
        13..18 => random.random_range(3.4..4.2),
        _ => random.random_range(4.2..5.75),
    }
}

/// A linear colour as clothes have it: often muted, dark or white, sometimes vivid.
pub(crate) fn garment(random: &mut ChaCha8Rng) -> [f32; 3] {
    match random.random_range(0..20) {
        0..5 => vivid(random),
        5..9 => hsv(dye(random), random.random_range(0.2..0.6), random.random_range(0.06..0.45)),
        9..12 => hsv(random.random_range(0.4..0.8), random.random_range(0.0..0.12), random.random_range(0.5..0.8)),
        12..15 => [random.random_range(0.012..0.05); 3],
        15..17 => [random.random_range(0.08..0.4); 3],
        // Denim.
        17..19 => hsv(random.random_range(3.5..3.75), random.random_range(0.45..0.75), random.random_range(0.06..0.35)),
        // Leather and khaki.
        _ => hsv(random.random_range(0.4..0.8), random.random_range(0.35..0.7), random.random_range(0.06..0.35)),
    }
}

/// Hue in 0..6, saturation and value in 0..1.
pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    std::array::from_fn(|channel| {
        let offset = (hue + [0.0, 4.0, 2.0][channel]).rem_euclid(6.0);
        value * (1.0 - saturation * (1.0 - ((offset - 3.0).abs() - 1.0).clamp(0.0, 1.0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_at_their_places() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(hsv(2.0, 1.0, 1.0), [0.0, 1.0, 0.0]);
        assert_eq!(hsv(4.0, 1.0, 0.5), [0.0, 0.0, 0.5]);
    }
}
