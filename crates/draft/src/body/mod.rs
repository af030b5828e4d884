//! The geometry of bodies: parts, bones and proportions, and how a body stands.

pub(crate) mod bones;
pub(crate) mod geodesic;
pub(crate) mod kept_legs;
pub mod part;
pub(crate) mod point;
pub mod retarget;
pub(crate) mod stance;
pub(crate) mod trunk;
