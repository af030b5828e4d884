//! Describes a video before it is decoded, using its first bytes, its container's header and ffmpeg's description.
//!
//! Probing does not use ffprobe, because a static build of ffmpeg does not include it.

use std::path::Path;
use std::process::Stdio;

use crate::child::{ChildLimits, Notes, Running};
use crate::container::description::{StreamLine, stream_line};
use crate::container::extras::Extras;
use crate::container::header::{HeaderFacts, read_facts};
pub use crate::container::video_info::{DecodeOptions, FieldOrder, VideoInfo};
use crate::error::{Error, Result};
use crate::ffmpeg::{Ffmpeg, PATIENCE, common_arguments, input_arguments};
use crate::folder::FrameFolder;
use crate::geometry::{Pts, Rate};
use crate::sniff::{Container, Content, sniff_file};

/// A file that ffmpeg may open, with everything known about it.
#[derive(Debug, Clone)]
pub(crate) struct ProbedFile {
    pub(crate) container: Container,
    pub(crate) info: VideoInfo,
    pub(crate) facts: HeaderFacts,
    /// The matrix from YCbCr to RGB, if the stream names one.
    pub(crate) matrix: Option<String>,
    /// What is there besides pictures and sound.
    pub(crate) extras: Extras,
}

/// Describes a video file or a folder of numbered pictures.
///
/// # Errors
/// The `video.*` codes. A truncated file is an error only if its header shows the damage and `tolerate_damage` is off.
pub fn probe(ffmpeg: &Ffmpeg, path: &Path, options: &DecodeOptions) -> Result<VideoInfo> {
    if path.is_dir() {
        return FrameFolder::open(path, options).map(|folder| folder.info().clone());
    }
    probe_file(ffmpeg, path, options).map(|probed| probed.info)
}

/// The container of a video file, from its first bytes.
pub(crate) fn container_of(path: &Path) -> Result<Container> {
    let path_buf = path.to_path_buf();
    match sniff_file(path)? {
        Content::Video(container) => Ok(container),
        Content::Empty => Err(Error::VideoEmpty { path: path_buf, found: "an empty file".into() }),
        Content::Picture(format) => Err(Error::VideoIsImage { path: path_buf, format: format.into() }),
        other => Err(Error::VideoUnsupported { path: path_buf, found: other.describe() }),
    }
}

pub(crate) fn probe_file(ffmpeg: &Ffmpeg, path: &Path, options: &DecodeOptions) -> Result<ProbedFile> {
    let container = container_of(path)?;
    let path = &std::path::absolute(path).map_err(|source| Error::reading(path, source))?;
    let facts = read_facts(path, container)?;
    let damaged = |reason: String| Error::VideoDamaged { path: path.clone(), frames: 0, reason };
    if !options.tolerate_damage {
        if let Some((found, expected)) = facts.cut.clone() {
            return Err(Error::VideoTruncated { path: path.clone(), found, expected });
        }
        if let Some(reason) = facts.broken {
            return Err(damaged(reason.into()));
        }
    }
    let mut arguments = common_arguments("level+info");
    arguments.extend(input_arguments(path, container, options.max_pixels, false));
    let limits = ChildLimits::for_frames_of(options.max_pixels, 64, false);
    let running = Running::start(ffmpeg.path(), &arguments, limits, (Stdio::null(), Stdio::null()))?;
    let ended = running.end(PATIENCE).map_err(|failed| damaged(failed.to_string()))?;
    if ended.timed_out {
        return Err(Error::Timeout { path: path.clone(), seconds: PATIENCE.as_secs() });
    }
    let too_large = |(width, height): (u32, u32)| Error::VideoTooLarge {
        path: path.clone(),
        width: width.into(),
        height: height.into(),
        limit: options.max_pixels,
    };
    let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let refused = ended.notes.first.iter().find_map(|line| refused_size(line));
    let refused = refused.filter(|&size| pixels(size) > options.max_pixels);
    let unusable = |reason: String| refused.map_or_else(|| damaged(reason), too_large);
    let described = describe(&ended.notes);
    let Some((start, video)) = described.opened.then_some((described.start, described.video)) else {
        return Err(unusable(ended.notes.reason()));
    };
    let Some(video) = video else {
        let found = if described.audio.is_empty() { "no known stream" } else { "only audio" };
        return Err(Error::VideoNoStream { path: path.clone(), found: found.into() });
    };
    let Some(coded) = video.size else { return Err(unusable("the frame size is unknown".into())) };
    if pixels(coded) > options.max_pixels {
        return Err(too_large(coded));
    }
    let rotation = described.rotation;
    let upright = facts.crop.filter(|_| rotation == 0).map_or(coded, |[_, _, width, height]| (width, height));
    let on_its_side = rotation.rem_euclid(180) == 90;
    let turned = |(a, b): (u32, u32)| if on_its_side { (b, a) } else { (a, b) };
    let (width, height) = turned(upright);
    let info = VideoInfo {
        container: format!("{container:?}"),
        rate: facts.rate.or_else(|| average_rate(&facts)).or(video.rate).unwrap_or(options.folder_rate),
        codec: video.codec,
        pixel_format: video.pixel_format,
        coded,
        width,
        height,
        pixel_aspect: turned(video.pixel_aspect),
        rotation,
        variable: facts.variable,
        ticks_per_second: video.ticks_per_second.unwrap_or(90_000),
        start,
        end: facts.end.map(|end| Pts(end.0 - start.0)),
        frame_count: facts.frames,
        transfer: video.transfer,
        interlaced: video.fields,
        audio: described.audio,
    };
    let extras = Extras::read(ended.notes.first.iter().map(String::as_str));
    Ok(ProbedFile { container, info, facts, matrix: video.matrix, extras })
}

