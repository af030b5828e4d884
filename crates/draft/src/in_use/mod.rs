//! Objects in use without a prompt: a ball, a racket, a tray, although the person's mask covers them.
//!
//! 1. `palette`, `body`, `appearance`: while the plate maker looks ahead, the colours of each group of the body's parts are
//!    learned near the bones, and those of what the mask covers far outside of the limbs and near a hand.
//! 2. `evidence`: a pixel that differs from the plate is the body's or an object's, by its place and colour.
//! 3. `pieces`: connected pixels are kept when they are no fringe and begin at a hand, or go on from the frame before.

mod appearance;
mod body;
mod evidence;
mod palette;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use media::picture::{Mask, Picture};
use perception::pose::Pose;

use crate::plate::PlateFrame;
use appearance::Appearance;
use body::Body;
use evidence::evidence;
use pieces::{Followed, pieces};

/// Odds from which a pixel teaches an object's colours.
const LEARNED: f32 = 1.0;

/// A frame in which objects are looked for.
#[derive(Debug, Clone, Copy)]
pub struct InUseInput<'a> {
    /// The frame as it is.
    pub source: &'a Picture,
    /// The frame without the person and without what is near its hands.
    pub plate: &'a PlateFrame,
    /// Coverage by the driving person.
    pub person: &'a Mask,
    /// The driving person's pose.
    pub pose: Option<&'a Pose>,
    /// True at the first frame of a shot.
    pub starts_shot: bool,
}

/// Finds objects in use, frame by frame. Every frame is given twice, in order: to [`look`](Self::look), which may lead, and
/// to [`objects`](Self::objects).
#[derive(Debug, Default)]
pub struct InUse {
    /// Of the current shot and of those that were looked at and are still to come.
    shots: VecDeque<Appearance>,
    followed: Vec<Followed>,
    begun: bool,
}

impl InUse {
    /// Learns from the next frame.
    pub fn look(&mut self, picture: &Picture, person: &Mask, pose: Option<&Pose>, starts_shot: bool) {
        if starts_shot || self.shots.is_empty() {
            self.shots.push_back(Appearance::default());
        }
        if let Some((shot, pose)) = self.shots.back_mut().zip(pose) {
            shot.look(picture, person, pose);
        }
    }

    /// Coverage by objects in use; none where there are none.
    ///
    /// # Panics
    /// When sizes differ.
    pub fn objects(&mut self, input: &InUseInput<'_>) -> Option<Mask> {
        let size = input.source.size();
        assert_eq!(input.plate.picture.size(), size, "plate {:?}, frame {size:?}", input.plate.picture.size());
        if input.starts_shot && self.begun {
            self.shots.pop_front();
            self.followed.clear();
        }
        self.begun = true;
        let appearance = self.shots.front_mut()?;
        let body = Body::of(input.pose?, size, &appearance.widths)?;
        let evidence = evidence(input, &body, &appearance.colours())?;
        let found = pieces(&evidence, &body, &self.followed);
        let mut mask = Mask::filled(size.0, size.1, 0);
        for piece in &found {
            for &index in &piece.cells {
                if evidence.plate_seen(index) && evidence.odds[index] > LEARNED {
                    appearance.found(input.source.cells()[index]);
                }
                mask.cells_mut()[index] = evidence.coverage(index);
            }
        }
        self.followed = Followed::next(&self.followed, &found);
        mask.cells().iter().any(|&coverage| coverage > 0).then_some(mask)
    }
}
