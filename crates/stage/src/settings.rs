//! Defines the settings that all clips of a data set share.

use media::geometry::Rate;
use serde::{Deserialize, Serialize};

use crate::split::Split;

/// The settings that all clips of a set share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipSettings {
    /// Columns in pixels.
    pub width: usize,
    /// Rows in pixels.
    pub height: usize,
    /// Number of frames per clip.
    pub frames: usize,
    /// Frames per second.
    pub rate: Rate,
    /// The split of the assets; all assets when none is given.
    pub split: Option<Split>,
    /// Also render the same clip with another character.
    #[serde(rename = "twin")]
    pub swapped: bool,
    /// Number of reference pictures of each identity.
    pub references: usize,
    /// Share of clips in which a prop is used (held, carried, sat on, kicked ...), 0..=1.
    pub prop_share: f32,
    /// Share of clips with furniture around the person, 0..=1.
    pub furniture_share: f32,
    /// Share of clips with one or two bystanders, 0..=1.
    pub bystander_share: f32,
    /// Share of clips with motion blur, 0..=1. Clips with motion blur take several times as long to render.
    pub blur_share: f32,
    /// Share of clips with sensor noise, 0..=1.
    pub noise_share: f32,
    /// Share of identities that are built-in mannequins even if characters are loaded, 0..=1.
    pub mannequin_share: f32,
    /// Share of clips in a room even if panoramas are loaded, 0..=1.
    pub room_share: f32,
    /// Share of clips in front of a video, if videos are loaded, 0..=1.
    #[serde(skip_serializing_if = "is_usual_video_share")]
    pub video_share: f32,
}

const VIDEO_SHARE: f32 = 0.3;

/// The default share is not written, so that data sets that were started before videos existed can be continued.
fn is_usual_video_share(share: &f32) -> bool {
    *share == VIDEO_SHARE
}

impl Default for ClipSettings {
    fn default() -> Self {
        Self {
            width: 256,
            height: 256,
            frames: 16,
            rate: Rate { numerator: 15, denominator: 1 },
            split: None,
            swapped: true,
            references: 4,
            prop_share: 0.5,
            furniture_share: 0.35,
            bystander_share: 0.12,
            blur_share: 0.1,
            noise_share: 0.3,
            mannequin_share: 0.1,
            room_share: 0.45,
            video_share: VIDEO_SHARE,
        }
    }
}
