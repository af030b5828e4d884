//! Fills the hole from the frames that show the background there, with a weighted median over time.

use media::picture::{Picture, Plane};
use rayon::prelude::*;

use super::distance::distance_to;
use super::observation::{Observation, near_distance};
use super::sample::{cubic, linear};
use super::seam::Layer;
use super::sources::Source;
use crate::plate::alignment::homography::{Homography, Place};

/// Values this close to the median are averaged with it, in levels.
const NEAR: f32 = 5.0;
/// A sample that differs from the previous plate by this much is favoured half, in levels.
const STEADY: f32 = 10.0;
/// Half the width of what counts as a sliver, in pixels.
const SLIVER: f32 = 3.0;

impl Layer {
    /// Removes spots and slivers of known pixels inside the hole that are less than a few pixels wide. They more often
    /// show a remainder of the moving object than the scene.
    pub(super) fn without_slivers(mut self, hidden: impl Fn(usize) -> bool) -> Self {
        let unknown = self.known.cells().iter().enumerate().map(|(index, known)| hidden(index) && !known).collect();
        let (width, height) = self.known.size();
        let unknown = Plane::from_cells(width, height, unknown);
        if !unknown.cells().contains(&true) {
            return self;
        }
        let depth = near_distance(&unknown);
        let core = distance_to(width, height, |index| depth.cells()[index] > SLIVER);
        for index in 0..width * height {
            if hidden(index) && core.cells()[index] > SLIVER + 1.0 {
                self.known.cells_mut()[index] = false;
            }
        }
        self
    }
}

/// Computes the pixels of the hole, and those at most `reach` pixels around it, from the sources. If the camera moves,
/// samples that agree with the plate `before` count more, so that choices do not flicker.
pub(super) fn fill_hole(
    target: &Observation,
    sources: &[Source<'_>],
    before: Option<(&Picture, Homography)>,
    reach: f32,
) -> Layer {
    let before = before.filter(|(_, map)| *map != Homography::IDENTITY);
    let (width, _) = target.size();
    let mut layer = Layer::empty(target.size());
    let rows = layer.colours.cells_mut().par_chunks_mut(width);
    let known = layer.known.cells_mut().par_chunks_mut(width);
    rows.zip(known).enumerate().for_each(|(y, (colours, known))| {
        let mut samples: Vec<([f32; 3], f32)> = Vec::with_capacity(sources.len());
        for x in 0..width {
            if target.distance.get(x, y) > reach {
                continue;
            }
            samples.clear();
            for source in sources {
                let place = source.place(x, y);
                if let Some(distance) = source.frame.shows(place) {
                    // Next to the source's hole, a cubic filter would mix in what is to be removed.
                    let sample = if distance >= 2.0 { cubic } else { linear };
                    let colour = source.exposed(sample(&source.frame.picture, place.0, place.1));
                    samples.push((colour, source.weight(x, y, distance)));
                }
            }
            if let Some((plate, map)) = &before {
                favour(&mut samples, plate, map.apply((x as f64, y as f64)));
            }
            if !samples.is_empty() {
                colours[x] = std::array::from_fn(|channel| middle(&samples, channel));
                known[x] = true;
            }
        }
    });
    layer
}

/// Raises the weights of samples that resemble the previous plate.
fn favour(samples: &mut [([f32; 3], f32)], plate: &Picture, (x, y): Place) {
    if samples.len() < 2 || x < 0.0 || y < 0.0 || x > plate.width() as f64 - 1.0 || y > plate.height() as f64 - 1.0 {
        return;
    }
    let expected = linear(plate, x, y);
    for (colour, weight) in samples {
        let difference: f32 = colour.iter().zip(expected).map(|(a, b)| (a - b).abs()).sum::<f32>() / 3.0;
        *weight *= 0.3 + 1.0 / (1.0 + (difference / STEADY).powi(2));
    }
}

/// The weighted median of a channel, averaged with the values near it.
fn middle(samples: &[([f32; 3], f32)], channel: usize) -> f32 {
    let mut order: Vec<(f32, f32)> = samples.iter().map(|(colour, weight)| (colour[channel], *weight)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = order.iter().map(|sample| sample.1).sum::<f32>() / 2.0;
    let mut below = 0.0;
    let mut median = order[order.len() - 1].0;
    for &(value, weight) in &order {
        below += weight;
        if below >= half {
            median = value;
            break;
        }
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for (value, weight) in order {
        if (value - median).abs() <= NEAR {
            sum += weight * (value - median);
            weights += weight;
        }
    }
    if weights > 0.0 { median + sum / weights } else { median }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_forgotten_and_wide_parts_stay() {
        let mut layer = Layer::empty((40, 20));
        layer.known = Plane::from_fn(40, 20, |x, y| x < 14 || ((26..30).contains(&x) && (8..12).contains(&y)));
        let kept = layer.without_slivers(|_| true);
        assert!(!kept.known.get(27, 9));
        assert!(kept.known.get(3, 3) && kept.known.get(12, 10));
    }

    #[test]
    fn the_median_ignores_the_odd_one_out_and_weighs() {
        let grey = |value: f32, weight: f32| ([value; 3], weight);
        assert_eq!(middle(&[grey(10.0, 1.0), grey(200.0, 1.0), grey(12.0, 1.0)], 0), 11.0);
        assert_eq!(middle(&[grey(10.0, 1.0), grey(200.0, 5.0), grey(12.0, 1.0)], 0), 200.0);
        assert_eq!(middle(&[grey(77.0, 0.3)], 1), 77.0);
    }
}
