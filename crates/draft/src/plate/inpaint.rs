//! Inpaints the regions that no frame shows. The pixels come from patches of the picture itself, chosen from coarse to
//! fine, so that lines and textures continue (Wexler, Shechtman, Irani, "Space-Time Completion of Video", 2007;
//! matching as in `patches`).

use media::picture::{Mask, Picture, Plane};
use rayon::prelude::*;

use super::distance::bounds;
use super::distance::distance_to;
use super::patches::{Canvas, Match, RADIUS};
use super::sample::rounded;
use crate::push_pull::Scattered;

/// Coarser scales are added until every pixel of the hole is at most this far from the hole's border.
const DEEPEST: f32 = 3.0;
/// Largest number of scales.
const MOST_LEVELS: usize = 7;
/// Smallest side of a scale.
const LEAST_SIDE: usize = 20;
/// How fast confidence falls with each pixel of distance from the border.
const TRUST: f32 = 0.82;

/// Fills the covered pixels of a picture so that its structure continues. A picture that is all hole becomes mid-grey.
///
/// # Panics
/// When the sizes differ.
pub fn fill(picture: &Picture, hole: &Mask) -> Picture {
    assert_eq!(picture.size(), hole.size(), "fill: picture {:?}, hole {:?}", picture.size(), hole.size());
    let holes = hole.map(|covered| covered > 0);
    if holes.cells().iter().all(|&inside| inside) {
        return picture.map(|_| [128; 3]);
    }
    let Some((left, top, right, bottom)) = bounds(&holes) else { return picture.clone() };
    // Patches come from a window that is about three times as large as the hole.
    let margin = (right - left).max(bottom - top).clamp(48, 160);
    let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
    let (right, bottom) = ((right + margin).min(picture.width()), (bottom + margin).min(picture.height()));
    let window = |x: usize, y: usize| (left + x, top + y);
    let size = (right - left, bottom - top);
    let part = Plane::from_fn(size.0, size.1, |x, y| holes.get(window(x, y).0, window(x, y).1));
    let colours = Plane::from_fn(size.0, size.1, |x, y| picture.get(window(x, y).0, window(x, y).1).map(f32::from));
    let filled = complete(&colours, &part);
    let mut result = picture.clone();
    for y in 0..size.1 {
        for x in (0..size.0).filter(|&x| part.get(x, y)) {
            result.set(left + x, top + y, rounded(filled.get(x, y)));
        }
    }
    result
}

/// One scale: colours, and where they come from.
struct Scale {
    colours: Plane<[f32; 3]>,
    hole: Plane<bool>,
    /// Distance to the known pixels; 0 on them.
    depth: Plane<f32>,
}

impl Scale {
    fn new(colours: Plane<[f32; 3]>, hole: Plane<bool>) -> Self {
        let depth = distance_to(hole.width(), hole.height(), |index| !hole.cells()[index]);
        Self { colours, hole, depth }
    }

    fn deepest(&self) -> f32 {
        self.depth.cells().iter().copied().filter(|depth| depth.is_finite()).fold(0.0, f32::max)
    }

    /// Halves the size. A cell is known when any of its four cells is.
    fn half(&self) -> Self {
        let (width, height) = (self.hole.width() / 2, self.hole.height() / 2);
        let mut hole = Plane::filled(width, height, true);
        let colours = Plane::from_fn(width, height, |x, y| {
            let (mut sum, mut count) = ([0.0; 3], 0.0);
            for (column, row) in [(2 * x, 2 * y), (2 * x + 1, 2 * y), (2 * x, 2 * y + 1), (2 * x + 1, 2 * y + 1)] {
                if !self.hole.get(column, row) {
                    count += 1.0;
                    sum.iter_mut().zip(self.colours.get(column, row)).for_each(|(sum, value)| *sum += value);
                }
            }
            // A border cell that is half known would mix too few pixels to resemble its surroundings.
            hole.set(x, y, count < 2.0);
            sum.map(|value| value / f32::max(count, 1.0))
        });
        Self::new(colours, hole)
    }
}

