//! Aligns the frames of a shot with each other, using corners, Lucas-Kanade and robust homographies.

pub(super) mod chain;
pub(super) mod features;
pub(super) mod homography;
pub(super) mod linear;
pub(super) mod motion;
pub(super) mod template;
