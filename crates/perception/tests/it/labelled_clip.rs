//! Reads a clip with person masks and poses that were made beforehand.

use std::path::PathBuf;

use media::image_file::{load_mask, load_picture};
use media::picture::{Mask, Picture};
use serde::Deserialize;
use stuntdouble_perception::pose::{Joint, Keypoint, Pose};

/// For each of our joints, the landmark of the same name. The neck lies between the shoulders.
const LANDMARKS: [(Joint, usize); 17] = [
    (Joint::Nose, 0),
    (Joint::RightShoulder, 12),
    (Joint::RightElbow, 14),
    (Joint::RightWrist, 16),
    (Joint::LeftShoulder, 11),
    (Joint::LeftElbow, 13),
    (Joint::LeftWrist, 15),
    (Joint::RightHip, 24),
    (Joint::RightKnee, 26),
    (Joint::RightAnkle, 28),
    (Joint::LeftHip, 23),
    (Joint::LeftKnee, 25),
    (Joint::LeftAnkle, 27),
    (Joint::RightEye, 5),
    (Joint::LeftEye, 2),
    (Joint::RightEar, 8),
    (Joint::LeftEar, 7),
];

#[derive(Deserialize)]
struct PoseFile {
    /// For each frame 33 x [x, y, z, visibility], with x and y as shares of the frame.
    frames: Vec<Option<Vec<[f32; 4]>>>,
}

pub(crate) struct LabelledClip {
    folder: PathBuf,
    pub(crate) poses: Vec<Option<Pose>>,
    pub(crate) size: (usize, usize),
}

/// The folder of the clips, if available.
fn clips() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("STUNTDOUBLE_SHARED")?).join("data/clips");
    folder.is_dir().then_some(folder)
}

impl LabelledClip {
    /// None, with a message, if no clips are available.
    pub(crate) fn load(name: &str) -> Option<Self> {
        let Some(clips) = clips() else {
            #[expect(clippy::print_stderr, reason = "a skipped case is told")]
            {
                eprintln!("skipped: no clip `{name}`, STUNTDOUBLE_SHARED names no folder with `data/clips`");
            }
            return None;
        };
        let folder = clips.join(name);
        let text = std::fs::read_to_string(folder.join("pose.json")).unwrap();
        let file: PoseFile = serde_json::from_str(&text).unwrap();
        let size = load_mask(&folder.join("person_mask/00000.png"), None).unwrap().size();
        let poses = file.frames.into_iter().map(|frame| Some(pose(&frame?, size))).collect();
        Some(Self { folder, poses, size })
    }

    pub(crate) fn picture(&self, index: usize) -> Picture {
        load_picture(&self.folder.join(format!("frames/{index:05}.jpg"))).unwrap()
    }

    pub(crate) fn person(&self, index: usize) -> Mask {
        load_mask(&self.folder.join(format!("person_mask/{index:05}.png")), Some(self.size)).unwrap()
    }

    /// The first object's mask, if the clip has one.
    pub(crate) fn object(&self, index: usize) -> Option<Mask> {
        let path = self.folder.join(format!("object_mask/{index:05}.png"));
        path.exists().then(|| load_mask(&path, Some(self.size)).unwrap())
    }
}

fn pose(landmarks: &[[f32; 4]], size: (usize, usize)) -> Pose {
    let (width, height) = (size.0 as f32, size.1 as f32);
    let point = |index: usize| {
        let [x, y, z, confidence] = landmarks[index];
        Keypoint { x: x * width, y: y * height, z: z * width, confidence }
    };
    let mut pose = Pose::default();
    for (joint, landmark) in LANDMARKS {
        pose.body[joint as usize] = point(landmark);
    }
    let (right, left) = (point(12), point(11));
    pose.body[Joint::Neck as usize] = Keypoint {
        x: (right.x + left.x) / 2.0,
        y: (right.y + left.y) / 2.0,
        z: (right.z + left.z) / 2.0,
        confidence: right.confidence.min(left.confidence),
    };
    pose
}
