//! Makes trials from real clips with labels. The person of an early frame is put into later frames of the same clip;
//! the original frames are the ground truth.
//!
//! A clip is a folder with the files `frames/NNNNN.jpg`, `person_mask/NNNNN.png`, optionally `object_mask/NNNNN.png`,
//! and `pose.json` with 33 landmarks for each frame, as shares of the frame's size. A clip is excluded if the
//! `label_quality` in its `meta.json` is "frames only".

use std::path::{Path, PathBuf};

use media::geometry::{Frame, Rect};
use media::image_file::{load_mask, load_picture};
use media::picture::Mask;
use perception::mask::bounding_box;
use perception::networks::blazepose::body::{BODY_POINTS, pose_from_body_points};
use perception::pose::{Joint, Keypoint, Pose};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::case::{Case, DrivingClip, Reference, Trial, Truth};
use crate::error::EvaluateError;

/// Joints that a good reference shows.
const SHOWN: [Joint; 6] =
    [Joint::Nose, Joint::Neck, Joint::RightShoulder, Joint::LeftShoulder, Joint::RightHip, Joint::LeftHip];
/// Smallest height of the person in a good reference, as a share of the frame's height.
const LEAST_HEIGHT: f32 = 0.25;
/// Number of frames between the reference and the first driving frame.
const GAP: usize = 8;

/// Measurable clips, sorted by name.
#[derive(Debug)]
pub(super) struct RealClips {
    clips: Vec<RealClip>,
    frames: usize,
}

#[derive(Debug)]
struct RealClip {
    folder: PathBuf,
    name: String,
    /// Landmarks of each frame.
    landmarks: Vec<Option<Vec<[f32; 4]>>>,
    /// The frame used as the reference.
    reference: usize,
    /// First frames of stretches with a person in every frame.
    starts: Vec<usize>,
}

#[derive(Deserialize)]
struct MetaFile {
    #[serde(default)]
    label_quality: String,
}

#[derive(Deserialize)]
struct PoseFile {
    frames: Vec<Option<Vec<[f32; 4]>>>,
}

impl RealClips {
    /// Finds the clips of a folder with a good reference followed by `frames` frames of the person.
    pub(super) fn open(folder: &Path, frames: usize) -> Result<Self, EvaluateError> {
        let unreadable = |source| EvaluateError::Unreadable { path: folder.into(), source };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.join("pose.json").is_file() && path.join("frames").is_dir() && path.join("person_mask").is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        let clips: Vec<Option<RealClip>> =
            folders.into_iter().map(|folder| RealClip::open(folder, frames)).collect::<Result<_, _>>()?;
        let clips: Vec<RealClip> = clips.into_iter().flatten().collect();
        if clips.is_empty() {
            return Err(EvaluateError::NoClips { path: folder.into() });
        }
        Ok(Self { clips, frames })
    }

    /// The clips' names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.clips.iter().map(|clip| clip.name.as_str()).collect()
    }

    /// Trial number `index`. Clips take turns, and every round uses another stretch of each.
    pub(super) fn trial(&self, index: u64) -> Result<Trial, EvaluateError> {
        let (round, place) = (index as usize / self.clips.len(), index as usize % self.clips.len());
        let clip = &self.clips[place];
        clip.trial(clip.starts[spread(round, clip.starts.len())], self.frames)
    }
}

/// Stretch number `round` of `count`: the first one, then steps that come close to each other only late.
fn spread(round: usize, count: usize) -> usize {
    // Multiples of the golden ratio, modulo 1, spread any number of positions evenly.
    ((round as f64 * 0.618_034).fract() * count as f64) as usize
}

