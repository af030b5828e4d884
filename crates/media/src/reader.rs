//! Reads the frames of a video one at a time, each with its own presentation time.
//!
//! Every frame of the source appears exactly once; there is no rate conversion. Treat frames as provisional until the
//! end of the video: a truncated file yields many good frames before the damage is detected.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};

use crate::child::{ChildLimits, Ended, Running};
use crate::container::matroska::PictureStream;
use crate::crop::crop;
use crate::error::{Error, Result};
use crate::ffmpeg::{Ffmpeg, PATIENCE, common_arguments, input_arguments};
use crate::folder::{FrameFolder, frame_time};
use crate::geometry::{Frame, Pts, Rect};
use crate::picture::Picture;
use crate::probe::{DecodeOptions, FieldOrder, ProbedFile, VideoInfo, probe_file};

/// One frame of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoFrame {
    /// Its index in the source, from 0.
    pub index: u64,
    /// When it is displayed, counted from the container's start.
    pub pts: Pts,
    /// The picture, upright.
    pub picture: Picture,
}

/// Yields the frames of a video file or of a folder of pictures. Memory does not grow with the number of frames.
#[derive(Debug)]
pub struct FrameReader {
    path: PathBuf,
    options: DecodeOptions,
    info: VideoInfo,
    source: Source,
    index: u64,
    times: Option<(Pts, Pts)>,
    damage: Option<String>,
}

#[derive(Debug)]
enum Source {
    Folder(Box<FrameFolder>),
    Decoder(Box<Decoder>),
    Over,
}

#[derive(Debug)]
struct Decoder {
    running: Running,
    stream: PictureStream<BufReader<ChildStdout>>,
    probed: ProbedFile,
}

/// The first time in the stream. Matroska has no negative times, and rounding may go below 0.
const GUARD_MICROSECONDS: i64 = 1_000_000;

impl FrameReader {
    /// Opens a video file, an animated GIF or a folder of numbered pictures.
    ///
    /// # Errors
    /// The `video.*` codes, such as [`Error::VideoIsImage`] for a still picture and [`Error::HdrUnsupported`].
    pub fn open(ffmpeg: &Ffmpeg, path: &Path, options: &DecodeOptions) -> Result<Self> {
        let (source, info) = if path.is_dir() {
            let folder = FrameFolder::open(path, options)?;
            let info = folder.info().clone();
            (Source::Folder(Box::new(folder)), info)
        } else {
            let probed = probe_file(ffmpeg, path, options)?;
            let info = probed.info.clone();
            (Source::Decoder(Box::new(Decoder::start(ffmpeg, path, probed, options)?)), info)
        };
        Ok(Self { path: path.to_path_buf(), options: *options, info, source, index: 0, times: None, damage: None })
    }

    /// The description of the source.
    pub fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// The damage of the file, which is known after the last frame. It is reported only with `tolerate_damage`;
    /// otherwise damage is an error.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// When the last frame that was read ends. If it is the last frame of the video, the time comes from the header.
    /// Otherwise the time is computed from the distance to the previous frame, or from the rate.
    pub fn end(&self) -> Option<Pts> {
        let (before, last) = self.times?;
        let is_last = self.options.max_frames.is_none() || self.info.frame_count == Some(self.index);
        let step = if before < last { last.0 - before.0 } else { frame_time(1, self.info.rate).0 };
        Some(self.info.end.filter(|&end| is_last && end > last).unwrap_or(Pts(last.0 + step)))
    }

    fn read(&mut self) -> Result<Option<(Pts, Picture)>> {
        if self.options.max_frames.is_some_and(|most| self.index >= most) {
            self.source = Source::Over;
        }
        match &mut self.source {
            Source::Over => Ok(None),
            Source::Folder(folder) => folder.frame(self.index).transpose(),
            Source::Decoder(decoder) => match decoder.next_frame() {
                Ok(Some(frame)) => Ok(Some(frame)),
                // The last words of the process are more informative than the end of the stream.
                broken => {
                    let broken = broken.err().map(|failed| failed.to_string());
                    let Source::Decoder(decoder) = std::mem::replace(&mut self.source, Source::Over) else {
                        return Ok(None);
                    };
                    self.check_end(*decoder, broken)?;
                    Ok(None)
                }
            },
        }
    }

    /// Decides, after the last frame, whether the video is complete.
    fn check_end(&mut self, decoder: Decoder, broken: Option<String>) -> Result<()> {
        let Decoder { running, probed, .. } = decoder;
        let path = || self.path.clone();
        let damaged = |reason: String| Error::VideoDamaged { path: path(), frames: self.index, reason };
        let ended = running.end(PATIENCE).map_err(|failed| damaged(failed.to_string()))?;
        if ended.timed_out {
            return Err(Error::Timeout { path: path(), seconds: PATIENCE.as_secs() });
        }
        if ended.notes.mention("Cannot allocate memory") && !ended.status.success() {
            return Err(damaged("decoding exceeds the memory limit".into()));
        }
        let reason = self.reason_for_damage(&ended, broken);
        let limited = self.options.max_frames.is_some_and(|most| self.index >= most);
        let expected = probed.facts.frames.filter(|&expected| expected > self.index && !limited);
        if self.options.tolerate_damage && self.index > 0 {
            self.damage = reason
                .or_else(|| expected.map(|expected| format!("only {} of {expected} frames were decoded", self.index)));
            return Ok(());
        }
        match (reason, expected) {
            (Some(reason), _) if reason.contains("ended prematurely") => Err(Error::VideoTruncated {
                path: path(),
                found: format!("{} frames", self.index),
                expected: "more according to the structure of the file".into(),
            }),
            (Some(reason), _) => Err(damaged(reason)),
            (None, Some(expected)) => Err(Error::VideoTruncated {
                path: path(),
                found: format!("{} frames", self.index),
                expected: format!("{expected} frames"),
            }),
            (None, None) if self.index == 0 => {
                Err(Error::VideoEmpty { path: path(), found: "the video stream".into() })
            }
            (None, None) => Ok(()),
        }
    }

