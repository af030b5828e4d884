//! Reads the labels of one clip.

use std::error::Error;
use std::path::Path;

use perception::agreement::KnownJoints;
use perception::pose::Joint;
use serde::Deserialize;

/// The smallest visibility at which a labelled joint counts.
const VISIBLE: f32 = 0.5;
/// The BlazePose points whose midpoint each of our joints is.
const SOURCES: [&[usize]; Joint::COUNT] = [
    &[0],
    &[11, 12],
    &[12],
    &[14],
    &[16],
    &[11],
    &[13],
    &[15],
    &[24],
    &[26],
    &[28],
    &[23],
    &[25],
    &[27],
    &[5],
    &[2],
    &[8],
    &[7],
];

#[derive(Deserialize)]
struct Meta {
    width: f32,
    height: f32,
    frames: usize,
    fps_approx: f64,
    gt_mask_covers: Option<String>,
}

#[derive(Deserialize)]
struct Poses {
    frames: Vec<Option<Vec<[f32; 4]>>>,
}

/// The labels of a clip.
pub(crate) struct Labels {
    pub(crate) frames: usize,
    pub(crate) fps: f64,
    pub(crate) truth_covers: String,
    size: (f32, f32),
    poses: Poses,
}

impl Labels {
    pub(crate) fn load(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let meta: Meta = serde_json::from_slice(&std::fs::read(folder.join("meta.json"))?)?;
        let poses: Poses = serde_json::from_slice(&std::fs::read(folder.join("pose.json"))?)?;
        let truth_covers = meta.gt_mask_covers.unwrap_or_default();
        let size = (meta.width, meta.height);
        Ok(Self { frames: meta.frames, fps: meta.fps_approx, truth_covers, size, poses })
    }

    /// The first labelled frame and the middle of the hips in it.
    pub(crate) fn first_place(&self) -> Option<(usize, (f32, f32))> {
        (0..self.frames).find_map(|frame| {
            let points = self.poses.frames.get(frame)?.as_ref()?;
            let (left, right) = (points.get(23)?, points.get(24)?);
            Some((frame, ((left[0] + right[0]) / 2.0 * self.size.0, (left[1] + right[1]) / 2.0 * self.size.1)))
        })
    }

    /// The visible joints of a frame.
    pub(crate) fn joints(&self, frame: usize) -> Option<KnownJoints> {
        let points = self.poses.frames.get(frame)?.as_ref()?;
        let middle = |sources: &[usize]| {
            let share = 1.0 / sources.len() as f32;
            let mut place = (0.0, 0.0);
            for source in sources {
                let [x, y, ..] = *points.get(*source)?;
                place = (place.0 + share * x * self.size.0, place.1 + share * y * self.size.1);
            }
            Some(place)
        };
        let visible = |sources: &[usize]| sources.iter().all(|source| points[*source][3] >= VISIBLE);
        let ((x, y), (hip_x, hip_y)) = (middle(&[11, 12])?, middle(&[23, 24])?);
        let places = SOURCES.map(|sources| middle(sources).filter(|_| visible(sources)));
        Some(KnownJoints { places, torso: (x - hip_x).hypot(y - hip_y) })
    }
}
