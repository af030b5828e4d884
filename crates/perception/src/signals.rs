//! Reads and writes signals as files, in the layout of a run folder. Users can inspect the files, edit them and use
//! them as input:
//!
//! ```text
//! pose.json              every frame's pose; or openpose/*.json (or *.json), one OpenPose file a frame
//! person/%06d.png        8-bit grey, 255 = person
//! depth/%06d.png         16-bit grey, larger = nearer, 0 = unknown
//! object-1/%06d.png      8-bit grey, 255 = object; object-2 and so on for more
//! ```
//!
//! If a signal's folder or file is absent, perception computes the signal. A signal that is present must cover every
//! frame, at the frame's size.

mod error;
mod openpose;
mod pose_file;
mod single_pose;

use std::path::{Path, PathBuf};

use media::image_file::{load_depth, load_mask, save_depth, save_mask};
use media::picture::{DepthMap, Mask, Plane};

pub use error::SignalsError;
pub use openpose::load_openpose;
pub use pose_file::{PoseTrack, load_poses, save_poses};
pub use single_pose::load_pose;

use crate::pose::Pose;

/// A folder of signals for a video of known length and size.
#[derive(Debug, Clone)]
pub struct SignalsFolder {
    root: PathBuf,
    frames: usize,
    size: (usize, usize),
}

