//! Computes `ΔE*ab`, the distance between two colours in CIE Lab (1976, white point D65). A distance of about 2 is just
//! visible side by side; black and white have a distance of 100.

use media::picture::{Picture, Plane};
use serde::{Deserialize, Serialize};

use super::{Weights, weighted_mean};

/// The colour difference of an area from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ColourDifference {
    /// Mean distance over the pixels.
    pub pixels: f64,
    /// Distance of the mean colours, which ignores the positions of colours within the area.
    pub mean_colour: f64,
}

/// The colour difference over the weighted pixels; `None` if all weights are 0.
///
/// # Panics
/// When the sizes differ.
pub fn colour_difference(picture: &LabPicture, truth: &LabPicture, weights: &Weights) -> Option<ColourDifference> {
    assert_eq!(picture.size(), truth.size(), "lab: picture {:?}, truth {:?}", picture.size(), truth.size());
    let distances = Plane::from_fn(picture.width(), picture.height(), |x, y| {
        distance(picture.get(x, y).map(f64::from), truth.get(x, y).map(f64::from)) as f32
    });
    let mean = |lab: &LabPicture| -> Option<[f64; 3]> {
        let channel = |index: usize| weighted_mean(&lab.map(|colour| colour[index]), weights);
        Some([channel(0)?, channel(1)?, channel(2)?])
    };
    Some(ColourDifference {
        pixels: weighted_mean(&distances, weights)?,
        mean_colour: distance(mean(picture)?, mean(truth)?),
    })
}

/// `L*`, `a*`, `b*` of each pixel.
pub type LabPicture = Plane<[f32; 3]>;

/// A picture in Lab.
pub fn lab_picture(picture: &Picture) -> LabPicture {
    picture.map(|colour| lab(colour).map(|value| value as f32))
}

/// CIE Lab of an sRGB colour.
pub fn lab(colour: [u8; 3]) -> [f64; 3] {
    // 1. Linear light (IEC 61966-2-1).
    let [red, green, blue] = colour.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    // 2. XYZ, relative to the white point.
    let xyz = [
        (0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47,
        0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue,
        (0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83,
    ];
    // 3. The cube root, linear near black.
    let [x, y, z] =
        xyz.map(|value: f64| if value > 216.0 / 24_389.0 { value.cbrt() } else { value * 841.0 / 108.0 + 4.0 / 29.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_have_their_known_values() {
        let check = |colour, expected: [f64; 3]| {
            let found = lab(colour);
            assert!(distance(found, expected) < 0.02, "{colour:?}: {found:?} for {expected:?}");
        };
        check([255, 255, 255], [100.0, 0.0, 0.0]);
        check([0, 0, 0], [0.0, 0.0, 0.0]);
        check([255, 0, 0], [53.24, 80.09, 67.20]);
        check([0, 0, 255], [32.30, 79.19, -107.86]);
        // Linear 0.2158605, whose cube root is 0.5998: 116 * 0.5998 - 16.
        check([128, 128, 128], [53.585, 0.0, 0.0]);
    }

    #[test]
    fn exchanged_pixels_differ_one_by_one_but_not_on_average() {
        let truth = lab_picture(&Picture::from_cells(2, 1, vec![[0; 3], [255; 3]]));
        let exchanged = lab_picture(&Picture::from_cells(2, 1, vec![[255; 3], [0; 3]]));
        let both = Weights::filled(2, 1, 1.0);
        let found = colour_difference(&exchanged, &truth, &both).unwrap();
        assert!((found.pixels - 100.0).abs() < 1e-3 && found.mean_colour < 1e-3, "{found:?}");
        let first = Weights::from_cells(2, 1, vec![1.0, 0.0]);
        assert!((colour_difference(&exchanged, &truth, &first).unwrap().mean_colour - 100.0).abs() < 1e-3);
        assert_eq!(colour_difference(&exchanged, &truth, &Weights::filled(2, 1, 0.0)), None);
    }
}
