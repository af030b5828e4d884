//! Holds the measurements of frames, and computes summary values from them.

use perception::agreement::{KnownJoints, Mean, overlap, region_move};
use perception::perceiver::PerceivedFrame;
use perception::pose::{Joint, Pose};
use serde::Serialize;
use stage::Take;

/// The truth's confidence is 1 where nothing lies in front of a joint, and 0.5 where something does.
const VISIBLE: f32 = 0.9;
/// Groups of body joints, as indices of [`Joint`].
const PARTS: [&[usize]; 4] = [&[0, 14, 15, 16, 17], &[1, 2, 5, 8, 11], &[3, 4, 6, 7], &[9, 10, 12, 13]];
/// Each joint's counterpart on the other side of the body.
const OTHER_SIDE: [usize; Joint::COUNT] = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16];

/// The measurements of frames, in one clip or in many. [`Figures`] explains each.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    clips: usize,
    frames: usize,
    seen: usize,
    exchanged: usize,
    right: Vec<f64>,
    errors: [Vec<f64>; 4],
    drops: [Vec<f64>; Joint::COUNT],
    ious: Vec<f64>,
    thing: Vec<f64>,
    moves: Vec<f64>,
}

/// Figures of one clip or of many. Shares are 0..=1, errors are in torso lengths; `None` = nothing to measure.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) clips: usize,
    pub(crate) frames: usize,
    /// Share of frames in which a person is seen.
    pub(crate) seen: f64,
    /// Share of visible joints within 0.2 torso lengths. All joints are wrong where nobody is seen.
    pub(crate) pck: Option<f64>,
    /// Mean and median errors of head, trunk, arms, legs where a person is seen.
    pub(crate) errors: [Option<f64>; 4],
    pub(crate) middle_errors: [Option<f64>; 4],
    /// Median of how far below its true place each joint is perceived, in torso lengths, indexed by [`Joint`]. It shows
    /// where the network defines a joint differently from the rig.
    pub(crate) drops: [Option<f64>; Joint::COUNT],
    /// Share of the frames with a person in which swapping left and right more than halves the error.
    pub(crate) exchanged: Option<f64>,
    /// IoU with the exact mask over all frames, and its 10th percentile.
    pub(crate) mask_iou: Option<f64>,
    pub(crate) mask_iou_tenth: Option<f64>,
    /// Share of the pixels of the held prop that our mask counts as person.
    pub(crate) thing_taken: Option<f64>,
    /// Largest shift of the region's centre between frames, in sides.
    pub(crate) largest_move: Option<f64>,
}

impl Measured {
    /// One clip whose frames are added one by one.
    pub(crate) fn of_clip() -> Self {
        Self { clips: 1, ..Self::default() }
    }

    /// Adds a frame. Returns its share of correct joints plus its mask IoU.
    pub(crate) fn add(
        &mut self,
        take: &Take,
        index: usize,
        signals: &PerceivedFrame,
        before: Option<&PerceivedFrame>,
    ) -> f64 {
        self.frames += 1;
        let known = KnownJoints::from_pose(&take.poses[index], VISIBLE);
        let right: Vec<f64> = known.judged(signals.pose.as_ref()).into_iter().map(f64::from).collect();
        if let Some(pose) = &signals.pose {
            self.seen += 1;
            let errors = known.errors(pose);
            for (list, part) in self.errors.iter_mut().zip(PARTS) {
                list.extend(part.iter().filter_map(|joint| errors[*joint]).map(f64::from));
            }
            for ((list, place), seen) in self.drops.iter_mut().zip(known.places).zip(pose.body) {
                list.extend(place.map(|(_, y)| f64::from((seen.y - y) / known.torso)));
            }
            let exchanged = Pose { body: OTHER_SIDE.map(|joint| pose.body[joint]), ..Pose::default() };
            let sum = |errors: [Option<f32>; Joint::COUNT]| errors.into_iter().flatten().sum::<f32>();
            self.exchanged += usize::from(2.0 * sum(known.errors(&exchanged)) < sum(errors));
        }
        let iou = overlap(&signals.person, &take.person[index]).map(|overlap| overlap.iou);
        self.ious.extend(iou);
        self.thing.extend(overlap(&take.object[index], &signals.person).and_then(|overlap| overlap.inside));
        if let (Some(before), Some(now), false) = (before.and_then(|one| one.region), signals.region, signals.is_new) {
            self.moves.push(f64::from(region_move(&before, &now)));
        }
        let score = mean(&right).unwrap_or(1.0) + iou.unwrap_or(1.0);
        self.right.extend(right);
        score
    }

    /// Adds all measurements of another one.
    pub(crate) fn join(&mut self, other: &Self) {
        self.clips += other.clips;
        self.frames += other.frames;
        self.seen += other.seen;
        self.exchanged += other.exchanged;
        self.right.extend(&other.right);
        self.errors.iter_mut().zip(&other.errors).for_each(|(all, more)| all.extend(more));
        self.drops.iter_mut().zip(&other.drops).for_each(|(all, more)| all.extend(more));
        self.ious.extend(&other.ious);
        self.thing.extend(&other.thing);
        self.moves.extend(&other.moves);
    }

    /// Computes the figures.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            clips: self.clips,
            frames: self.frames,
            seen: self.seen as f64 / self.frames as f64,
            pck: mean(&self.right),
            errors: self.errors.each_ref().map(|list| mean(list)),
            middle_errors: self.errors.each_ref().map(|list| above(list, 0.5)),
            drops: self.drops.each_ref().map(|list| above(list, 0.5)),
            exchanged: (self.seen > 0).then(|| self.exchanged as f64 / self.seen as f64),
            mask_iou: mean(&self.ious),
            mask_iou_tenth: above(&self.ious, 0.1),
            thing_taken: mean(&self.thing),
            largest_move: above(&self.moves, 1.0),
        }
    }
}

impl Figures {
    /// The quality of a clip's perception as one number, 0..=2.
    pub(crate) fn score(&self) -> f64 {
        self.pck.unwrap_or(1.0) + self.mask_iou.unwrap_or(1.0)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    mean.extend(values.iter().copied());
    mean.value()
}

/// The quantile `share` of the values.
fn above(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().max(1) - 1) as f64 * share).round() as usize).copied()
}
