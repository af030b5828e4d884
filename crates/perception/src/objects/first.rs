//! Computes the object's coverage in a frame from a click or a box: chooses the most likely region, then refines its
//! edge by colour.

use media::picture::Plane;

use super::look::Look;
use super::palette::{Palette, log_odds};
use super::proposals::{Proposal, hierarchies, nested, proposals};
use super::regions::Regions;
use super::relax::{Window, relaxed};
use super::shape::{Outline, window_of};

/// What is pointed at in a frame, in working pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pointed {
    pub(super) target: Target,
    /// Places that are not the object's.
    pub(super) not: Vec<(f32, f32)>,
}

/// A place in the object, or a box around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    Place(f32, f32),
    /// Left, top, right, bottom.
    Box(f32, f32, f32, f32),
}

/// Places in each direction from which regions are tried inside of a box.
const BOX_GRID: usize = 5;
/// Rounds in which colours and edge follow each other.
const ROUNDS: usize = 3;
/// Log odds that a colour may weigh.
const COLOUR_BOUND: f32 = 2.5;
/// How firmly neighbours of one colour agree.
const STRENGTH: f32 = 3.0;
/// Around a click the object is certain, in pixels.
const CERTAIN: f32 = 1.5;

/// The coverage of what is pointed at, and the overlap with it that is expected; none where there is nothing.
pub(super) fn segment(look: &Look, pointed: &Pointed) -> Option<(Plane<f32>, f32)> {
    let regions = hierarchies(look);
    let (inside, score) = match pointed.target {
        Target::Place(x, y) => by_place(look, &regions, (x, y), &pointed.not)?,
        Target::Box(left, top, right, bottom) => by_box(look, &regions, (left, top, right, bottom), &pointed.not),
    };
    Some((refined(look, &inside, pointed)?, score))
}

fn pixel(look: &Look, (x, y): (f32, f32)) -> (usize, usize) {
    let (width, height) = look.size();
    ((x.max(0.0) as usize).min(width - 1), (y.max(0.0) as usize).min(height - 1))
}

fn by_place(look: &Look, regions: &[Regions], place: (f32, f32), not: &[(f32, f32)]) -> Option<(Vec<bool>, f32)> {
    let found = proposals(look, regions, pixel(look, place));
    let width = look.size().0;
    let avoids = |proposal: &&Proposal| {
        not.iter().all(|&place| {
            let (x, y) = pixel(look, place);
            !proposal.region.inside[y * width + x]
        })
    };
    let best = found.iter().find(avoids).or(found.first())?;
    Some((best.region.inside.clone(), best.score))
}

/// The region whose box is most similar to the given box; if there is no such region, the ellipse in the box.
fn by_box(
    look: &Look,
    regions: &[Regions],
    (left, top, right, bottom): (f32, f32, f32, f32),
    not: &[(f32, f32)],
) -> (Vec<bool>, f32) {
    let size = look.size();
    let mut best: Option<(Vec<bool>, f32)> = None;
    for step in 0..BOX_GRID * BOX_GRID {
        let share = |step: usize| (step as f32 + 0.5) / BOX_GRID as f32;
        let (across, down) = (share(step % BOX_GRID), share(step / BOX_GRID));
        let place = (left + across * (right - left), top + down * (bottom - top));
        for region in nested(look, regions, pixel(look, place)) {
            let Some(found) = window_of(&region.inside, size, 0) else { continue };
            let hit = not.iter().any(|&place| {
                let (x, y) = pixel(look, place);
                region.inside[y * size.0 + x]
            });
            let alike = overlap(&found, (left, top, right, bottom)) * if hit { 0.5 } else { 1.0 };
            if best.as_ref().is_none_or(|(_, most)| alike > *most) {
                best = Some((region.inside, alike));
            }
        }
    }
    best.filter(|(_, alike)| *alike > 0.55).unwrap_or_else(|| {
        let (mx, my) = ((left + right) / 2.0, (top + bottom) / 2.0);
        let (rx, ry) = (((right - left) / 2.0).max(1.0), ((bottom - top) / 2.0).max(1.0));
        let inside = (0..size.0 * size.1).map(|index| {
            let (x, y) = ((index % size.0) as f32 + 0.5, (index / size.0) as f32 + 0.5);
            ((x - mx) / rx).powi(2) + ((y - my) / ry).powi(2) <= 1.0
        });
        (inside.collect(), 0.5)
    })
}

