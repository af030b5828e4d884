//! Computes the person's mask in a frame. The computation starts with the body network's coarse mask. The mask of the
//! selfie network corrects the border where it agrees with the coarse mask, and the picture itself determines the exact
//! edge.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture, Plane};

use crate::networks::blazepose::body::{BODY_SIDE, BodyEstimate};
use crate::person::guided_filter::{Coefficients, box_range, fit};
use crate::person::rotated_roi::{RotatedRoi, bilinear_value};

/// Number of cells on either side of the coarse edge in which the true edge is searched.
const BAND: usize = 4;
/// Colour variance (0..1 squared) below which a window counts as flat.
const EPSILON: f32 = 4e-4;
/// Coverage up to the first value becomes 0, and from the second on 1, because the fit blurs a little.
const CONTRAST: (f32, f32) = (0.2, 0.8);
/// Coverage below this counts as no person.
const LEAST: f32 = 0.05;
/// Separate parts that are smaller than this share of the largest one are dropped.
const LEAST_PART: f32 = 0.05;
/// Agreement (intersection over union) from which the selfie network starts to count, and from which it counts fully.
const AGREEMENT: (f32, f32) = (0.5, 0.8);

/// Combines the two coarse masks of a region, 256x256 each, and drops everything that is not the followed person.
pub fn coarse_mask(body: &BodyEstimate, selfie: Option<&Plane<f32>>) -> Plane<f32> {
    let joined = match selfie {
        Some(selfie) => joined(&body.mask, selfie),
        None => body.mask.clone(),
    };
    without_islands(&joined)
}

/// Inside the band around the body mask's edge, the selfie mask counts as much as the two agree elsewhere.
fn joined(body: &Plane<f32>, selfie: &Plane<f32>) -> Plane<f32> {
    assert_eq!(body.size(), selfie.size(), "coarse masks differ in size");
    let pairs = || body.cells().iter().zip(selfie.cells());
    let both = pairs().filter(|(body, selfie)| body.min(**selfie) > 0.5).count();
    let either = pairs().filter(|(body, selfie)| body.max(**selfie) > 0.5).count();
    let trust = ramp(both as f32 / either.max(1) as f32, AGREEMENT);
    let band = box_range(body, BAND);
    let cells = pairs().zip(band.cells()).map(|((body, selfie), [low, high])| {
        let mixed = body + 0.5 * trust * (selfie - body);
        mixed.clamp(*low, *high)
    });
    Plane::from_cells(body.width(), body.height(), cells.collect())
}

/// 0 below the first bound, 1 above the second, linear between them.
fn ramp(value: f32, (low, high): (f32, f32)) -> f32 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// Removes connected parts that are small compared with the largest.
fn without_islands(mask: &Plane<f32>) -> Plane<f32> {
    let (width, height) = mask.size();
    let mut part = vec![usize::MAX; width * height];
    let mut sizes = Vec::new();
    let mut open = Vec::new();
    for start in 0..width * height {
        if part[start] != usize::MAX || mask.cells()[start] < LEAST {
            continue;
        }
        let name = sizes.len();
        let mut size = 0.0;
        part[start] = name;
        open.push(start);
        while let Some(cell) = open.pop() {
            size += mask.cells()[cell];
            let (x, y) = (cell % width, cell / width);
            let beside = [(x > 0, cell.wrapping_sub(1)), (x + 1 < width, cell + 1)];
            let above = [(y > 0, cell.wrapping_sub(width)), (y + 1 < height, cell + width)];
            for (_, next) in beside.into_iter().chain(above).filter(|(exists, _)| *exists) {
                if part[next] == usize::MAX && mask.cells()[next] >= LEAST {
                    part[next] = name;
                    open.push(next);
                }
            }
        }
        sizes.push(size);
    }
    let largest = sizes.iter().copied().fold(0.0, f32::max);
    let kept = |part: usize| sizes.get(part).is_some_and(|size| *size >= LEAST_PART * largest);
    let cells = mask.cells().iter().zip(part).map(|(value, part)| if kept(part) { *value } else { 0.0 });
    Plane::from_cells(width, height, cells.collect())
}

