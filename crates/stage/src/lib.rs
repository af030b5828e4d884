//! Renders clips of 3D characters in generated scenes with exact ground truth. Each clip is generated from one seed. A
//! clip consists of pictures, masks, depth, joints, the empty scene, the same clip with another character, and
//! reference pictures.
//!
//! [`Assets`] are loaded from a folder or generated. [`ClipSpec::draw`] turns a seed into the description of a clip.
//! [`render_clip`] renders the clip on the CPU and produces the same bytes for any number of threads.
//!
//! | folder | content |
//! |---|---|
//! | `body` | skeletons, skinned meshes, motions and poses |
//! | `assets` | objects, characters and places, read from files or generated |
//! | `scene` | what happens in a clip, drawn from a seed |
//! | `render` | pictures and masks of a described clip |
//! | `output` | clips as files, data sets and streams |
//!
//! Each folder uses only the folders above it in this table and the files beside `lib.rs`.
//!
//! The scene uses metres and right-handed axes, with Y up and the floor at `y = 0`. Each pixel is the mean of two by
//! two samples, computed in display values.

mod assets;
mod body;
mod camera;
mod colour;
mod error;
mod light;
mod linear;
mod mesh;
mod output;
mod render;
mod scene;
mod seed;
mod settings;
mod side;
mod spec;
mod split;
mod texture;
mod tone;
mod trig;

pub use assets::collection::{Assets, Named};
pub use assets::prop::Prop;
pub use body::character::Character;
pub use body::motion::Motion;
pub use camera::Camera;
pub use error::{StageError, Warning};
pub use light::Light;
pub use linear::Vec3;
pub use output::clip_files::{ClipRecord, TakeRecord, clip_files};
pub use output::inspect::{Inspection, inspect_shards, usage_name};
pub use output::place::Place;
pub use output::shard::{ShardEntry, ShardIndex, ShardPlan, Told, read_index, verify_shards, write_shards};
pub use output::stream::ClipStream;
pub use render::clip::{Clip, Passes, render_clip, render_parts};
pub use render::take::Take;
pub use scene::audit::{Audit, audit};
pub use seed::seed_of;
pub use settings::ClipSettings;
pub use side::Side;
pub use spec::{
    Action, Backdrop, Build, Bystander, Cast, ClipSpec, Covering, Exposure, Furniture, ReferenceSpec, SceneSpec, Usage,
    UsedProp,
};
pub use split::Split;
