//! Gives a character's materials new colours and patterns from a seed, so that a few meshes produce thousands of
//! different appearances.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::colour::{garment, vivid};
use crate::linear::Vec3;
use crate::mesh::{Kind, Material, Mesh};
use crate::split::stable_hash;
use crate::trig::Exact;

/// A linear change of colour.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Recolour {
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
}

impl Recolour {
    const NONE: Self = Self { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset: [0.0; 3] };

    /// Rotates the hue by `angle` about the grey axis, and scales saturation and brightness.
    fn hue(angle: f32, saturation: f32, gain: f32) -> Self {
        let (sine, cosine) = angle.sine_cosine();
        let third = (1.0 - cosine) / 3.0;
        let side = sine / 3.0f32.sqrt();
        let turn = [
            [cosine + third, third - side, third + side],
            [third + side, cosine + third, third - side],
            [third - side, third + side, cosine + third],
        ];
        let grey = (1.0 - saturation) / 3.0;
        let matrix = std::array::from_fn(|row: usize| {
            std::array::from_fn(|column: usize| gain * (turn[row][column] * saturation + grey))
        });
        Self { matrix, offset: [0.0; 3] }
    }

    /// Dyes with `colour` and keeps the folds: brightness relative to the mean stays.
    fn dye(colour: [f32; 3], mean: [f32; 3]) -> Self {
        let mean = luminance(mean).max(0.02);
        let row = |value: f32| LUMINANCE.map(|weight| value * 0.75 * weight / mean);
        Self { matrix: colour.map(row), offset: colour.map(|value| value * 0.25) }
    }

    fn gain(factors: [f32; 3]) -> Self {
        let mut change = Self::NONE;
        (0..3).for_each(|channel| change.matrix[channel][channel] = factors[channel]);
        change
    }

    #[inline]
    fn apply(&self, colour: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|channel| {
            let row = self.matrix[channel];
            (row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2] + self.offset[channel]).clamp(0.0, 0.95)
        })
    }
}

const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];

fn luminance(colour: [f32; 3]) -> f32 {
    (0..3).map(|channel| colour[channel] * LUMINANCE[channel]).sum()
}

/// A second colour in a regular pattern over the rest pose.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Figure {
    shape: Shape,
    /// Repetitions in a metre.
    frequency: f32,
    colour: [f32; 3],
    strength: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rings,
    Stripes,
    Checks,
    Dots,
    Diagonals,
}

impl Figure {
    fn covers(&self, place: Vec3) -> bool {
        let cell = |value: f32| (value * self.frequency).rem_euclid(1.0);
        // The pattern runs around the body, not through it.
        let around = place.x + 0.7 * place.z;
        match self.shape {
            Shape::Rings => cell(place.y) < 0.45,
            Shape::Stripes => cell(around) < 0.4,
            Shape::Checks => (cell(place.y) < 0.5) != (cell(around) < 0.5),
            Shape::Dots => {
                let (dx, dy) = (cell(around) - 0.5, cell(place.y) - 0.5);
                dx * dx + dy * dy < 0.09
            }
            Shape::Diagonals => cell(around + place.y) < 0.4,
        }
    }
}

/// The new look of one material.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tint {
    upper: Recolour,
    /// The colours below the waist; the same as `upper` unless the garment is split.
    lower: Recolour,
    /// Height of the waist in the rest pose, in metres.
    waist: f32,
    figure: Option<Figure>,
}

impl Tint {
    const NONE: Self = Self { upper: Recolour::NONE, lower: Recolour::NONE, waist: f32::MIN, figure: None };

    /// The new colour of a surface with the linear colour `albedo`. `rest` is its position in the rest pose.
    #[inline]
    pub(crate) fn apply(&self, albedo: [f32; 3], rest: impl FnOnce() -> Vec3) -> [f32; 3] {
        if self.figure.is_none() && self.waist == f32::MIN {
            return self.upper.apply(albedo);
        }
        let rest = rest();
        let above = rest.y >= self.waist;
        let colour = if above { self.upper.apply(albedo) } else { self.lower.apply(albedo) };
        match &self.figure {
            Some(figure) if above && figure.covers(rest) => std::array::from_fn(|channel| {
                colour[channel] + (figure.colour[channel] - colour[channel]) * figure.strength
            }),
            _ => colour,
        }
    }
}

/// Looks for every material of a character. Seed 0 changes nothing.
pub(crate) fn tints_of_character(character: &Character, seed: u64) -> Vec<Tint> {
    let waist = character.skeleton().rest(Bone::LowerSpine).y;
    tints(character.mesh(), seed, Some(waist))
}

/// Looks for every material of a rigid prop. Seed 0 changes nothing.
pub(crate) fn tints_of_prop(mesh: &Mesh, seed: u64) -> Vec<Tint> {
    tints(mesh, seed, None)
}

