//! Opens the driving video. The video is found and probed once. The video is decoded as often as the steps need it,
//! always to the same frames.

use std::path::{Path, PathBuf};

use fetch::Store;
use media::ffmpeg::Ffmpeg;
use media::geometry::Pts;
use media::probe::{DecodeOptions, VideoInfo};
use media::reader::FrameReader;
use media::writer::{VideoSettings, VideoWriter};
use perception::objects::prompt::{Moment, PointPrompt, PromptError};

use crate::error::Error;
use crate::events::{Events, Step};
use crate::models;
use crate::settings::Settings;
use crate::timeline::Extent;
use crate::tools::Tools;

/// A video that passed the first checks.
pub(super) struct Source {
    ffmpeg: Ffmpeg,
    path: PathBuf,
    info: VideoInfo,
    options: DecodeOptions,
}

impl Source {
    /// Finds ffmpeg (the given one, the one on the PATH, or else a downloaded one) and probes the video.
    pub(super) fn open(
        path: &Path,
        settings: &Settings,
        store: &Store,
        tools: &Tools,
        events: &Events,
    ) -> Result<Self, Error> {
        let ffmpeg = models::ffmpeg(store, tools, events)?;
        let options = DecodeOptions {
            tolerate_damage: settings.tolerate_damage,
            max_frames: settings.max_frames,
            keep_fields: settings.keep_fields,
            ..DecodeOptions::default()
        };
        let info = media::probe::probe(&ffmpeg, path, &options)?;
        if info.interlaced.is_some() {
            let done =
                if settings.keep_fields { "its fields are not separated" } else { "the result will be progressive" };
            events.warn("video.interlaced", format!("the video is interlaced; {done}"));
        }
        let source = Self { ffmpeg, path: path.into(), info, options };
        source.check_prompts(settings)?;
        Ok(source)
    }

    /// Checks that what is pointed at lies inside of the frame and, as far as the container says, before the end.
    fn check_prompts(&self, settings: &Settings) -> Result<(), Error> {
        let (width, height) = self.size();
        let check = |prompt: String, [first, last]: [(f32, f32); 2], at: Moment| {
            let inside = |(x, y): (f32, f32)| x <= width as f32 && y <= height as f32;
            let is_seen = first.0 < width as f32 && first.1 < height as f32;
            if !(is_seen && inside(last)) {
                return Err(PromptError::OutsideFrame { prompt, width, height }.into());
            }
            let frames = self.info.frame_count.map(|_| self.expected_frames());
            match at {
                Moment::Frame(frame) if frames.is_some_and(|frames| frame as u64 >= frames) => {
                    Err(past_end(prompt, self.expected_frames() as usize))
                }
                Moment::Seconds(seconds) if self.info.end.is_some() && seconds > self.seconds() => {
                    Err(Error::Prompt(PromptError::PastEnd {
                        prompt,
                        length: format!("length: {:.3} s", self.seconds()),
                    }))
                }
                _ => Ok(()),
            }
        };
        let point = |prompt: &PointPrompt, at: Moment| check(prompt.to_string(), [(prompt.x, prompt.y); 2], at);
        if let Some(prompt) = &settings.person {
            point(prompt, prompt.at.unwrap_or_default())?;
        }
        for object in &settings.objects {
            let (target, at) = object.target();
            check(object.to_string(), target.corners(), at)?;
            object.not.iter().try_for_each(|not| point(not, not.at.unwrap_or(at)))?;
        }
        Ok(())
    }

    /// Seconds from one frame to the next, on average.
    pub(super) fn interval(&self) -> f64 {
        1.0 / self.info.rate.hertz().max(1e-3)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Columns and rows as displayed.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    /// Every frame once, in order, each with its time.
    pub(super) fn frames(&self) -> Result<FrameReader, Error> {
        Ok(FrameReader::open(&self.ffmpeg, &self.path, &self.options)?)
    }

    /// Number of frames according to the container, or else estimated from duration and rate.
    pub(super) fn expected_frames(&self) -> u64 {
        let guess = || (self.seconds() * self.info.rate.hertz()).round() as u64;
        let all = self.info.frame_count.unwrap_or_else(guess);
        self.options.max_frames.map_or(all, |most| all.min(most))
    }

    /// Decodes once to learn the number and size of the frames.
    pub(super) fn measure(&self, events: &Events) -> Result<Extent, Error> {
        let mut extent = Extent { frames: 0, width: 0, height: 0, end: None };
        let mut frames = self.frames()?;
        while let Some(frame) = frames.next().transpose()? {
            events.check_cancelled()?;
            let (width, height) = frame.picture.size();
            extent = Extent { frames: extent.frames + 1, width: width as u32, height: height as u32, end: None };
            events.progress(Step::Perceive, extent.frames as u64, self.expected_frames());
        }
        self.warn_of_damage(&frames, events);
        Ok(Extent { end: frames.end(), ..extent })
    }

    /// With `--tolerate-damage`, warns of the damage.
    pub(super) fn warn_of_damage(&self, frames: &FrameReader, events: &Events) {
        if let Some(damage) = frames.damage() {
            events.warn("video.damaged", format!("the video is damaged: {damage}: `{}`", self.path.display()));
        }
    }

    /// A writer with the source's times and audio.
    pub(super) fn writer(
        &self,
        output: &Path,
        size: (u32, u32),
        end: Option<Pts>,
        metadata: &[(&str, &str)],
    ) -> Result<VideoWriter, Error> {
        let settings = VideoSettings {
            width: size.0,
            height: size.1,
            end,
            metadata: metadata.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            audio_from: Some(self.path.clone()),
            ends_early: self.options.max_frames.is_some(),
            ..VideoSettings::like(&self.info)
        };
        Ok(VideoWriter::create(&self.ffmpeg, output, &settings)?)
    }

    /// The error for a video that has fewer frames than in the previous step.
    pub(super) fn changed(&self, frames: usize) -> Error {
        Error::OtherRun { path: self.path.clone(), what: format!("the video has changed (number of frames: {frames})") }
    }

    pub(super) fn ffmpeg_version(&self) -> String {
        self.ffmpeg.version().to_string()
    }

    fn seconds(&self) -> f64 {
        self.info.end.map_or(0.0, |end| end.seconds() - self.info.start.seconds())
    }

    /// The video in one line.
    pub(super) fn description(&self) -> String {
        let info = &self.info;
        format!(
            "{}x{}, {:.3} frames per second, {:.3} s{}",
            info.width,
            info.height,
            info.rate.hertz(),
            self.seconds(),
            if info.has_audio() { ", audio" } else { "" }
        )
    }
}

/// The error for something pointed at after the last frame.
pub(super) fn past_end(prompt: String, frames: usize) -> Error {
    Error::Prompt(PromptError::PastEnd { prompt, length: format!("number of frames: {frames}") })
}
