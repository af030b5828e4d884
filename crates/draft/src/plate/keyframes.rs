//! The frames that are held to fill holes from: dense and even ahead of the frame at work, sparser the longer ago.

use super::observation::Observation;

/// A bounded set of frames, in their order.
#[derive(Default)]
pub(super) struct Keyframes {
    held: Vec<Observation>,
}

impl Keyframes {
    /// Takes in the next frame and drops the least useful one when there are more than `most`; `current` is the frame at
    /// work.
    pub(super) fn push(&mut self, frame: Observation, current: usize, most: usize) {
        self.held.push(frame);
        if self.held.len() > most {
            let least = (0..self.held.len() - 1)
                .min_by(|&a, &b| self.gap(a, current).total_cmp(&self.gap(b, current)))
                .unwrap_or(0);
            self.held.remove(least);
        }
    }

    /// The hole in time that a frame's removal would leave, smaller the longer ago it is.
    fn gap(&self, place: usize, current: usize) -> f32 {
        let index = self.held[place].index;
        let before = if place > 0 { self.held[place - 1].index } else { index.saturating_sub(2) };
        let after = self.held.get(place + 1).map_or(index + 2, |next| next.index);
        let age = current.saturating_sub(index) as f32;
        (after - before) as f32 / (1.0 + age / 24.0)
    }

    /// All of them.
    pub(super) fn held(&self) -> &[Observation] {
        &self.held
    }
}
