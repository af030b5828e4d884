//! Estimates the dominant homography between two frames.

use crate::plate::alignment::features::Features;
use crate::plate::alignment::homography::{Homography, Pair};
use crate::plate::view::View;

/// With fewer agreeing corners than this, no homography is determined.
const LEAST_PAIRS: usize = 12;
/// Number of random triples tried.
const TRIALS: usize = 200;
/// A corner that stays within this many pixels has not moved.
const STILL: f64 = 0.35;
/// If this share of the agreeing corners has not moved, the camera stands still.
const STILL_SHARE: f64 = 0.9;
/// Number of cells along each side of a frame. A cell without corners gets a weak support.
const SUPPORTS: usize = 5;
/// Weight of the support of an empty cell, in corners.
const SUPPORT: f64 = 0.004;
/// Frames with at most this mean difference, in levels, show the same view.
const SAME: f32 = 0.6;
/// Frames without corners count as the same view up to this mean difference.
const ALIKE: f32 = 4.0;

/// A map between frames, and how well it holds.
#[derive(Debug, Clone, Copy)]
pub(in crate::plate) struct Motion {
    /// Maps a place in the first frame to the second.
    pub(in crate::plate) map: Homography,
    /// Share of the tracked corners that agree with the map.
    pub(in crate::plate) agreement: f64,
}

/// Estimates the map from the frame of `features` to another one; none when neither corners nor brightness determine
/// it.
pub(in crate::plate) fn motion(features: &Features, from: &View, to: &View, guess: &Homography) -> Option<Motion> {
    let still = Motion { map: Homography::IDENTITY, agreement: 1.0 };
    let difference = mean_difference(from, to)?;
    if difference < SAME {
        return Some(still);
    }
    let pairs = features.track(to, guess);
    if pairs.len() < LEAST_PAIRS {
        return (features.len() < LEAST_PAIRS && difference < ALIKE).then_some(still);
    }
    let found = robust_fit(&pairs, from.size())?;
    let close = |map: &Homography, limit: f64| pairs.iter().filter(|pair| miss(map, pair) < limit).count() as f64;
    let agreement = close(&found, 1.5) / pairs.len() as f64;
    let unmoved = close(&Homography::IDENTITY, STILL) >= STILL_SHARE * close(&found, STILL);
    if unmoved && found.largest_shift(from.size()) < 1.5 {
        return Some(Motion { map: Homography::IDENTITY, agreement });
    }
    (agreement * pairs.len() as f64 >= LEAST_PAIRS as f64 && agreement > 0.25)
        .then_some(Motion { map: found, agreement })
}

/// Distance of a corner from the place that the map predicts.
fn miss(map: &Homography, pair: &Pair) -> f64 {
    let to = map.apply(pair.from);
    (to.0 - pair.to.0).hypot(to.1 - pair.to.1)
}

/// The mean absolute difference of brightness where both frames are visible, on every other pixel of every other row,
/// after removing a common factor.
fn mean_difference(from: &View, to: &View) -> Option<f32> {
    let (width, height) = from.size();
    let (a, b) = (&from.levels[0], &to.levels[0]);
    let shared: Vec<(f32, f32)> = (0..height)
        .step_by(2)
        .flat_map(|y| (0..width).step_by(2).map(move |x| y * width + x))
        .filter(|&index| a.visible.cells()[index] > 0.5 && b.visible.cells()[index] > 0.5)
        .map(|index| (a.grey.cells()[index], b.grey.cells()[index]))
        .collect();
    let totals = shared.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let gain = if totals.0 > 0.0 { totals.1 / totals.0 } else { 1.0 };
    let sum: f32 = shared.iter().map(|(a, b)| (gain * a - b).abs()).sum();
    (!shared.is_empty()).then(|| sum / shared.len() as f32)
}

/// The affine map of the triple with the most agreeing pairs, refined to a homography by reweighted least squares.
fn robust_fit(pairs: &[Pair], size: (usize, usize)) -> Option<Homography> {
    let coarse = 2.0 + 0.008 * size.0.max(size.1) as f64;
    let score = |map: &Homography| -> f64 {
        pairs.iter().map(|pair| (1.0 - (miss(map, pair) / coarse).powi(2)).max(0.0)).sum()
    };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % pairs.len()
    };
    let mut best = (score(&Homography::IDENTITY), Homography::IDENTITY);
    for _ in 0..TRIALS {
        let chosen = [pairs[draw()], pairs[draw()], pairs[draw()]];
        if let Some(map) = Homography::affine_of(chosen) {
            let found = score(&map);
            if found > best.0 {
                best = (found, map);
            }
        }
    }
    let mut map = best.1;
    let mut width = coarse;
    for _ in 0..12 {
        let weighted: Vec<Pair> = pairs
            .iter()
            .map(|pair| Pair { weight: (1.0 - (miss(&map, pair) / width).powi(2)).max(0.0).powi(2), ..*pair })
            .collect();
        map = Homography::fit(&supported(weighted, size)?, size)?;
        width = (width * 0.8).max(0.6);
    }
    Some(map)
}

