//! Geometry proposes, the network finishes (`docs/decisions.md`): a picture of the character laid on the driving pose, a
//! clean plate of what the driving person hides, and both composed to a draft. Pure code: no weights, no networks, no
//! video files.

pub mod body;
pub mod clip;
pub mod drafter;
pub mod held;
pub mod hole;
pub mod in_use;
pub mod light;
mod occluder;
pub mod plate;
pub mod puppet;
mod push_pull;
pub mod scale;
pub mod shadow;
pub mod warp;
