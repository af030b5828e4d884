//! Pictures and videos to frames and back. No machine learning and no network in here.
//!
//! Everything else in the workspace speaks the plain types of [`picture`] and [`geometry`].

pub mod crop;
pub mod error;
pub mod file;
pub mod font;
pub mod geometry;
pub mod image_file;
pub mod picture;
pub mod resize;
pub mod sheet;
pub mod sniff;

pub use error::{Error, Result};
