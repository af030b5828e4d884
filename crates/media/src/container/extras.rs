//! Handles the contents of a video file besides pictures and sound: languages, subtitles, chapters, creation time and
//! timecode.
//!
//! | what | MP4, MOV | Matroska |
//! |---|---|---|
//! | languages and titles of the sound | kept | kept |
//! | subtitles | `mov_text` is copied | text and bitmaps are copied, but no `mov_text` |
//! | chapters, creation time | kept | kept |
//! | timecode | kept | as metadata |
//! | other streams | not kept | not kept |
//!
//! The module converts nothing, because a conversion needs decoders that are not trusted with a user's file. The
//! program names the streams that it does not keep.

use std::ffi::OsString;

use crate::video_settings::Ending;

/// Subtitles that Matroska holds as they are.
const IN_MATROSKA: [&str; 6] = ["subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle"];

/// What a file holds besides pictures and sound.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Extras {
    /// The codec of each subtitle stream.
    pub(crate) subtitles: Vec<String>,
    pub(crate) chapters: usize,
    pub(crate) creation_time: Option<String>,
    pub(crate) timecode: Option<String>,
    /// Attachments and streams of data other than the timecode.
    pub(crate) others: usize,
}

impl Extras {
    /// Reads ffmpeg's description of its input. Metadata of the file is indented less than metadata of its streams.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        let mut in_head = true;
        for line in lines {
            let line = line.strip_prefix("[info] ").unwrap_or(line);
            if let Some(stream) = line.strip_prefix("  Stream #0:") {
                in_head = false;
                if let Some((_, text)) = stream.split_once(": Subtitle: ") {
                    found.subtitles.push(text.split([' ', ',']).next().unwrap_or_default().to_owned());
                } else if let Some((_, text)) = stream.split_once(": Data: ") {
                    // Chapters and timecodes of MOV files are tracks too.
                    let is_known = text.contains("(tmcd ") || text.starts_with("bin_data (text ");
                    found.others += usize::from(!is_known);
                } else if stream.contains(": Attachment: ") {
                    found.others += 1;
                }
            } else if line.starts_with("    Chapter #") {
                found.chapters += 1;
            } else if in_head && line.starts_with("    creation_time ") {
                found.creation_time = value(line);
            } else if line.trim_start().starts_with("timecode ") {
                found.timecode = found.timecode.or_else(|| value(line));
            }
        }
        found
    }

    /// True if there is nothing to take over.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The options that take this over from input 1, which has `sounds` streams of sound; and what is lost. Of a video that `ends_early`,
    /// chapters and subtitles are left out without a word: their times may lie behind its end.
    pub(crate) fn arguments(&self, ending: Ending, sounds: usize, ends_early: bool) -> (Vec<OsString>, Vec<String>) {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut lost = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        for sound in 0..sounds {
            add(&[&format!("-map_metadata:s:a:{sound}"), &format!("1:s:a:{sound}")]);
        }
        let mut place = 0;
        for (index, codec) in self.subtitles.iter().enumerate().filter(|_| !ends_early) {
            let is_held = match ending {
                Ending::Mp4 | Ending::Mov => codec == "mov_text",
                Ending::Matroska => IN_MATROSKA.contains(&codec.as_str()),
            };
            if is_held {
                add(&["-map", &format!("1:s:{index}"), &format!("-c:s:{place}"), "copy"]);
                add(&[&format!("-map_metadata:s:s:{place}"), &format!("1:s:s:{index}")]);
                place += 1;
            } else {
                lost.push(format!("subtitles in {codec}"));
            }
        }
        add(&["-map_chapters", if self.chapters > 0 && !ends_early { "1" } else { "-1" }]);
        if let Some(time) = &self.creation_time {
            add(&["-metadata", &format!("creation_time={time}")]);
        }
        if let Some(timecode) = &self.timecode {
            add(&["-metadata:s:v:0", &format!("timecode={timecode}")]);
            if ending == Ending::Mp4 {
                add(&["-write_tmcd", "1"]);
            }
        }
        if self.others > 0 {
            lost.push(format!("other streams (number: {})", self.others));
        }
        (arguments, lost)
    }
}

/// What follows the colon.
fn value(line: &str) -> Option<String> {
    line.split_once(": ").map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read() {
        let text = "\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/a.mov':
[info]   Metadata:
[info]     creation_time   : 2026-01-02T03:04:05.000000Z
[info]   Duration: 00:00:02.13, start: 0.000000, bitrate: 467 kb/s
[info]   Chapters:
[info]     Chapter #0:0: start 0.000000, end 0.500000
[info]       Metadata:
[info]         title           : A
[info]   Stream #0:0[0x1]: Video: h264 (High), yuv420p(progressive), 256x256, 15 fps (default)
[info]       Metadata:
[info]         creation_time   : 2020-01-02T03:04:05.000000Z
[info]         timecode        : 01:00:00:00
[info]   Stream #0:3[0x4]: Subtitle: mov_text (text / 0x74786574), 0 kb/s (default)
[info]   Stream #0:4[0x5](eng): Data: bin_data (text / 0x74786574), 0 kb/s
[info]   Stream #0:5[0x6](eng): Data: none (tmcd / 0x64636D74), 0 kb/s
[info]   Stream #0:6[0x7](eng): Data: none (gpmd / 0x646D7067), 0 kb/s";
        let found = Extras::read(text.lines());
        let expected = Extras {
            subtitles: vec!["mov_text".into()],
            chapters: 1,
            creation_time: Some("2026-01-02T03:04:05.000000Z".into()),
            timecode: Some("01:00:00:00".into()),
            others: 1,
        };
        assert_eq!(found, expected);
        let (_, lost) = found.arguments(Ending::Mp4, 1, false);
        assert_eq!(lost, ["other streams (number: 1)"]);
        let (arguments, lost) = found.arguments(Ending::Matroska, 0, false);
        assert_eq!(lost, ["subtitles in mov_text", "other streams (number: 1)"]);
        assert!(!arguments.contains(&"-write_tmcd".into()));
    }

    #[test]
    fn chapters_of_a_video_that_ends_early_are_left_out() {
        let extras = Extras { chapters: 2, subtitles: vec!["mov_text".into()], ..Extras::default() };
        let (arguments, lost) = extras.arguments(Ending::Mp4, 0, true);
        assert_eq!(arguments, ["-map_chapters", "-1"]);
        assert!(lost.is_empty());
    }
}
