//! Makes drafts with geometry alone (`docs/decisions.md`). The crate warps a picture of the character to the driving
//! pose, makes a clean plate without the driving person, and composites both. The crate needs no weights, networks or
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
