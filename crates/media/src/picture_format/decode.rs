//! Decodes picture files within limits. Damaged files are an error.

use std::io::{Cursor, Read};
use std::path::Path;

use image::error::LimitErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::colour_profile::to_srgb;
use crate::error::{Error, Result};
use crate::file::open;
use crate::sniff::{Content, sniff};

/// Limits for a picture file.
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

/// Reads and decodes a file within its limits, upright, with unconverted values.
pub(crate) fn load(path: &Path, limits: PictureLimits) -> Result<DynamicImage> {
    Ok(decode(path, &read_bytes(path, limits)?, limits)?.0)
}

/// Decodes the bytes of a file within its limits, upright and in sRGB. `path` is used only in errors.
pub(crate) fn decode_colours(path: &Path, bytes: &[u8], limits: PictureLimits) -> Result<DynamicImage> {
    let (image, profile) = decode(path, bytes, limits)?;
    Ok(to_srgb(image, bytes, profile.as_deref()))
}

/// Reads the bytes of a file, up to its size limit.
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
    // The size is checked below, where the message can name it. The decoder itself only gets a memory limit.
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

/// True when the segments of a JPEG file lead to its end marker. The decoder fills missing parts with grey.
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
