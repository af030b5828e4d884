//! Simulates the exposure of a picture: averages several instants (motion blur), and adds sensor noise.
//!
//! Display values are averaged, as for the samples of a pixel. A picture is therefore a blend of plate and character in
//! proportion to the mask. The noise depends only on seed, frame and pixel, so the empty scene and the identity-swapped
//! clip have the same noise.

use media::picture::{Mask, Picture};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::render::frame::{Exposed, Rendered};

/// Number of instants in a blurred picture. It is odd, so that one instant is in the middle.
pub(crate) const INSTANTS: usize = 5;

/// One picture from several instants. Distances and joints are those of the middle instant.
pub(crate) fn exposed(mut instants: Vec<Exposed>) -> Exposed {
    if instants.len() == 1 {
        return instants.swap_remove(0);
    }
    let plate = mean_picture(instants.iter().map(|instant| &instant.plate));
    let parts = (0..instants[0].parts.len())
        .map(|part| {
            let each = || instants.iter().map(|instant| &instant.parts[part]);
            let scenery = (0..each().next().map_or(0, |first| first.scenery.len()))
                .map(|object| mean_mask(each().map(|rendered| &rendered.scenery[object])))
                .collect();
            let middle = &instants[instants.len() / 2].parts[part];
            Rendered {
                picture: mean_picture(each().map(|rendered| &rendered.picture)),
                person: mean_mask(each().map(|rendered| &rendered.person)),
                whole: mean_mask(each().map(|rendered| &rendered.whole)),
                object: mean_mask(each().map(|rendered| &rendered.object)),
                scenery,
                depth: middle.depth.clone(),
                pose: middle.pose.clone(),
            }
        })
        .collect();
    let middle = instants.len() / 2;
    let plate_depth = instants.swap_remove(middle).plate_depth;
    Exposed { plate, plate_depth, parts }
}

fn mean_picture<'a>(pictures: impl Iterator<Item = &'a Picture> + Clone) -> Picture {
    let count = pictures.clone().count().max(1) as u16;
    let mut size = (0, 0);
    let mut sums: Vec<[u16; 3]> = Vec::new();
    for picture in pictures {
        size = picture.size();
        sums.resize(picture.cells().len(), [0; 3]);
        for (sum, cell) in sums.iter_mut().zip(picture.cells()) {
            (0..3).for_each(|channel| sum[channel] += u16::from(cell[channel]));
        }
    }
    Picture::from_cells(size.0, size.1, sums.into_iter().map(|sum| sum.map(|sum| rounded(sum, count))).collect())
}

fn mean_mask<'a>(masks: impl Iterator<Item = &'a Mask> + Clone) -> Mask {
    let count = masks.clone().count().max(1) as u16;
    let mut size = (0, 0);
    let mut sums: Vec<u16> = Vec::new();
    for mask in masks {
        size = mask.size();
        sums.resize(mask.cells().len(), 0);
        sums.iter_mut().zip(mask.cells()).for_each(|(sum, cell)| *sum += u16::from(*cell));
    }
    Mask::from_cells(size.0, size.1, sums.into_iter().map(|sum| rounded(sum, count)).collect())
}

fn rounded(sum: u16, count: u16) -> u8 {
    ((sum + count / 2) / count) as u8
}

/// The noise of one frame: approximately standard normal, three values for each pixel.
pub(crate) fn noise_field(seed: u64, frame: usize, pixels: usize) -> Vec<[f32; 3]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x6e6f_6973_6500);
    random.set_stream(frame as u64);
    // The sum of four uniform bytes approximates a normal distribution with mean 510 and deviation 147.8.
    let mut one = || {
        let sum: u32 = random.next_u32().to_le_bytes().iter().map(|byte| u32::from(*byte)).sum();
        (sum as f32 - 510.0) / 147.8
    };
    (0..pixels).map(|_| [one(), one(), one()]).collect()
}

/// Adds `field` with deviation `level` at middle grey, in steps of 1/255. The deviation is smaller near black and
/// white.
pub(crate) fn add_noise(picture: &mut Picture, field: &[[f32; 3]], level: f32) {
    for (cell, deviation) in picture.cells_mut().iter_mut().zip(field) {
        for channel in 0..3 {
            let value = f32::from(cell[channel]);
            let strength = level * (1.0 - 0.45 * (value - 128.0).abs() / 128.0);
            cell[channel] = (value + deviation[channel] * strength + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_rounded() {
        let pictures = [10u8, 11, 13].map(|value| Picture::filled(1, 1, [value; 3]));
        assert_eq!(mean_picture(pictures.iter()).get(0, 0), [11; 3]);
        let masks = [0u8, 255].map(|value| Mask::filled(1, 1, value));
        assert_eq!(mean_mask(masks.iter()).get(0, 0), 128);
    }

    #[test]
    fn noise_has_its_level_and_keeps_the_order_of_values() {
        let field = noise_field(3, 1, 64 * 64);
        assert_ne!(field, noise_field(3, 2, 64 * 64));
        let noisy = |value: u8| {
            let mut picture = Picture::filled(64, 64, [value; 3]);
            add_noise(&mut picture, &field, 6.0);
            picture
        };
        let (dark, bright) = (noisy(128), noisy(140));
        let spread =
            dark.cells().iter().map(|cell| f32::from(cell[0]) - 128.0).map(|way| way * way).sum::<f32>() / 4096.0;
        assert!((spread.sqrt() - 6.0).abs() < 0.3, "{}", spread.sqrt());
        assert!(dark.cells().iter().zip(bright.cells()).all(|(a, b)| a[1] <= b[1]));
    }
}
