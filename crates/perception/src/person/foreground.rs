//! Computes the pure colours of a cut-out. The background that shows through partly covered pixels is removed. Beyond
//! the edge, the character's colours are extended, so that interpolation between pixels never mixes in the background.

use media::crop::{crop, paste};
use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture, Plane};

use crate::mask::bounding_box;
use crate::person::guided_filter::box_mean;

/// Window sizes of the two estimates of foreground and background colours, a wide one and then a close one, as shares
/// of the longest side of the character's box.
const WINDOWS: [f32; 2] = [0.03, 0.006];
/// Smallest radius of each in pixels.
const LEAST_WINDOWS: [f32; 2] = [10.0, 3.0];
/// Below this coverage (of 255), a pixel's own colour is unreliable.
const LEAST: u8 = 24;
/// From this coverage on, a pixel keeps its colour.
const WHOLE: u8 = 252;
/// Below this mean coverage there is no usable colour.
const TRACE: f32 = 1e-4;

/// Removes the background from partly covered pixels. With `I = a F + (1 - a) B`, each pixel's `F` is the mean
/// foreground of its surroundings, corrected by the pixel's own colour (blur fusion, Forte 2021).
///
/// # Panics
/// When picture and mask differ in size.
pub fn without_background(picture: &Picture, mask: &Mask) -> Picture {
    assert_eq!(picture.size(), mask.size(), "picture and mask differ in size");
    let Some(part) = part_of(mask) else { return picture.clone() };
    let (seen, coverage) = (crop(picture, part), crop(mask, part));
    let longest = part.width.max(part.height) as f32;
    let seen: Vec<[f32; 3]> = seen.cells().iter().map(|pixel| pixel.map(f32::from)).collect();
    let alphas: Vec<f32> = coverage.cells().iter().map(|value| f32::from(*value) / 255.0).collect();
    let (mut fronts, mut backs) = (seen.clone(), seen.clone());
    for (window, least) in WINDOWS.into_iter().zip(LEAST_WINDOWS) {
        let radius = (window * longest).round().max(least) as usize;
        let weighted = (0..seen.len()).map(|at| {
            let (front, back, alpha) = (fronts[at], backs[at], alphas[at]);
            let [a, b, c] = front.map(|value| value * alpha);
            let [d, e, f] = back.map(|value| value * (1.0 - alpha));
            [a, b, c, d, e, f, alpha]
        });
        let means = box_mean(&Plane::from_cells(coverage.width(), coverage.height(), weighted.collect()), radius);
        for (at, [a, b, c, d, e, f, covered]) in means.cells().iter().copied().enumerate() {
            let front = [a, b, c].map(|sum| sum / covered.max(TRACE));
            let back = [d, e, f].map(|sum| sum / (1.0 - covered).max(TRACE));
            let alpha = alphas[at];
            fronts[at] = std::array::from_fn(|channel| {
                let missing = seen[at][channel] - alpha * front[channel] - (1.0 - alpha) * back[channel];
                (front[channel] + alpha * missing).clamp(0.0, 255.0)
            });
            backs[at] = back;
        }
    }
    let partly = |value: u8| value > 0 && value < WHOLE;
    let cells = fronts.iter().zip(&seen).zip(coverage.cells()).map(|((front, seen), covered)| {
        let colour = if partly(*covered) { front } else { seen };
        colour.map(|value| (value + 0.5) as u8)
    });
    let mut result = picture.clone();
    let patch = Plane::from_cells(coverage.width(), coverage.height(), cells.collect());
    paste(&mut result, &patch, part.x, part.y);
    result
}

