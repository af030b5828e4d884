//! Resamples a window of a plane to another number of pixels. The window's position and size are real numbers. The
//! filter is separable. It is an exact area average for reduction, and the filter [`Enlarge`] for enlargement.

use media::picture::{Mask, Picture, Plane};

/// A window in pixels of a plane. It may lie partly or completely outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// The filter when the result has more pixels than the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enlarge {
    /// Catmull-Rom; may overshoot.
    Cubic,
    /// Linear interpolation between pixel centres.
    Linear,
    /// The area average again, which mixes only pixels that really overlap.
    Area,
}

/// The values outside the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// The nearest pixel.
    Repeat,
    /// Zeros.
    Zero,
}

/// For each pixel of the result, the source pixels and their weights.
struct Taps {
    starts: Vec<usize>,
    taps: Vec<(usize, f32)>,
}

impl Taps {
    fn new(source: usize, from: f64, length: f64, out: usize, enlarge: Enlarge, outside: Outside) -> Self {
        let scale = length / out as f64;
        let (mut starts, mut taps) = (vec![0], Vec::new());
        for index in 0..out {
            let mut add = |place: i64, weight: f64| {
                let inside = (0..source as i64).contains(&place);
                if weight != 0.0 && (inside || outside == Outside::Repeat) {
                    taps.push((place.clamp(0, source as i64 - 1) as usize, weight as f32));
                }
            };
            if scale > 1.0 || enlarge == Enlarge::Area {
                let (low, high) = (from + index as f64 * scale, from + (index + 1) as f64 * scale);
                for place in low.floor() as i64..high.ceil() as i64 {
                    let overlap = high.min((place + 1) as f64) - low.max(place as f64);
                    // Tiny overlaps that come from rounding do not count.
                    if overlap > 1e-6 * scale {
                        add(place, overlap / scale);
                    }
                }
            } else {
                let centre = from + (index as f64 + 0.5) * scale - 0.5;
                let (base, share) = (centre.floor() as i64, centre - centre.floor());
                let reach = if enlarge == Enlarge::Cubic { 2 } else { 1 };
                for offset in 1 - reach..=reach {
                    let distance = (offset as f64 - share).abs();
                    let weight = if enlarge == Enlarge::Cubic { catmull_rom(distance) } else { 1.0 - distance };
                    add(base + offset, weight);
                }
            }
            starts.push(taps.len());
        }
        Self { starts, taps }
    }

    fn of(&self, index: usize) -> &[(usize, f32)] {
        &self.taps[self.starts[index]..self.starts[index + 1]]
    }
}

fn catmull_rom(distance: f64) -> f64 {
    if distance < 1.0 {
        (1.5 * distance - 2.5) * distance * distance + 1.0
    } else if distance < 2.0 {
        ((2.5 - 0.5 * distance) * distance - 4.0) * distance + 2.0
    } else {
        0.0
    }
}

/// Resamples a window of `source` to `width x height` cells of `C` channels; rows are filtered first.
///
/// # Panics
/// When the source has no cell.
pub(crate) fn resample<T: Copy, const C: usize>(
    source: &Plane<T>,
    value: impl Fn(T) -> [f32; C],
    window: Window,
    (width, height): (usize, usize),
    enlarge: Enlarge,
    outside: Outside,
) -> Plane<[f32; C]> {
    assert!(source.width() > 0 && source.height() > 0, "a {:?} picture has no pixel to resample", source.size());
    let columns = Taps::new(source.width(), window.x, window.width, width, enlarge, outside);
    let rows = Taps::new(source.height(), window.y, window.height, height, enlarge, outside);
    let first = rows.taps.iter().map(|tap| tap.0).min().unwrap_or(0);
    let past = rows.taps.iter().map(|tap| tap.0 + 1).max().unwrap_or(0);
    let mut narrow = vec![[0.0; C]; width * (past - first)];
    for (y, line) in (first..past).zip(narrow.chunks_exact_mut(width.max(1))) {
        let row = source.row(y);
        for (x, cell) in line.iter_mut().enumerate() {
            for &(place, weight) in columns.of(x) {
                let from = value(row[place]);
                for channel in 0..C {
                    cell[channel] += weight * from[channel];
                }
            }
        }
    }
    let mut cells = vec![[0.0; C]; width * height];
    for (y, line) in cells.chunks_exact_mut(width.max(1)).enumerate() {
        for &(place, weight) in rows.of(y) {
            let from = &narrow[(place - first) * width..(place - first + 1) * width];
            for (cell, from) in line.iter_mut().zip(from) {
                for channel in 0..C {
                    cell[channel] += weight * from[channel];
                }
            }
        }
    }
    Plane::from_cells(width, height, cells)
}

/// Resamples a window of a picture. Outside, the border is repeated.
pub(crate) fn picture_window(source: &Picture, window: Window, size: (usize, usize)) -> Picture {
    let real = resample(source, |pixel| pixel.map(f32::from), window, size, Enlarge::Cubic, Outside::Repeat);
    real.map(|pixel| pixel.map(byte))
}