/// The pairs and, where none are near, weak pairs that follow the overall similarity. Corners in one part of a frame do
/// not determine the perspective of the rest.
fn supported(mut pairs: Vec<Pair>, (width, height): (usize, usize)) -> Option<Vec<Pair>> {
    let similarity = Homography::similarity(&pairs)?;
    let (across, down) = (width as f64 / SUPPORTS as f64, height as f64 / SUPPORTS as f64);
    let mut near = [[0.0; SUPPORTS]; SUPPORTS];
    for pair in &pairs {
        let cell = |value: f64, side: f64| ((value / side).max(0.0) as usize).min(SUPPORTS - 1);
        near[cell(pair.from.1, down)][cell(pair.from.0, across)] += pair.weight;
    }
    for (row, counts) in near.iter().enumerate() {
        for (column, count) in counts.iter().enumerate() {
            let from = ((column as f64 + 0.5) * across, (row as f64 + 0.5) * down);
            pairs.push(Pair { from, to: similarity.apply(from), weight: SUPPORT / (1.0 + count) });
        }
    }
    Some(pairs)
}

/// The whole-pixel shift on a coarse level that makes two frames most similar, in pixels of the finest level.
pub(in crate::plate) fn coarse_shift(from: &View, to: &View) -> Homography {
    let index = from.levels.iter().position(|level| level.grey.width().max(level.grey.height()) <= 80);
    let index = index.unwrap_or(from.levels.len() - 1);
    let (a, b) = (&from.levels[index], &to.levels[index]);
    let (width, height) = (a.grey.width() as i32, a.grey.height() as i32);
    let (mut best, mut shift) = (f32::INFINITY, (0, 0));
    for dy in -height / 4..=height / 4 {
        for dx in -width / 4..=width / 4 {
            let (mut sum, mut weight) = (0.0, 0.0);
            for y in 0.max(-dy)..height.min(height - dy) {
                let (row, other) = (a.grey.row(y as usize), b.grey.row((y + dy) as usize));
                let (share, shown) = (a.visible.row(y as usize), b.visible.row((y + dy) as usize));
                for x in 0.max(-dx)..width.min(width - dx) {
                    let (here, there) = (x as usize, (x + dx) as usize);
                    let both = share[here] * shown[there];
                    if both > 0.0 {
                        weight += both;
                        sum += both * (row[here] - other[there]).abs();
                    }
                }
            }
            // A small penalty on the shift keeps frames without detail in place.
            let cost = sum / weight.max(1.0) + 0.05 * (dx as f32).hypot(dy as f32);
            if weight > 0.2 * (width * height) as f32 && cost < best {
                (best, shift) = (cost, (dx, dy));
            }
        }
    }
    let scale = f64::from(1 << index);
    Homography::translation(f64::from(shift.0) * scale, f64::from(shift.1) * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::picture::{Mask, Picture};

    /// Soft blobs everywhere, seen through a shifted camera.
    fn scene(shift: (f64, f64)) -> View {
        let wave =
            |x: f64, y: f64| (x * 0.31 + (y * 0.17).sin() * 2.0).sin() + (y * 0.27 + (x * 0.11).cos() * 3.0).cos();
        let picture = Picture::from_fn(160, 96, |x, y| {
            [(128.0 + 55.0 * wave(x as f64 + shift.0, y as f64 + shift.1)).round() as u8; 3]
        });
        View::new(&picture, &Mask::filled(160, 96, 0))
    }

    fn check(shift: (f64, f64), allowed: f64) {
        let (from, to) = (scene((0.0, 0.0)), scene(shift));
        let guess = coarse_shift(&from, &to);
        let found = motion(&Features::of(&from), &from, &to, &guess).unwrap();
        let place = found.map.apply((80.0, 40.0));
        let error = (place.0 - 80.0 + shift.0).hypot(place.1 - 40.0 + shift.1);
        assert!(error <= allowed, "{shift:?}: {place:?}");
    }

    #[test]
    fn shifts_are_found_and_a_standing_camera_is_exactly_still() {
        check((0.0, 0.0), 0.0);
        check((0.1, 0.05), 0.12);
        check((3.0, -1.0), 0.05);
        check((-7.4, 2.7), 0.05);
        check((14.0, 6.0), 0.1);
    }
}