/// Replaces the colours of hardly covered pixels, up to `reach` pixels beyond the edge, by those of the nearest covered
/// pixels.
///
/// # Panics
/// When picture and mask differ in size.
pub fn extended(picture: &Picture, mask: &Mask, reach: usize) -> Picture {
    assert_eq!(picture.size(), mask.size(), "picture and mask differ in size");
    let Some(found) = bounding_box::<Frame>(mask) else { return picture.clone() };
    let part = widened(found, reach + 1, mask.size());
    let (seen, coverage) = (crop(picture, part), crop(mask, part));
    let mut filled = seen.clone();
    let mut open: Vec<usize> = (0..coverage.cells().len()).filter(|at| coverage.cells()[*at] < LEAST).collect();
    // Well covered pixels count most.
    let known = |value: u8| if value < LEAST { 0.0 } else { (f32::from(value) / 255.0).powi(2) };
    let cells = seen.cells().iter().zip(coverage.cells()).map(|(pixel, value)| {
        let share = known(*value);
        let [red, green, blue] = pixel.map(|value| f32::from(value) * share);
        [red, green, blue, share]
    });
    let weighted = Plane::from_cells(seen.width(), seen.height(), cells.collect());
    let mut radius = 1;
    while !open.is_empty() {
        let means = box_mean(&weighted, radius);
        open.retain(|&at| {
            let [red, green, blue, share] = means.cells()[at];
            if share > TRACE * 0.1 {
                filled.cells_mut()[at] = [red, green, blue].map(|sum| (sum / share + 0.5).clamp(0.0, 255.0) as u8);
            }
            share <= TRACE * 0.1
        });
        if radius >= reach {
            break;
        }
        radius = (2 * radius).min(reach);
    }
    let mut result = picture.clone();
    paste(&mut result, &filled, part.x, part.y);
    result
}

/// The rectangle around a mask, with a margin for the wide window.
fn part_of(mask: &Mask) -> Option<Rect<Frame>> {
    let found = bounding_box::<Frame>(mask)?;
    let room = (WINDOWS[0] * found.width.max(found.height) as f32).max(LEAST_WINDOWS[0]).ceil() as usize + 2;
    Some(widened(found, room, mask.size()))
}

/// A rectangle with a margin, inside a picture.
pub(crate) fn widened(area: Rect<Frame>, room: usize, (width, height): (usize, usize)) -> Rect<Frame> {
    let (x, y) = (area.x - room as i32, area.y - room as i32);
    let wide = Rect::new(x, y, area.width + 2 * room as u32, area.height + 2 * room as u32);
    wide.intersection(&Rect::of_size(width as u32, height as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 3] = [200, 40, 30];
    const GREEN: [u8; 3] = [20, 220, 60];

    /// A red disc with a soft edge in front of green, and its true mask.
    fn scene() -> (Picture, Mask) {
        let mask = Mask::from_fn(96, 80, |x, y| {
            let distance = (x as f32 - 47.5).hypot(y as f32 - 39.5);
            (255.0 * ((26.0 - distance) / 6.0).clamp(0.0, 1.0)) as u8
        });
        let mixed = |alpha: u8| {
            let share = f32::from(alpha) / 255.0;
            std::array::from_fn(|c| (share * f32::from(RED[c]) + (1.0 - share) * f32::from(GREEN[c])) as u8)
        };
        (mask.map(mixed), mask)
    }

    fn off(one: [u8; 3], other: [u8; 3]) -> u8 {
        one.iter().zip(other).map(|(one, other)| one.abs_diff(other)).max().unwrap_or(0)
    }

    #[test]
    fn the_background_leaves_the_edge() {
        let (picture, mask) = scene();
        let clean = extended(&without_background(&picture, &mask), &mask, 6);
        for (index, covered) in mask.cells().iter().enumerate() {
            let (x, y) = (index % 96, index / 96);
            let distance = (x as f32 - 47.5).hypot(y as f32 - 39.5);
            if distance < 31.0 {
                assert!(off(clean.get(x, y), RED) < 25, "({x}, {y}), covered {covered}: {:?}", clean.get(x, y));
            }
            if distance > 36.0 {
                assert_eq!(clean.get(x, y), GREEN, "({x}, {y})");
            }
        }
    }

    #[test]
    fn an_empty_mask_changes_nothing() {
        let (picture, _) = scene();
        let nothing = Mask::filled(96, 80, 0);
        assert_eq!(extended(&without_background(&picture, &nothing), &nothing, 6), picture);
    }

    #[test]
    fn colours_of_clear_pixels_do_not_bleed() {
        let mask = Mask::from_fn(20, 20, |x, _| if x < 10 { 255 } else { 0 });
        let picture = mask.map(|covered| if covered > 0 { [250; 3] } else { [0; 3] });
        let clean = extended(&picture, &mask, 4);
        assert_eq!((clean.get(12, 5), clean.get(18, 5)), ([250; 3], [0; 3]));
    }
}