impl SignalsFolder {
    /// The signals folder of `frames` frames of `size` (columns, rows). Touches no file.
    pub fn new(root: impl Into<PathBuf>, frames: usize, size: (usize, usize)) -> Self {
        Self { root: root.into(), frames, size }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True when the folder contains no signal.
    ///
    /// # Errors
    /// [`SignalsError::Unreadable`] when it is not a folder that can be listed.
    pub fn is_empty(&self) -> Result<bool, SignalsError> {
        let unreadable = |source| SignalsError::Unreadable { path: self.root.clone(), source };
        std::fs::read_dir(&self.root).map_err(unreadable)?;
        Ok(!self.has_poses() && self.kinds().is_empty())
    }

    /// True when there are poses and person masks, so that perception is not needed.
    pub fn has_person(&self) -> bool {
        self.has_poses() && self.has("person")
    }

    /// Checks before a long run that every signal in the folder can be read, has exactly the right number of frames,
    /// and has the right size. Reads everything once.
    ///
    /// # Errors
    /// Every [`SignalsError`]; [`SignalsError::Empty`] when the folder contains no signal.
    pub fn check(&self) -> Result<(), SignalsError> {
        let kinds = self.kinds();
        if self.poses()?.is_none() && kinds.is_empty() {
            return Err(SignalsError::Empty { path: self.root.clone() });
        }
        for kind in kinds {
            if self.file(&kind, self.frames).exists() {
                let (path, expected) = (self.root.join(&kind), self.frames);
                return Err(SignalsError::FrameCount { path, found: format!("at least {}", expected + 1), expected });
            }
        }
        for index in 0..self.frames {
            self.person(index)?;
            self.depth(index)?;
            self.objects(index)?;
        }
        Ok(())
    }

    /// The poses, from `pose.json` or OpenPose files; none when neither exists.
    ///
    /// # Errors
    /// The errors of [`load_poses`] and [`load_openpose`], [`SignalsError::FrameCount`] and
    /// [`SignalsError::SizeMismatch`].
    pub fn poses(&self) -> Result<Option<Vec<Option<Pose>>>, SignalsError> {
        let file = self.root.join("pose.json");
        if file.exists() {
            let track = load_poses(&file)?;
            if (track.width, track.height) != self.size {
                return Err(self.wrong_size(file, (track.width, track.height)));
            }
            if track.frames.len() != self.frames {
                let (found, expected) = (track.frames.len().to_string(), self.frames);
                return Err(SignalsError::FrameCount { path: file, found, expected });
            }
            return Ok(Some(track.frames));
        }
        load_openpose(&self.openpose(), self.frames)
    }

    fn has_poses(&self) -> bool {
        self.root.join("pose.json").exists() || openpose::files(&self.openpose()).is_ok_and(|files| !files.is_empty())
    }

    fn openpose(&self) -> PathBuf {
        let folder = self.root.join("openpose");
        if folder.is_dir() { folder } else { self.root.clone() }
    }

    /// Writes the poses as `pose.json`.
    ///
    /// # Errors
    /// The errors of [`save_poses`].
    pub fn save_poses(&self, poses: Vec<Option<Pose>>) -> Result<(), SignalsError> {
        let (width, height) = self.size;
        save_poses(&self.root.join("pose.json"), &PoseTrack { width, height, frames: poses })
    }

    /// The person mask of a frame; none when the folder has no `person` folder.
    ///
    /// # Errors
    /// [`SignalsError::MissingFrame`], [`SignalsError::SizeMismatch`], [`SignalsError::File`].
    pub fn person(&self, index: usize) -> Result<Option<Mask>, SignalsError> {
        self.mask("person", index)
    }

    /// Writes the person mask of a frame.
    ///
    /// # Errors
    /// [`SignalsError::File`].
    pub fn save_person(&self, index: usize, mask: &Mask) -> Result<(), SignalsError> {
        Ok(save_mask(&self.new_file("person", index)?, mask)?)
    }

    /// The depth map of a frame, 0..=1, larger = nearer, 0 = unknown; none when there is no `depth` folder.
    ///
    /// # Errors
    /// The errors of [`SignalsFolder::person`].
    pub fn depth(&self, index: usize) -> Result<Option<DepthMap>, SignalsError> {
        if !self.has("depth") {
            return Ok(None);
        }
        let path = self.existing("depth", index)?;
        let depth = load_depth(&path, None)?;
        if depth.size() != self.size {
            return Err(self.wrong_size(path, depth.size()));
        }
        Ok(Some(depth.map(|value| f32::from(value) / 65535.0)))
    }

    /// Writes the depth map of a frame, 0..=1. Values above 0 stay above 0; NaN becomes unknown.
    ///
    /// # Errors
    /// [`SignalsError::File`].
    pub fn save_depth(&self, index: usize, depth: &DepthMap) -> Result<(), SignalsError> {
        let cells: Plane<u16> = depth.map(|value| match value {
            value if value > 0.0 => ((value.min(1.0) * 65535.0).round() as u16).max(1),
            _ => 0,
        });
        Ok(save_depth(&self.new_file("depth", index)?, &cells)?)
    }

    /// Number of objects: the folders `object-1`, `object-2` and so on without a gap.
    pub fn object_count(&self) -> usize {
        (1..).take_while(|number| self.has(&format!("object-{number}"))).count()
    }

    /// The masks of all objects in a frame.
    ///
    /// # Errors
    /// The errors of [`SignalsFolder::person`].
    pub fn objects(&self, index: usize) -> Result<Vec<Mask>, SignalsError> {
        let numbers = 1..=self.object_count();
        numbers.filter_map(|number| self.mask(&format!("object-{number}"), index).transpose()).collect()
    }

    /// Writes the mask of an object (numbered from 1) in a frame.
    ///
    /// # Errors
    /// [`SignalsError::File`].
    pub fn save_object(&self, number: usize, index: usize, mask: &Mask) -> Result<(), SignalsError> {
        Ok(save_mask(&self.new_file(&format!("object-{number}"), index)?, mask)?)
    }

    fn kinds(&self) -> Vec<String> {
        let objects = (1..=self.object_count()).map(|number| format!("object-{number}"));
        ["person".to_owned(), "depth".to_owned()].into_iter().filter(|kind| self.has(kind)).chain(objects).collect()
    }

    fn has(&self, kind: &str) -> bool {
        self.root.join(kind).is_dir()
    }

    fn file(&self, kind: &str, index: usize) -> PathBuf {
        self.root.join(kind).join(format!("{index:06}.png"))
    }

    fn existing(&self, kind: &str, index: usize) -> Result<PathBuf, SignalsError> {
        let path = self.file(kind, index);
        if path.is_file() { Ok(path) } else { Err(SignalsError::MissingFrame { path, index, frames: self.frames }) }
    }

    fn new_file(&self, kind: &str, index: usize) -> Result<PathBuf, SignalsError> {
        let folder = self.root.join(kind);
        std::fs::create_dir_all(&folder).map_err(|source| SignalsError::Unwritable { path: folder, source })?;
        Ok(self.file(kind, index))
    }

    fn mask(&self, kind: &str, index: usize) -> Result<Option<Mask>, SignalsError> {
        if !self.has(kind) {
            return Ok(None);
        }
        let path = self.existing(kind, index)?;
        let mask = load_mask(&path, None)?;
        if mask.size() == self.size { Ok(Some(mask)) } else { Err(self.wrong_size(path, mask.size())) }
    }

    fn wrong_size(&self, path: PathBuf, found: (usize, usize)) -> SignalsError {
        SignalsError::SizeMismatch { path, found, expected: self.size }
    }
}

#[cfg(test)]
mod tests;
