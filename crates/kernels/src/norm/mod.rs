//! Implements group norm and layer norm.

pub(crate) mod group_norm;
pub(crate) mod layer_norm;