/// The mask at frame size, 0..255, from a coarse mask over a region. Its edge follows the picture's. The edge is fitted
/// in a picture whose longest side has `working_side` pixels.
pub fn mask_at_frame_size(picture: &Picture, region: &RotatedRoi, coarse: &Plane<f32>, working_side: f32) -> Mask {
    let mut mask = Mask::filled(picture.width(), picture.height(), 0);
    let part = covered_part(picture, region, coarse);
    if part.is_empty() {
        return mask;
    }
    let (width, height) = (part.width as f32, part.height as f32);
    let scale = (working_side / width.max(height)).min(1.0);
    let size = |side: f32| ((side * scale).round() as usize).max(1);
    let (columns, rows) = (size(width), size(height));
    let (step_x, step_y) = (width / columns as f32, height / rows as f32);
    // A place of the small picture in frame coordinates.
    let place =
        |x: usize, y: usize| (part.x as f32 + (x as f32 + 0.5) * step_x, part.y as f32 + (y as f32 + 0.5) * step_y);
    let guide = Plane::from_fn(columns, rows, |x, y| mean_colour(picture, place(x, y), (step_x, step_y)));
    let small = Plane::from_fn(columns, rows, |x, y| {
        let (u, v) = region.region_from_frame(place(x, y));
        let inside = (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v);
        if inside { bilinear_value(coarse, u * BODY_SIDE as f32, v * BODY_SIDE as f32) } else { 0.0 }
    });
    let cell = region.side / BODY_SIDE as f32 * scale;
    let band = (BAND as f32 * cell).round().clamp(2.0, 24.0) as usize;
    let fitted = fit(&guide, &small, band, EPSILON);
    let range = box_range(&small, band);
    let near = |value: f32, side: usize| (value.max(0.0) as usize).min(side - 1);
    let places: Vec<f32> = (0..part.width).map(|x| (x as f32 + 0.5) / step_x).collect();
    let frame_width = picture.width();
    for y in 0..part.height as usize {
        let (row, down) = (part.y as usize + y, (y as f32 + 0.5) / step_y);
        let ranges = range.row(near(down, rows));
        let pixels = &picture.row(row)[part.x as usize..][..places.len()];
        let cells = &mut mask.cells_mut()[row * frame_width + part.x as usize..][..places.len()];
        for ((cell, pixel), across) in cells.iter_mut().zip(pixels).zip(&places) {
            let [low, high] = ranges[near(*across, columns)];
            // Away from the edge the mask stays as it is.
            let coverage = if low == high {
                low
            } else {
                let [red, green, blue] = pixel.map(|value| f32::from(value) / 255.0);
                let [a, b, c, d] = coefficients_at(&fitted, (*across, down));
                ramp(a * red + b * green + c * blue + d, CONTRAST).clamp(low, high)
            };
            *cell = (255.0 * coverage).round() as u8;
        }
    }
    mask
}

