//! Reads and writes pictures, masks and depth maps as files, with limits on size and memory.
//!
//! A picture is rotated upright according to its EXIF orientation, and converted to sRGB with its colour profile.
//! Transparent pixels become white. Depth maps are 16-bit grey PNG files.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageResult};

use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::picture::{Mask, Picture, Plane};
pub use crate::picture_format::decode::PictureLimits;
use crate::picture_format::decode::load;
use crate::still::Still;

/// Reads a picture (PNG, JPEG, WebP, the first frame of a GIF) upright, in sRGB, with transparent pixels in white.
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

/// Writes a picture as JPEG with a quality of 1..=100, completely or not at all. Use it only for pictures that people
/// look at.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_jpeg(path: &Path, picture: &Picture, quality: u8) -> Result<()> {
    let mut encoded = Vec::new();
    let (bytes, (width, height)) = (picture.bytes(), picture.size());
    let outcome = JpegEncoder::new_with_quality(&mut encoded, quality).write_image(
        bytes,
        width as u32,
        height as u32,
        ExtendedColorType::Rgb8,
    );
    save_encoded(path, outcome, &encoded)
}

fn save_png(path: &Path, bytes: &[u8], (width, height): (usize, usize), colour: ExtendedColorType) -> Result<()> {
    let mut encoded = Vec::new();
    let outcome = PngEncoder::new_with_quality(&mut encoded, CompressionType::Fast, FilterType::Adaptive).write_image(
        bytes,
        width as u32,
        height as u32,
        colour,
    );
    save_encoded(path, outcome, &encoded)
}

fn save_encoded(path: &Path, outcome: ImageResult<()>, encoded: &[u8]) -> Result<()> {
    outcome.map_err(|failed| Error::writing(path, std::io::Error::other(failed)))?;
    write_atomic(path, encoded)
}

fn check_size(path: &Path, found: (usize, usize), expected: Option<(usize, usize)>) -> Result<()> {
    match expected {
        Some(expected) if found != expected => Err(Error::ImageWrongSize { path: path.to_path_buf(), found, expected }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
