//! Draws poses as maps: skeleton maps, and depth along the bones.

pub mod skeleton;
pub(crate) mod stroke;
pub mod structured_depth;
