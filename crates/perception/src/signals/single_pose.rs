//! Reads the pose of one picture, in our own file format or in OpenPose's format.

use std::path::Path;

use serde::Deserialize;

use super::SignalsError;
use super::openpose::{people, sureness};
use super::pose_file::{load_poses, read};
use crate::pose::Pose;

/// Reads the pose of a picture of `size` (columns, rows): the first pose of a `pose.json`, or the most certain person
/// of an OpenPose file.
///
/// # Errors
/// The errors of [`load_poses`] and [`super::load_openpose`], [`SignalsError::SizeMismatch`], and
/// [`SignalsError::MalformedPose`] when nobody is in the file.
pub fn load_pose(path: &Path, size: (usize, usize)) -> Result<Pose, SignalsError> {
    #[derive(Deserialize)]
    struct Head {
        people: Option<Vec<serde::de::IgnoredAny>>,
    }
    let malformed = |reason: String| SignalsError::MalformedPose { path: path.into(), reason };
    let head: Head = serde_json::from_str(&read(path)?).map_err(|failed| malformed(failed.to_string()))?;
    let pose = if head.people.is_some() {
        people(path, 0)?.into_iter().max_by(|one, other| sureness(one).total_cmp(&sureness(other)))
    } else {
        let track = load_poses(path)?;
        let found = (track.width, track.height);
        if found != size {
            return Err(SignalsError::SizeMismatch { path: path.into(), found, expected: size });
        }
        track.frames.into_iter().flatten().next()
    };
    pose.ok_or_else(|| malformed("it contains no person, expected one".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Joint;
    use crate::signals::{PoseTrack, save_poses};

    #[test]
    fn both_kinds_of_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let mut pose = Pose::default();
        pose.body[Joint::Neck as usize].x = 7.5;
        let track = PoseTrack { width: 30, height: 20, frames: vec![None, Some(pose.clone())] };
        save_poses(&path, &track).unwrap();
        assert_eq!(load_pose(&path, (30, 20)).unwrap(), pose);
        assert_eq!(load_pose(&path, (20, 30)).unwrap_err().code(), "signals.size_mismatch");

        let person = |x: f32, sure: f32| {
            let numbers: Vec<String> = (0..18).map(|_| format!("{x},2,{sure}")).collect();
            format!("{{\"pose_keypoints_2d\":[{}]}}", numbers.join(","))
        };
        std::fs::write(&path, format!("{{\"people\":[{},{}]}}", person(3.0, 0.5), person(9.0, 0.9))).unwrap();
        assert_eq!(load_pose(&path, (1, 1)).unwrap().joint(Joint::Nose).x, 9.0);
        std::fs::write(&path, "{\"people\":[]}").unwrap();
        assert_eq!(load_pose(&path, (1, 1)).unwrap_err().code(), "signals.malformed_pose");
        std::fs::write(&path, "[").unwrap();
        assert_eq!(load_pose(&path, (1, 1)).unwrap_err().code(), "signals.malformed_pose");
    }
}
