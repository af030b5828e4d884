//! Chooses the content of a clip from a seed: who acts, with which prop, where, and from which viewpoint.

pub(crate) mod acting;
pub(crate) mod audit;
pub(crate) mod cast;
pub(crate) mod draw;
pub(crate) mod framing;
pub(crate) mod placing;
pub(crate) mod scenery;
pub(crate) mod surroundings;
pub(crate) mod usage;
pub(crate) mod volume;
