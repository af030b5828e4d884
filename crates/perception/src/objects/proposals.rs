//! Proposes which region a click means: lists regions around it, each with features that describe it and a score.

use media::picture::Mask;

use super::choice::score;
use super::look::Look;
use super::regions::{Joining, Nested, Regions, pieces};
use super::shape::{Figures, figures};

/// Ways of joining pieces; each gives regions of its own.
const JOININGS: [Joining; 3] = [
    Joining { means: 0.5, area_power: 0.15 },
    Joining { means: 1.5, area_power: 0.35 },
    Joining { means: 0.2, area_power: 0.05 },
];
/// Fewest pixels of an object.
const LEAST: usize = 16;
/// Greatest share of the frame that an object covers.
const MOST: f32 = 0.5;
/// Regions that share this much of their union are one.
const SAME: f32 = 0.95;

/// A region that a click can mean.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The features that describe the region.
    pub figures: Figures,
    /// The expected overlap with the intended object, 0..=1.
    pub score: f32,
    pub(super) region: Nested,
    pub(super) size: (usize, usize),
}

impl Proposal {
    /// The region as a mask at the working size.
    pub fn mask(&self) -> Mask {
        let cells = self.region.inside.iter().map(|&inside| if inside { 255 } else { 0 });
        Mask::from_cells(self.size.0, self.size.1, cells.collect())
    }
}

/// The hierarchies of a frame.
pub(super) fn hierarchies(look: &Look) -> Vec<Regions> {
    let pieces = pieces(look);
    JOININGS.iter().map(|&joining| Regions::of(look, &pieces, joining)).collect()
}

/// The regions around a place in working pixels.
pub(super) fn nested<'a>(
    look: &Look,
    hierarchies: &'a [Regions],
    (x, y): (usize, usize),
) -> impl Iterator<Item = Nested> + use<'a> {
    let size = look.size();
    let bounds = (LEAST, (MOST * (size.0 * size.1) as f32) as usize);
    hierarchies.iter().flat_map(move |regions| regions.around(x, y, bounds))
}

/// The regions around a place in working pixels, the likeliest first.
pub(super) fn proposals(look: &Look, hierarchies: &[Regions], (x, y): (usize, usize)) -> Vec<Proposal> {
    let size = look.size();
    let mut regions: Vec<Nested> = vec![];
    for region in nested(look, hierarchies, (x, y)) {
        if regions.iter().all(|known| !is_same(known, &region)) {
            regions.push(region);
        }
    }
    let described = regions.into_iter().filter_map(|region| {
        let figures = figures(look, &region, (x, y))?;
        Some(Proposal { figures, score: score(&figures), region, size })
    });
    let mut found: Vec<Proposal> = described.collect();
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found
}

fn is_same(one: &Nested, other: &Nested) -> bool {
    let (small, large) = (one.area.min(other.area), one.area.max(other.area));
    if (small as f32) < SAME * large as f32 {
        return false;
    }
    let both = one.inside.iter().zip(&other.inside).filter(|(one, other)| **one && **other).count();
    both as f32 >= SAME * (one.area + other.area - both) as f32
}