/// Resamples a window of a mask. Outside, the mask is empty. Every touched pixel of the result is at least 1.
pub(crate) fn mask_window(source: &Mask, window: Window, size: (usize, usize), enlarge: Enlarge) -> Mask {
    let real = resample(source, |value| [f32::from(value)], window, size, enlarge, Outside::Zero);
    real.map(|[value]| if value > 1e-3 { byte(value).max(1) } else { 0 })
}

/// Draws a window of the covered part of `frame` over `base`, which has the size of the result.
pub(crate) fn cut_out_over(base: &Picture, frame: &Picture, coverage: &Mask, window: Window) -> Picture {
    assert_eq!(frame.size(), coverage.size(), "frame of {:?}, mask of {:?}", frame.size(), coverage.size());
    let cells = frame.cells().iter().copied().zip(coverage.cells().iter().copied()).collect();
    let cut: Plane<([u8; 3], u8)> = Plane::from_cells(frame.width(), frame.height(), cells);
    // Colours are weighted by coverage before they are mixed, so that no background bleeds in.
    let weighted = |(colour, coverage): ([u8; 3], u8)| {
        let share = f32::from(coverage) / 255.0;
        let [red, green, blue] = colour.map(|channel| f32::from(channel) * share);
        [red, green, blue, share]
    };
    let over = resample(&cut, weighted, window, base.size(), Enlarge::Linear, Outside::Zero);
    let cells = base.cells().iter().zip(over.cells()).map(|(&base, over)| {
        std::array::from_fn(|channel| byte(over[channel] + (1.0 - over[3]) * f32::from(base[channel])))
    });
    Picture::from_cells(base.width(), base.height(), cells.collect())
}

/// Rounds and clamps to 0..=255.
pub(crate) fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gray(cells: &[u8]) -> Mask {
        Mask::from_cells(cells.len(), 1, cells.to_vec())
    }

    fn check(source: &[u8], from: f64, length: f64, enlarge: Enlarge, outside: Outside, expected: &[f32]) {
        let window = Window { x: from, y: 0.0, width: length, height: 1.0 };
        let got = resample(&gray(source), |value| [f32::from(value)], window, (expected.len(), 1), enlarge, outside);
        for (got, expected) in got.cells().iter().zip(expected) {
            assert!((got[0] - expected).abs() < 1e-3, "{source:?} {from} {length}: {got:?}, not {expected}");
        }
    }

    #[test]
    fn filters_agree_with_hand_counts() {
        use Enlarge::{Area, Cubic, Linear};
        use Outside::{Repeat, Zero};
        // Shrinking is the area mean, including fractions of pixels.
        check(&[10, 20, 30, 50], 0.0, 4.0, Cubic, Repeat, &[15.0, 40.0]);
        check(&[10, 20, 40], 0.0, 3.0, Cubic, Repeat, &[(10.0 + 10.0) / 1.5, (10.0 + 40.0) / 1.5]);
        // Linear between centres. At the border the value is held or falls off.
        check(&[0, 40], 0.0, 2.0, Linear, Repeat, &[0.0, 10.0, 30.0, 40.0]);
        check(&[40, 40], 0.0, 2.0, Linear, Zero, &[30.0, 40.0, 40.0, 30.0]);
        // Area never mixes what does not overlap.
        check(&[0, 40], 0.0, 2.0, Area, Zero, &[0.0, 0.0, 40.0, 40.0]);
        // Outside.
        check(&[8, 16], -2.0, 6.0, Cubic, Repeat, &[8.0, 8.0, 8.0, 16.0, 16.0, 16.0]);
        check(&[8, 16], -2.0, 6.0, Cubic, Zero, &[0.0, 0.0, 8.0, 16.0, 0.0, 0.0]);
        // Catmull-Rom on a pixel, and halfway: (-1, 9, 9, -1) / 16.
        check(&[0, 16, 32, 80], 1.25, 1.0, Cubic, Repeat, &[16.0, 22.0]);
    }

    proptest! {
        #[test]
        fn whole_pixels_stay_as_they_are(cells in prop::collection::vec(any::<[u8; 3]>(), 12), x in 0_i32..3, y in 0_i32..2) {
            let picture = Picture::from_cells(4, 3, cells);
            let window = Window { x: f64::from(x), y: f64::from(y), width: 2.0, height: 2.0 };
            let part = picture_window(&picture, window, (2, 2));
            for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                prop_assert_eq!(part.get(column, row), picture.get_clamped(x + column as i32, y + row as i32));
            }
        }

        #[test]
        fn one_colour_stays_one_colour(colour in any::<[u8; 3]>(), x in -9.0..9.0, size in 0.5..20.0, out in 1_usize..9) {
            let picture = Picture::filled(5, 4, colour);
            let part = picture_window(&picture, Window { x, y: x / 2.0, width: size, height: size }, (out, out));
            prop_assert!(part.cells().iter().all(|&pixel| pixel == colour));
        }
    }
}
