//! Which of the regions around a click is meant.

use super::shape::Figures;

/// The expected overlap with what is meant.
pub(super) fn score(figures: &Figures) -> f32 {
    figures[3] * 0.3 + figures[4] - figures[6]
}