fn complete(colours: &Plane<[f32; 3]>, hole: &Plane<bool>) -> Plane<[f32; 3]> {
    let mut scales = vec![Scale::new(colours.clone(), hole.clone())];
    while scales.len() < MOST_LEVELS {
        let last = &scales[scales.len() - 1];
        if last.deepest() <= DEEPEST || last.hole.width().min(last.hole.height()) < 2 * LEAST_SIDE {
            break;
        }
        let half = last.half();
        if half.hole.cells().iter().all(|&inside| inside) {
            break;
        }
        scales.push(half);
    }
    let mut result = smooth(&scales[scales.len() - 1]);
    let mut field: Plane<Option<Match>> = Plane::filled(result.width(), result.height(), None);
    for (index, scale) in scales.iter().enumerate().rev() {
        let coarsest = index + 1 == scales.len();
        if !coarsest {
            result = enlarged(&result, scale);
            field = enlarged_field(&field, scale.hole.size());
        }
        let rounds = match (coarsest, index) {
            (true, _) => 10,
            (_, 0) => 3,
            (_, 1) => 4,
            _ => 6,
        };
        refine(scale, &mut result, &mut field, rounds, !coarsest);
    }
    result
}

/// Fills the hole of a scale smoothly from its border.
fn smooth(scale: &Scale) -> Plane<[f32; 3]> {
    let weights = scale.hole.map(|inside| if inside { 0.0 } else { 1.0 });
    Scattered { values: scale.colours.clone(), weights }.spread()
}

/// Uses the coarser result as the start of a finer scale.
fn enlarged(coarse: &Plane<[f32; 3]>, scale: &Scale) -> Plane<[f32; 3]> {
    let (width, height) = scale.hole.size();
    Plane::from_fn(width, height, |x, y| match scale.hole.get(x, y) {
        false => scale.colours.get(x, y),
        true => coarse.get((x / 2).min(coarse.width() - 1), (y / 2).min(coarse.height() - 1)),
    })
}

fn enlarged_field(coarse: &Plane<Option<Match>>, (width, height): (usize, usize)) -> Plane<Option<Match>> {
    Plane::from_fn(width, height, |x, y| {
        let found = coarse.get((x / 2).min(coarse.width() - 1), (y / 2).min(coarse.height() - 1))?;
        let (u, v) = (found.source % coarse.width(), found.source / coarse.width());
        let (u, v) = ((2 * u + x % 2).min(width - 1), (2 * v + y % 2).min(height - 1));
        Some(Match { source: v * width + u, cost: 0.0 })
    })
}

/// Alternates matching and voting. With `inherited` matches, the first vote comes before the first matching.
fn refine(
    scale: &Scale,
    result: &mut Plane<[f32; 3]>,
    field: &mut Plane<Option<Match>>,
    rounds: usize,
    inherited: bool,
) {
    let (width, height) = scale.hole.size();
    // Confidence: 1 for known pixels, and the lower the deeper a pixel lies in the hole.
    let trust = scale.depth.map(|depth| TRUST.powf(depth.min(30.0)).max(0.02));
    let near = distance_to(width, height, |index| scale.hole.cells()[index]);
    let reach = RADIUS as f32 * std::f32::consts::SQRT_2 + 0.1;
    let targets: Vec<usize> = (0..width * height).filter(|&index| near.cells()[index] <= reach).collect();
    let blank = Plane::filled(width, height, [0.0; 4]);
    let mut canvas = Canvas::new(blank, &scale.hole);
    if canvas.sources.is_empty() {
        return;
    }
    let mut kept = Plane::filled(width, height, None);
    for &target in &targets {
        kept.cells_mut()[target] = field.cells()[target].filter(|found| canvas.is_source.cells()[found.source]);
    }
    *field = kept;
    let paint = |canvas: &mut Canvas, result: &Plane<[f32; 3]>| {
        let pixels = result.cells().iter().zip(trust.cells());
        let cells = pixels.map(|(&[red, green, blue], &trust)| [red, green, blue, trust]).collect();
        canvas.colours = Plane::from_cells(width, height, cells);
    };
    if inherited {
        paint(&mut canvas, result);
        vote(scale, &canvas, field, result, &trust, false);
    }
    for round in 0..rounds {
        paint(&mut canvas, result);
        let searches = if inherited || round > 0 { 2 } else { 6 };
        for search in 0..searches {
            let seed = (round * 16 + search) as u64;
            let jump = if search % 2 == 0 { 4 } else { 2 };
            let found = canvas.improve(&targets, field, jump, seed);
            for (&target, found) in targets.iter().zip(found) {
                field.cells_mut()[target] = Some(found);
            }
        }
        vote(scale, &canvas, field, result, &trust, round + 1 == rounds);
    }
}

