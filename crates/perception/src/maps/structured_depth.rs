//! Computes structured depth: how near each drawn limb is, only on the pixels of the skeleton map (paper 3.4).
//!
//! By default, the depth of a bone's two joints is interpolated along the bone and drawn with the strokes of the
//! skeleton map. Where limbs cross, the nearer limb is drawn. If a depth map of the whole picture is given, its values
//! at the skeleton's pixels are used instead. Values are then normalised between the farthest and the nearest skeleton
//! pixel of the clip: 1 = nearest, [`FARTHEST`] = farthest, 0 = no skeleton. The paper does not say over which frames
//! it normalises. We normalise over a clip, because normalising each frame separately causes flicker.

use std::collections::VecDeque;

use media::picture::{DepthMap, Picture, Plane};
use serde::{Deserialize, Serialize};

use crate::maps::skeleton::SkeletonStyle;
use crate::maps::stroke::strokes;
use crate::pose::Pose;

/// The value of the farthest skeleton pixel, well separated from 0, which means "no skeleton here".
pub const FARTHEST: f32 = 0.1;

/// The frames over which depth is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DepthSpread {
    /// Over all frames given together.
    #[default]
    PerClip,
    /// In each frame separately.
    PerFrame,
}

/// The nearness of each skeleton pixel of one frame in any unit; minus infinity elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct SkeletonNearness {
    /// Larger = nearer; minus infinity = no skeleton.
    cells: Plane<f32>,
}

/// The farthest and the nearest skeleton pixel of some frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DepthSpan {
    /// The least nearness.
    pub farthest: f32,
    /// The largest nearness.
    pub nearest: f32,
}

impl DepthSpan {
    /// The span that contains both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { farthest: self.farthest.min(other.farthest), nearest: self.nearest.max(other.nearest) }
    }

    /// The span of some frames; none when none of their pixels has a skeleton.
    pub fn of<'a>(frames: impl IntoIterator<Item = &'a SkeletonNearness>) -> Option<Self> {
        let known = frames.into_iter().flat_map(|frame| frame.cells.cells()).filter(|cell| cell.is_finite());
        known.fold(None, |span: Option<Self>, &cell| {
            let (farthest, nearest) = span.map_or((cell, cell), |span| (span.farthest, span.nearest));
            Some(Self { farthest: farthest.min(cell), nearest: nearest.max(cell) })
        })
    }
}

impl SkeletonNearness {
    /// Draws the depth of the joints along the bones. The pose's points are in pixels of the map.
    pub fn from_joints(pose_in_region: &Pose, width: usize, height: usize, style: &SkeletonStyle) -> Self {
        let mut cells = Plane::filled(width, height, f32::NEG_INFINITY);
        for stroke in strokes(pose_in_region, width, height, style) {
            let depth = |z: f32| if z.is_finite() { z } else { 0.0 };
            let (from, to) = (depth(stroke.from.z), depth(stroke.to.z));
            stroke.visit(width, height, |x, y, share| {
                let nearness = -(from + share * (to - from));
                if nearness > cells.get(x, y) {
                    cells.set(x, y, nearness);
                }
            });
        }
        Self { cells }
    }

    /// Cuts the skeleton's pixels out of a depth map, where larger is nearer and values of 0 or less are unknown.
    /// Skeleton pixels of unknown depth take the value of the nearest pixel of known depth, measured along the
    /// skeleton.
    ///
    /// # Panics
    /// When the two differ in size.
    pub fn from_map(depth: &DepthMap, skeleton: &Picture) -> Self {
        assert_eq!(depth.size(), skeleton.size(), "depth of {:?}, skeleton of {:?}", depth.size(), skeleton.size());
        let (width, height) = depth.size();
        let mut cells = Plane::filled(width, height, f32::NEG_INFINITY);
        let drawn = |index: usize| skeleton.cells()[index] != [0; 3];
        let mut front = VecDeque::new();
        for (index, &value) in depth.cells().iter().enumerate() {
            if drawn(index) && value.is_finite() && value > 0.0 {
                cells.cells_mut()[index] = value;
                front.push_back(index);
            }
        }
        while let Some(index) = front.pop_front() {
            let (x, y) = (index % width, index / width);
            let value = cells.cells()[index];
            let around = [
                (x > 0).then(|| index - 1),
                (x + 1 < width).then(|| index + 1),
                (y > 0).then(|| index - width),
                (y + 1 < height).then(|| index + width),
            ];
            for next in around.into_iter().flatten() {
                if drawn(next) && cells.cells()[next] == f32::NEG_INFINITY {
                    cells.cells_mut()[next] = value;
                    front.push_back(next);
                }
            }
        }
        // A limb without any known depth gets the middle value.
        let known = DepthSpan::of([&Self { cells: cells.clone() }]);
        let middle = known.map_or(0.0, |span| (span.farthest + span.nearest) / 2.0);
        for (index, cell) in cells.cells_mut().iter_mut().enumerate() {
            if drawn(index) && *cell == f32::NEG_INFINITY {
                *cell = middle;
            }
        }
        Self { cells }
    }

    /// Normalises the values over `span`: 1 = nearest, [`FARTHEST`] = farthest, 0 = no skeleton. When all depths are
    /// equal, for example because none is known, all values are 1.
    pub fn spread(&self, span: DepthSpan) -> Plane<f32> {
        let range = span.nearest - span.farthest;
        self.cells.map(|cell| {
            if cell == f32::NEG_INFINITY {
                0.0
            } else if range > 0.0 {
                FARTHEST + (1.0 - FARTHEST) * ((cell - span.farthest) / range).clamp(0.0, 1.0)
            } else {
                1.0
            }
        })
    }
}

