//! Implements convolutions: direct, Winograd, on separate planes, and fused with nearest upsampling.

pub(crate) mod packed_convolution;
pub(crate) mod planes;
pub(crate) mod upsample;
pub(crate) mod winograd;
pub(crate) mod winograd_transform;
