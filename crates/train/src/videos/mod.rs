//! Users' own videos as a set to train on: cut into shots, the person seen in each frame, the place behind it filled in.
//!
//! ```text
//! SET/index.json            settings, and for each shard: name, clips, bytes, SHA-256
//! SET/report.jsonl          one line for each stretch of each video: kept, or refused and why
//! SET/videos/HASH.json      a video that is done, by the hash of its bytes: it is not done again
//! SET/sheets/HASH-0002.png  frames of a kept clip, what was seen in them, the plates
//! SET/HASH.tar              the clips of a video as in the shards of `stage`: `KEY.clip.json`, `KEY.rgb.png`, ...
//! ```
//! Everything is at the size at which it is stored: frames are scaled first.

mod check;
mod clip;
mod config;
mod cut;
mod judge;
mod prepare;
mod record;
mod set;
mod shard;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

pub use check::{Summary, check};
pub use clip::{ClipNote, PreparedClip};
pub use config::VideoConfig;
pub use judge::Reason;
pub use prepare::{Prepared, Told, Tools, prepare};
pub use record::{Stretch, VideoRecord};
pub use set::PreparedSet;
pub(crate) use set::hashes;
