//! Pictures and videos to frames and back. No machine learning and no network in here.
//!
//! Everything else in the workspace speaks the plain types of [`picture`] and [`geometry`]. Videos are read by
//! [`reader::FrameReader`] and written by [`writer::VideoWriter`], both through a confined [`ffmpeg::Ffmpeg`].

pub mod audio;
mod child;
mod container;
pub mod crop;
pub mod error;
pub mod ffmpeg;
pub mod file;
mod folder;
pub mod font;
pub mod geometry;
pub mod image_file;
pub mod picture;
mod picture_format;
pub mod probe;
pub mod reader;
pub mod resize;
pub mod sheet;
pub mod sniff;
pub mod still;
mod video_settings;
pub mod writer;

pub use error::{Error, Result};
pub use folder::frame_time;
