//! Prepares users' own videos as training data: cuts them into shots, and computes the perceived person and the clean
//! plate for each frame.
//!
//! ```text
//! SET/index.json            settings, and for each shard: name, clips, bytes, SHA-256
//! SET/report.jsonl          one line for each stretch of each video: kept, or rejected with the reason
//! SET/videos/HASH.json      a finished video, by the hash of its bytes; it is not processed again
//! SET/sheets/HASH-0002.png  frames of a kept clip, perceived signals, plates
//! SET/HASH.tar              the clips of a video as in the shards of `stage`: `KEY.clip.json`, `KEY.rgb.png`, ...
//! ```
//! Frames are scaled first, so all signals are computed at the size at which they are stored.

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