    fn reason_for_damage(&self, ended: &Ended, broken: Option<String>) -> Option<String> {
        if !ended.status.success() || !ended.notes.errors.is_empty() {
            return Some(ended.notes.reason());
        }
        broken
    }
}

impl Iterator for FrameReader {
    type Item = Result<VideoFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (mut pts, picture) = match self.read() {
                Ok(frame) => frame?,
                Err(failed) => {
                    self.source = Source::Over;
                    return Some(Err(failed));
                }
            };
            // ffmpeg would merge two frames with one time, so later frames are delayed.
            if let Some((_, last)) = self.times {
                pts = pts.max(Pts(last.0 + 1));
            }
            self.times = Some((self.times.map_or(pts, |(_, last)| last), pts));
            let index = self.index;
            self.index += 1;
            if pts >= self.options.start {
                return Some(Ok(VideoFrame { index, pts, picture }));
            }
        }
    }
}

impl Decoder {
    fn start(ffmpeg: &Ffmpeg, path: &Path, probed: ProbedFile, options: &DecodeOptions) -> Result<Self> {
        let path = std::path::absolute(path).map_err(|source| Error::reading(path, source))?;
        let info = &probed.info;
        let pictures = if info.is_hdr() {
            if !ffmpeg.has_filters(&["zscale", "tonemap"])? {
                return Err(Error::HdrUnsupported { path, transfer: info.transfer.clone().unwrap_or_default() });
            }
            // Makes light linear with 100 cd/m2 as white, converts to the primaries of BT.709, compresses and encodes.
            "zscale=transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=bt709,tonemap=tonemap=hable:desat=0,\
             zscale=transfer=bt709:matrix=bt709:range=tv,format=yuv444p,scale=in_color_matrix=bt709:"
                .to_owned()
        } else {
            // If the stream names no matrix, players assume BT.709 for large frames and BT.601 for small ones.
            let unsaid = probed.matrix.is_none() && (info.coded.0 >= 1280 || info.coded.1 >= 720);
            if unsaid { "scale=in_color_matrix=bt709:".to_owned() } else { "scale=".to_owned() }
        };
        let fields = match info.interlaced.filter(|_| !options.keep_fields) {
            Some(FieldOrder::TopFirst) => "bwdif=mode=send_frame:parity=tff:deint=all,",
            Some(FieldOrder::BottomFirst) => "bwdif=mode=send_frame:parity=bff:deint=all,",
            None => "",
        };
        let filters = format!(
            "{fields}{pictures}flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24,\
             settb=1/1000000,setpts=(PTS+{GUARD_MICROSECONDS})*1000"
        );
        let mut arguments = common_arguments("level+warning");
        arguments.extend(ffmpeg.leave_aperture_alone());
        arguments.extend(["-copyts", "-threads", "2", "-itsoffset"].map(OsString::from));
        arguments.push(format!("{:.6}", -info.start.seconds()).into());
        arguments.extend(input_arguments(&path, probed.container, options.max_pixels, !options.tolerate_damage));
        arguments.extend(["-map", "0:V:0", "-an", "-sn", "-dn", "-map_metadata", "-1"].map(OsString::from));
        arguments.extend(ffmpeg.keep_times());
        if let Some(most) = options.max_frames {
            arguments.extend(["-frames:v".into(), most.to_string().into()]);
        }
        arguments.extend(["-vf".into(), filters.into()]);
        let output = ["-c:v", "rawvideo", "-allow_raw_vfw", "1", "-avoid_negative_ts", "disabled", "-f", "matroska"];
        arguments.extend(output.map(OsString::from));
        arguments.push("pipe:1".into());
        let pixels = u64::from(info.coded.0) * u64::from(info.coded.1);
        let limits = ChildLimits::for_frames_of(pixels, if info.is_hdr() { 300 } else { 120 }, false);
        let mut running = Running::start(ffmpeg.path(), &arguments, limits, (Stdio::null(), Stdio::piped()))?;
        let stdout =
            running.stdout.take().ok_or_else(|| Error::FfmpegFailed { reason: "its output cannot be read".into() })?;
        Ok(Self { running, stream: PictureStream::new(BufReader::with_capacity(1 << 16, stdout)), probed })
    }

    fn next_frame(&mut self) -> std::io::Result<Option<(Pts, Picture)>> {
        let Self { running, stream, probed } = self;
        let Some((ticks, bytes)) = running.waiting(PATIENCE, |_| stream.next_picture())? else { return Ok(None) };
        let (width, height) = stream.size();
        let mut picture = Picture::from_bytes(width, height, &bytes);
        let shown = (probed.info.width as usize, probed.info.height as usize);
        if let Some([left, top, ..]) = probed.facts.crop
            && picture.size() != shown
            && probed.info.rotation == 0
        {
            picture = crop(&picture, Rect::<Frame>::new(left as i32, top as i32, shown.0 as u32, shown.1 as u32));
        }
        Ok(Some((Pts(ticks - GUARD_MICROSECONDS), picture)))
    }
}
