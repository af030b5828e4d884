//! Composites a generated crop into its frame. Outside the edited region every byte equals the source's.
//!
//! The removed region `M_f` is replaced completely, so no pixel of the driving person remains. Around `M_f`, the result
//! fades to the source over a ring with the width [`CompositeConfig::feather`]; crop and source show the same environment
//! there. `M_f` and the ring form the edited region. The ring also fades out at those edges of the square that lie
//! inside the frame.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use serde::{Deserialize, Serialize};

use crate::distance::distance_to;
use crate::networks::resample::{Enlarge, Window, byte, mask_window, picture_window};
use crate::region::{Region, window};

/// How to treat a difference of colour between the generated picture and the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColourMatch {
    /// Do nothing, because a shift that corrects the ring would also shift the character.
    #[default]
    Off,
    /// Shift the generated picture by the mean difference over the ring, by at most 24 of 255 in each channel.
    Ring,
}

/// Settings for compositing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompositeConfig {
    /// Width of the ring in pixels of a crop of size 512. It scales with the region and is at least 2 frame pixels.
    pub feather: f32,
    /// Colour matching.
    pub colour_match: ColourMatch,
}

impl Default for CompositeConfig {
    fn default() -> Self {
        Self { feather: 12.0, colour_match: ColourMatch::Off }
    }
}

/// A frame with the composited crop.
#[derive(Debug, Clone, PartialEq)]
pub struct Composited {
    /// The frame.
    pub picture: Picture,
    /// 255 where `picture` can differ from the source, 0 where both are equal.
    pub edited: Mask,
}

/// Opacity of the generated picture, on the part of the frame below the region.
struct Alpha {
    /// The part of the frame that the region covers.
    area: Rect<Frame>,
    /// For each pixel of `area`: 1 in the removed region, 0 outside the ring.
    cells: Vec<f32>,
}

/// The part of a frame of size `(columns, rows)` that a region covers, with a generated crop and its coverage, both at the
/// frame's resolution. None when the region lies outside the frame.
///
/// # Panics
/// When picture and coverage differ in size.
pub fn layer_in_frame(
    generated: &Picture,
    coverage: &Mask,
    region: Region,
    frame: (usize, usize),
) -> Option<(Rect<Frame>, Picture, Mask)> {
    assert_eq!(
        generated.size(),
        coverage.size(),
        "layer: picture {:?}, coverage {:?}",
        generated.size(),
        coverage.size()
    );
    let area = region.square.intersection(&Rect::of_size(frame.0 as u32, frame.1 as u32));
    if area.is_empty() {
        return None;
    }
    let part = within_crop(area, region, generated.size());
    let size = (area.width as usize, area.height as usize);
    Some((area, picture_window(generated, part, size), mask_window(coverage, part, size, Enlarge::Linear)))
}

/// Composites `generated`, the picture of `region`'s crop at any size, into `source`. `removed` is the formulated mask
/// in crop pixels (255 = removed), at any size.
pub fn composite(
    source: &Picture,
    generated: &Picture,
    region: Region,
    removed: &Mask,
    config: &CompositeConfig,
) -> Composited {
    let alpha = alpha(source.size(), region, removed, config);
    let area = alpha.area;
    let mut composited =
        Composited { picture: source.clone(), edited: Mask::filled(source.width(), source.height(), 0) };
    if area.is_empty() {
        return composited;
    }
    let new = picture_window(
        generated,
        within_crop(area, region, generated.size()),
        (area.width as usize, area.height as usize),
    );
    let place =
        |index: usize| (area.x as usize + index % area.width as usize, area.y as usize + index / area.width as usize);
    let shift = match config.colour_match {
        ColourMatch::Off => [0.0; 3],
        ColourMatch::Ring => ring_shift(source, &new, &alpha.cells, place),
    };
    for (index, (&alpha, new)) in alpha.cells.iter().zip(new.cells()).enumerate() {
        if alpha > 0.0 {
            let (x, y) = place(index);
            let old = source.get(x, y);
            let mixed = std::array::from_fn(|channel| {
                let new = (f32::from(new[channel]) + shift[channel]).clamp(0.0, 255.0);
                byte(alpha * new + (1.0 - alpha) * f32::from(old[channel]))
            });
            composited.picture.set(x, y, mixed);
            composited.edited.set(x, y, 255);
        }
    }
    composited
}

