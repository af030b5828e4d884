//! Computes features of a region: its size, its edges, the colours inside and around it, and its position relative to
//! the person.

use media::picture::Plane;

use super::look::{Look, difference};
use super::palette::Palette;
use super::regions::{Nested, neighbours};
use super::relax::Window;
use crate::distance::distance_to;

/// Number of features that describe a region.
pub const FIGURES: usize = 22;
/// An edge below this is none.
const WEAK: f32 = 8.0;

/// The features of a region, each of the order of 1.
pub type Figures = [f32; FIGURES];

/// A region with room around it.
pub(super) struct Outline {
    pub(super) window: Window,
    /// Depth inside the region, in pixels; 0 outside.
    pub(super) depth: Plane<f32>,
    /// Distance outside of the region, in pixels; 0 inside.
    pub(super) distance: Plane<f32>,
    /// How far the ring around the region reaches.
    pub(super) reach: f32,
}

impl Outline {
    /// The outline of a region; none when it is empty.
    pub(super) fn of(inside: &[bool], (width, height): (usize, usize)) -> Option<Self> {
        let area = inside.iter().filter(|inside| **inside).count();
        let reach = (0.35 * (area as f32).sqrt()).clamp(3.0, 24.0);
        let window = window_of(inside, (width, height), reach.ceil() as usize + 1)?;
        let (columns, rows) = window.size();
        let part = Plane::from_cells(columns, rows, window.places().map(|(x, y)| inside[y * width + x]).collect());
        let distance = distance_to(&part, |inside| inside);
        // Beyond the frame is no border: only what the window shows counts.
        let depth = distance_to(&part, |inside| !inside);
        Some(Self { window, depth: depth.map(|depth| depth.min(1e4)), distance, reach })
    }

    /// Whether a place of the window, column and row in it, belongs to the ring around the region.
    pub(super) fn is_ring(&self, x: usize, y: usize) -> bool {
        let distance = self.distance.get(x, y);
        distance > 1.0 && distance <= self.reach
    }
}

/// The box around what is marked, with a margin, as far as the frame goes.
pub(super) fn window_of(inside: &[bool], (width, height): (usize, usize), margin: usize) -> Option<Window> {
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    for (index, _) in inside.iter().enumerate().filter(|(_, inside)| **inside) {
        let (x, y) = (index % width, index / width);
        (left, right, top, bottom) = (left.min(x), right.max(x + 1), top.min(y), bottom.max(y + 1));
    }
    (left < right).then(|| Window {
        columns: left.saturating_sub(margin)..(right + margin).min(width),
        rows: top.saturating_sub(margin)..(bottom + margin).min(height),
    })
}

/// Sums over a region and the ring around it.
#[derive(Default)]
struct Sums {
    inside: Palette,
    ring: Palette,
    means: [[f32; 3]; 2],
    counts: [f32; 2],
    squares: f32,
    person: [f32; 2],
    border: f32,
    edge: f32,
    weak: f32,
    person_edge: f32,
    at_frame: f32,
    hands: f32,
    nearest_hand: f32,
    middle: (f32, f32),
    moments: [f32; 3],
}

