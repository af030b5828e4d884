//! Turns pictures and videos into frames and back. It uses no machine learning and no network.
//!
//! The rest of the workspace uses the plain types of [`picture`] and [`geometry`]. [`reader::FrameReader`] reads videos
//! and [`writer::VideoWriter`] writes them. Both run a confined [`ffmpeg::Ffmpeg`].

mod aperture;
pub mod audio;
mod child;
mod colour_profile;
pub mod crop;
mod description;
pub mod error;
pub mod ffmpeg;
pub mod file;
mod folder;
pub mod font;
pub mod geometry;
mod gif;
mod header;
mod heif;
pub mod image_file;
mod matroska;
mod mp4;
pub mod picture;
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
