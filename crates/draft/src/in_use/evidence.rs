//! Decides for each pixel whether it is foreground, and whether it belongs to the body or to an object.

use media::picture::Picture;

use super::InUseInput;
use super::appearance::Colours;
use super::body::Body;
use super::palette::Cell;
use crate::body::point::Point;

/// Channel difference from the plate at which a pixel starts to be foreground, and at which it certainly is.
const DIFFERS: (f32, f32) = (14.0, 40.0);
/// A shadow leaves at least this share of the light, and changes the colour by at most these levels.
const SHADOW: (f32, f32) = (0.55, 10.0);
/// Odds of a pixel that is not foreground.
const NONE: f32 = -4.0;
/// From this share on, a pixel counts as foreground.
const LEAST: f32 = 0.15;
/// Farther from every bone than this, in half widths, no pixel belongs to the fringe of the body.
const APART: f32 = 1.6;
/// Bounds of a pixel's odds.
const BOUND: f32 = 4.0;

/// The evidence for each pixel of a window of the frame.
pub(super) struct Evidence {
    /// Columns and rows of the frame.
    pub(super) size: (usize, usize),
    /// Smoothed odds, over the complete frame.
    pub(super) odds: Vec<f32>,
    /// True where no part of the body except a hand is near.
    pub(super) is_apart: Vec<bool>,
    /// Distance from the nearest hand, in lengths of the trunk.
    pub(super) from_hand: Vec<f32>,
    /// Probability that the pixel differs from the plate, 0..=1; negative where the plate was not visible.
    foreground: Vec<f32>,
}

impl Evidence {
    pub(super) fn plate_seen(&self, index: usize) -> bool {
        self.foreground[index] >= 0.0
    }

    /// False where the pixel shows the plate.
    pub(super) fn is_foreground(&self, index: usize) -> bool {
        weight(self.foreground[index]) > LEAST
    }

    pub(super) fn coverage(&self, index: usize) -> u8 {
        let foreground = self.foreground[index];
        if foreground < 0.0 { 255 } else { (255.0 * foreground) as u8 }
    }
}

/// The evidence of a frame; none when nothing is removed.
pub(super) fn evidence(input: &InUseInput<'_>, body: &Body, colours: &Colours) -> Option<Evidence> {
    let (width, height) = input.source.size();
    let (mut odds, mut foreground) = (vec![NONE; width * height], vec![0.0; width * height]);
    let (mut is_apart, mut off) = (vec![false; width * height], vec![f32::INFINITY; width * height]);
    let mut any = false;
    let (mut low, mut high) = ((width, height), (0, 0));
    for y in 0..height {
        for x in 0..width {
            let index = y * width + x;
            let differs = differs(input.source, input.plate.picture.cells()[index], index);
            let seen = input.plate.seen.cells()[index] > 0;
            let inside = input.person.cells()[index] > 127;
            let cell = Cell::of(input.source.cells()[index]);
            // Where the background is unknown, the mask decides what is foreground, or else the colour of an object.
            foreground[index] = match seen {
                true => differs,
                false if inside || colours.is_known(cell) => -1.0,
                false => 0.0,
            };
            if foreground[index] == 0.0 {
                continue;
            }
            any = true;
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
            let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
            let (distances, from_hand) = (body.distances(place), body.hand_distance(place));
            odds[index] = colours.odds(cell, &distances, from_hand).clamp(-BOUND, BOUND);
            is_apart[index] = Body::apart(&distances) > APART;
            off[index] = from_hand;
        }
    }
    let radius = (0.025 * body.length).round().clamp(1.0, 6.0) as usize;
    any.then(|| {
        let odds = smoothed(&odds, &foreground, (width, height), (low, high), radius);
        Evidence { size: (width, height), odds, is_apart, from_hand: off, foreground }
    })
}

/// Probability that a pixel is neither plate nor its shadow, 0..=1.
fn differs(source: &Picture, plate: [u8; 3], index: usize) -> f32 {
    let (colour, plate) = (source.cells()[index].map(f32::from), plate.map(f32::from));
    let most = colour.iter().zip(plate).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    if most < DIFFERS.0 {
        return 0.0;
    }
    let (mut both, mut own) = (0.0, 1e-3);
    colour.iter().zip(plate).for_each(|(a, b)| {
        both += a * b;
        own += b * b;
    });
    let light = both / own;
    let off = colour.iter().zip(plate).map(|(a, b)| (a - light * b).abs()).fold(0.0, f32::max);
    if (SHADOW.0..1.0).contains(&light) && off < SHADOW.1 {
        return 0.0;
    }
    ((most - DIFFERS.0) / (DIFFERS.1 - DIFFERS.0)).min(1.0)
}

/// The mean over the foreground in a square; [`NONE`] elsewhere.
fn smoothed(
    odds: &[f32],
    foreground: &[f32],
    (width, height): (usize, usize),
    (low, high): ((usize, usize), (usize, usize)),
    radius: usize,
) -> Vec<f32> {
    // Sums over rows: of the odds, and of the foreground weight.
    let mut rows = vec![(0.0, 0.0); odds.len()];
    for y in low.1..high.1 {
        for x in low.0..high.0 {
            for near in x.saturating_sub(radius).max(low.0)..(x + radius + 1).min(high.0) {
                let index = y * width + near;
                let share = weight(foreground[index]);
                rows[y * width + x].0 += share * odds[index];
                rows[y * width + x].1 += share;
            }
        }
    }
    let mut result = vec![NONE; odds.len()];
    for y in low.1..high.1 {
        for x in (low.0..high.0).filter(|x| weight(foreground[y * width + x]) > LEAST) {
            let near = y.saturating_sub(radius).max(low.1)..(y + radius + 1).min(high.1.min(height));
            let (sum, shares) = near.map(|y| rows[y * width + x]).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            result[y * width + x] = sum / shares;
        }
    }
    result
}

/// The foreground weight of a pixel.
fn weight(foreground: f32) -> f32 {
    if foreground < 0.0 { 1.0 } else { foreground }
}
