//! Finds objects in use, such as a ball, a racket or a tray, without a prompt, even if the person's mask covers them.
//!
//! 1. `palette`, `body`, `appearance` learn colours while the plate maker looks ahead. The body's colours come from pixels near
//!    the bones. The objects' colours come from pixels of the mask that are near a hand and far outside the limbs.
//! 2. `evidence` assigns each pixel that differs from the plate to the body or to an object, by its position and colour.
//! 3. `pieces` keeps a connected piece of pixels if it is more than a fringe and either starts at a hand or continues
//!    an object of the previous frame.

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

/// From these odds on, a pixel trains the objects' colours.
const LEARNED: f32 = 1.0;

/// The input for one frame.
#[derive(Debug, Clone, Copy)]
pub struct InUseInput<'a> {
    /// The source frame.
    pub source: &'a Picture,
    /// The frame without the person and without the surroundings of its hands.
    pub plate: &'a PlateFrame,
    /// Coverage by the driving person.
    pub person: &'a Mask,
    /// The driving person's pose.
    pub pose: Option<&'a Pose>,
    /// True at the first frame of a shot.
    pub starts_shot: bool,
}

/// Finds objects in use, frame by frame. Pass every frame twice, in order: first to [`look`](Self::look), which can run
/// ahead, and then to [`objects`](Self::objects).
#[derive(Debug, Default)]
pub struct InUse {
    /// The colours of the current shot, and of shots ahead of it.
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

    /// Coverage by objects in use; none if there are none.
    ///
    /// # Panics
    /// When the sizes differ.
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
