//! Makes drafts by geometry (`docs/decisions.md`): it lays a picture of the character on the driving pose, makes a
//! clean plate without the driving person, and composes both. It needs no weights, networks or video files.

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
