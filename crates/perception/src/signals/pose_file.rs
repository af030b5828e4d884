//! Reads and writes `pose.json`, which contains the poses of a whole video, with one line per frame, and `null` for
//! frames without a person.

use std::io::Read;
use std::path::Path;

use media::file::{open, write_atomic};
use serde::Deserialize;

use super::SignalsError;
use crate::pose::{FACE_POINTS, FOOT_POINTS, HAND_POINTS, Pose};

const FORMAT: &str = "stuntdouble-pose-1";

/// The poses of a video in pixels of its frames.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PoseTrack {
    /// Columns of a frame.
    pub width: usize,
    /// Rows of a frame.
    pub height: usize,
    /// One entry for each frame; none where nobody is seen.
    pub frames: Vec<Option<Pose>>,
}

/// Reads a `pose.json`.
///
/// # Errors
/// [`SignalsError::File`], [`SignalsError::MalformedPose`], [`SignalsError::NonFinite`], [`SignalsError::PointCount`].
pub fn load_poses(path: &Path) -> Result<PoseTrack, SignalsError> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let text = read(path)?;
    let malformed =
        |failed: serde_json::Error| SignalsError::MalformedPose { path: path.into(), reason: failed.to_string() };
    let head: Head = serde_json::from_str(&text).map_err(malformed)?;
    if head.format != FORMAT {
        let reason = format!("its format is `{}`, expected `{FORMAT}`", head.format);
        return Err(SignalsError::MalformedPose { path: path.into(), reason });
    }
    let track: PoseTrack = serde_json::from_str(&text).map_err(malformed)?;
    for (index, pose) in track.frames.iter().enumerate() {
        if let Some(pose) = pose {
            check(path, index, pose)?;
        }
    }
    Ok(track)
}

/// Writes a `pose.json`, completely or not at all.
///
/// # Errors
/// [`SignalsError::NonFinite`], [`SignalsError::File`] when the file cannot be written.
pub fn save_poses(path: &Path, track: &PoseTrack) -> Result<(), SignalsError> {
    let mut text =
        format!("{{\"format\":\"{FORMAT}\",\"width\":{},\"height\":{},\"frames\":[", track.width, track.height);
    for (index, pose) in track.frames.iter().enumerate() {
        if let Some(pose) = pose {
            check(path, index, pose)?;
        }
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        let line = serde_json::to_string(pose);
        text +=
            &line.map_err(|failed| SignalsError::MalformedPose { path: path.into(), reason: failed.to_string() })?;
    }
    text.push_str("\n]}\n");
    if let Some(folder) = path.parent() {
        let unwritable = |source| SignalsError::Unwritable { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    Ok(write_atomic(path, text.as_bytes())?)
}

pub(super) fn read(path: &Path) -> Result<String, SignalsError> {
    // An hour of poses with hands and face needs about half of that.
    const MOST: u64 = 1 << 30;
    let malformed = |reason| SignalsError::MalformedPose { path: path.into(), reason };
    let mut bytes = Vec::new();
    let file = open(path)?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|source| media::Error::reading(path, source))?;
    if bytes.len() as u64 > MOST {
        return Err(malformed(format!("it has more than {MOST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8 text".to_owned()))
}

fn check(path: &Path, index: usize, pose: &Pose) -> Result<(), SignalsError> {
    for (list, found, expected, label) in [
        ("`right_hand`", pose.right_hand.len(), HAND_POINTS, "21 points or none"),
        ("`left_hand`", pose.left_hand.len(), HAND_POINTS, "21 points or none"),
        ("`face`", pose.face.len(), FACE_POINTS, "68 points or none"),
        ("`right_foot`", pose.right_foot.len(), FOOT_POINTS, "2 points or none"),
        ("`left_foot`", pose.left_foot.len(), FOOT_POINTS, "2 points or none"),
    ] {
        if found != 0 && found != expected {
            return Err(SignalsError::PointCount { path: path.into(), list, found, expected: label });
        }
    }
    let finite = pose.points().all(|point| [point.x, point.y, point.z, point.confidence].iter().all(|v| v.is_finite()));
    if finite { Ok(()) } else { Err(SignalsError::NonFinite { path: path.into(), index }) }
}
