//! Copies the source's audio bit for bit if the new file can hold it, and converts the audio otherwise.

use std::ffi::OsString;

use crate::video_settings::Ending;

/// How the audio was written into a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioOutcome {
    /// The source has no audio.
    None,
    /// Every stream is copied bit for bit.
    Copied,
    /// Some streams had to be converted, because the file format cannot hold them: `(from, to)` for each of these.
    Converted(Vec<(String, &'static str)>),
}

/// Codecs that an MP4 file can hold.
const IN_MP4: [&str; 10] = ["aac", "mp3", "mp2", "opus", "flac", "ac3", "eac3", "alac", "dts", "vorbis"];

/// The options that copy every audio stream of input 1, given these codecs.
pub(crate) fn audio_arguments(codecs: &[String], ending: Ending) -> (Vec<OsString>, AudioOutcome) {
    let mut arguments: Vec<OsString> = ["-map", "1:a"].map(OsString::from).into();
    let mut converted = Vec::new();
    for (place, codec) in codecs.iter().enumerate() {
        let uncompressed = codec.starts_with("pcm_");
        let copied = match ending {
            Ending::Matroska => true,
            Ending::Mov => uncompressed || IN_MP4.contains(&codec.as_str()),
            Ending::Mp4 => IN_MP4.contains(&codec.as_str()),
        };
        let to = match (copied, uncompressed) {
            (true, _) => "copy",
            // Lossless too.
            (false, true) => "flac",
            (false, false) => "aac",
        };
        if !copied {
            converted.push((codec.clone(), to));
        }
        arguments.extend([format!("-c:a:{place}").into(), to.into()]);
        if to == "aac" {
            arguments.extend([format!("-b:a:{place}").into(), "192k".into()]);
        }
    }
    // Some codecs appear in MP4 files by custom, although no standard allows them.
    arguments.extend(["-strict", "-2"].map(OsString::from));
    let outcome = if converted.is_empty() { AudioOutcome::Copied } else { AudioOutcome::Converted(converted) };
    (arguments, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_copied_wherever_it_fits() {
        let codecs = ["aac".to_owned(), "pcm_s16le".to_owned(), "wmav2".to_owned()];
        let (arguments, outcome) = audio_arguments(&codecs, Ending::Mp4);
        let expected = vec![("pcm_s16le".to_owned(), "flac"), ("wmav2".to_owned(), "aac")];
        assert_eq!(outcome, AudioOutcome::Converted(expected));
        let text = arguments.join(std::ffi::OsStr::new(" ")).into_string().unwrap();
        assert!(text.contains("-c:a:0 copy -c:a:1 flac -c:a:2 aac -b:a:2 192k"), "{text}");
        assert_eq!(audio_arguments(&codecs, Ending::Matroska).1, AudioOutcome::Copied);
    }
}
