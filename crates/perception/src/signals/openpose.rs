//! Reads OpenPose's own files: one JSON file per frame, with `people[].pose_keypoints_2d` and similar flat lists of
//! column, row and confidence, in frame pixels. Body lists of 18 joints (COCO) and 25 joints (BODY_25) are supported.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SignalsError;
use super::pose_file::read;
use crate::pose::{FACE_POINTS, HAND_POINTS, Joint, Keypoint, Pose};

/// The index of each of our 18 joints in BODY_25, which has the middle of the hips at 8.
const FROM_BODY_25: [usize; Joint::COUNT] = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

#[derive(Deserialize)]
struct File {
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    pose_keypoints_2d: Vec<f32>,
    #[serde(default)]
    hand_left_keypoints_2d: Option<Vec<f32>>,
    #[serde(default)]
    hand_right_keypoints_2d: Option<Vec<f32>>,
    #[serde(default)]
    face_keypoints_2d: Option<Vec<f32>>,
}

/// Reads the `*.json` files of a folder in the order of their names, one for each frame. If a file contains several
/// people, the most certain person is chosen in the first frame, and later the person nearest to that of the previous
/// frame. None when the folder has no such file.
///
/// # Errors
/// [`SignalsError::Unreadable`], [`SignalsError::File`], [`SignalsError::FrameCount`], [`SignalsError::MalformedPose`],
/// [`SignalsError::NonFinite`], [`SignalsError::PointCount`].
pub fn load_openpose(folder: &Path, frames: usize) -> Result<Option<Vec<Option<Pose>>>, SignalsError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let files = files(folder)?;
    if files.is_empty() {
        return Ok(None);
    }
    if files.len() != frames {
        let found = files.len().to_string();
        return Err(SignalsError::FrameCount { path: folder.into(), found, expected: frames });
    }
    let mut poses: Vec<Option<Pose>> = Vec::with_capacity(frames);
    let mut last: Option<Pose> = None;
    for (index, path) in files.iter().enumerate() {
        let people = people(path, index)?;
        let chosen = match &last {
            Some(last) => people.into_iter().min_by(|a, b| distance(a, last).total_cmp(&distance(b, last))),
            None => people.into_iter().max_by(|a, b| sureness(a).total_cmp(&sureness(b))),
        };
        last = chosen.clone().or(last);
        poses.push(chosen);
    }
    Ok(Some(poses))
}

/// The `*.json` files of a folder in the order of their names.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, SignalsError> {
    let unreadable = |source| SignalsError::Unreadable { path: folder.into(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The people in one file with at least one known joint.
pub(super) fn people(path: &Path, index: usize) -> Result<Vec<Pose>, SignalsError> {
    let malformed =
        |failed: serde_json::Error| SignalsError::MalformedPose { path: path.into(), reason: failed.to_string() };
    let file: File = serde_json::from_str(&read(path)?).map_err(malformed)?;
    let mut people = Vec::new();
    for person in file.people {
        let numbers = person.pose_keypoints_2d.len();
        let read = points(path, index, &person.pose_keypoints_2d)?;
        let joints = match numbers {
            54 => read.clone(),
            75 => FROM_BODY_25.iter().map(|&place| read[place]).collect(),
            found => {
                let (list, expected) = ("`pose_keypoints_2d`", "54 (COCO-18) or 75 (BODY_25)");
                return Err(SignalsError::PointCount { path: path.into(), list, found, expected });
            }
        };
        let mut pose = Pose::default();
        pose.body.copy_from_slice(&joints);
        if numbers == 75 {
            // Big toe and heel of each foot. The small toes are not used.
            let foot = |toe: usize, heel: usize| vec![read[toe], read[heel]];
            let known = |foot: Vec<Keypoint>| if foot.iter().all(Keypoint::is_drawn) { foot } else { Vec::new() };
            pose.left_foot = known(foot(19, 21));
            pose.right_foot = known(foot(22, 24));
        }
        let list = |numbers: Option<Vec<f32>>, list, keep: usize, counts: &[usize], expected| {
            let numbers = numbers.unwrap_or_default();
            if numbers.is_empty() {
                return Ok(Vec::new());
            }
            if !counts.contains(&numbers.len()) {
                return Err(SignalsError::PointCount { path: path.into(), list, found: numbers.len(), expected });
            }
            let mut known = points(path, index, &numbers)?;
            known.truncate(keep);
            let any = known.iter().any(|point| point.confidence > 0.0);
            Ok(if any { known } else { Vec::new() })
        };
        let hand = &[3 * HAND_POINTS];
        pose.left_hand = list(person.hand_left_keypoints_2d, "`hand_left_keypoints_2d`", HAND_POINTS, hand, "63")?;
        pose.right_hand = list(person.hand_right_keypoints_2d, "`hand_right_keypoints_2d`", HAND_POINTS, hand, "63")?;
        // OpenPose adds the two pupils at the end.
        let face = &[3 * FACE_POINTS, 3 * (FACE_POINTS + 2)];
        pose.face = list(person.face_keypoints_2d, "`face_keypoints_2d`", FACE_POINTS, face, "204 or 210")?;
        if sureness(&pose) > 0.0 {
            people.push(pose);
        }
    }
    Ok(people)
}

fn points(path: &Path, index: usize, numbers: &[f32]) -> Result<Vec<Keypoint>, SignalsError> {
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(SignalsError::NonFinite { path: path.into(), index });
    }
    let triples = numbers.as_chunks::<3>().0.iter();
    Ok(triples.map(|&[x, y, confidence]| Keypoint { x, y, z: 0.0, confidence }).collect())
}

pub(super) fn sureness(pose: &Pose) -> f32 {
    pose.body.iter().map(|joint| joint.confidence).sum()
}

/// The mean distance of the joints that both poses have; infinite when they share none.
fn distance(a: &Pose, b: &Pose) -> f32 {
    let shared = a.body.iter().zip(&b.body).filter(|(a, b)| a.is_drawn() && b.is_drawn());
    let (sum, count) =
        shared.fold((0.0, 0.0), |(sum, count), (a, b)| (sum + (a.x - b.x).hypot(a.y - b.y), count + 1.0));
    if count > 0.0 { sum / count } else { f32::INFINITY }
}
