//! Selects the frames that are held in memory to fill holes. Frames ahead of the current frame are dense and evenly
//! spaced; past frames become sparser with their age.

use super::observation::Observation;

/// A bounded set of frames, in order.
#[derive(Default)]
pub(super) struct Keyframes {
    held: Vec<Observation>,
}

impl Keyframes {
    /// Adds the next frame. If there are more than `most`, drops the least useful one. `current` is the frame being
    /// processed.
    pub(super) fn push(&mut self, frame: Observation, current: usize, most: usize) {
        self.held.push(frame);
        if self.held.len() > most {
            let least = (0..self.held.len() - 1)
                .min_by(|&a, &b| self.gap(a, current).total_cmp(&self.gap(b, current)))
                .unwrap_or(0);
            self.held.remove(least);
        }
    }

    /// The gap in time that the removal of a frame would leave, scaled down for older frames.
    fn gap(&self, place: usize, current: usize) -> f32 {
        let index = self.held[place].index;
        let before = if place > 0 { self.held[place - 1].index } else { index.saturating_sub(2) };
        let after = self.held.get(place + 1).map_or(index + 2, |next| next.index);
        let age = current.saturating_sub(index) as f32;
        (after - before) as f32 / (1.0 + age / 24.0)
    }

    /// All held frames.
    pub(super) fn held(&self) -> &[Observation] {
        &self.held
    }
}
