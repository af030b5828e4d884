//! Defines the perception networks, and runs them.

pub mod blazepose;
pub mod network;
pub(crate) mod plane_resize;
pub(crate) mod resample;
pub(crate) mod tflite;
