//! Defines the settings for preparing videos.

use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

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
    /// Checks the settings.
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
            return wrong("frames", found, "a range within 2 to 256");
        }
        if !(0.0..=1.0).contains(&self.cut_off) {
            return wrong("cut_off", self.cut_off.to_string(), "a share from 0 to 1");
        }
        Ok(())
    }
}
