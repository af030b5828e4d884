//! Geometry proposes, the network finishes (`docs/decisions.md`): a picture of the character laid on the driving pose, a
//! clean plate of what the driving person hides, and both composed to a draft. Pure code: no weights, no networks, no
//! video files.

mod bones;
pub mod clip;
pub mod cutout;
pub mod drafter;
mod geodesic;
pub mod held;
pub mod hole;
pub mod in_use;
mod kept_legs;
mod layer;
pub mod light;
mod occluder;
pub mod part;
pub mod plate;
mod point;
pub mod puppet;
mod push_pull;
mod raster;
pub mod retarget;
pub mod scale;
mod segmentation;
pub mod shadow;
mod stance;
mod texture;
mod transform;
mod trunk;
pub mod warp;
pub mod whole;