impl RealClip {
    fn open(folder: PathBuf, frames: usize) -> Result<Option<Self>, EvaluateError> {
        let meta = folder.join("meta.json");
        if meta.is_file() && read::<MetaFile>(&meta)?.label_quality.contains("frames only") {
            return Ok(None);
        }
        let landmarks = landmarks(&folder.join("pose.json"))?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut clip = Self { folder, name, landmarks, reference: 0, starts: Vec::new() };
        let mut found = None;
        for index in 0..clip.landmarks.len() {
            if clip.is_good_reference(index)? {
                found = Some(index);
                break;
            }
        }
        let Some(reference) = found else { return Ok(None) };
        clip.reference = reference;
        let seen = |start: usize| {
            let stretch = clip.landmarks.get(start..start + frames);
            stretch.is_some_and(|stretch| stretch.iter().all(Option::is_some))
        };
        let starts: Vec<usize> = (reference + GAP..clip.landmarks.len()).filter(|start| seen(*start)).collect();
        clip.starts = starts;
        Ok((!clip.starts.is_empty()).then_some(clip))
    }

    fn is_good_reference(&self, index: usize) -> Result<bool, EvaluateError> {
        let Some(points) = &self.landmarks[index] else { return Ok(false) };
        let mask = load_mask(&self.file("person_mask", index, "png"), None)?;
        let pose = pose(points, mask.size());
        let inside = |point: Keypoint| {
            let (width, height) = (mask.width() as f32, mask.height() as f32);
            point.confidence > 0.6 && (0.0..width).contains(&point.x) && (0.0..height).contains(&point.y)
        };
        let area: Option<Rect<Frame>> = bounding_box(&mask);
        let is_high = area.is_some_and(|area| area.height as f32 >= LEAST_HEIGHT * mask.height() as f32);
        Ok(is_high && SHOWN.iter().all(|joint| inside(pose.joint(*joint))))
    }

    fn file(&self, kind: &str, index: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{kind}/{index:05}.{ending}"))
    }

    fn trial(&self, start: usize, count: usize) -> Result<Trial, EvaluateError> {
        let load = |index: usize| -> Result<_, EvaluateError> {
            let picture = load_picture(&self.file("frames", index, "jpg"))?;
            let mask = load_mask(&self.file("person_mask", index, "png"), Some(picture.size()))?;
            let pose = self.landmarks[index].as_ref().map(|points| pose(points, picture.size()));
            Ok((picture, mask, pose))
        };
        let (picture, mask, pose) = load(self.reference)?;
        let reference = Reference { picture, mask, pose };
        let (mut frames, mut persons, mut poses) = (Vec::new(), Vec::new(), Vec::new());
        for index in start..start + count {
            let (frame, person, pose) = load(index)?;
            frames.push(frame);
            persons.push(person);
            poses.push(pose);
        }
        let objects = self.objects(start, count, frames[0].size())?;
        let driving = DrivingClip { frames, persons, poses, objects };
        let case = Case::new(format!("real-self {} {start}", self.name), driving.clone(), vec![reference]);
        let DrivingClip { frames, persons, poses, objects } = driving;
        let truth = Truth { frames, persons, poses, objects, holes: case.holes.clone() };
        Ok(Trial::new(case, truth))
    }

    /// The object in use, if the clip has object masks.
    fn objects(&self, start: usize, count: usize, size: (usize, usize)) -> Result<Vec<Mask>, EvaluateError> {
        if !self.folder.join("object_mask").is_dir() {
            return Ok(Vec::new());
        }
        let masks = (start..start + count).map(|index| load_mask(&self.file("object_mask", index, "png"), Some(size)));
        Ok(masks.collect::<Result<_, _>>()?)
    }
}

/// The landmarks of each frame in a `pose.json`.
pub(super) fn landmarks(path: &Path) -> Result<Vec<Option<Vec<[f32; 4]>>>, EvaluateError> {
    let landmarks = read::<PoseFile>(path)?.frames;
    if let Some(wrong) = landmarks.iter().flatten().find(|points| points.len() != BODY_POINTS) {
        let reason = format!("found {} landmarks in a frame, expected {BODY_POINTS}", wrong.len());
        return Err(EvaluateError::Malformed { path: path.into(), reason });
    }
    Ok(landmarks)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, EvaluateError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| EvaluateError::Unreadable { path: path.into(), source })?;
    serde_json::from_str(&text)
        .map_err(|reason| EvaluateError::Malformed { path: path.into(), reason: reason.to_string() })
}

