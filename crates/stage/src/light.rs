//! Computes the light on matt surfaces from nine spherical-harmonic coefficients for the environment light, and one
//! sun.
//!
//! The basis functions are, in this order, 1, Y, Z, X, XY, YZ, 3Z^2-1, XZ, X^2-Y^2, with the factors .282095, .488603
//! (x3), 1.092548 (x2), .315392, 1.092548, .546274 (Ramamoorthi and Hanrahan 2001). The factors for the cosine lobe,
//! pi, 2 pi / 3 and pi / 4, have the same source.

use serde::{Deserialize, Serialize};

use crate::linear::Vec3;

/// The light of a scene. Units are such that a white surface under a uniform sky of 1 has brightness 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// Radiance from all directions without the sun: red, green and blue for each of the nine basis functions.
    pub around: [[f32; 3]; 9],
    /// Unit direction towards the sun.
    pub sun_direction: Vec3,
    /// The sun's light on a white surface that faces it.
    pub sun: [f32; 3],
}

/// The nine basis functions in a unit direction.
pub(crate) fn basis(d: Vec3) -> [f32; 9] {
    [
        0.282_095,
        0.488_603 * d.y,
        0.488_603 * d.z,
        0.488_603 * d.x,
        1.092_548 * d.x * d.y,
        1.092_548 * d.y * d.z,
        0.315_392 * (3.0 * d.z * d.z - 1.0),
        1.092_548 * d.x * d.z,
        0.546_274 * (d.x * d.x - d.y * d.y),
    ]
}

/// Cosine factors of each basis function, divided by pi.
const COSINE: [f32; 9] = [1.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.25, 0.25, 0.25, 0.25, 0.25];

impl Light {
    /// The even light of a photo studio with a lamp.
    pub fn studio(level: f32, sun_direction: Vec3, sun: f32) -> Self {
        let mut around = [[0.0; 3]; 9];
        around[0] = [level / 0.282_095; 3];
        around[1] = [level * 0.5 / 0.488_603; 3];
        Self { around, sun_direction: sun_direction.normalised(), sun: [sun; 3] }
    }

    /// Splits the light of a whole panorama. The share `share` of the light that fits a single source in direction
    /// `brightest` becomes the sun, and the rest remains environment light.
    pub fn from_panorama(total: &[[f32; 3]; 9], brightest: Vec3, share: f32, gain: f32) -> Self {
        let lifted = Vec3::new(brightest.x, brightest.y.max(0.45), brightest.z).normalised();
        let values = basis(brightest.normalised());
        let norm: f32 = values[1..].iter().map(|value| value * value).sum();
        let mut around = *total;
        let mut sun = [0.0; 3];
        for channel in 0..3 {
            let fit: f32 = (1..9).map(|index| total[index][channel] * values[index]).sum::<f32>() / norm;
            // Never more than the whole sky contains.
            let power = (fit.max(0.0) * share).min(0.8 * total[0][channel] / values[0]);
            for (index, value) in values.iter().enumerate() {
                around[index][channel] -= power * value;
            }
            sun[channel] = power / std::f32::consts::PI * gain;
        }
        around.iter_mut().flatten().for_each(|value| *value *= gain);
        Self { around, sun_direction: lifted, sun }
    }

    /// The coefficients prepared for [`shade`].
    pub(crate) fn around_table(&self) -> [[f32; 3]; 9] {
        let unit = basis_factors();
        std::array::from_fn(|index| self.around[index].map(|value| value * COSINE[index] * unit[index]))
    }
}

fn basis_factors() -> [f32; 9] {
    [0.282_095, 0.488_603, 0.488_603, 0.488_603, 1.092_548, 1.092_548, 0.315_392, 1.092_548, 0.546_274]
}

/// Surrounding light on a white surface with unit normal `n`. It has a minimum, so that nothing is completely black.
#[inline]
pub(crate) fn shade(table: &[[f32; 3]; 9], n: Vec3) -> [f32; 3] {
    let terms = [1.0, n.y, n.z, n.x, n.x * n.y, n.y * n.z, 3.0 * n.z * n.z - 1.0, n.x * n.z, n.x * n.x - n.y * n.y];
    std::array::from_fn(|channel| {
        let sum: f32 = (0..9).map(|index| table[index][channel] * terms[index]).sum();
        sum.max(0.12 * table[0][channel]).max(0.01)
    })
}

/// Light as surfaces need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LightTable {
    pub(crate) around: [[f32; 3]; 9],
    pub(crate) sun: [f32; 3],
    pub(crate) sun_direction: Vec3,
    axes: [([f32; 3], f32); 6],
}

impl LightTable {
    pub(crate) fn new(light: &Light) -> Self {
        let (around, sun_direction) = (light.around_table(), light.sun_direction.normalised());
        let axes = std::array::from_fn(|index| {
            let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
            let normal = [Vec3::new(sign, 0.0, 0.0), Vec3::new(0.0, sign, 0.0), Vec3::new(0.0, 0.0, sign)][index / 2];
            let around = shade(&around, normal);
            let sun = light.sun.map(|value| value * normal.dot(sun_direction).max(0.0));
            let (sun_sum, around_sum) = (sun.iter().sum::<f32>(), around.iter().sum::<f32>());
            (std::array::from_fn(|channel| around[channel] + sun[channel]), sun_sum / (sun_sum + around_sum))
        });
        Self { around, sun: light.sun, sun_direction, axes }
    }

    /// Light on a white surface whose normal is an axis (+X, -X, +Y, -Y, +Z, -Z), and the sun's share of it.
    #[inline]
    pub(crate) fn axis(&self, index: u8) -> ([f32; 3], f32) {
        self.axes[usize::from(index)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_an_even_sky_every_normal_sees_the_same() {
        let mut light = Light::studio(1.0, Vec3::UP, 0.0);
        light.around[1] = [0.0; 3];
        for normal in [Vec3::UP, Vec3::new(1.0, 0.0, 0.0), Vec3::new(0.0, -1.0, 0.0)] {
            let [r, g, b] = shade(&light.around_table(), normal);
            assert!((r - 1.0).abs() < 1e-5 && r == g && g == b, "{r}");
        }
    }

    #[test]
    fn parting_the_sun_keeps_the_total_on_a_surface_that_faces_it() {
        // All light comes from one direction, so the coefficients are the basis functions there.
        let towards = Vec3::new(0.3, 0.9, 0.2).normalised();
        let total = basis(towards).map(|value| [value; 3]);
        let light = Light::from_panorama(&total, towards, 1.0, 1.0);
        assert!((light.sun[0] - 0.8 / std::f32::consts::PI).abs() < 0.2 * 0.8, "{:?}", light.sun);
        let without = Light::from_panorama(&total, towards, 0.0, 1.0);
        assert_eq!(without.sun, [0.0; 3]);
        assert_eq!(without.around, total);
    }
}
