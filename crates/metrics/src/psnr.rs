//! Computes the peak signal-to-noise ratio `10 log10(255² / MSE)` in dB, with the mean squared error over red, green
//! and blue of all pixels.
//!
//! The script of DisCo's first release subtracts and squares in 8 bits, so both the difference and its square wrap
//! around at 256. The wrap-around raises low ratios (20 dB to about 28 dB) and puts a lower limit on the ratio of bad
//! pictures. Papers that use the script report these raised ratios, and [`psnr_disco_u8`] reproduces them exactly.
//! DisCo's later release uses [`psnr`].

use media::picture::Picture;

/// The value for equal pictures, in dB. It is finite, so that means stay finite.
pub const CEILING: f64 = 100.0;

/// The ratio of 8-bit pictures in dB, at most [`CEILING`].
///
/// # Panics
/// When the sizes differ or there is no pixel.
pub fn psnr(picture: &Picture, truth: &Picture) -> f64 {
    decibels(mean_squared_error(picture, truth)).min(CEILING)
}

/// The ratio as in DisCo's first script, with difference and square modulo 256. Equal pictures score [`CEILING`]; other
/// pictures are not limited to it.
///
/// # Panics
/// When the sizes differ or there is no pixel.
pub fn psnr_disco_u8(picture: &Picture, truth: &Picture) -> f64 {
    decibels(mean_of_levels("psnr_disco_u8", picture, truth, |a, b| {
        let difference = a.wrapping_sub(b);
        u32::from(difference.wrapping_mul(difference))
    }))
}

/// Mean squared difference of the levels 0..=255.
///
/// # Panics
/// When the sizes differ or there is no pixel.
pub fn mean_squared_error(picture: &Picture, truth: &Picture) -> f64 {
    mean_of_levels("psnr", picture, truth, |a, b| u32::from(a.abs_diff(b)).pow(2))
}

/// Converts a mean squared error of levels 0..=255 to dB. An error of 0 gives [`CEILING`].
pub fn decibels(mean_squared_error: f64) -> f64 {
    if mean_squared_error > 0.0 { 10.0 * (255.0 * 255.0 / mean_squared_error).log10() } else { CEILING }
}

/// The mean of a function over all levels of two pictures, summed in integers.
pub(crate) fn mean_of_levels(metric: &str, picture: &Picture, truth: &Picture, value: fn(u8, u8) -> u32) -> f64 {
    assert_eq!(picture.size(), truth.size(), "{metric}: picture {:?}, truth {:?}", picture.size(), truth.size());
    let levels = picture.bytes().len();
    assert!(levels > 0, "{metric}: pictures without pixels");
    let sum: u64 = picture.bytes().iter().zip(truth.bytes()).map(|(a, b)| u64::from(value(*a, *b))).sum();
    sum as f64 / levels as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(cells: [u8; 3]) -> (Picture, Picture) {
        (Picture::filled(2, 1, cells), Picture::filled(2, 1, [100; 3]))
    }

    #[test]
    fn ratios_by_hand() {
        let check = |cells: [u8; 3], error: f64, wrapped: f64| {
            let (picture, truth) = pair(cells);
            assert_eq!(mean_squared_error(&picture, &truth), error);
            assert_eq!(psnr(&picture, &truth), decibels(error));
            assert_eq!(psnr_disco_u8(&picture, &truth), decibels(wrapped));
            assert_eq!(psnr_disco_u8(&truth, &picture), decibels(wrapped));
        };
        check([100, 100, 100], 0.0, 0.0);
        // 10² = 100; 15² = 225: nothing wraps.
        check([110, 85, 100], 325.0 / 3.0, 325.0 / 3.0);
        // 20² = 400 = 256 + 144; 16² = 256 wraps to 0.
        check([120, 84, 100], 656.0 / 3.0, 48.0);
        // 155² = 24025 = 93 * 256 + 217; 100² = 10000 = 39 * 256 + 16.
        check([255, 0, 100], 34_025.0 / 3.0, 233.0 / 3.0);
    }

    #[test]
    fn known_ratios() {
        assert_eq!(decibels(0.0), 100.0);
        assert_eq!(decibels(65_025.0), 0.0);
        assert!((decibels(650.25) - 20.0).abs() < 1e-12);
        let (picture, truth) = pair([116, 84, 100]);
        // Differences of 16 have squares that vanish, so different pictures look equal.
        assert_eq!(psnr_disco_u8(&picture, &truth), CEILING);
    }

    #[test]
    #[should_panic(expected = "psnr: picture (2, 1), truth (1, 2)")]
    fn another_size_is_a_bug() {
        psnr(&Picture::filled(2, 1, [0; 3]), &Picture::filled(1, 2, [0; 3]));
    }
}
