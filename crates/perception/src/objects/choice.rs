//! Scores how likely a region around a click is the intended object, with a small network on the region's features. The
//! network was fitted on rendered props.

mod weights;

use super::relax::probability;
use super::shape::Figures;
use weights::{FIRST, FIRST_BIAS, LAST, LAST_BIAS, SECOND, SECOND_BIAS};

/// The overlap with what is meant that is expected, 0..=1.
pub(super) fn score(figures: &Figures) -> f32 {
    let first = layer(&FIRST, &FIRST_BIAS, figures);
    let second = layer(&SECOND, &SECOND_BIAS, &first);
    probability(LAST_BIAS + product(&LAST, &second))
}

/// A linear layer followed by ReLU.
fn layer<const IN: usize, const OUT: usize>(
    weights: &[[f32; IN]; OUT],
    bias: &[f32; OUT],
    from: &[f32; IN],
) -> [f32; OUT] {
    std::array::from_fn(|unit| (bias[unit] + product(&weights[unit], from)).max(0.0))
}

fn product(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
