//! Group and layer normalisation.

pub(crate) mod group_norm;
pub(crate) mod layer_norm;
