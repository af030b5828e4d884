//! Prepares the reference picture of the character for the network.
//!
//! In training, the character is cut out of a random frame, centred, and put on a random background. The model
//! therefore learns to find the character itself, and inference needs no segmentation (paper 3.1). At inference, the
//! user's picture is fitted to the network's square.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::mask::bounding_box;
use crate::networks::resample::{Window, cut_out_over, picture_window};
use crate::region::{crop_picture, window};

/// How to make a square from a picture that is not square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferenceFit {
    /// The whole picture in the middle, with its border repeated on both sides. Shapes are preserved.
    #[default]
    Letterbox,
    /// The largest square in the middle.
    CentreCrop,
    /// The whole picture, squeezed to a square, as in related open projects.
    Squeeze,
}

/// The user's picture at `size x size` pixels.
///
/// # Panics
/// When the picture has no pixel.
pub fn inference_reference(picture: &Picture, size: u32, fit: ReferenceFit) -> Picture {
    let (width, height) = (picture.width() as f64, picture.height() as f64);
    let side = match fit {
        ReferenceFit::Letterbox => width.max(height),
        ReferenceFit::CentreCrop => width.min(height),
        ReferenceFit::Squeeze => {
            let whole = Window { x: 0.0, y: 0.0, width, height };
            return picture_window(picture, whole, (size as usize, size as usize));
        }
    };
    let around = Window { x: (width - side) / 2.0, y: (height - side) / 2.0, width: side, height: side };
    picture_window(picture, around, (size as usize, size as usize))
}

/// A square of a picture at `size x size` pixels. A plain colour fills the transparent pixels and the space outside the
/// picture.
///
/// # Panics
/// When picture and coverage differ in size.
pub fn reference_over(
    picture: &Picture,
    coverage: Option<&Mask>,
    square: Rect<Frame>,
    size: u32,
    behind: [u8; 3],
) -> Picture {
    let base = Picture::filled(size as usize, size as usize, behind);
    match coverage {
        Some(coverage) => cut_out_over(&base, picture, coverage, window(square)),
        None if square.intersection(&Rect::of_size(picture.width() as u32, picture.height() as u32)) == square => {
            crop_picture(picture, square, size)
        }
        None => {
            let whole = Mask::filled(picture.width(), picture.height(), 255);
            cut_out_over(&base, picture, &whole, window(square))
        }
    }
}

/// The reference of a training clip: the person of `frame` in the middle of a square, on `background` (of `size x size`
/// pixels). The square is 1.05 to 1.4 times the longer side of the person's box. None when the mask is empty.
///
/// # Panics
/// When frame and mask differ in size, or the background is not `size x size`.
pub fn training_reference(
    frame: &Picture,
    person: &Mask,
    background: &Picture,
    size: u32,
    random: &mut impl Rng,
) -> Option<Picture> {
    let whole = (size as usize, size as usize);
    assert_eq!(background.size(), whole, "background of {:?}, reference of {whole:?}", background.size());
    let area: Rect<Frame> = bounding_box(person)?;
    let room = random.random_range(1.05..1.4);
    let side = f64::from(area.width.max(area.height)) * room;
    let middle = window(area);
    let around = Window {
        x: middle.x + (middle.width - side) / 2.0,
        y: middle.y + (middle.height - side) / 2.0,
        width: side,
        height: side,
    };
    Some(cut_out_over(background, frame, person, around))
}