fn tints(mesh: &Mesh, seed: u64, waist: Option<f32>) -> Vec<Tint> {
    if seed == 0 {
        return vec![Tint::NONE; mesh.materials.len()];
    }
    // The whole person has one skin and one hair colour. Garments follow material names, so that parts of one garment
    // match.
    let skin = skin_tint(&mut ChaCha8Rng::seed_from_u64(stable_hash(seed, "skin")));
    mesh.materials
        .iter()
        .map(|material| match material.kind {
            Kind::Skin => skin.clone(),
            Kind::Eye => Tint::NONE,
            Kind::Hair => hair_tint(&mut ChaCha8Rng::seed_from_u64(stable_hash(seed, "hair")), material),
            Kind::Cloth => {
                let mut random = ChaCha8Rng::seed_from_u64(stable_hash(seed, &material.name));
                cloth_tint(&mut random, material, waist)
            }
        })
        .collect()
}

fn mean_of(material: &Material) -> [f32; 3] {
    let texture = material.texture.as_ref().map_or([1.0; 3], |texture| texture.mean());
    std::array::from_fn(|channel| texture[channel] * material.colour[channel])
}

fn skin_tint(random: &mut ChaCha8Rng) -> Tint {
    let gain = random.random_range(0.72..1.15);
    let warm = random.random_range(-0.07..0.07);
    Tint { upper: Recolour::gain([gain * (1.0 + warm), gain, gain * (1.0 - warm)]), ..Tint::NONE }
}

fn hair_tint(random: &mut ChaCha8Rng, material: &Material) -> Tint {
    const NATURAL: [[f32; 3]; 6] = [
        [0.012, 0.010, 0.009],
        [0.050, 0.026, 0.014],
        [0.13, 0.066, 0.028],
        [0.40, 0.26, 0.10],
        [0.20, 0.055, 0.018],
        [0.33, 0.32, 0.31],
    ];
    let colour = match random.random_range(0..20) {
        0..6 => return Tint::NONE,
        6..18 => NATURAL[random.random_range(0..NATURAL.len())],
        _ => vivid(random),
    };
    let gain = random.random_range(0.7..1.3);
    Tint { upper: Recolour::dye(colour.map(|value| value * gain), mean_of(material)), ..Tint::NONE }
}

fn cloth_tint(random: &mut ChaCha8Rng, material: &Material, waist: Option<f32>) -> Tint {
    let mean = mean_of(material);
    let change = |random: &mut ChaCha8Rng| match random.random_range(0..10) {
        0 => Recolour::NONE,
        1..4 => {
            // Mostly a shade of the same colour.
            let most = if random.random_bool(0.7) { 0.5 } else { std::f32::consts::PI };
            Recolour::hue(
                random.random_range(-most..most),
                random.random_range(0.4..1.4),
                random.random_range(0.6..1.5),
            )
        }
        _ => Recolour::dye(garment(random), mean),
    };
    let upper = change(random);
    let parted = waist.is_some() && random.random_bool(0.45);
    let lower = if parted { change(random) } else { upper };
    let figure = random.random_bool(0.3).then(|| Figure {
        shape: [Shape::Rings, Shape::Stripes, Shape::Checks, Shape::Dots, Shape::Diagonals][random.random_range(0..5)],
        frequency: random.random_range(5.0..16.0),
        colour: garment(random),
        strength: random.random_range(0.5..0.95),
    });
    let waist = match waist {
        Some(height) if parted || figure.is_some() => height,
        _ => f32::MIN,
    };
    Tint { upper, lower, waist, figure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_turn_of_hue_changes_nothing_and_a_third_moves_red_to_green() {
        let close = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        let colour = [0.6, 0.3, 0.1];
        assert!(close(Recolour::hue(std::f32::consts::TAU, 1.0, 1.0).apply(colour), colour));
        let third = Recolour::hue(std::f32::consts::TAU / 3.0, 1.0, 1.0).apply([0.9, 0.0, 0.0]);
        assert!(close(third, [0.0, 0.9, 0.0]), "{third:?}");
    }

    #[test]
    fn dyeing_the_mean_colour_gives_the_dye() {
        let dyed = Recolour::dye([0.4, 0.2, 0.1], [0.3; 3]).apply([0.3; 3]);
        assert!((dyed[0] - 0.4).abs() < 1e-5 && (dyed[2] - 0.1).abs() < 1e-5, "{dyed:?}");
    }

    #[test]
    fn a_few_meshes_have_more_than_ten_thousand_looks() {
        let people = [1, 2, 3].map(|seed| crate::body::mannequin::mannequin(seed).unwrap());
        let mut looks = std::collections::BTreeSet::new();
        for seed in 1..4001u64 {
            for (index, person) in people.iter().enumerate() {
                looks.insert(format!("{index} {:?}", tints_of_character(person, seed)));
            }
        }
        assert!(looks.len() > 11_500, "{}", looks.len());
    }
}
