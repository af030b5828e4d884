//! Stabilises the mask over time: removes flicker where the picture is static, and leaves moving edges unchanged.

use media::picture::{Mask, Picture, Plane};

use crate::person::guided_filter::box_mean;

/// Stabilises the mask where the picture is static. A moving edge is left unchanged, so the mask does not lag.
#[derive(Debug, Default)]
pub struct MaskSteadiness {
    last: Option<(Plane<u8>, Mask)>,
}

/// Largest weight of the previous mask.
const HOLD: f32 = 0.6;
/// Change of brightness, 0..255, at which the previous mask counts e times less.
const STILL: f32 = 4.0;
/// Side of the windows in which change is measured, as a share of the frame's longer side.
const WINDOW: f32 = 0.01;

impl MaskSteadiness {
    /// Takes the mask of a frame and returns the stabilised one.
    pub fn steady(&mut self, picture: &Picture, mask: Mask) -> Mask {
        let brightness =
            picture.map(|[red, green, blue]| ((u16::from(red) + 2 * u16::from(green) + u16::from(blue)) / 4) as u8);
        let last = self.last.take().filter(|(last, _)| last.size() == brightness.size());
        let steady = match last {
            Some((last, last_mask)) => mixed(&brightness, &last, mask, &last_mask),
            None => mask,
        };
        self.last = Some((brightness, steady.clone()));
        steady
    }

    /// Forgets the previous frame. Call this when the person was lost or at a scene cut.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

fn mixed(brightness: &Plane<u8>, last: &Plane<u8>, mut mask: Mask, last_mask: &Mask) -> Mask {
    let differs = |index: usize| mask.cells()[index] != last_mask.cells()[index];
    let width = mask.width();
    let rows: Vec<usize> = (0..mask.height()).filter(|y| (0..width).any(|x| differs(y * width + x))).collect();
    let (Some(first), Some(end)) = (rows.first().copied(), rows.last().map(|row| row + 1)) else { return mask };
    // Only the rows in which the masks differ matter.
    let radius = ((WINDOW * mask.width().max(mask.height()) as f32).round() as usize).max(1);
    let (top, bottom) = (first.saturating_sub(radius), (end + radius).min(mask.height()));
    let change = Plane::from_fn(width, bottom - top, |x, y| {
        let index = (top + y) * width + x;
        [f32::from(brightness.cells()[index].abs_diff(last.cells()[index]))]
    });
    let change = box_mean(&change, radius);
    for y in first..end {
        for x in 0..width {
            let index = y * width + x;
            let (now, before) = (f32::from(mask.cells()[index]), f32::from(last_mask.cells()[index]));
            if now == before {
                continue;
            }
            let [change] = change.get(x, y - top);
            let hold = HOLD * (-(change / STILL).powi(2)).exp();
            mask.cells_mut()[index] = (now + hold * (before - now)).round() as u8;
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn still_places_are_steadied_and_moving_ones_are_not() {
        let still = Picture::filled(40, 40, [100; 3]);
        let mut steadiness = MaskSteadiness::default();
        steadiness.steady(&still, Mask::filled(40, 40, 200));
        assert_eq!(steadiness.steady(&still, Mask::filled(40, 40, 100)).get(20, 20), 160);
        let moved = Picture::filled(40, 40, [160; 3]);
        assert_eq!(steadiness.steady(&moved, Mask::filled(40, 40, 100)).get(20, 20), 100);
    }
}
