//! Implements elementwise ops, blending, and conversions of layout and type.

pub(crate) mod blend;
pub(crate) mod layout;
pub(crate) mod pointwise;
