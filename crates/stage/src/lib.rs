//! Films characters acting in made-up scenes and knows every answer: pictures, masks, distances, joints, the empty scene,
//! the same clip with another character, and reference pictures, all from one seed.
//!
//! [`Assets`] are loaded from a folder or made up; [`ClipSpec::draw`] turns a seed into the description of a clip;
//! [`render_clip`] renders it on the CPU, to the same bytes whatever the number of threads.
//!
//! Space: metres, right-handed, Y up, floor at `y = 0`. Pictures: two by two samples a pixel, averaged as displayed.

mod acts;
mod appearance;
mod asset_folder;
mod assets;
mod audit;
mod average;
mod backdrop;
mod balance;
mod bone;
#[cfg(feature = "object-store")]
mod bucket;
mod byte_stream;
mod camera;
mod character;
mod clip;
mod clip_cast;
mod clip_files;
mod draw;
mod error;
mod extra;
mod figure;
mod footing;
mod frame;
mod framing;
mod furniture;
mod gltf_file;
mod gltf_mesh;
mod humanoid;
mod inspect;
mod landmark;
mod layer;
mod light;
mod linear;
mod mannequin;
mod mesh;
mod motion;
mod pack;
mod pack_mesh;
mod pack_video;
mod paint;
mod panorama;
mod part;
mod pattern;
mod performance;
mod place;
mod placing;
mod plate;
mod pose_in_picture;
mod prop;
mod raster;
mod reach;
mod rebuild;
mod scenery;
mod seat;
mod settings;
mod shadow;
mod shard;
mod spec;
mod split;
mod stance;
mod stream;
mod surroundings;
mod texture;
mod texture_file;
mod tone;
mod trig;
mod uri;
mod usage;
mod use_class;
mod video;
mod volume;

pub use assets::{Assets, Named};
pub use audit::{Audit, audit};
pub use bone::Side;
pub use camera::Camera;
pub use character::Character;
pub use clip::{Clip, Take, Wanted, render_clip, render_parts};
pub use clip_files::{ClipRecord, TakeRecord, clip_files};
pub use draw::seed_of;
pub use error::{StageError, Warning};
pub use inspect::{Inspection, inspect_shards, usage_name};
pub use light::Light;
pub use linear::Vec3;
pub use motion::Motion;
pub use place::Place;
pub use prop::Prop;
pub use settings::ClipSettings;
pub use shard::{ShardEntry, ShardIndex, ShardPlan, Told, read_index, verify_shards, write_shards};
pub use spec::{
    Action, Backdrop, Build, Bystander, Cast, ClipSpec, Covering, Exposure, Furniture, ReferenceSpec, SceneSpec, Usage,
    UsedProp,
};
pub use split::Split;
pub use stream::ClipStream;
