//! Holds a remembered frame, and computes its votes for the pixels of another frame. Each pixel takes the coverage of
//! the most similar pixels near the position from which it moved.

use std::sync::Arc;

use media::picture::Plane;

use super::look::{Look, difference};
use super::motion::Affine;
use super::relax::Window;

/// How far from the expected place similar pixels are looked for.
const REACH: i32 = 3;
/// Mean squared difference of colours at which a pixel's vote has fallen to a third.
const SIMILAR: f32 = 60.0;
/// The same for its distance in pixels.
const NEAR: f32 = 2.0;

/// Coverages that differ by less say the same.
const ALIKE: f32 = 0.02;

/// A frame whose coverage by the object is known.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) look: Arc<Look>,
    /// How surely each pixel is the object's, 0..=1.
    pub(super) coverage: Plane<f32>,
}

impl Memory {
    /// What this frame says about the pixels of a window of another one; `motion` leads from here to there.
    pub(super) fn votes(&self, look: &Look, motion: &Affine, window: &Window) -> Vec<f32> {
        let back = motion.inverse();
        let near: Vec<(i32, i32, f32)> = (-REACH..=REACH)
            .flat_map(|dy| (-REACH..=REACH).map(move |dx| (dx, dy)))
            .map(|(dx, dy)| (dx, dy, (dx * dx + dy * dy) as f32 / (2.0 * NEAR * NEAR)))
            .collect();
        window
            .places()
            .map(|(x, y)| {
                let (column, row) = back.apply((x as f32, y as f32));
                let (column, row) = (column.round() as i32, row.round() as i32);
                // Far inside and far outside all votes are the same.
                let nearest = self.covered(column, row);
                let differs =
                    |&(dx, dy, _): &(i32, i32, f32)| (self.covered(column + dx, row + dy) - nearest).abs() > ALIKE;
                if !near.iter().any(differs) {
                    return nearest;
                }
                let (mut sum, mut weights) = (0.0, 1e-6);
                for &(dx, dy, far) in &near {
                    let (from_x, from_y) = (column + dx, row + dy);
                    let apart = self.apart((from_x, from_y), look, (x as i32, y as i32));
                    let weight = (-apart / SIMILAR - far).max(-30.0).exp();
                    weights += weight;
                    sum += weight * self.covered(from_x, from_y);
                }
                // Where nothing is alike, place alone counts.
                (sum + 1e-6 * nearest) / weights
            })
            .collect()
    }

    fn covered(&self, x: i32, y: i32) -> f32 {
        let (width, height) = self.coverage.size();
        let inside = x >= 0 && y >= 0 && x < width as i32 && y < height as i32;
        if inside { self.coverage.get(x as usize, y as usize) } else { 0.0 }
    }

    /// Mean squared difference of the pixels and their four neighbours.
    fn apart(&self, (x, y): (i32, i32), look: &Look, (there_x, there_y): (i32, i32)) -> f32 {
        const CROSS: [(i32, i32); 5] = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)];
        let sum: f32 = CROSS
            .iter()
            .map(|&(dx, dy)| {
                let own = self.look.colours.get_clamped(x + dx, y + dy);
                difference(own, look.colours.get_clamped(there_x + dx, there_y + dy))
            })
            .sum();
        sum / CROSS.len() as f32
    }
}
