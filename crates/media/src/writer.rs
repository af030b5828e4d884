//! Writes frames into an H.264 video file that every browser plays, with each frame at its own presentation time, and
//! with the source's audio.
//!
//! The video has 4:2:0 chroma and BT.709 colours with the matching tags, and the file starts with the index. There are
//! no B-frames, so decoding order equals display order and every player reads exactly the given times. The file appears
//! under its name only when it is complete.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use crate::audio::{AudioOutcome, audio_arguments};
use crate::child::{ChildLimits, Running};
use crate::container::aperture::copy_with_aperture;
use crate::container::matroska::{write_head, write_picture};
use crate::container::mp4::read_header;
use crate::error::{Error, Result};
use crate::ffmpeg::{Ffmpeg, common_arguments, input_arguments};
use crate::file::AtomicFile;
use crate::folder::frame_time;
use crate::geometry::Pts;
use crate::picture::Picture;
use crate::probe::{DecodeOptions, probe_file};
use crate::video_settings::{Ending, video_arguments};
pub use crate::video_settings::{OddSize, VideoSettings};

/// A video file under construction. Dropping it before [`VideoWriter::finish`] leaves nothing behind.
#[derive(Debug)]
pub struct VideoWriter {
    settings: VideoSettings,
    coded: (u32, u32),
    ending: Ending,
    file: AtomicFile,
    running: Option<Running>,
    stdin: Option<ChildStdin>,
    pending: Option<(u64, Vec<u8>)>,
    last_step: Option<u64>,
    frames: u64,
    audio: AudioOutcome,
    not_kept: Vec<String>,
}

/// Time limit of the encoder for one frame.
const FRAME_PATIENCE: Duration = Duration::from_secs(120);

impl VideoWriter {
    /// Starts the file that will become `out`: `.mp4`, `.m4v`, `.mov` or `.mkv`.
    ///
    /// # Errors
    /// [`Error::OutputUnsupported`], [`Error::OutputUnwritable`], [`Error::FfmpegFailed`], and those of reading
    /// `audio_from`.
    ///
    /// # Panics
    /// When a side of the size is 0.
    pub fn create(ffmpeg: &Ffmpeg, out: &Path, settings: &VideoSettings) -> Result<Self> {
        let settings = settings.clone();
        assert!(settings.width > 0 && settings.height > 0, "a video of {}x{}", settings.width, settings.height);
        let ending = Ending::of(out)?;
        let coded = match settings.odd_size {
            OddSize::PaddedAndMarked => (settings.width.next_multiple_of(2), settings.height.next_multiple_of(2)),
            OddSize::FullChroma => (settings.width, settings.height),
        };
        let file = AtomicFile::create(out)?;
        let mut arguments = common_arguments("level+warning");
        arguments.extend(["-y", "-copyts", "-probesize", "32", "-analyzeduration", "0"].map(OsString::from));
        arguments.extend(["-f", "matroska", "-i", "pipe:0"].map(OsString::from));
        let mut sound = Vec::new();
        let mut audio = AudioOutcome::None;
        let (mut extras, mut not_kept) = (vec!["-map_chapters".into(), "-1".into()], Vec::new());
        if let Some(source) = settings.audio_from.as_deref().filter(|source| !source.is_dir()) {
            let options = DecodeOptions { tolerate_damage: true, ..DecodeOptions::default() };
            let probed = probe_file(ffmpeg, source, &options)?;
            let sounds = probed.info.audio.len();
            if sounds > 0 || !probed.extras.is_empty() {
                let source = std::path::absolute(source).map_err(|failed| Error::reading(source, failed))?;
                arguments.extend(["-itsoffset".into(), format!("{:.6}", -probed.info.start.seconds()).into()]);
                if let Some(end) = settings.end.filter(|_| settings.ends_early) {
                    arguments.extend(["-t".into(), format!("{:.6}", end.seconds()).into()]);
                }
                arguments.extend(input_arguments(&source, probed.container, options.max_pixels, false));
                if sounds > 0 {
                    (sound, audio) = audio_arguments(&probed.info.audio, ending);
                }
                (extras, not_kept) = probed.extras.arguments(ending, sounds, settings.ends_early);
            }
        }
        arguments.extend(["-map", "0:v:0"].map(OsString::from));
        arguments.extend(sound);
        arguments.extend(["-map_metadata", "-1"].map(OsString::from));
        arguments.extend(extras);
        arguments.extend(ffmpeg.keep_times());
        arguments.extend(video_arguments(&settings, coded));
        arguments.extend(["-fflags", "+bitexact", "-max_muxing_queue_size", "4096"].map(OsString::from));
        if ending != Ending::Matroska {
            arguments.extend(["-movflags", "+faststart"].map(OsString::from));
            arguments.extend(["-video_track_timescale".into(), settings.ticks().to_string().into()]);
        }
        for (key, value) in &settings.metadata {
            arguments.extend(["-metadata".into(), format!("{key}={value}").into()]);
        }
        arguments.extend(["-f", ending.muxer()].map(OsString::from));
        let mut target = OsString::from("file:");
        target.push(std::path::absolute(file.path()).map_err(|failed| Error::writing(out, failed))?);
        arguments.push(target);
        let pixels = u64::from(coded.0) * u64::from(coded.1);
        let limits = ChildLimits::for_frames_of(pixels, 800, true);
        let mut running = Running::start(ffmpeg.path(), &arguments, limits, (Stdio::piped(), Stdio::null()))?;
        let stdin = running.stdin.take();
        let mut writer = Self {
            settings,
            coded,
            ending,
            file,
            running: Some(running),
            stdin,
            pending: None,
            last_step: None,
            frames: 0,
            audio,
            not_kept,
        };
        let (width, height, rate) = (coded.0 as usize, coded.1 as usize, writer.settings.rate);
        writer.send(|pipe| write_head(pipe, width, height, rate))?;
        Ok(writer)
    }

