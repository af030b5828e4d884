//! Bodies as geometry: their parts and bones, proportions, and how they stand.

pub(crate) mod bones;
pub(crate) mod geodesic;
pub(crate) mod kept_legs;
pub mod part;
pub(crate) mod point;
pub mod retarget;
pub(crate) mod stance;
pub(crate) mod trunk;