/// Frames divided by time, for a header that gives only these two.
fn average_rate(facts: &HeaderFacts) -> Option<Rate> {
    let (frames, end) = (facts.frames?, u64::try_from(facts.end?.0).ok()?);
    let (mut numerator, mut denominator) = (frames.checked_mul(1_000_000)?, end);
    if numerator == 0 || denominator == 0 {
        return None;
    }
    while numerator > u64::from(u32::MAX) || denominator > u64::from(u32::MAX) {
        (numerator, denominator) = (numerator / 2, (denominator / 2).max(1));
    }
    Some(Rate { numerator: numerator.max(1) as u32, denominator: denominator as u32 })
}

/// Finds `WxH` in the message with which the decoder refused a size.
fn refused_size(line: &str) -> Option<(u32, u32)> {
    let size = line.split_once("Picture size ")?.1.split(' ').next()?;
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

#[derive(Debug, Default)]
struct Description {
    opened: bool,
    start: Pts,
    rotation: i32,
    video: Option<StreamLine>,
    audio: Vec<String>,
}

/// Parses ffmpeg's description of its input. Metadata lines are indented deeper than the lines that matter.
fn describe(notes: &Notes) -> Description {
    let mut found = Description::default();
    let mut in_video = false;
    for line in &notes.first {
        let line = line.strip_prefix("[info] ").unwrap_or(line);
        if line.starts_with("Input #0, ") {
            found.opened = true;
        } else if let Some(rest) = line.strip_prefix("  Duration: ") {
            let start =
                rest.split_once("start: ").and_then(|(_, rest)| rest.split(',').next()?.trim().parse::<f64>().ok());
            found.start = Pts((start.unwrap_or(0.0) * 1e6).round() as i64);
        } else if let Some(rest) = line.strip_prefix("  Stream #0:") {
            in_video = false;
            if let Some((_, text)) = rest.split_once(": Video: ")
                && found.video.is_none()
                && !text.contains("(attached pic)")
            {
                found.video = Some(stream_line(text));
                in_video = true;
            } else if let Some((_, text)) = rest.split_once(": Audio: ") {
                found.audio.push(text.split([' ', ',']).next().unwrap_or("unknown").to_owned());
            }
        } else if in_video
            && let text = line.trim_start()
            && let Some(rest) = ["displaymatrix: rotation of ", "Display Matrix: rotation of "]
                .iter()
                .find_map(|start| text.strip_prefix(start))
        {
            // Counter-clockwise, between -180 and 180.
            let degrees = rest.split(' ').next().and_then(|degrees| degrees.parse::<f64>().ok()).unwrap_or(0.0);
            found.rotation = (-degrees).round() as i32;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read() {
        let lines = "\
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/a.mp4':
[info]   Metadata:
[info]     title           : x
[info]                     :   Stream #0:0: Video: h264, yuv420p, 9x9
[info]   Duration: 00:00:02.00, start: -0.023000, bitrate: 371 kb/s
[info]   Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono
[info]   Stream #0:1: Video: png, rgba, 64x64, 90k tbn (attached pic)
[info]   Stream #0:2(und): Video: h264 (High), yuv420p(tv, bt709), 320x240 [SAR 4:3 DAR 16:9], 30 fps, 30 tbr, 30k tbn
[info]     Side data:
[info]       displaymatrix: rotation of -90.00 degrees";
        let notes = Notes { first: lines.lines().map(str::to_owned).collect(), ..Notes::default() };
        let found = describe(&notes);
        assert!(found.opened);
        assert_eq!((found.start, found.rotation, found.audio), (Pts(-23_000), 90, vec!["aac".to_owned()]));
        assert_eq!(found.video.unwrap().size, Some((320, 240)));
    }

    #[test]
    fn an_average_rate_keeps_its_value() {
        let facts = HeaderFacts { frames: Some(16), end: Some(Pts(500_000)), ..HeaderFacts::default() };
        assert_eq!(average_rate(&facts).unwrap().hertz(), 32.0);
        let long = HeaderFacts { frames: Some(1 << 30), end: Some(Pts(1 << 50)), ..HeaderFacts::default() };
        assert!(
            (average_rate(&long).unwrap().hertz() / (f64::from(1 << 30) * 1e6 / (1_u64 << 50) as f64) - 1.0).abs()
                < 1e-6
        );
    }

    #[test]
    fn a_refused_size_is_named() {
        let line = "[h264 @ 0x1] [error] Picture size 8192x8192 exceeds specified max pixel count 16777216";
        assert_eq!(refused_size(line), Some((8192, 8192)));
        let line = "[IMGUTILS @ 0x7ffd5605e180] [error] Picture size 100000x100000 is invalid";
        assert_eq!(refused_size(line), Some((100_000, 100_000)));
    }
}