    /// How the source's audio is stored.
    pub fn audio(&self) -> &AudioOutcome {
        &self.audio
    }

    /// Descriptions of the source's contents, besides pictures and sound, that the file does not contain.
    pub fn not_kept(&self) -> &[String] {
        &self.not_kept
    }

    /// Adds a frame that is displayed from `pts` on. If `pts` is not later than the previous time, the next tick is
    /// used.
    ///
    /// # Errors
    /// [`Error::FfmpegFailed`], [`Error::DiskFull`], [`Error::Timeout`].
    ///
    /// # Panics
    /// When the picture does not have the size of the video.
    pub fn push(&mut self, picture: &Picture, pts: Pts) -> Result<()> {
        let expected = (self.settings.width as usize, self.settings.height as usize);
        assert_eq!(picture.size(), expected, "a picture for a video of {}x{}", expected.0, expected.1);
        let bytes = padded(picture, (self.coded.0 as usize, self.coded.1 as usize));
        let mut time = pts.0.max(0) as u64;
        if let Some((before, pending)) = self.pending.take() {
            time = time.max(before + 1_000_000_u64.div_ceil(u64::from(self.settings.ticks())));
            self.last_step = Some(time - before);
            self.send(|pipe| write_picture(pipe, before, time - before, &pending))?;
        }
        self.pending = Some((time, bytes));
        self.frames += 1;
        Ok(())
    }

    /// Ends the video, checks it, and gives the file its name.
    ///
    /// # Errors
    /// [`Error::VideoEmpty`] without a frame, [`Error::FfmpegFailed`], [`Error::DiskFull`],
    /// [`Error::OutputUnwritable`], [`Error::Timeout`].
    pub fn finish(mut self) -> Result<()> {
        let target = self.file.target().to_path_buf();
        let Some((time, bytes)) = self.pending.take() else {
            return Err(Error::VideoEmpty { path: target, found: "the output".into() });
        };
        let end = self.settings.end.and_then(|end| u64::try_from(end.0).ok()).filter(|&end| end > time);
        let step = end.map(|end| end - time).or(self.last_step);
        let step = step.unwrap_or(frame_time(1, self.settings.rate).0.max(1) as u64);
        self.send(|pipe| write_picture(pipe, time, step, &bytes))?;
        drop(self.stdin.take());
        self.end_child(None)?;
        self.check_and_mark(&target)
    }