/// The part of the frame that the coarse mask may cover, with a margin for the band.
fn covered_part(picture: &Picture, region: &RotatedRoi, coarse: &Plane<f32>) -> Rect<Frame> {
    let (mut low, mut high) = ((f32::INFINITY, f32::INFINITY), (f32::NEG_INFINITY, f32::NEG_INFINITY));
    let side = BODY_SIDE as f32;
    for (index, _) in coarse.cells().iter().enumerate().filter(|(_, value)| **value >= LEAST) {
        let cell = ((index % BODY_SIDE) as f32 + 0.5, (index / BODY_SIDE) as f32 + 0.5);
        let (x, y) = region.frame_from_region((cell.0 / side, cell.1 / side));
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    if low.0 > high.0 {
        return Rect::new(0, 0, 0, 0);
    }
    let room = (BAND + 1) as f32 * region.side / side + 1.0;
    let (x, y) = ((low.0 - room).floor() as i32, (low.1 - room).floor() as i32);
    let (right, bottom) = ((high.0 + room).ceil() as i32, (high.1 + room).ceil() as i32);
    let wanted = Rect::new(x, y, (right - x) as u32, (bottom - y) as u32);
    wanted.intersection(&Rect::of_size(picture.width() as u32, picture.height() as u32))
}

/// Mean colour 0..1 of at most 3x3 pixels around a place.
fn mean_colour(picture: &Picture, place: (f32, f32), step: (f32, f32)) -> [f32; 3] {
    let samples = (step.0.max(step.1).round() as usize).clamp(1, 3);
    let mut sum = [0.0; 3];
    for index in 0..samples * samples {
        let offset = |index: usize, step: f32| ((index as f32 + 0.5) / samples as f32 - 0.5) * step;
        let x = (place.0 + offset(index % samples, step.0)).floor() as i32;
        let y = (place.1 + offset(index / samples, step.1)).floor() as i32;
        let seen = picture.get_clamped(x, y);
        sum.iter_mut().zip(seen).for_each(|(sum, value)| *sum += f32::from(value));
    }
    sum.map(|sum| sum / (255 * samples * samples) as f32)
}

/// The coefficients at a real-valued place of the small picture.
fn coefficients_at(fitted: &Coefficients, (x, y): (f32, f32)) -> [f32; 4] {
    let x = (x - 0.5).clamp(0.0, fitted.width() as f32 - 1.0);
    let y = (y - 0.5).clamp(0.0, fitted.height() as f32 - 1.0);
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(fitted.width() - 1), (top + 1).min(fitted.height() - 1));
    let (across, down) = (x - left as f32, y - top as f32);
    let (a, b) = (fitted.get(left, top), fitted.get(right, top));
    let (c, d) = (fitted.get(left, bottom), fitted.get(right, bottom));
    std::array::from_fn(|index| {
        let upper = a[index] + across * (b[index] - a[index]);
        let lower = c[index] + across * (d[index] - c[index]);
        upper + down * (lower - upper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disc(size: usize, radius: f32) -> Plane<f32> {
        let middle = size as f32 / 2.0;
        Plane::from_fn(size, size, |x, y| {
            let distance = (x as f32 + 0.5 - middle).hypot(y as f32 + 0.5 - middle);
            ramp(distance, (radius + 4.0, radius - 4.0))
        })
    }

    #[test]
    fn islands_go_and_large_parts_stay() {
        let mut mask = Plane::filled(20, 10, 0.0);
        for (left, width) in [(0, 8), (10, 4)] {
            for y in 0..8 {
                (left..left + width).for_each(|x| mask.set(x, y, 1.0));
            }
        }
        mask.set(19, 9, 1.0);
        let kept = without_islands(&mask);
        assert_eq!(kept.get(19, 9), 0.0);
        assert_eq!(kept.cells().iter().sum::<f32>(), 96.0);
    }

    #[test]
    fn the_selfie_mask_counts_only_near_the_edge_and_when_it_agrees() {
        let body = disc(BODY_SIDE, 60.0);
        let same = joined(&body, &disc(BODY_SIDE, 63.0));
        assert!(same.get(128 + 62, 128) > body.get(128 + 62, 128));
        let mut elsewhere = disc(BODY_SIDE, 60.0);
        elsewhere.set(4, 4, 1.0);
        assert_eq!(joined(&body, &elsewhere).get(4, 4), 0.0);
        let nothing = Plane::filled(BODY_SIDE, BODY_SIDE, 0.0);
        assert_eq!(joined(&body, &nothing), body);
    }

    #[test]
    fn the_frame_mask_follows_the_picture_and_stays_in_the_band() {
        // The true disc has a radius of 66 pixels, the coarse one of 60.
        let size = 256;
        let truth = |x: usize, y: usize| (x as f32 - 127.5).hypot(y as f32 - 127.5) < 62.0;
        let picture = Picture::from_fn(size, size, |x, y| if truth(x, y) { [230, 40, 40] } else { [30, 90, 200] });
        let region = RotatedRoi::around_frame(size, size);
        let coarse = disc(BODY_SIDE, 60.0);
        let mask = mask_at_frame_size(&picture, &region, &coarse, 384.0);
        let wrong = |mask: &Mask| {
            (0..size * size).filter(|index| (mask.cells()[*index] > 127) != truth(index % size, index / size)).count()
        };
        let rough = coarse.map(|value| (255.0 * value) as u8);
        assert!(wrong(&mask) * 2 < wrong(&rough), "{} against {}", wrong(&mask), wrong(&rough));
        assert_eq!((mask.get(2, 2), mask.get(128, 128)), (0, 255));
    }

    #[test]
    fn nobody_and_places_outside_the_frame_give_an_empty_mask() {
        let picture = Picture::filled(30, 20, [9; 3]);
        let region = RotatedRoi { centre: (-900.0, 0.0), side: 50.0, turn: 0.3 };
        let full = Plane::filled(BODY_SIDE, BODY_SIDE, 1.0);
        assert!(mask_at_frame_size(&picture, &region, &full, 384.0).cells().iter().all(|value| *value == 0));
        let nobody = Plane::filled(BODY_SIDE, BODY_SIDE, 0.0);
        let region = RotatedRoi::around_frame(30, 20);
        assert!(mask_at_frame_size(&picture, &region, &nobody, 384.0).cells().iter().all(|value| *value == 0));
    }
}
