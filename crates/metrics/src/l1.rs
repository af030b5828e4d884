//! Computes the mean absolute difference of the red, green and blue levels 0..=255.
//!
//! DisCo's script divides this value by the number of pixels a second time. The values of that script (1e-4 and less)
//! therefore depend on the size of the pictures, so compare them only between pictures of the same size.

use media::picture::Picture;

use crate::psnr::mean_of_levels;

/// Mean absolute difference in levels.
///
/// # Panics
/// When the sizes differ or there is no pixel.
pub fn l1(picture: &Picture, truth: &Picture) -> f64 {
    mean_of_levels("l1", picture, truth, |a, b| u32::from(a.abs_diff(b)))
}

/// The difference as in DisCo's script: divided by the number of pixels.
///
/// # Panics
/// When the sizes differ or there is no pixel.
pub fn l1_disco(picture: &Picture, truth: &Picture) -> f64 {
    l1(picture, truth) / (picture.width() * picture.height()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_by_hand() {
        let truth = Picture::filled(2, 2, [100; 3]);
        let mut picture = truth.clone();
        picture.set(0, 0, [100, 112, 64]);
        // (12 + 36) / 12 levels; over 4 pixels.
        assert_eq!([l1(&picture, &truth), l1_disco(&picture, &truth)], [4.0, 1.0]);
        assert_eq!([l1(&truth, &truth), l1_disco(&truth, &truth)], [0.0, 0.0]);
    }
}
