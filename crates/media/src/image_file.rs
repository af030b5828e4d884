//! Pictures, masks and depth maps as files, with limits on size and memory.
//!
//! A picture is turned upright by its EXIF orientation and brought to sRGB by its colour profile; where it is transparent,
//! white shows. Depth is 16-bit grey PNG.

use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::error::LimitErrorKind;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageReader, ImageResult, Limits,
};

use crate::colour_profile::to_srgb;
use crate::error::{Error, Result};
use crate::file::{open, write_atomic};
use crate::picture::{Mask, Picture, Plane};
use crate::sniff::{Content, sniff};
use crate::still::Still;

/// What a picture file may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLimits {
    /// Greatest number of pixels.
    pub max_pixels: u64,
    /// Greatest size of the file in bytes.
    pub max_bytes: u64,
}

impl Default for PictureLimits {
    /// 64 million pixels, 256 MiB.
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_bytes: 256 << 20 }
    }
}

/// Reads a picture (PNG, JPEG, WebP, the first frame of a GIF), upright, in sRGB, transparent places white.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::ImageUnsupported`], [`Error::ImageDamaged`], [`Error::ImageTooLarge`].
pub fn load_picture(path: &Path) -> Result<Picture> {
    Still::load(path, PictureLimits::default(), None).map(|still| still.over([255; 3]))
}

/// Reads a mask: the grey of any picture. `expected` is the size that it must have, if any.
///
/// # Errors
/// As [`load_picture`], and [`Error::ImageWrongSize`].
pub fn load_mask(path: &Path, expected: Option<(usize, usize)>) -> Result<Mask> {
    let image = load(path, PictureLimits::default())?.into_luma8();
    let mask = Plane::from_cells(image.width() as usize, image.height() as usize, image.into_raw());
    check_size(path, mask.size(), expected)?;
    Ok(mask)
}

/// Reads a 16-bit depth map; 8-bit files are widened (255 becomes 65535).
///
/// # Errors
/// As [`load_mask`].
pub fn load_depth(path: &Path, expected: Option<(usize, usize)>) -> Result<Plane<u16>> {
    let image = load(path, PictureLimits::default())?.into_luma16();
    let depth = Plane::from_cells(image.width() as usize, image.height() as usize, image.into_raw());
    check_size(path, depth.size(), expected)?;
    Ok(depth)
}

/// Writes a picture as PNG, whole or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_picture(path: &Path, picture: &Picture) -> Result<()> {
    save_png(path, picture.bytes(), picture.size(), ExtendedColorType::Rgb8)
}

/// Writes a picture with its coverage as the alpha channel of a PNG, whole or not at all.
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

/// Writes a mask as 8-bit grey PNG, whole or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_mask(path: &Path, mask: &Mask) -> Result<()> {
    save_png(path, mask.cells(), mask.size(), ExtendedColorType::L8)
}

/// Writes a depth map as 16-bit grey PNG, whole or not at all.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn save_depth(path: &Path, depth: &Plane<u16>) -> Result<()> {
    // The encoder takes native byte order and writes the file's big-endian one itself.
    let bytes: Vec<u8> = depth.cells().iter().flat_map(|value| value.to_ne_bytes()).collect();
    save_png(path, &bytes, depth.size(), ExtendedColorType::L16)
}

/// Writes a picture as JPEG of a quality of 1..=100, whole or not at all: for pictures that are only looked at.
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

/// Reads and decodes a file within its limits, upright, its numbers as they are.
fn load(path: &Path, limits: PictureLimits) -> Result<DynamicImage> {
    Ok(decode(path, &read_bytes(path, limits)?, limits)?.0)
}

/// Decodes the bytes of a file within its limits, upright and in sRGB; `path` is only named in errors.
pub(crate) fn decode_colours(path: &Path, bytes: &[u8], limits: PictureLimits) -> Result<DynamicImage> {
    let (image, profile) = decode(path, bytes, limits)?;
    Ok(to_srgb(image, bytes, profile.as_deref()))
}

/// The bytes of a file that is not larger than it may be.
pub(crate) fn read_bytes(path: &Path, limits: PictureLimits) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    file.take(limits.max_bytes + 1).read_to_end(&mut bytes).map_err(|source| Error::reading(path, source))?;
    if bytes.len() as u64 > limits.max_bytes {
        let source = std::io::Error::other(format!("the file has more than {} bytes", limits.max_bytes));
        return Err(Error::reading(path, source));
    }
    Ok(bytes)
}

/// The picture, upright, and its colour profile.
fn decode(path: &Path, bytes: &[u8], limits: PictureLimits) -> Result<(DynamicImage, Option<Vec<u8>>)> {
    let damaged = |reason: String| Error::ImageDamaged { path: path.to_path_buf(), reason };
    let content = sniff(&bytes[..bytes.len().min(4096)]);
    let supported = matches!(content, Content::Picture("PNG" | "JPEG" | "WebP"))
        || content == Content::Video(crate::sniff::Container::Gif);
    if !supported {
        return Err(Error::ImageUnsupported { path: path.to_path_buf(), found: content.describe() });
    }
    if content == Content::Picture("JPEG") && !jpeg_is_whole(bytes) {
        return Err(damaged("the JPEG data ends early".into()));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader = reader.with_guessed_format().map_err(|source| Error::reading(path, source))?;
    // The size is checked below, with its figures in the message; the decoder itself only gets a bound on memory.
    let mut memory = Limits::no_limits();
    memory.max_alloc = Some(limits.max_pixels.saturating_mul(16).max(64 << 20));
    reader.limits(memory);
    let explain = |failed: ImageError, size: (u64, u64)| match failed {
        ImageError::Limits(limit) if !matches!(limit.kind(), LimitErrorKind::Unsupported { .. }) => {
            Error::ImageTooLarge { path: path.to_path_buf(), width: size.0, height: size.1, limit: limits.max_pixels }
        }
        ImageError::Unsupported(kind) => Error::ImageUnsupported { path: path.to_path_buf(), found: kind.to_string() },
        other => damaged(other.to_string()),
    };
    let mut decoder = reader.into_decoder().map_err(|failed| explain(failed, (0, 0)))?;
    let (width, height) = decoder.dimensions();
    let size = (u64::from(width), u64::from(height));
    if size.0 * size.1 > limits.max_pixels {
        return Err(explain(
            ImageError::Limits(image::error::LimitError::from_kind(LimitErrorKind::DimensionError)),
            size,
        ));
    }
    let orientation = decoder.orientation().map_err(|failed| explain(failed, size))?;
    // A damaged profile is no reason to refuse the picture.
    let profile = decoder.icc_profile().ok().flatten();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|failed| explain(failed, size))?;
    image.apply_orientation(orientation);
    Ok((image, profile))
}

/// True when the segments of a JPEG file lead to its end marker. The decoder itself fills what is missing with grey.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Between markers: entropy-coded data after a scan header, or fill bytes.
        let Some(skip) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) else {
            return false;
        };
        at += skip + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xd9) => return true,
            // A stuffed 0xff, fill bytes, restart markers and a repeated start carry no length.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(0xff) => {}
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(length) => at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests;
