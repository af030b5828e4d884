//! Loads a still picture upright, with colours in sRGB, and with transparency separate from colour.

use std::path::Path;

use image::DynamicImage;

use crate::error::Result;
use crate::ffmpeg::Ffmpeg;
use crate::picture::{Mask, Picture, Plane};
use crate::picture_format::decode::{PictureLimits, decode_colours, read_bytes};
use crate::sniff::{Content, sniff};

/// A picture, and the coverage of each pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Still {
    /// Colours as if every pixel were opaque. They are meaningless where the coverage is 0.
    pub picture: Picture,
    /// 0 = transparent, 255 = opaque; none when the file has no alpha channel.
    pub coverage: Option<Mask>,
}

impl Still {
    /// Reads a PNG, JPEG, WebP or GIF picture, and with ffmpeg an AVIF or HEIF picture. The file name does not matter.
    ///
    /// # Errors
    /// [`crate::Error::Unreadable`], [`crate::Error::ImageUnsupported`], [`crate::Error::ImageDamaged`],
    /// [`crate::Error::ImageTooLarge`], and [`crate::Error::FfmpegFailed`] of ffmpeg.
    pub fn load(path: &Path, limits: PictureLimits, ffmpeg: Option<&Ffmpeg>) -> Result<Self> {
        let bytes = read_bytes(path, limits)?;
        match (sniff(&bytes[..bytes.len().min(4096)]), ffmpeg) {
            (Content::Picture("AVIF" | "HEIF"), Some(ffmpeg)) => {
                crate::picture_format::heif::load(path, &bytes, limits, ffmpeg)
            }
            _ => Ok(Self::from_image(decode_colours(path, &bytes, limits)?)),
        }
    }

    /// Converts a decoded picture.
    pub(crate) fn from_image(image: DynamicImage) -> Self {
        if !image.color().has_alpha() {
            let image = image.into_rgb8();
            let picture = Picture::from_bytes(image.width() as usize, image.height() as usize, image.as_raw());
            return Self { picture, coverage: None };
        }
        let image = image.into_rgba8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = image.as_raw().as_chunks::<4>().0;
        let colours = pixels.iter().map(|&[r, g, b, _]| [r, g, b]).collect();
        let coverage = pixels.iter().map(|pixel| pixel[3]).collect();
        Self {
            picture: Plane::from_cells(width, height, colours),
            coverage: Some(Plane::from_cells(width, height, coverage)),
        }
    }

    /// The picture in front of a plain colour.
    pub fn over(self, colour: [u8; 3]) -> Picture {
        let Some(coverage) = self.coverage else { return self.picture };
        let mut picture = self.picture;
        for (pixel, alpha) in picture.cells_mut().iter_mut().zip(coverage.cells()) {
            let alpha = u32::from(*alpha);
            for (value, behind) in pixel.iter_mut().zip(colour) {
                *value = ((u32::from(*value) * alpha + u32::from(behind) * (255 - alpha) + 127) / 255) as u8;
            }
        }
        picture
    }
}

/// True when [`Still::load`] needs ffmpeg to read the file.
///
/// # Errors
/// [`crate::Error::Unreadable`].
pub fn needs_ffmpeg(path: &Path) -> Result<bool> {
    Ok(matches!(crate::sniff::sniff_file(path)?, Content::Picture("AVIF" | "HEIF")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_file::save_cut_out;

    #[test]
    fn transparency_is_kept_apart_from_colours() {
        let folder = tempfile::tempdir().unwrap();
        // The file name claims another format.
        let path = folder.path().join("a.jpg");
        let colours = Picture::from_cells(2, 1, vec![[10, 20, 30], [0; 3]]);
        save_cut_out(&path, &colours, &Mask::from_cells(2, 1, vec![0, 51])).unwrap();
        let still = Still::load(&path, PictureLimits::default(), None).unwrap();
        assert_eq!(still.picture.cells(), [[10, 20, 30], [0; 3]]);
        assert_eq!(still.coverage.as_ref().unwrap().cells(), [0, 51]);
        assert_eq!(still.over([255; 3]).cells(), [[255; 3], [204; 3]]);
        assert!(!needs_ffmpeg(&path).unwrap());
    }
}