/// A random background of `size x size` pixels: one colour, a gradient between two, soft spots, or, in half of the
/// cases where `pictures` is not empty, a random square of one of them.
pub fn random_background(size: u32, pictures: &[Picture], random: &mut impl Rng) -> Picture {
    let side = size as usize;
    let colour = |random: &mut dyn FnMut() -> u8| [random(), random(), random()];
    if !pictures.is_empty() && random.random_bool(0.5) {
        let picture = &pictures[random.random_range(0..pictures.len())];
        let shorter = picture.width().min(picture.height());
        let cut = random.random_range(shorter.div_ceil(2)..=shorter);
        let x = random.random_range(0..=picture.width() - cut) as i32;
        let y = random.random_range(0..=picture.height() - cut) as i32;
        return crop_picture(picture, Rect::new(x, y, cut as u32, cut as u32), size);
    }
    let kind = random.random_range(0..3);
    let mut channel = || random.random::<u8>();
    match kind {
        0 => Picture::filled(side, side, colour(&mut channel)),
        // Four corners in two colours: a gradient along a row, a column or both.
        1 => {
            let (a, b) = (colour(&mut channel), colour(&mut channel));
            let corner = if channel() < 128 { a } else { b };
            spread(Picture::from_cells(2, 2, vec![a, corner, b, b]), side)
        }
        _ => {
            let spots = (0..16).map(|_| colour(&mut channel)).collect();
            spread(Picture::from_cells(4, 4, spots), side)
        }
    }
}

/// Enlarges a few colours to a soft picture.
fn spread(colours: Picture, side: usize) -> Picture {
    let whole = Window { x: 0.0, y: 0.0, width: colours.width() as f64, height: colours.height() as f64 };
    picture_window(&colours, whole, (side, side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn fits_keep_or_squeeze_the_shape() {
        // The left half is red, the right half blue, and the picture is twice as wide as high.
        let picture = Picture::from_fn(8, 4, |x, _| if x < 4 { [250, 0, 0] } else { [0, 0, 250] });
        let letterbox = inference_reference(&picture, 8, ReferenceFit::Letterbox);
        assert_eq!(letterbox, Picture::from_fn(8, 8, |x, _| picture.get(x, 0)));
        let centre = inference_reference(&picture, 4, ReferenceFit::CentreCrop);
        assert_eq!(centre, Picture::from_fn(4, 4, |x, _| picture.get(x + 2, 0)));
        let squeezed = inference_reference(&picture, 4, ReferenceFit::Squeeze);
        assert_eq!(squeezed, Picture::from_fn(4, 4, |x, _| picture.get(x * 2, 0)));
    }

    #[test]
    fn the_character_is_centred_on_the_background() {
        let inside = |x: usize, y: usize| (2..6).contains(&x) && (1..17).contains(&y);
        let frame = Picture::from_fn(40, 30, |x, y| if inside(x, y) { [255, 0, 0] } else { [0, 255, 0] });
        let person = Mask::from_fn(40, 30, |x, y| if inside(x, y) { 255 } else { 0 });
        let background = Picture::filled(64, 64, [0, 0, 255]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..5 {
            let reference = training_reference(&frame, &person, &background, 64, &mut random).unwrap();
            let red = Mask::from_cells(64, 64, reference.cells().iter().map(|pixel| pixel[0]).collect());
            let area = bounding_box::<Frame>(&red).unwrap();
            assert!((area.centre().0 - 32.0).abs() <= 1.0 && (area.centre().1 - 32.0).abs() <= 1.0, "{area:?}");
            assert!((44..=64).contains(&area.height), "{area:?}");
            assert!((3.2..4.6).contains(&(area.height as f32 / area.width as f32)), "{area:?}");
            // Nothing of the old background bleeds in.
            assert!(reference.cells().iter().all(|pixel| pixel[1] == 0));
        }
        assert!(training_reference(&frame, &Mask::filled(40, 30, 0), &background, 64, &mut random).is_none());
    }

    #[test]
    fn backgrounds_differ_and_come_from_the_pictures_too() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let marked = Picture::from_fn(31, 17, |x, _| if x % 2 == 0 { [1, 2, 3] } else { [3, 2, 1] });
        let drawn: Vec<Picture> =
            (0..24).map(|_| random_background(16, std::slice::from_ref(&marked), &mut random)).collect();
        let from_picture = |picture: &&Picture| picture.cells().iter().all(|pixel| pixel[1] == 2);
        assert!((4..20).contains(&drawn.iter().filter(from_picture).count()));
        let plain = |picture: &&Picture| picture.cells().iter().all(|&pixel| pixel == picture.get(0, 0));
        assert!((1..12).contains(&drawn.iter().filter(plain).count()));
        assert!(drawn.iter().all(|picture| picture.size() == (16, 16)));
    }
}