/// Structured depth of a clip, one plane for each frame, with the values of [`SkeletonNearness::spread`].
pub fn structured_depth(frames: &[SkeletonNearness], spread: DepthSpread) -> Vec<Plane<f32>> {
    let nothing = DepthSpan { farthest: 0.0, nearest: 0.0 };
    let all = DepthSpan::of(frames).unwrap_or(nothing);
    let own = |frame| DepthSpan::of([frame]).unwrap_or(nothing);
    frames
        .iter()
        .map(|frame| match spread {
            DepthSpread::PerClip => frame.spread(all),
            DepthSpread::PerFrame => frame.spread(own(frame)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::skeleton::draw_skeleton;
    use crate::pose::{Joint, Keypoint};
    use proptest::prelude::*;

    fn at(x: f32, y: f32, z: f32) -> Keypoint {
        Keypoint { x, y, z, confidence: 1.0 }
    }

    /// A right arm from the shoulder at (4, 16) to the elbow at (28, 16).
    fn arm(shoulder_z: f32, elbow_z: f32) -> Pose {
        let mut pose = Pose::default();
        pose.body[Joint::RightShoulder as usize] = at(4.0, 16.0, shoulder_z);
        pose.body[Joint::RightElbow as usize] = at(28.0, 16.0, elbow_z);
        pose
    }

    fn of(pose: &Pose) -> SkeletonNearness {
        SkeletonNearness::from_joints(pose, 32, 32, &SkeletonStyle::default())
    }

    #[test]
    fn depth_runs_along_the_bone() {
        let depth = &structured_depth(&[of(&arm(-8.0, 8.0))], DepthSpread::PerClip)[0];
        assert_eq!(depth.get(3, 15), 1.0);
        assert!((depth.get(28, 15) - FARTHEST).abs() < 1e-6);
        assert!((depth.get(15, 15) - 0.55).abs() < 0.03, "{}", depth.get(15, 15));
        assert_eq!(depth.get(15, 25), 0.0);
    }

    #[test]
    fn the_nearer_limb_wins() {
        let mut pose = arm(5.0, 5.0);
        pose.body[Joint::LeftHip as usize] = at(16.0, 4.0, -5.0);
        pose.body[Joint::LeftKnee as usize] = at(16.0, 28.0, -5.0);
        let behind = pose.map(|point| Keypoint { z: -point.z, ..point });
        let value = |pose: &Pose| structured_depth(&[of(pose)], DepthSpread::PerClip)[0].get(16, 16);
        assert_eq!((value(&pose), value(&behind)), (1.0, 1.0));
        let cross = |pose: &Pose| structured_depth(&[of(pose)], DepthSpread::PerClip)[0].get(16, 8);
        assert_eq!((cross(&pose), cross(&behind)), (1.0, FARTHEST));
    }

    #[test]
    fn a_clip_shares_one_range_and_a_frame_can_have_its_own() {
        let frames = [of(&arm(-8.0, 0.0)), of(&arm(0.0, 8.0)), of(&Pose::default())];
        let clip = structured_depth(&frames, DepthSpread::PerClip);
        assert_eq!(clip[0].get(3, 15), 1.0);
        assert!((clip[1].get(3, 15) - (FARTHEST + 0.45)).abs() < 1e-6);
        assert!(clip[2].cells().iter().all(|&cell| cell == 0.0));
        let frame = structured_depth(&frames, DepthSpread::PerFrame);
        assert_eq!(frame[1].get(3, 15), 1.0);
        // No depth is known at all: the skeleton is present, and all values are equal.
        assert_eq!(structured_depth(&[of(&arm(0.0, 0.0))], DepthSpread::PerClip)[0].get(15, 15), 1.0);
    }

    #[test]
    fn a_map_is_cut_to_the_skeleton_and_its_holes_are_filled() {
        let skeleton = Picture::from_fn(6, 1, |x, _| if x == 3 { [0; 3] } else { [9, 0, 0] });
        let map = DepthMap::from_cells(6, 1, vec![0.0, 2.0, f32::NAN, 8.0, 0.0, 4.0]);
        let depth = SkeletonNearness::from_map(&map, &skeleton);
        assert_eq!(depth.cells.cells(), [2.0, 2.0, 2.0, f32::NEG_INFINITY, 4.0, 4.0]);
        let unknown = SkeletonNearness::from_map(&DepthMap::filled(6, 1, 0.0), &skeleton);
        assert_eq!(structured_depth(&[unknown], DepthSpread::PerClip)[0].cells(), [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn covers_exactly_the_skeleton_map(
            places in prop::collection::vec((-10.0_f32..60.0, -10.0_f32..60.0, -20.0_f32..20.0, 0.0_f32..1.0), 18),
        ) {
            let mut pose = Pose::default();
            for (joint, (x, y, z, confidence)) in pose.body.iter_mut().zip(places) {
                *joint = Keypoint { x, y, z, confidence };
            }
            let style = SkeletonStyle::default();
            let map = draw_skeleton(&pose, 48, 40, &style);
            let nearness = SkeletonNearness::from_joints(&pose, 48, 40, &style);
            let depth = &structured_depth(&[nearness], DepthSpread::PerClip)[0];
            for (&pixel, &value) in map.cells().iter().zip(depth.cells()) {
                prop_assert_eq!(pixel != [0; 3], value > 0.0);
                prop_assert!((0.0..=1.0).contains(&value) && (value == 0.0 || value >= FARTHEST - 1e-6));
            }
        }
    }
}
