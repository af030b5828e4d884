//! Reads and writes pictures, masks and depth maps as files, with limits on size and memory.
//!
//! A picture is rotated upright by its EXIF orientation and converted to sRGB by its colour profile. Transparent places
//! become white. Depth is 16-bit grey PNG.

use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::picture::{Mask, Picture, Plane};
pub use crate::picture_format::decode::PictureLimits;
use crate::picture_format::decode::load;
use crate::still::Still;

/// Reads a picture (PNG, JPEG, WebP, the first frame of a GIF) upright, in sRGB, with transparent places in white.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::ImageUnsupported`], [`Error::ImageDamaged`], [`Error::ImageTooLarge`].
pub fn load_picture(path: &Path) -> Result<Picture> {
    Still::load(path, PictureLimits::default(), None).map(|still| still.over([255; 3]))
}

/// Reads a mask from the grey values of any picture. `expected` is the required size, if any.
///
/// # Errors
/// The errors of [`load_picture`], and [`Error::ImageWrongSize`].
pub fn load_mask(path: &Path, expected: Option<(usize, usize)>) -> Result<Mask> {
    let image = load(path, PictureLimits::default())?.into_luma8();
    let mask = Plane::from_cells(image.width() as usize, image.height() as usize, image.into_raw());
    check_size(path, mask.size(), expected)?;
    Ok(mask)
}

/// Reads a 16-bit depth map; 8-bit files are widened (255 becomes 65535).
///
/// # Errors
/// The errors of [`load_mask`].
pub fn load_depth(path: &Path, expected: Option<(usize, usize)>) -> Result<Plane<u16>> {
    let image = load(path, PictureLimits::default())?.into_luma16();
    let depth = Plane::from_cells(image.width() as usize, image.height() as usize, image.into_raw());
    check_size(path, depth.size(), expected)?;
    Ok(depth)
}

/// Writes a picture as PNG, completely or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_picture(path: &Path, picture: &Picture) -> Result<()> {
    save_png(path, picture.bytes(), picture.size(), ExtendedColorType::Rgb8)
}

/// Writes a picture with its coverage as the alpha channel of a PNG, completely or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
///
/// # Panics
/// When picture and coverage differ in size.
pub fn save_cut_out(path: &Path, picture: &Picture, coverage: &Mask) -> Result<()> {
    assert_eq!(picture.size(), coverage.size(), "picture and coverage differ in size");
    let cells = picture.cells().iter().zip(coverage.cells());
    let bytes: Vec<u8> = cells.flat_map(|(&[red, green, blue], &alpha)| [red, green, blue, alpha]).collect();
    save_png(path, &bytes, picture.size(), ExtendedColorType::Rgba8)
}

/// Writes a mask as 8-bit grey PNG, completely or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_mask(path: &Path, mask: &Mask) -> Result<()> {
    save_png(path, mask.cells(), mask.size(), ExtendedColorType::L8)
}

/// Writes a depth map as 16-bit grey PNG, completely or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_depth(path: &Path, depth: &Plane<u16>) -> Result<()> {
    // The encoder takes native byte order and converts to the big-endian order of the file.
    let bytes: Vec<u8> = depth.cells().iter().flat_map(|value| value.to_ne_bytes()).collect();
    save_png(path, &bytes, depth.size(), ExtendedColorType::L16)
}

fn save_png(path: &Path, bytes: &[u8], (width, height): (usize, usize), colour: ExtendedColorType) -> Result<()> {
    let mut encoded = Vec::new();
    PngEncoder::new_with_quality(&mut encoded, CompressionType::Fast, FilterType::Adaptive)
        .write_image(bytes, width as u32, height as u32, colour)
        .map_err(|failed| Error::writing(path, std::io::Error::other(failed)))?;
    write_atomic(path, &encoded)
}

fn check_size(path: &Path, found: (usize, usize), expected: Option<(usize, usize)>) -> Result<()> {
    match expected {
        Some(expected) if found != expected => Err(Error::ImageWrongSize { path: path.to_path_buf(), found, expected }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;

    fn gradient(width: usize, height: usize) -> Picture {
        Picture::from_fn(width, height, |x, y| [(x * 7) as u8, (y * 5) as u8, (x + y) as u8])
    }

    fn code(result: Result<Picture>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn pictures_masks_and_depth_come_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = gradient(33, 17);
        save_picture(&path, &picture).unwrap();
        assert_eq!(load_picture(&path).unwrap(), picture);
        let mask = picture.map(|[red, ..]| red);
        save_mask(&path, &mask).unwrap();
        assert_eq!(load_mask(&path, Some((33, 17))).unwrap(), mask);
        let wrong = load_mask(&path, Some((33, 18))).unwrap_err();
        assert_eq!(wrong.code(), "image.wrong_size");
        let depth = Plane::from_fn(5, 4, |x, y| (x * 13_000 + y) as u16);
        save_depth(&path, &depth).unwrap();
        assert_eq!(load_depth(&path, None).unwrap(), depth);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn exif_orientation_turns_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let picture = Picture::from_fn(16, 8, |x, _| if x < 8 { [255, 0, 0] } else { [0, 0, 255] });
        // A TIFF block with one tag, orientation (0x0112) = 6: the first row is the right-hand side.
        let exif = b"II*\x00\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.write_image(picture.bytes(), 16, 8, ExtendedColorType::Rgb8).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let upright = load_picture(&path).unwrap();
        assert_eq!(upright.size(), (8, 16));
        assert!(upright.get(4, 1)[0] > 200 && upright.get(4, 14)[2] > 200, "{:?}", upright.get(4, 1));
    }

    #[test]
    fn damaged_and_foreign_files_have_their_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        save_picture(&path, &gradient(64, 64)).unwrap();
        let png = std::fs::read(&path).unwrap();
        let mut jpeg = Vec::new();
        JpegEncoder::new(&mut jpeg).write_image(gradient(64, 64).bytes(), 64, 64, ExtendedColorType::Rgb8).unwrap();
        for whole in [png, jpeg] {
            std::fs::write(&path, &whole).unwrap();
            load_picture(&path).unwrap();
            for twentieth in 1..20 {
                std::fs::write(&path, &whole[..whole.len() * twentieth / 20]).unwrap();
                assert_eq!(code(load_picture(&path)), "image.damaged", "{twentieth}/20");
            }
        }
        for (bytes, expected) in [(&b""[..], "image.unsupported"), (b"text", "image.unsupported")] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(code(load_picture(&path)), expected);
        }
        assert_eq!(code(load_picture(folder.path())), "input.unreadable");
        assert_eq!(code(load_picture(&folder.path().join("none.png"))), "input.unreadable");
    }

    #[test]
    fn a_huge_header_is_refused_before_memory_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        save_picture(&path, &gradient(8, 8)).unwrap();
        let small = PictureLimits { max_pixels: 63, ..PictureLimits::default() };
        let refused = Still::load(&path, small, None).unwrap_err();
        assert_eq!(refused.code(), "image.too_large");
        assert!(refused.to_string().contains("8x8"), "{refused}");
    }
}
