//! Removes the brightness step at the border of a filled region: spreads the difference at the border smoothly into the
//! region.

use media::picture::{Picture, Plane};

use super::distance::{bounds, distance_to};
use crate::push_pull::Scattered;

/// Width of the ring around the region in which the difference is measured, in pixels.
pub(super) const RING: f32 = 4.0;
/// Differences up to this always count, in levels.
const LEAST_LIMIT: f32 = 10.0;
/// If the mean difference at the border exceeds this, in levels, the layer shows another place.
pub(super) const WRONG: f32 = 42.0;
/// Depth in pixels at which half of the correction is left.
const FADE: f32 = 24.0;

/// Colours of a region of a picture.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) colours: Plane<[f32; 3]>,
    pub(super) known: Plane<bool>,
}

impl Layer {
    /// An empty layer.
    pub(super) fn empty((width, height): (usize, usize)) -> Self {
        Self { colours: Plane::filled(width, height, [0.0; 3]), known: Plane::filled(width, height, false) }
    }
}

/// Corrects `layer` inside `part` by its difference from `truth` on the ring around the part, where `valid`. Where the
/// difference exceeds `tolerance`, the layer shows something else and is discarded.
pub(super) fn blend(
    layer: &mut Layer,
    part: &Plane<bool>,
    truth: &Picture,
    tolerance: f32,
    valid: impl Fn(usize) -> bool,
) {
    let (width, height) = truth.size();
    let Some((left, top, right, bottom)) = bounds(part) else { return };
    let margin = RING as usize + 2;
    let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
    let (right, bottom) = ((right + margin).min(width), (bottom + margin).min(height));
    let (columns, rows) = (right - left, bottom - top);
    let whole = |index: usize| (top + index / columns) * width + left + index % columns;
    let outside = distance_to(columns, rows, |index| part.cells()[whole(index)]);
    let inside = distance_to(columns, rows, |index| !part.cells()[whole(index)]);
    let mut ring: Vec<(usize, [f32; 3])> = Vec::new();
    for index in 0..columns * rows {
        let (at, distance) = (whole(index), outside.cells()[index]);
        if distance > 0.0 && distance <= RING && layer.known.cells()[at] && valid(at) {
            let (found, expected) = (layer.colours.cells()[at], truth.cells()[at].map(f32::from));
            ring.push((index, std::array::from_fn(|channel| expected[channel] - found[channel])));
        }
    }
    if ring.is_empty() {
        return;
    }
    let size = |difference: &[f32; 3]| difference.iter().map(|value| value.abs()).sum::<f32>() / 3.0;
    let mut sizes: Vec<f32> = ring.iter().map(|(_, difference)| size(difference)).collect();
    sizes.sort_by(f32::total_cmp);
    // A value that differs much more than the median of the ring shows a remainder of what was removed, or another
    // place.
    let limit = (3.0 * sizes[sizes.len() / 2]).max(LEAST_LIMIT);
    let mut scattered = Scattered::empty(columns, rows);
    let mut misses = Scattered::empty(columns, rows);
    for (index, difference) in ring {
        let miss = size(&difference);
        let share = if miss > WRONG.max(1.5 * limit) { 0.0 } else { (limit / miss.max(limit)).powi(2) };
        scattered.put(index % columns, index / columns, difference, share);
        misses.put(index % columns, index / columns, [miss], 1.0);
    }
    let (correction, miss) = (scattered.spread(), misses.spread());
    for index in 0..columns * rows {
        let at = whole(index);
        if part.cells()[at] && layer.known.cells()[at] {
            if miss.cells()[index][0] > tolerance.max(1.5 * limit) {
                layer.known.cells_mut()[at] = false;
                continue;
            }
            let share = 0.5_f32.powf(inside.cells()[index] / FADE);
            for (value, change) in layer.colours.cells_mut()[at].iter_mut().zip(correction.cells()[index]) {
                *value += share * change;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_disappears_and_equal_borders_change_nothing() {
        let truth = Picture::filled(20, 20, [100; 3]);
        let part = Plane::from_fn(20, 20, |x, y| (6..14).contains(&x) && (6..14).contains(&y));
        let layer =
            |value: f32| Layer { colours: Plane::filled(20, 20, [value; 3]), known: Plane::filled(20, 20, true) };
        let mut same = layer(100.0);
        blend(&mut same, &part, &truth, WRONG, |index| !part.cells()[index]);
        assert_eq!(same.colours, layer(100.0).colours);
        let mut darker = layer(92.0);
        blend(&mut darker, &part, &truth, WRONG, |index| !part.cells()[index]);
        assert!((darker.colours.get(6, 9)[0] - 99.7).abs() < 0.5, "{:?}", darker.colours.get(6, 9));
        assert_eq!(darker.colours.get(5, 9), [92.0; 3]);
    }

    #[test]
    fn bounds_are_tight() {
        assert_eq!(bounds(&Plane::from_fn(9, 9, |x, y| x == 3 && (2..5).contains(&y))), Some((3, 2, 4, 5)));
        assert_eq!(bounds(&Plane::filled(3, 3, false)), None);
    }
}
