//! Models the geometry of bodies: parts, bones, proportions, and the contact of the feet with the ground.

pub(crate) mod bones;
pub(crate) mod geodesic;
pub(crate) mod kept_legs;
pub mod part;
pub(crate) mod point;
pub mod retarget;
pub(crate) mod stance;
pub(crate) mod trunk;
