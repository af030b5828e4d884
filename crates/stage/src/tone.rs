//! Converts linear light to display values and back, with the curve `display = (1.25 x / (1 + 0.35 x))^(1/2.2)`, which
//! was also used to tone-map the panoramas. A backdrop that is converted to linear light and back is therefore
//! unchanged.

use std::sync::OnceLock;

use crate::trig::Exact;

/// Linear light of each sRGB byte of a texture (albedo).
pub(crate) fn linear_from_srgb() -> &'static [f32; 256] {
    static TABLE: OnceLock<[f32; 256]> = OnceLock::new();
    TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            let value = byte as f32 / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).power(2.4) }
        })
    })
}

/// Scene light of each byte of a tone-mapped panorama.
pub(crate) fn light_from_display() -> &'static [f32; 256] {
    static TABLE: OnceLock<[f32; 256]> = OnceLock::new();
    TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            let y = (byte as f32 / 255.0).power(2.2);
            y / (1.25 - 0.35 * y)
        })
    })
}

/// Largest light that is resolved; more is white.
const WHITE: f32 = 1.0 / 0.9;
const STEPS: usize = 4096;

/// The display value of light, in 0..=255.
#[inline]
pub(crate) fn display_from_light(light: f32) -> f32 {
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        // The index is the square root, because the curve is steep near black.
        (0..=STEPS)
            .map(|step| {
                let root = step as f32 / STEPS as f32;
                let x = root * root * WHITE;
                255.0 * (1.25 * x / (1.0 + 0.35 * x)).min(1.0).power(1.0 / 2.2)
            })
            .collect()
    });
    let place = (light.max(0.0) / WHITE).min(1.0).sqrt() * STEPS as f32;
    table[(place + 0.5) as usize]
}

/// The 8-bit mean of a pixel's display samples.
#[inline]
pub(crate) fn byte_from_display(display: f32) -> u8 {
    (display + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backdrop_byte_survives_reading_and_writing() {
        for byte in 0..=255u8 {
            let light = light_from_display()[usize::from(byte)];
            assert_eq!(byte_from_display(display_from_light(light)), byte);
        }
    }

    #[test]
    fn the_curve_grows_and_ends_at_white() {
        assert_eq!(display_from_light(-1.0), 0.0);
        assert_eq!(byte_from_display(display_from_light(9.0)), 255);
        assert!(display_from_light(0.2) < display_from_light(0.3));
    }
}
