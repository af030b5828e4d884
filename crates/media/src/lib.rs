//! Turns pictures and videos into frames and back. The crate uses no machine learning and no network.
//!
//! The rest of the workspace uses the plain types of [`picture`] and [`geometry`]. [`reader::FrameReader`] reads videos
//! and [`writer::VideoWriter`] writes them. The reader and the writer each run ffmpeg under strict limits (see
//! [`ffmpeg::Ffmpeg`]).

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
