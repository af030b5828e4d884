//! Makes neighbouring pixels of similar colour agree: mean-field inference on a grid with contrast-sensitive weights.

use std::ops::Range;

use super::look::{Look, difference};

/// Rounds of agreement.
const ROUNDS: usize = 10;
/// How much of each round's answer is taken.
const DAMPING: f32 = 0.7;

/// A part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Window {
    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.columns.len(), self.rows.len())
    }

    /// Every place of the window, row by row.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (columns, rows) = (self.columns.clone(), self.rows.clone());
        rows.flat_map(move |y| columns.clone().map(move |x| (x, y)))
    }
}

/// The probability that a log odds stands for.
pub(super) fn probability(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

/// Turns the log odds of each pixel of a window into probabilities on which neighbours of one colour agree; `strength` is how
/// many log odds eight neighbours together may weigh.
///
/// # Panics
/// When there is not one value a pixel.
pub(super) fn relaxed(look: &Look, window: &Window, odds: &[f32], strength: f32) -> Vec<f32> {
    const STEPS: [(usize, usize, bool); 4] = [(1, 0, false), (0, 1, false), (1, 1, false), (1, 1, true)];
    let (width, height) = window.size();
    assert_eq!(odds.len(), width * height, "{} values for {width}x{height}", odds.len());
    // 1. Pairs with their weights.
    let mut pairs: Vec<(u32, u32, f32)> = Vec::with_capacity(4 * odds.len());
    let mut sum = 0.0;
    for y in 0..height {
        for x in 0..width {
            for (right, down, mirrored) in STEPS {
                let (left, other) = if mirrored { (x + 1, x) } else { (x, x + right) };
                if left.max(other) >= width || y + down >= height {
                    continue;
                }
                let at = |x: usize, y: usize| look.colours.get(window.columns.start + x, window.rows.start + y);
                let apart = difference(at(left, y), at(other, y + down));
                sum += apart;
                pairs.push(((y * width + left) as u32, ((y + down) * width + other) as u32, apart));
            }
        }
    }
    let usual = 2.0 * (sum / pairs.len().max(1) as f32).max(4.0);
    for pair in &mut pairs {
        pair.2 = strength / 8.0 * (0.08 + 0.92 * (-pair.2 / usual).exp());
    }
    // 2. Rounds.
    let mut answer: Vec<f32> = odds.iter().map(|&odds| probability(odds)).collect();
    let mut field = vec![0.0; odds.len()];
    for _ in 0..ROUNDS {
        field.copy_from_slice(odds);
        for &(one, other, weight) in &pairs {
            let (one, other) = (one as usize, other as usize);
            field[one] += weight * (2.0 * answer[other] - 1.0);
            field[other] += weight * (2.0 * answer[one] - 1.0);
        }
        for (answer, field) in answer.iter_mut().zip(&field) {
            *answer += DAMPING * (probability(*field) - *answer);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::picture::{Mask, Picture};

    #[test]
    fn a_pixel_in_doubt_follows_neighbours_of_its_colour() {
        // Left half dark, right half bright; one pixel of each half says nothing.
        let picture = Picture::from_fn(12, 6, |x, _| if x < 6 { [20; 3] } else { [220; 3] });
        let look = Look::of(&picture, &Mask::filled(12, 6, 0), None, (12, 6));
        let window = Window { columns: 0..12, rows: 0..6 };
        let silent = [(5, 3), (6, 3)];
        let odds: Vec<f32> = window
            .places()
            .map(|place| {
                if silent.contains(&place) {
                    0.0
                } else if place.0 < 6 {
                    2.0
                } else {
                    -2.0
                }
            })
            .collect();
        let answer = relaxed(&look, &window, &odds, 3.0);
        assert!(answer[3 * 12 + 5] > 0.8 && answer[3 * 12 + 6] < 0.2, "{} {}", answer[3 * 12 + 5], answer[3 * 12 + 6]);
        // Without agreement each pixel keeps its own probability.
        let alone = relaxed(&look, &window, &odds, 0.0);
        assert!((alone[0] - probability(2.0)).abs() < 1e-3 && (alone[3 * 12 + 5] - 0.5).abs() < 1e-6);
    }
}