/// Converts landmarks in shares of the frame to a pose in its pixels.
pub(super) fn pose(landmarks: &[[f32; 4]], (width, height): (usize, usize)) -> Pose {
    let (width, height) = (width as f32, height as f32);
    let points: [Keypoint; BODY_POINTS] = std::array::from_fn(|index| {
        let [x, y, z, confidence] = landmarks[index];
        Keypoint { x: x * width, y: y * height, z: z * width, confidence }
    });
    pose_from_body_points(&points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::image_file::{save_mask, save_picture};
    use media::picture::Picture;

    /// A clip of `poses.len()` frames of 40x20 pixels, with a person where `poses` says so.
    fn clip(root: &Path, name: &str, poses: &[bool]) {
        let folder = root.join(name);
        for kind in ["frames", "person_mask"] {
            std::fs::create_dir_all(folder.join(kind)).unwrap();
        }
        for (index, _) in poses.iter().enumerate() {
            // The content decides the picture format, not the name.
            let picture = Picture::filled(40, 20, [index as u8; 3]);
            save_picture(&folder.join(format!("frames/{index:05}.jpg")), &picture).unwrap();
            let mask = Mask::from_fn(40, 20, |x, y| if (15..25).contains(&x) && y > 4 { 255 } else { 0 });
            save_mask(&folder.join(format!("person_mask/{index:05}.png")), &mask).unwrap();
        }
        let frames: Vec<Option<Vec<[f32; 4]>>> =
            poses.iter().map(|seen| seen.then(|| vec![[0.5, 0.5, 0.1, 0.9]; BODY_POINTS])).collect();
        std::fs::write(folder.join("pose.json"), serde_json::json!({ "frames": frames }).to_string()).unwrap();
    }

    #[test]
    fn the_reference_comes_first_and_stretches_hold_a_person_throughout() {
        let root = tempfile::tempdir().unwrap();
        let mut poses = vec![true; 16];
        poses[0] = false;
        poses[11] = false;
        clip(root.path(), "walk", &poses);
        clip(root.path(), "empty", &[false; 16]);
        clip(root.path(), "wrong", &[true; 16]);
        std::fs::write(root.path().join("wrong/meta.json"), r#"{"label_quality": "poor: use frames only"}"#).unwrap();
        let clips = RealClips::open(root.path(), 2).unwrap();
        assert_eq!((clips.names(), clips.clips[0].reference), (vec!["walk"], 1));
        assert_eq!(clips.clips[0].starts, [9, 12, 13, 14]);
        let trial = clips.trial(0).unwrap();
        assert_eq!(trial.case.name, "real-self walk 9");
        assert_eq!([trial.case.frames[0].get(0, 0)[0], trial.case.references[0].picture.get(0, 0)[0]], [9, 1]);
        let nose = trial.case.poses[0].as_ref().unwrap().joint(Joint::Nose);
        assert_eq!((nose.x, nose.y, nose.z), (20.0, 10.0, 4.0));
        assert_ne!(clips.trial(1).unwrap().case.name, trial.case.name);
    }

    #[test]
    fn folders_without_clips_and_broken_poses_are_errors() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(RealClips::open(root.path(), 2).unwrap_err().code(), "evaluate.no_clips");
        clip(root.path(), "walk", &[true; 2]);
        std::fs::write(root.path().join("walk/pose.json"), r#"{"frames": [[[0, 0, 0, 1]]]}"#).unwrap();
        assert_eq!(RealClips::open(root.path(), 2).unwrap_err().code(), "evaluate.malformed");
    }
}
