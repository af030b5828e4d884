//! Pictures and videos to frames and back. No machine learning and no network in here.
//!
//! Everything else in the workspace speaks the plain types of [`picture`] and [`geometry`].

pub mod geometry;
pub mod picture;
