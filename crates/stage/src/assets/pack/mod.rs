//! Packs a whole folder of assets into one file.

pub(crate) mod byte_stream;
pub(crate) mod file;
pub(crate) mod mesh;
pub(crate) mod named;
pub(crate) mod video;
