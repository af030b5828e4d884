//! Defines the compared methods of finding a prop from one click, and computes their masks.

use media::picture::{Mask, Picture};
use perception::agreement::overlap;
use perception::objects::prompt::Target;
use perception::objects::{ObjectFrame, ObjectTracker};
use perception::pose::Pose;

use crate::object_tracks::clips::{Click, area};

/// Frames that show fewer pixels of the prop are not counted, unless they show none at all.
const COUNTED: usize = 16;

/// A way of finding the prop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// A disc of the true area at the click.
    Disc,
    /// A box of the true size around the click.
    Box,
    /// Our mask of the clicked frame, never moved.
    Still,
    /// Everything but the person.
    Complement,
    /// The segmenter.
    Ours,
    /// The segmenter from the true mask of the clicked frame.
    Followed,
    /// The segmenter from the true box of the clicked frame.
    FromBox,
}

impl Row {
    pub(crate) const ALL: [Self; 7] =
        [Self::Disc, Self::Box, Self::Complement, Self::Still, Self::Ours, Self::FromBox, Self::Followed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disc => "disc of the true area at the click",
            Self::Box => "box of the true size at the click",
            Self::Still => "mask of the clicked frame, never moved",
            Self::Complement => "everything but the person",
            Self::Ours => "**one click**",
            Self::Followed => "true mask of that frame, followed",
            Self::FromBox => "true box in that frame",
        }
    }
}

/// A clip as it is seen.
pub(crate) struct Seen<'a> {
    pub(crate) frames: &'a [Picture],
    pub(crate) persons: &'a [Mask],
    pub(crate) poses: Vec<Option<&'a Pose>>,
    pub(crate) objects: &'a [Mask],
}

impl Seen<'_> {
    fn frame(&self, index: usize) -> ObjectFrame {
        let picture = &self.frames[index];
        ObjectFrame::new(picture, &self.persons[index], self.poses[index], picture.size())
    }

    /// The masks of a row, with the scores where it has any.
    pub(crate) fn masks(&self, row: Row, click: Click) -> Vec<(Mask, f32)> {
        let truth = &self.objects[click.frame];
        let (width, height) = truth.size();
        let (x, y) = (click.place.0 as f32, click.place.1 as f32);
        let same = |mask: Mask| vec![(mask, 0.0); self.frames.len()];
        let all = |inside: &dyn Fn(f32, f32) -> bool| {
            Mask::from_fn(width, height, |column, row| if inside(column as f32 - x, row as f32 - y) { 255 } else { 0 })
        };
        match row {
            Row::Disc => {
                let radius = (area(truth) as f32 / std::f32::consts::PI).sqrt();
                same(all(&|dx, dy| dx.hypot(dy) <= radius))
            }
            Row::Box => {
                let (left, top, right, bottom) = bounds(truth);
                let (half_width, half_height) = ((right - left) as f32 / 2.0, (bottom - top) as f32 / 2.0);
                same(all(&|dx, dy| dx.abs() <= half_width && dy.abs() <= half_height))
            }
            Row::Complement => self.persons.iter().map(|person| (person.map(|cell| 255 - cell), 0.0)).collect(),
            Row::Still => {
                let begun = ObjectTracker::begin(&self.frame(click.frame), point(click), &[]);
                same(begun.map_or_else(|| truth.map(|_| 0), |(_, found)| found.mask))
            }
            Row::Ours => self.tracked(click, |frame| ObjectTracker::begin(frame, point(click), &[])),
            Row::FromBox => {
                let (left, top, right, bottom) = bounds(truth);
                let (x, y, width, height) = (left as f32, top as f32, (right - left) as f32, (bottom - top) as f32);
                self.tracked(click, |frame| ObjectTracker::begin(frame, Target::Box { x, y, width, height }, &[]))
            }
            Row::Followed => self.tracked(click, |frame| {
                let found = perception::objects::ObjectMask { mask: truth.clone(), score: 1.0 };
                Some((ObjectTracker::begin_with(frame, truth)?, found))
            }),
        }
    }

    /// Both ways from the clicked frame.
    fn tracked(
        &self,
        click: Click,
        begin: impl Fn(&ObjectFrame) -> Option<(ObjectTracker, perception::objects::ObjectMask)>,
    ) -> Vec<(Mask, f32)> {
        let mut masks = vec![(self.objects[0].map(|_| 0), 0.0); self.frames.len()];
        let Some((tracker, found)) = begin(&self.frame(click.frame)) else { return masks };
        masks[click.frame] = (found.mask, found.score);
        let mut forwards = tracker.clone();
        for (index, mask) in masks.iter_mut().enumerate().skip(click.frame + 1) {
            let found = forwards.follow(&self.frame(index), &[]);
            *mask = (found.mask, found.score);
        }
        let mut backwards = tracker;
        for (index, mask) in masks.iter_mut().enumerate().take(click.frame).rev() {
            let found = backwards.follow(&self.frame(index), &[]);
            *mask = (found.mask, found.score);
        }
        masks
    }

    /// Overlap in each frame that counts.
    pub(crate) fn overlaps(&self, masks: &[(Mask, f32)]) -> Vec<(usize, f64)> {
        let each = masks.iter().zip(self.objects).enumerate().filter_map(|(index, ((mask, _), truth))| {
            let visible = truth.cells().iter().filter(|&&cell| cell > 0).count();
            if visible > 0 && area(truth) < COUNTED {
                return None;
            }
            Some((index, overlap(mask, truth).map_or(1.0, |found| found.iou)))
        });
        each.collect()
    }
}

fn point(click: Click) -> Target {
    Target::Point { x: click.place.0 as f32 + 0.5, y: click.place.1 as f32 + 0.5 }
}

/// Left, top, right and bottom of a mask.
pub(crate) fn bounds(mask: &Mask) -> (usize, usize, usize, usize) {
    let (mut left, mut top, mut right, mut bottom) = (mask.width(), mask.height(), 0, 0);
    for y in 0..mask.height() {
        for x in (0..mask.width()).filter(|&x| mask.get(x, y) > 127) {
            (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
        }
    }
    (left, top, right, bottom)
}