/// Describes a region around a click.
pub(super) fn figures(look: &Look, region: &Nested, click: (usize, usize)) -> Option<Figures> {
    let size = look.size();
    let outline = Outline::of(&region.inside, size)?;
    let mut sums = sums(look, &outline);
    let area = sums.counts[0];
    let mean = |sum: [f32; 3], count: f32| sum.map(|sum| sum / count.max(1.0));
    let (own, around) = (mean(sums.means[0], area), mean(sums.means[1], sums.counts[1]));
    let variance = (sums.squares / area - own.iter().map(|value| value * value).sum::<f32>()).max(0.0);
    sums.middle = (sums.middle.0 / area, sums.middle.1 / area);
    let (mx, my) = sums.middle;
    let [xx, yy, xy] = sums.moments.map(|moment| moment / area);
    let (xx, yy, xy) = (xx - mx * mx, yy - my * my, xy - mx * my);
    let root = ((xx - yy).powi(2) / 4.0 + xy * xy).sqrt();
    let (long, short) = ((xx + yy) / 2.0 + root, ((xx + yy) / 2.0 - root).max(0.1));
    let deepest = outline.depth.cells().iter().copied().fold(0.0, f32::max);
    let at =
        |(x, y): (usize, usize)| outline.depth.get(x - outline.window.columns.start, y - outline.window.rows.start);
    let person_area: f32 = look.person.cells().iter().sum();
    let (columns, rows) = {
        let (columns, rows) = outline.window.size();
        let margin = 2.0 * (outline.reach.ceil() + 1.0);
        ((columns as f32 - margin).max(1.0), (rows as f32 - margin).max(1.0))
    };
    let covered = |&(x, y): &(f32, f32)| {
        let (x, y) = (x.max(0.0) as usize, y.max(0.0) as usize);
        x < size.0 && y < size.1 && region.inside[y * size.0 + x]
    };
    let joints = look.joints.iter().filter(|place| covered(place)).count() as f32;
    let logarithm = |cost: f32| (1.0 + cost.min(1e4)).ln();
    Some([
        (area / (size.0 * size.1) as f32).ln() / 5.0,
        logarithm(region.costs.0) / 5.0,
        logarithm(region.costs.1) / 5.0,
        logarithm(region.costs.1) - logarithm(region.costs.0),
        sums.edge / sums.border / 40.0,
        sums.weak / sums.border,
        sums.inside.overlap(&sums.ring),
        sums.person[0] / area,
        sums.person[1] / sums.counts[1].max(1.0),
        sums.person_edge / sums.border,
        (area / (columns * rows)).min(1.5),
        (12.57 * area / sums.border.powi(2)).min(1.5),
        sums.at_frame / sums.border,
        at(click) / deepest,
        (click.0 as f32 - mx).hypot(click.1 as f32 - my) / area.sqrt(),
        sums.hands / area,
        (sums.nearest_hand.min(6.0)) / 6.0,
        ((area / person_area.max(50.0)).ln() / 5.0).clamp(-1.5, 1.5),
        (long / short).ln() / 4.0,
        variance.sqrt() / 40.0,
        difference(own, around).sqrt() / 80.0,
        (joints / 4.0).min(2.0),
    ])
}

fn sums(look: &Look, outline: &Outline) -> Sums {
    let (width, height) = look.size();
    let window = &outline.window;
    let mut sums = Sums { nearest_hand: f32::INFINITY, ..Sums::default() };
    for (x, y) in window.places() {
        let local = (x - window.columns.start, y - window.rows.start);
        let is_inside = outline.depth.get(local.0, local.1) > 0.0;
        if !is_inside && !outline.is_ring(local.0, local.1) {
            continue;
        }
        let (colour, person) = (look.colours.get(x, y), look.person.get(x, y));
        let side = usize::from(!is_inside);
        (0..3).for_each(|channel| sums.means[side][channel] += colour[channel]);
        sums.counts[side] += 1.0;
        sums.person[side] += person;
        if !is_inside {
            sums.ring.add(&colour, 1.0);
            continue;
        }
        sums.inside.add(&colour, 1.0);
        sums.squares += colour.iter().map(|value| value * value).sum::<f32>();
        let (fx, fy) = (x as f32, y as f32);
        sums.middle = (sums.middle.0 + fx, sums.middle.1 + fy);
        for (moment, value) in sums.moments.iter_mut().zip([fx * fx, fy * fy, fx * fy]) {
            *moment += value;
        }
        let hand = look.hand_distance(x, y);
        sums.hands += f32::from(u8::from(hand < 1.0));
        sums.nearest_hand = sums.nearest_hand.min(hand);
        let outside =
            |&(x, y): &(usize, usize)| outline.distance.get(x - window.columns.start, y - window.rows.start) > 0.0;
        let at_frame = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
        let beyond: Vec<_> = neighbours(x, y, (width, height)).filter(outside).collect();
        if beyond.is_empty() && !at_frame {
            continue;
        }
        sums.border += 1.0;
        sums.at_frame += f32::from(u8::from(at_frame));
        let edge = look.edges.get(x, y).max(beyond.iter().map(|&(x, y)| look.edges.get(x, y)).fold(0.0, f32::max));
        sums.edge += edge;
        sums.weak += f32::from(u8::from(edge < WEAK));
        let changes = beyond.iter().any(|&(x, y)| (look.person.get(x, y) - person).abs() > 0.5);
        sums.person_edge += f32::from(u8::from(changes));
    }
    sums.border = sums.border.max(1.0);
    sums
}