/// The mean of source minus generated over the ring, where both show the environment.
fn ring_shift(source: &Picture, new: &Picture, alpha: &[f32], place: impl Fn(usize) -> (usize, usize)) -> [f32; 3] {
    let mut sum = [0.0_f64; 3];
    let mut count = 0.0_f64;
    for (index, new) in new.cells().iter().enumerate().filter(|&(index, _)| alpha[index] > 0.0 && alpha[index] < 1.0) {
        let (x, y) = place(index);
        let old = source.get(x, y);
        for channel in 0..3 {
            sum[channel] += f64::from(old[channel]) - f64::from(new[channel]);
        }
        count += 1.0;
    }
    sum.map(|sum| (sum / count.max(1.0)).clamp(-24.0, 24.0) as f32)
}

/// `area` of the frame as a window in the crop's pixels.
fn within_crop(area: Rect<Frame>, region: Region, crop: (usize, usize)) -> Window {
    let square = region.square;
    let (across, down) = (crop.0 as f64 / f64::from(square.width), crop.1 as f64 / f64::from(square.height));
    let part = window(area);
    Window {
        x: (part.x - f64::from(square.x)) * across,
        y: (part.y - f64::from(square.y)) * down,
        width: part.width * across,
        height: part.height * down,
    }
}

fn alpha(frame: (usize, usize), region: Region, removed: &Mask, config: &CompositeConfig) -> Alpha {
    let (square, whole) = (region.square, Rect::of_size(frame.0 as u32, frame.1 as u32));
    let area = square.intersection(&whole);
    if area.is_empty() {
        return Alpha { area, cells: Vec::new() };
    }
    let size = (area.width as usize, area.height as usize);
    // Any overlap with a removed crop pixel counts: a wider hole is better than a remainder of the old person.
    let hole = mask_window(removed, within_crop(area, region, removed.size()), size, Enlarge::Area);
    let distance = distance_to(&hole, |value| value > 0);
    let feather = (config.feather * square.width as f32 / 512.0).max(2.0);
    let cells = distance.cells().iter().enumerate().map(|(index, &distance)| {
        if distance == 0.0 {
            return 1.0;
        }
        let (x, y) = (area.x + (index % size.0) as i32, area.y + (index / size.0) as i32);
        // Distance in pixels to those edges of the square beyond which the frame continues.
        let mut room = f32::INFINITY;
        for (goes_on, pixels) in [
            (square.x > 0, x - square.x + 1),
            (square.y > 0, y - square.y + 1),
            (square.right() < whole.right(), square.right() - x),
            (square.bottom() < whole.bottom(), square.bottom() - y),
        ] {
            if goes_on {
                room = room.min(pixels as f32);
            }
        }
        fade(distance / feather) * (1.0 - fade(room / feather))
    });
    Alpha { area, cells: cells.collect() }
}

