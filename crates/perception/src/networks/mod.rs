//! The networks that see, and how they run.

pub mod blazepose;
pub mod network;
pub(crate) mod plane_resize;
pub(crate) mod resample;
pub(crate) mod tflite;