fn overlap(window: &Window, (left, top, right, bottom): (f32, f32, f32, f32)) -> f32 {
    let (columns, rows) = (&window.columns, &window.rows);
    let common =
        |start: usize, end: usize, low: f32, high: f32| ((end as f32).min(high) - (start as f32).max(low)).max(0.0);
    let both = common(columns.start, columns.end, left, right) * common(rows.start, rows.end, top, bottom);
    let (width, height) = window.size();
    both / ((width * height) as f32 + (right - left) * (bottom - top) - both).max(1.0)
}

/// Refines the edge of a region by the colours inside and around it.
fn refined(look: &Look, inside: &[bool], pointed: &Pointed) -> Option<Plane<f32>> {
    let size = look.size();
    let mut coverage: Vec<f32> = inside.iter().map(|&inside| f32::from(u8::from(inside))).collect();
    for _ in 0..ROUNDS {
        let now: Vec<bool> = coverage.iter().map(|&share| share > 0.5).collect();
        let Some(outline) = Outline::of(&now, size) else { break };
        let (object, around) = palettes(look, &outline);
        let (columns, _) = outline.window.size();
        // Small objects keep their shape, large ones may move their edge further.
        let depth_of_doubt = (0.06 * (object.total()).sqrt()).clamp(1.0, 4.0);
        let odds: Vec<f32> = outline
            .window
            .places()
            .enumerate()
            .map(|(index, (x, y))| {
                let (column, row) = (index % columns, index / columns);
                let depth = outline.depth.get(column, row) - outline.distance.get(column, row);
                let shape = (depth / depth_of_doubt).clamp(-4.0, 4.0);
                let colour = log_odds(&object, &around, &look.colours.get(x, y), COLOUR_BOUND);
                shape + 0.6 * colour + certain(pointed, (x as f32 + 0.5, y as f32 + 0.5))
            })
            .collect();
        let answer = relaxed(look, &outline.window, &odds, STRENGTH);
        coverage.fill(0.0);
        for ((x, y), answer) in outline.window.places().zip(answer) {
            coverage[y * size.0 + x] = answer;
        }
    }
    coverage.iter().any(|&share| share > 0.5).then(|| Plane::from_cells(size.0, size.1, coverage))
}

fn certain(pointed: &Pointed, (x, y): (f32, f32)) -> f32 {
    let near = |place: &(f32, f32), reach: f32| (place.0 - x).hypot(place.1 - y) <= reach;
    if pointed.not.iter().any(|place| near(place, 2.0 * CERTAIN)) {
        return -20.0;
    }
    match pointed.target {
        Target::Place(column, row) if near(&(column, row), CERTAIN) => 20.0,
        Target::Box(left, top, right, bottom)
            if x < left - 2.0 || y < top - 2.0 || x > right + 2.0 || y > bottom + 2.0 =>
        {
            -20.0
        }
        _ => 0.0,
    }
}

/// The colours inside a region and in the ring around it.
fn palettes(look: &Look, outline: &Outline) -> (Palette, Palette) {
    let (mut object, mut around) = (Palette::default(), Palette::default());
    for (x, y) in outline.window.places() {
        let local = (x - outline.window.columns.start, y - outline.window.rows.start);
        let colour = look.colours.get(x, y);
        if outline.depth.get(local.0, local.1) > 0.0 {
            object.add(&colour, 1.0);
        } else if outline.is_ring(local.0, local.1) {
            around.add(&colour, 1.0);
        }
    }
    (object, around)
}