/// A smooth step: 1 at 0, and 0 from 1 on.
fn fade(share: f32) -> f32 {
    let share = share.clamp(0.0, 1.0);
    1.0 - share * share * (3.0 - 2.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A removed square of 8 in a crop of 32, in a region of 32 at (10, 10).
    fn example() -> (Region, Mask) {
        let inside = |place| (12..20).contains(&place);
        let removed = Mask::from_fn(32, 32, |x, y| if inside(x) && inside(y) { 255 } else { 0 });
        (Region { square: Rect::new(10, 10, 32, 32) }, removed)
    }

    #[test]
    fn the_hole_is_replaced_and_the_ring_fades() {
        let (region, removed) = example();
        let source = Picture::filled(64, 48, [0; 3]);
        let config = CompositeConfig { feather: 64.0, ..CompositeConfig::default() };
        let composited = composite(&source, &Picture::filled(32, 32, [200, 100, 50]), region, &removed, &config);
        // A feather of 4 frame pixels; the hole is 22..30 in the frame.
        let line: Vec<u8> = (20..=36).map(|x| composited.picture.get(x, 25)[0]).collect();
        assert_eq!(&line[2..10], [200; 8]);
        assert_eq!(&line[10..14], [169, 100, 31, 0]);
        assert!(line[14..].iter().all(|&value| value == 0));
        assert_eq!(composited.edited.get(32, 25), 255);
        assert_eq!(composited.edited.get(33, 25), 0);
        // Round corners: 3 right and 3 down is further than 4.
        assert_eq!(composited.edited.get(32, 32), 0);
    }

    #[test]
    fn the_ring_ends_softly_at_the_square_but_not_at_the_frame() {
        let removed = Mask::from_fn(16, 16, |x, _| if (2..14).contains(&x) { 255 } else { 0 });
        let config = CompositeConfig { feather: 128.0, ..CompositeConfig::default() };
        let (source, white) = (Picture::filled(40, 16, [0; 3]), Picture::filled(16, 16, [255; 3]));
        let value = |x: i32, at: usize| {
            composite(&source, &white, Region { square: Rect::new(x, 0, 16, 16) }, &removed, &config).picture.get(at, 8)
                [0]
        };
        assert!(value(0, 0) > value(10, 10), "{} {}", value(0, 0), value(10, 10));
        assert!(value(10, 10) > 0);
        assert_eq!(value(10, 9), 0);
    }

    #[test]
    fn colour_match_takes_a_constant_difference_away() {
        let (region, removed) = example();
        let source = Picture::filled(64, 48, [100, 110, 120]);
        let config = CompositeConfig { colour_match: ColourMatch::Ring, ..CompositeConfig::default() };
        let composited = composite(&source, &Picture::filled(16, 16, [90, 120, 120]), region, &removed, &config);
        assert_eq!(composited.picture, source);
    }

    proptest! {
        #[test]
        fn outside_of_the_edited_region_every_byte_is_the_sources(
            x in -30_i32..40, y in -30_i32..40, side in 1_u32..50, size in 1_usize..20, feather in 0.0_f32..90.0,
            cells in prop::collection::vec(prop_oneof![Just(0_u8), Just(255)], 400), seed in any::<u32>(),
        ) {
            let noise = |place: usize| (place as u32).wrapping_mul(2654435761).wrapping_add(seed).to_le_bytes();
            let picture = |width, height| Picture::from_fn(width, height, |x, y| {
                let [a, b, c, _] = noise(x + 977 * y);
                [a, b, c]
            });
            let removed = Mask::from_cells(size, size, cells[..size * size].to_vec());
            let source = picture(37, 23);
            let region = Region { square: Rect::new(x, y, side, side) };
            for colour_match in [ColourMatch::Off, ColourMatch::Ring] {
                let config = CompositeConfig { feather, colour_match };
                let composited = composite(&source, &picture(size, size), region, &removed, &config);
                for row in 0..23 {
                    for column in 0..37 {
                        let inside = region.square.intersection(&Rect::new(column, row, 1, 1)).width > 0;
                        let edited = composited.edited.get(column as usize, row as usize) == 255;
                        prop_assert!(inside || !edited);
                        if !edited {
                            let (column, row) = (column as usize, row as usize);
                            prop_assert_eq!(composited.picture.get(column, row), source.get(column, row));
                        }
                    }
                }
            }
        }

        #[test]
        fn alpha_falls_with_the_distance(side in 20_u32..60, feather in 0.0_f32..200.0) {
            let (_, removed) = example();
            let region = Region { square: Rect::new(5, 5, side, side) };
            let alpha = alpha((100, 100), region, &removed, &CompositeConfig { feather, ..CompositeConfig::default() });
            let middle = (alpha.area.height / 2) as usize;
            let row = &alpha.cells[middle * side as usize..(middle + 1) * side as usize];
            let centre = (side / 2) as usize;
            prop_assert_eq!(row[centre], 1.0);
            prop_assert!(row[centre..].is_sorted_by(|a, b| a >= b) && row[..centre].is_sorted(), "{:?}", row);
            let reach = (feather * side as f32 / 512.0).max(2.0) as usize + side as usize * 4 / 32 + 2;
            prop_assert!(row[(centre + reach).min(side as usize)..].iter().all(|&alpha| alpha == 0.0));
        }
    }
}
