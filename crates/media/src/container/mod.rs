//! Reads and writes containers of video files without ffmpeg.

pub(crate) mod aperture;
pub(crate) mod description;
pub(crate) mod extras;
pub(crate) mod gif;
pub(crate) mod header;
pub(crate) mod matroska;
pub(crate) mod mp4;
pub(crate) mod video_info;
