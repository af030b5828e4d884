//! Users' own videos as training data: cut into shots, with the perceived person and the clean plate for each frame.
//!
//! ```text
//! SET/index.json            settings, and for each shard: name, clips, bytes, SHA-256
//! SET/report.jsonl          one line for each stretch of each video: kept, or rejected with the reason
//! SET/videos/HASH.json      a finished video, by the hash of its bytes; it is not processed again
//! SET/sheets/HASH-0002.png  frames of a kept clip, perceived signals, plates
//! SET/HASH.tar              the clips of a video as in the shards of `stage`: `KEY.clip.json`, `KEY.rgb.png`, ...
//! ```
//! Frames are scaled first, so everything has the size at which it is stored.

mod check;
mod clip;
mod cut;
mod judge;
mod prepare;
mod record;
mod set;
mod shard;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

pub use check::{Summary, check};
pub use clip::{ClipNote, PreparedClip};
pub use judge::Reason;
pub use prepare::{Prepared, Told, Tools, prepare};
pub use record::{Stretch, VideoRecord};
pub use set::PreparedSet;
pub(crate) use set::hashes;

/// How videos become clips, and which clips are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoConfig {
    /// Longer side of stored frames in pixels. Smaller videos keep their size.
    pub side: usize,
    /// Smallest number of frames in a clip.
    pub least_frames: usize,
    /// Largest number of frames in a clip. Longer stretches become several clips.
    pub most_frames: usize,
    /// In half of the frames, the longer side of the person's box must have this many stored pixels.
    pub least_person: usize,
    /// Largest share of the frames in which the picture's border may cut the person off.
    pub cut_off: f64,
    /// Quick perception: lighter networks, rougher masks.
    pub quick: bool,
    /// Decode damaged files as far as possible.
    pub tolerate_damage: bool,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            side: 512,
            least_frames: 16,
            most_frames: 64,
            least_person: 96,
            cut_off: 0.5,
            quick: false,
            tolerate_damage: false,
        }
    }
}

impl VideoConfig {
    /// Refuses invalid settings.
    ///
    /// # Errors
    /// [`TrainError::Setting`].
    pub fn check(&self) -> Result<()> {
        let wrong = |setting, found: String, expected| Err(TrainError::Setting { setting, found, expected });
        if !(32..=4096).contains(&self.side) {
            return wrong("side", self.side.to_string(), "32 to 4096 pixels");
        }
        if self.least_frames < 2 || self.most_frames < self.least_frames || self.most_frames > 256 {
            let found = format!("{} to {}", self.least_frames, self.most_frames);
            return wrong("frames", found, "at least 2 and at most 256, the smaller number first");
        }
        if !(0.0..=1.0).contains(&self.cut_off) {
            return wrong("cut_off", self.cut_off.to_string(), "a share from 0 to 1");
        }
        Ok(())
    }
}