/// Computes each pixel of the hole from the matches of all patches that contain it. Better and more certain matches
/// count more.
fn vote(
    scale: &Scale,
    canvas: &Canvas,
    field: &Plane<Option<Match>>,
    result: &mut Plane<[f32; 3]>,
    trust: &Plane<f32>,
    last: bool,
) {
    let (width, height) = scale.hole.size();
    let mut costs: Vec<f32> =
        field.cells().iter().flatten().map(|found| found.cost).filter(|cost| cost.is_finite()).collect();
    if costs.is_empty() {
        return;
    }
    costs.sort_by(f32::total_cmp);
    let typical = costs[costs.len() * if last { 1 } else { 3 } / 4].max(4.0);
    let colours = canvas.colours.cells();
    let pixel = |index: usize| -> Option<[f32; 3]> {
        let (x, y) = (index % width, index / width);
        let (mut sum, mut weights) = ([0.0_f32; 3], 0.0_f32);
        for v in y.saturating_sub(RADIUS)..=(y + RADIUS).min(height - 1) {
            for u in x.saturating_sub(RADIUS)..=(x + RADIUS).min(width - 1) {
                let near = v * width + u;
                let Some(found) = field.cells()[near] else { continue };
                // The pixel's position in the source patch.
                let source = found.source + index - near;
                let weight = trust.cells()[near] * (-found.cost / (2.0 * typical)).exp() + 1e-9;
                weights += weight;
                for (sum, value) in sum.iter_mut().zip(colours[source]) {
                    *sum += weight * value;
                }
            }
        }
        (weights > 0.0).then(|| sum.map(|value| value / weights))
    };
    let hole: Vec<usize> = (0..width * height).filter(|&index| scale.hole.cells()[index]).collect();
    let voted: Vec<Option<[f32; 3]>> = hole.par_iter().map(|&index| pixel(index)).collect();
    for (index, colour) in hole.into_iter().zip(voted) {
        if let Some(colour) = colour {
            result.cells_mut()[index] = colour;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(width: usize, height: usize, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> Mask {
        Mask::from_fn(width, height, |column, row| if x.contains(&column) && y.contains(&row) { 255 } else { 0 })
    }

    #[test]
    fn stripes_go_on_through_the_hole() {
        let stripes =
            Picture::from_fn(96, 80, |x, y| if (x / 6) % 2 == 0 { [200, 60, 40] } else { [30, 90, (y * 2) as u8] });
        let hole = hole(96, 80, 38..58, 30..54);
        let filled = fill(&stripes, &hole);
        let mut wrong = 0;
        for y in 0..80 {
            for x in 0..96 {
                let (found, expected) = (filled.get(x, y), stripes.get(x, y));
                if hole.get(x, y) == 0 {
                    assert_eq!(found, expected);
                } else if found[0].abs_diff(expected[0]) > 40 {
                    wrong += 1;
                }
            }
        }
        assert!(wrong < 30, "{wrong} of 480 pixels are of the wrong stripe");
    }

    #[test]
    fn flat_pictures_all_hole_and_no_hole_work() {
        let flat = Picture::filled(40, 30, [9, 80, 200]);
        assert_eq!(fill(&flat, &hole(40, 30, 5..30, 8..26)), flat);
        assert_eq!(fill(&flat, &Mask::filled(40, 30, 0)), flat);
        assert_eq!(fill(&flat, &Mask::filled(40, 30, 255)), Picture::filled(40, 30, [128; 3]));
        let tiny = Picture::filled(3, 2, [7; 3]);
        assert_eq!(fill(&tiny, &hole(3, 2, 1..2, 0..1)), tiny);
    }
}
