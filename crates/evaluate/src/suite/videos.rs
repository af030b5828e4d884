//! Makes trials from a folder of videos. The person of one frame of a video is put into all its frames.
//!
//! Besides its frames ([`clip_frames`](crate::clip_frames)), the folder of a clip can contain the signals
//! `person_mask/` or `masks/` and `object_mask/` with one file per frame, and `pose.json` with 33 landmarks per frame,
//! as shares of the frame's size. Missing masks and poses must be perceived.

use std::path::{Path, PathBuf};

use media::ffmpeg::Ffmpeg;
use media::image_file::load_mask;
use media::picture::{Mask, Picture};
use media::resize::{Filter, resize_mask, resize_picture};
use perception::perceiver::PersonModels;

use super::definition::SuiteDefinition;
use super::perceived::look;
use super::real::{landmarks, pose};
use super::surroundings::{Shown, trial};
use crate::case::{DrivingClip, Trial};
use crate::clip_frames::{ClipFrames, clips_in, pictures};
use crate::error::EvaluateError;

/// Folders of a clip with masks of the person.
const PERSONS: [&str; 2] = ["person_mask", "masks"];

/// The videos of a suite, in the order of their names.
#[derive(Debug)]
pub(super) struct Videos {
    videos: Vec<Video>,
    definition: SuiteDefinition,
    decoder: Option<Ffmpeg>,
}

#[derive(Debug)]
struct Video {
    name: String,
    frames: ClipFrames,
    /// Where masks and poses are.
    folder: PathBuf,
}

impl Videos {
    /// Finds the videos of a folder.
    pub(super) fn open(
        folder: &Path,
        definition: &SuiteDefinition,
        decoder: Option<Ffmpeg>,
    ) -> Result<Self, EvaluateError> {
        let mut found = clips_in(folder)?;
        let names: Vec<String> = match definition.videos.as_slice() {
            [] => found.keys().cloned().collect(),
            wanted => wanted.to_vec(),
        };
        let mut videos = Vec::new();
        for name in names {
            let missing = || EvaluateError::VideoMissing { name: name.clone(), path: folder.into() };
            let frames = found.remove(&name).ok_or_else(missing)?;
            videos.push(Video { folder: folder.join(&name), name, frames });
        }
        videos.truncate(usize::try_from(definition.clips).unwrap_or(usize::MAX));
        if videos.is_empty() {
            return Err(EvaluateError::NoClips { path: folder.into() });
        }
        Ok(Self { videos, definition: definition.clone(), decoder })
    }

    /// The videos' names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.videos.iter().map(|video| video.name.as_str()).collect()
    }

    /// The name of a video.
    pub(super) fn name(&self, index: u64) -> &str {
        &self.videos[index as usize % self.videos.len()].name
    }

    /// The trial of a video, with its own signals or with those that networks see.
    pub(super) fn trial(&self, index: u64, models: Option<&PersonModels>) -> Result<Trial, EvaluateError> {
        let video = &self.videos[index as usize % self.videos.len()];
        let Self { definition, decoder, .. } = self;
        // The reference may come after the frames that are measured.
        let needed = if definition.frames == 0 { 0 } else { definition.frames.max(definition.reference_frame + 1) };
        let original = video.frames.load(needed, decoder.as_ref())?;
        let size = original.first().map_or((0, 0), Picture::size);
        if let Some(other) = original.iter().find(|frame| frame.size() != size) {
            let reason = format!("found frames of sizes {size:?} and {:?}, expected one size", other.size());
            return Err(EvaluateError::Malformed { path: video.folder.clone(), reason });
        }
        if definition.reference_frame >= original.len() {
            let found = definition.reference_frame.to_string();
            let expected = "the number of a frame that exists in every video";
            return Err(EvaluateError::Setting { setting: "reference-frame", found, expected });
        }
        let to = scaled(size, definition.size);
        let frames: Vec<Picture> = if to == size {
            original
        } else {
            original.iter().map(|frame| resize_picture(frame, to.0, to.1, Filter::Area)).collect()
        };
        let driving = match models {
            Some(models) => {
                let (persons, poses) = look(&frames, models)?;
                DrivingClip { frames, persons, poses, objects: Vec::new() }
            }
            None => video.labelled(frames, size)?,
        };
        let name = format!("{} {}", definition.name, video.name);
        let shown = Shown { name, clip: driving, reference: definition.reference_frame };
        Ok(trial(shown, definition))
    }
}

impl Video {
    /// The frames with the signals that lie beside them.
    fn labelled(&self, frames: Vec<Picture>, original: (usize, usize)) -> Result<DrivingClip, EvaluateError> {
        let missing = |what| EvaluateError::SignalsMissing { name: self.name.clone(), what };
        let masks = PERSONS.map(|name| self.folder.join(name)).into_iter().find(|folder| folder.is_dir());
        let (masks, poses) = (masks.ok_or_else(|| missing("person masks"))?, self.folder.join("pose.json"));
        if !poses.is_file() {
            return Err(missing("poses"));
        }
        let size = frames.first().map_or(original, Picture::size);
        let persons = load_masks(&masks, frames.len(), original, size)?;
        let objects = self.folder.join("object_mask");
        let objects = if objects.is_dir() { load_masks(&objects, frames.len(), original, size)? } else { Vec::new() };
        let landmarks = landmarks(&poses)?;
        if landmarks.len() < frames.len() {
            let reason = format!("found poses for {} frames, expected {}", landmarks.len(), frames.len());
            return Err(EvaluateError::Malformed { path: poses, reason });
        }
        let poses = landmarks[..frames.len()].iter().map(|points| Some(pose(points.as_ref()?, size))).collect();
        Ok(DrivingClip { frames, persons, poses, objects })
    }
}

/// The first `count` masks of a folder at the size of the frames.
fn load_masks(
    folder: &Path,
    count: usize,
    original: (usize, usize),
    size: (usize, usize),
) -> Result<Vec<Mask>, EvaluateError> {
    let files = pictures(folder)?;
    if files.len() < count {
        let reason = format!("found {} masks, expected {count}", files.len());
        return Err(EvaluateError::Malformed { path: folder.into(), reason });
    }
    let load = |file: &PathBuf| -> Result<Mask, EvaluateError> {
        let mask = load_mask(file, Some(original))?;
        Ok(if size == original { mask } else { resize_mask(&mask, size.0, size.1, Filter::Area) })
    };
    files[..count].iter().map(load).collect()
}

/// A size whose longest side is at most `longest`; 0 leaves it.
fn scaled((width, height): (usize, usize), longest: usize) -> (usize, usize) {
    let side = width.max(height);
    if longest == 0 || side <= longest {
        return (width, height);
    }
    let length = |length: usize| ((length * longest + side / 2) / side).max(1);
    (length(width), length(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_their_shape_and_never_grow() {
        assert_eq!(scaled((604, 1080), 512), (286, 512));
        assert_eq!(scaled((400, 300), 512), (400, 300));
        assert_eq!(scaled((4000, 3000), 0), (4000, 3000));
        assert_eq!(scaled((4000, 1), 100), (100, 1));
    }
}