    /// Compares the written video with the frames given, marks an odd size, and moves the file into place.
    fn check_and_mark(self, target: &Path) -> Result<()> {
        let failed = |source: io::Error| Error::writing(target, source);
        if self.ending == Ending::Matroska {
            return self.file.commit();
        }
        let mut written = File::open(self.file.path()).map_err(failed)?;
        let length = written.metadata().map_err(failed)?.len();
        let header = read_header(&mut BufReader::new(&mut written), length).map_err(failed)?;
        if header.frames != Some(self.frames) || header.bytes_needed > length {
            let found = header.frames.map_or_else(|| "an unknown number of".to_owned(), |found| found.to_string());
            let reason = format!("the written video is incomplete: found {found} frames, expected {}", self.frames);
            return Err(Error::FfmpegFailed { reason });
        }
        if self.coded == (self.settings.width, self.settings.height) {
            return self.file.commit();
        }
        let mut marked = AtomicFile::create(target)?;
        io::Seek::rewind(&mut written).map_err(failed)?;
        let mut out = io::BufWriter::new(&mut marked);
        let shown = (self.settings.width, self.settings.height);
        copy_with_aperture(&mut BufReader::new(written), &mut out, self.coded, shown)
            .and_then(|()| out.flush())
            .map_err(failed)?;
        drop(out);
        marked.commit()
    }

    /// Writes into the encoder's pipe. If the pipe breaks, the encoder's last words explain why.
    fn send(&mut self, write: impl FnOnce(&mut ChildStdin) -> io::Result<()>) -> Result<()> {
        let (Some(running), Some(pipe)) = (self.running.as_mut(), self.stdin.as_mut()) else {
            return Err(Error::FfmpegFailed { reason: "it ended early".into() });
        };
        match running.waiting(FRAME_PATIENCE, |_| write(pipe)) {
            Ok(()) => Ok(()),
            Err(failed) => {
                drop(self.stdin.take());
                self.end_child(Some(failed))
            }
        }
    }

    /// Waits for the encoder; `broken` is the failed write that came before, if any.
    fn end_child(&mut self, broken: Option<io::Error>) -> Result<()> {
        let target = self.file.target();
        let Some(running) = self.running.take() else { return Ok(()) };
        // Putting the index first copies the whole file: allow 5 MB/s.
        let bytes = std::fs::metadata(self.file.path()).map_or(0, |metadata| metadata.len());
        let patience = FRAME_PATIENCE + Duration::from_secs(bytes / 5_000_000);
        let ended = running.end(patience).map_err(|failed| Error::FfmpegFailed { reason: failed.to_string() })?;
        if ended.timed_out {
            return Err(Error::Timeout { path: target.to_path_buf(), seconds: patience.as_secs() });
        }
        if ended.notes.mention("No space left on device") || ended.notes.mention("Disk quota exceeded") {
            return Err(Error::DiskFull { path: target.to_path_buf() });
        }
        match broken {
            None if ended.status.success() => Ok(()),
            None => Err(Error::FfmpegFailed { reason: ended.notes.reason() }),
            Some(failed) if ended.notes.last.is_empty() => Err(Error::FfmpegFailed { reason: failed.to_string() }),
            Some(_) => Err(Error::FfmpegFailed { reason: ended.notes.reason() }),
        }
    }
}

/// The bytes of a picture, with its last row and column repeated up to a size.
fn padded(picture: &Picture, (width, height): (usize, usize)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        let row = picture.row(y.min(picture.height() - 1));
        bytes.extend(row.as_flattened());
        for _ in picture.width()..width {
            bytes.extend(row[row.len() - 1]);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_pictures_repeat_their_border() {
        let picture = Picture::from_bytes(1, 1, &[1, 2, 3]);
        assert_eq!(padded(&picture, (2, 2)), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }
}
