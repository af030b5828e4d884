//! Renders the description of a clip to pictures with ground truth.

pub(crate) mod actor;
pub(crate) mod average;
pub(crate) mod backdrop;
pub(crate) mod clip;
pub(crate) mod extras;
pub(crate) mod frame;
pub(crate) mod furnish;
pub(crate) mod layer;
pub(crate) mod paint;
pub(crate) mod part;
pub(crate) mod pixel;
pub(crate) mod plate;
pub(crate) mod pose_in_picture;
pub(crate) mod raster;
pub(crate) mod sample;
pub(crate) mod shadow;
pub(crate) mod take;
