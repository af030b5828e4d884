//! Attention within a picture and between the frames of a clip.

pub(crate) mod block;
pub(crate) mod memory;
pub(crate) mod spatial;
pub(crate) mod temporal;
