//! AVIF and HEIF pictures, decoded by ffmpeg.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ffmpeg::Ffmpeg;
use crate::image_file::PictureLimits;
use crate::still::Still;

/// Reads a picture.
pub(crate) fn load(path: &Path, _bytes: &[u8], _limits: PictureLimits, _ffmpeg: &Ffmpeg) -> Result<Still> {
    Err(Error::ImageUnsupported { path: path.to_path_buf(), found: "a HEIF picture".into() })
}
