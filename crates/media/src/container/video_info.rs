//! Defines the description of a video, and how strictly a video is decoded.

use serde::{Deserialize, Serialize};

use crate::geometry::{Pts, Rate};

/// Limits for a video, and how strictly it is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeOptions {
    /// Decode damaged files as far as possible, instead of returning an error.
    pub tolerate_damage: bool,
    /// Stop after this many frames.
    pub max_frames: Option<u64>,
    /// Skip frames with an earlier time. The indices of the other frames do not change.
    pub start: Pts,
    /// Greatest number of pixels in a frame.
    pub max_pixels: u64,
    /// Leave interlaced pictures as they are. Otherwise they are deinterlaced, with one picture per frame.
    pub keep_fields: bool,
    /// Frame rate of a folder of pictures.
    pub folder_rate: Rate,
}

impl Default for DecodeOptions {
    /// Strict decoding, all frames, frames up to 4096x4096, folders at 25 frames a second.
    fn default() -> Self {
        Self {
            tolerate_damage: false,
            max_frames: None,
            start: Pts(i64::MIN),
            max_pixels: 4096 * 4096,
            keep_fields: false,
            folder_rate: Rate { numerator: 25, denominator: 1 },
        }
    }
}

/// The description of a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// The container, such as `Mp4`, or `Folder`.
    pub container: String,
    /// The codec, as ffmpeg names it.
    pub codec: String,
    /// The pixel format, as ffmpeg names it.
    pub pixel_format: String,
    /// Columns and rows as stored.
    pub coded: (u32, u32),
    /// Columns as displayed, with rotation and clean aperture applied.
    pub width: u32,
    /// Rows as displayed.
    pub height: u32,
    /// Width divided by height of one displayed pixel.
    pub pixel_aspect: (u32, u32),
    /// Degrees, clockwise, by which the stored picture is rotated for display.
    pub rotation: i32,
    /// Frames per second, on average.
    pub rate: Rate,
    /// True if frames have different durations; none if the header does not say.
    pub variable: Option<bool>,
    /// Ticks per second of the stream's times.
    pub ticks_per_second: u32,
    /// The first time in the container. Every [`Pts`] that leaves this crate counts from there.
    pub start: Pts,
    /// When the last frame ends, if the header says so.
    pub end: Option<Pts>,
    /// Number of frames, if the header says so.
    pub frame_count: Option<u64>,
    /// The transfer function, if the stream names one.
    pub transfer: Option<String>,
    /// The order of the fields, if the pictures are interlaced.
    pub interlaced: Option<FieldOrder>,
    /// The codecs of the audio streams.
    pub audio: Vec<String>,
}

/// Which rows of an interlaced picture are shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldOrder {
    /// The first, third and so on.
    TopFirst,
    /// The second, fourth and so on.
    BottomFirst,
}

impl VideoInfo {
    /// True when there is an audio stream.
    pub fn has_audio(&self) -> bool {
        !self.audio.is_empty()
    }

    /// True for the two high dynamic range transfer functions, PQ and HLG.
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }
}
