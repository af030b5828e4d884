//! Converts colours to 8-bit grey as in OpenCV, which published evaluation scripts use. The formula `Y = 0.299 R +
//! 0.587 G + 0.114 B` is computed in fixed point with 15 fraction bits and rounded to the nearest level.

use media::picture::{Picture, Plane};

/// Number of fraction bits.
const SHIFT: u32 = 15;
/// Weights of red, green and blue; they add up to one.
const WEIGHTS: [u32; 3] = [9_798, 19_235, 3_735];

/// The grey levels of a picture.
pub fn grey(picture: &Picture) -> Plane<u8> {
    picture.map(|colour| {
        let sum: u32 = colour.into_iter().zip(WEIGHTS).map(|(level, weight)| u32::from(level) * weight).sum();
        ((sum + (1 << (SHIFT - 1))) >> SHIFT) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_have_their_known_levels() {
        let check = |colour: [u8; 3], expected: u8| {
            assert_eq!(grey(&Picture::filled(1, 1, colour)).cells(), [expected], "{colour:?}");
        };
        check([255; 3], 255);
        check([0; 3], 0);
        check([128; 3], 128);
        // 255 * 0.299 = 76.2; 255 * 0.587 = 149.7; 255 * 0.114 = 29.07.
        check([255, 0, 0], 76);
        check([0, 255, 0], 150);
        check([0, 0, 255], 29);
    }
}
