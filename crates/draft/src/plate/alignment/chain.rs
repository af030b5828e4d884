//! Tracks the camera frame by frame. Each frame is aligned with a reference frame of its shot, as long as both frames
//! show enough of the same scene. Errors therefore accumulate once per reference frame instead of once per frame.

use crate::plate::alignment::features::Features;
use crate::plate::alignment::homography::Homography;
use crate::plate::alignment::motion::{coarse_shift, motion};
use crate::plate::view::View;

/// The reference changes when less than this share of its corners agrees.
const LEAST_AGREEMENT: f64 = 0.55;
/// The reference changes when the picture has moved by more than this share of its width.
const FARTHEST: f64 = 0.25;
/// Below this visible share of a frame, the camera is assumed to continue as before.
const LEAST_VISIBLE: f32 = 0.03;

/// The camera pose of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::plate) struct Pose {
    /// Frames of different chains show different scenes, or could not be aligned.
    pub(in crate::plate) chain: usize,
    /// Maps a place in this frame to the chain's reference frame.
    pub(in crate::plate) scene_from_frame: Homography,
}

struct Reference {
    view: View,
    features: Features,
    pose: Pose,
}

/// Tracks the camera through a video.
#[derive(Default)]
pub(in crate::plate) struct Chain {
    chains: usize,
    reference: Option<Reference>,
    /// The last frame, its pose, and the map from the reference to it.
    last: Option<(View, Pose, Homography)>,
}

impl Chain {
    /// The pose of the next frame.
    pub(in crate::plate) fn push(&mut self, view: View, starts_shot: bool) -> Pose {
        let pose = if starts_shot { None } else { self.follow(&view) };
        pose.unwrap_or_else(|| self.begin(view))
    }

    /// Starts a new chain with this frame.
    fn begin(&mut self, view: View) -> Pose {
        self.chains += 1;
        let pose = Pose { chain: self.chains, scene_from_frame: Homography::IDENTITY };
        self.reference = Some(Reference { features: Features::of(&view), view: view.clone(), pose });
        self.last = Some((view, pose, Homography::IDENTITY));
        pose
    }

    fn follow(&mut self, view: &View) -> Option<Pose> {
        let reference = self.reference.as_ref()?;
        let (last, last_pose, last_from_reference) = self.last.as_ref()?;
        if view.size() != last.size() {
            return None;
        }
        if view.visible_share < LEAST_VISIBLE || last.visible_share < LEAST_VISIBLE {
            let kept = (*last_pose, *last_from_reference);
            self.last = Some((view.clone(), kept.0, kept.1));
            return Some(kept.0);
        }
        let step = coarse_shift(last, view);
        let guess = last_from_reference.then(&step)?;
        let direct = motion(&reference.features, &reference.view, view, &guess).filter(|found| {
            found.agreement >= LEAST_AGREEMENT && found.map.largest_shift(view.size()) < FARTHEST * view.size().0 as f64
        });
        if let Some(found) = direct {
            let scene_from_frame = match found.map == Homography::IDENTITY {
                true => reference.pose.scene_from_frame,
                false => found.map.inverse()?.then(&reference.pose.scene_from_frame)?,
            };
            let pose = Pose { scene_from_frame, ..reference.pose };
            self.last = Some((view.clone(), pose, found.map));
            return Some(pose);
        }
        let (last, last_pose, _) = self.last.take()?;
        let features = Features::of(&last);
        let found = motion(&features, &last, view, &step)?;
        let scene_from_frame = match found.map == Homography::IDENTITY {
            true => last_pose.scene_from_frame,
            false => found.map.inverse()?.then(&last_pose.scene_from_frame)?,
        };
        let pose = Pose { scene_from_frame, ..last_pose };
        self.reference = Some(Reference { view: last, features, pose: last_pose });
        self.last = Some((view.clone(), pose, found.map));
        Some(pose)
    }
}
