//! Reads one video and runs perception on its frames.

use std::path::Path;

use media::ffmpeg::Ffmpeg;
use media::picture::Picture;
use media::probe::{DecodeOptions, probe};
use media::reader::FrameReader;
use media::resize::{Filter, fit_size, resize_picture};
use perception::perceiver::{Effort, Perceiver, PerceiverConfig, PersonModels};
use perception::person::scene_cut::SceneCut;
use perception::stream::{SeenFrame, perceive_frames};

use super::config::VideoConfig;
use crate::error::TrainError;

/// Why a video was not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The caller stopped.
    Asked,
    /// An error occurred.
    Failed(TrainError),
}

impl From<TrainError> for Stop {
    fn from(error: TrainError) -> Self {
        Self::Failed(error)
    }
}

impl From<media::Error> for Stop {
    fn from(error: media::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<perception::error::Error> for Stop {
    fn from(error: perception::error::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Passes every scaled frame to `sink` with its signals, whether it starts a shot, and the expected number of frames.
///
/// # Errors
/// The errors of decoding, of perception and of `sink`.
pub(super) fn watch(
    path: &Path,
    config: &VideoConfig,
    (ffmpeg, models): (&Ffmpeg, &PersonModels),
    mut sink: impl FnMut(SeenFrame, bool, u64) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let options = DecodeOptions { tolerate_damage: config.tolerate_damage, ..DecodeOptions::default() };
    let info = probe(ffmpeg, path, &options)?;
    let expected = info.frame_count.unwrap_or(0);
    let effort = if config.quick { Effort::Quick } else { Effort::Full };
    let mut perceiver = Perceiver::open(models, PerceiverConfig { effort, ..PerceiverConfig::default() })?;
    let mut cut = SceneCut::default();
    let mut reader = FrameReader::open(ffmpeg, path, &options)?;
    let pictures = reader.by_ref().map(|frame| match frame {
        Ok(frame) => Ok((scaled(frame.picture, config.side), frame.pts)),
        Err(error) => Err(Stop::from(error)),
    });
    perceive_frames(&mut perceiver, pictures, |frame| {
        let starts_shot = cut.happened(&frame.picture) || frame.index == 0;
        sink(frame, starts_shot, expected)
    })
}

/// The picture, scaled so that its longer side is at most `side`.
fn scaled(picture: Picture, side: usize) -> Picture {
    if picture.width().max(picture.height()) <= side {
        return picture;
    }
    let (width, height) = fit_size(picture.size(), (side, side));
    resize_picture(&picture, width, height, Filter::Lanczos)
}
