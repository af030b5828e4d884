//! Defines the settings of an output video, and the options that make ffmpeg produce it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::container::video_info::VideoInfo;
use crate::error::{Error, Result};
use crate::geometry::{Pts, Rate};

/// How a video with an odd number of rows or columns is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OddSize {
    /// With the next even size; the container marks the true size (`clap`). Every browser plays it.
    #[default]
    PaddedAndMarked,
    /// With its own size and chroma at full resolution, which many phones and browsers cannot play.
    FullChroma,
}

/// Settings of an output video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSettings {
    /// Columns of every picture.
    pub width: u32,
    /// Rows of every picture.
    pub height: u32,
    /// Frames per second, on average; a hint for the encoder.
    pub rate: Rate,
    /// Times are rounded to whole ticks. `None` chooses a number that fits the rate.
    pub ticks_per_second: Option<u32>,
    /// When the last frame ends. If `None`, the last frame has the duration of the frame before it.
    pub end: Option<Pts>,
    /// Width divided by height of one pixel.
    pub pixel_aspect: (u32, u32),
    /// Quality: 0 is lossless, 17 is hard to distinguish from the original, 23 gives small files.
    pub crf: u8,
    /// Metadata keys that MP4 supports (`title`, `comment`, `artist`, `date`, ...) and their values.
    pub metadata: Vec<(String, String)>,
    /// The file whose sound is copied, with its languages, subtitles, chapters, creation time and timecode.
    pub audio_from: Option<PathBuf>,
    /// True if the video is only a part of that file: the audio ends at `end`, and chapters and subtitles are omitted.
    pub ends_early: bool,
    /// How odd sizes are stored.
    pub odd_size: OddSize,
}

impl VideoSettings {
    /// A video of constant rate with square pixels and no audio.
    pub fn new(width: u32, height: u32, rate: Rate) -> Self {
        Self {
            width,
            height,
            rate,
            ticks_per_second: None,
            end: None,
            pixel_aspect: (1, 1),
            crf: 17,
            metadata: Vec::new(),
            audio_from: None,
            ends_early: false,
            odd_size: OddSize::default(),
        }
    }

    /// A video with the size, times, pixels and, if its header says so, the end of another one.
    pub fn like(info: &VideoInfo) -> Self {
        Self {
            ticks_per_second: Some(info.ticks_per_second),
            end: info.end,
            pixel_aspect: info.pixel_aspect,
            ..Self::new(info.width, info.height, info.rate)
        }
    }

    /// Ticks that are fine enough for every time and coarse enough for every player.
    pub(crate) fn ticks(&self) -> u32 {
        let given = self.ticks_per_second.unwrap_or(self.rate.numerator).max(1);
        if given >= 1000 { given.min(1_000_000) } else { given * 1000_u32.div_ceil(given) }
    }
}

/// Options for conversion and encoding.
pub(crate) fn video_arguments(settings: &VideoSettings, coded: (u32, u32)) -> Vec<OsString> {
    let odd = coded.0 % 2 == 1 || coded.1 % 2 == 1;
    let format = if odd { "yuv444p" } else { "yuv420p" };
    let (ticks, (aspect_width, aspect_height)) = (settings.ticks(), settings.pixel_aspect);
    let filters = format!(
        "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,\
         format={format},setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,\
         setsar={aspect_width}/{aspect_height},settb=1/{ticks}"
    );
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(16).to_string();
    let mut arguments: Vec<OsString> =
        vec!["-vf".into(), filters.into(), "-crf".into(), settings.crf.to_string().into()];
    arguments.extend(["-enc_time_base".into(), format!("1:{ticks}").into(), "-threads".into(), threads.into()]);
    let coding = ["-c:v", "libx264", "-preset", "medium", "-bf", "0", "-flags:v", "+bitexact"];
    arguments.extend(coding.map(OsString::from));
    let colours = ["-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"];
    arguments.extend(colours.map(OsString::from));
    // Older releases forget how long a frame lasts. Only the duration of the last frame matters.
    if let Some(end) = settings.end.filter(|end| end.0 > 0) {
        arguments.extend(["-bsf:v".into(), format!("setts=duration={:.6}/TB-PTS", end.seconds()).into()]);
    }
    arguments
}

/// The output format, from the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Mp4,
    Mov,
    Matroska,
}

impl Ending {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "mp4" | "m4v" => Ok(Self::Mp4),
            "mov" => Ok(Self::Mov),
            "mkv" => Ok(Self::Matroska),
            _ => {
                let expected = "`.mp4`, `.m4v`, `.mov`, `.mkv`";
                Err(Error::OutputUnsupported { path: path.to_path_buf(), found: format!(".{ending}"), expected })
            }
        }
    }

    pub(crate) fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_neither_coarse_nor_finer_than_microseconds() {
        let ticks = |given: Option<u32>, numerator: u32| {
            let rate = Rate { numerator, denominator: 1 };
            VideoSettings { ticks_per_second: given, ..VideoSettings::new(2, 2, rate) }.ticks()
        };
        assert_eq!([ticks(None, 25), ticks(None, 30_000), ticks(Some(100), 10)], [1000, 30_000, 1000]);
        assert_eq!(ticks(Some(10_000_000), 25), 1_000_000);
    }
}
