//! Builds the layers of a cut-out. A layer holds one chain of limbs: its pixels, the regions that other chains hide,
//! and a mesh whose vertices have a weight for each body part.
//!
//! A limb's layer extends over its first joint into the trunk. Inside the trunk, the weight of the trunk increases with
//! the distance from the joint, so the joint bends without a tear. Where a hand lies on the trunk, the trunk's own
//! pixels are unknown. The unknown pixels are filled in from around the hand and marked as a guess.

use media::picture::{Picture, Plane};

use crate::body::part::{Chain, Part};
use crate::body::point::Point;
use crate::puppet::cutout::{Cutout, grow};
use crate::puppet::segmentation::{LEGS, Segmentation, Skirt};
use crate::puppet::texture::{Texel, Texture};
use crate::puppet::transform::Transforms;

/// Cells of the mesh along the longer side of the cut-out.
const CELLS: f32 = 96.0;
/// Width of the transition between the weights of two parts, in half widths.
const BLEND: f32 = 0.35;
/// How far a layer extends over its first joint, in half widths of its first part.
const OVERLAP: f32 = 1.4;

/// A corner of a mesh.
#[derive(Debug, Clone)]
pub(crate) struct Corner {
    /// Position in the cut-out.
    pub(crate) place: Point,
    /// Weight of each part; they sum to 1.
    pub(crate) weights: Vec<(Part, f32)>,
}

/// A cell of a mesh: four corners (top left, top right, bottom right, bottom left), and the part with the largest
/// weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) corners: [u32; 4],
    pub(crate) part: Part,
}

/// One chain of one cut-out.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) chain: Chain,
    pub(crate) texture: Texture,
    pub(crate) corners: Vec<Corner>,
    pub(crate) cells: Vec<Cell>,
    /// Number of pixels in the picture that show the chain.
    pub(crate) area: usize,
}

impl Layer {
    /// The layer of a chain; none when the picture does not show it.
    pub(crate) fn new(chain: Chain, cutout: &Cutout, parts: &Segmentation) -> Option<Self> {
        let own = own_pixels(chain, parts);
        let area = own.iter().filter(|own| **own).count();
        if area < 12 {
            return None;
        }
        let hidden = hidden_pixels(chain, &own, parts);
        Some(Self::from_pixels(chain, cutout, parts, &own, &hidden, &cutout.picture, area))
    }

    /// The new position of a corner.
    pub(crate) fn moved(&self, corner: &Corner, transforms: &Transforms) -> Point {
        match self.chain {
            Chain::Trunk => transforms.apply_to_cloth(corner.place, &corner.weights),
            _ => transforms.apply(corner.place, &corner.weights),
        }
    }

    /// Makes a layer from its own pixels, and from hidden pixels, which are filled in and marked as guessed.
    pub(crate) fn from_pixels(
        chain: Chain,
        cutout: &Cutout,
        parts: &Segmentation,
        own: &[bool],
        guessed: &[bool],
        picture: &Picture,
        area: usize,
    ) -> Self {
        let (width, height) = cutout.size();
        let continued = if guessed.contains(&true) { grow(picture, own.to_vec(), usize::MAX) } else { picture.clone() };
        let shown = |index: usize| own[index] || guessed[index];
        let (mut low, mut high) = ((width, height), (0, 0));
        for index in (0..width * height).filter(|&index| shown(index)) {
            let (x, y) = (index % width, index / width);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
        }
        let texels: Plane<Texel> = Plane::from_fn(high.0 - low.0, high.1 - low.1, |x, y| {
            let index = (y + low.1) * width + x + low.0;
            if !shown(index) {
                return [0.0; 5];
            }
            let coverage = if guessed[index] { 1.0 } else { f32::from(cutout.mask.cells()[index]) / 255.0 };
            let [red, green, blue] = continued.cells()[index].map(|value| coverage * f32::from(value));
            [red, green, blue, coverage, if guessed[index] { coverage } else { 0.0 }]
        });
        let (corners, cells) = mesh(chain, parts, (width, height), shown);
        let origin = Point::new(low.0 as f32, low.1 as f32);
        Self { chain, texture: Texture::new(texels, origin), corners, cells, area }
    }
}

/// Pixels that belong to the chain, including the overlap over its first joint.
pub(crate) fn own_pixels(chain: Chain, parts: &Segmentation) -> Vec<bool> {
    let (width, height) = parts.labels.size();
    let joint = first_joint(chain, parts);
    let all = (0..width * height).map(|index| {
        let (x, y) = (index % width, index / width);
        let Some(part) = parts.part(x, y) else { return false };
        if part.chain() == chain {
            return true;
        }
        let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
        part == Part::Trunk && joint.is_some_and(|(joint, reach)| (place - joint).length() < reach)
    });
    all.collect()
}

/// Where a chain joins the trunk, and how far its layer extends from there.
fn first_joint(chain: Chain, parts: &Segmentation) -> Option<(Point, f32)> {
    let first = chain.parts()[0];
    let is_covered = parts.skirt.is_some() && matches!(chain, Chain::RightLeg | Chain::LeftLeg);
    if chain == Chain::Trunk || is_covered {
        return None;
    }
    let (from, to) = parts.bones.get(first)?.line();
    let radius = parts.radius[first as usize];
    Some(match chain {
        Chain::Head => (from.lerp(to, 0.3), 0.45 * (to - from).length()),
        _ => (from, OVERLAP * radius),
    })
}

/// Pixels of other chains that hide this one: for a limb those between two of its own pixels in a row, for the trunk
/// those between its joints.
fn hidden_pixels(chain: Chain, own: &[bool], parts: &Segmentation) -> Vec<bool> {
    let (width, height) = parts.labels.size();
    let mut hidden = vec![false; own.len()];
    if !matches!(chain, Chain::Trunk | Chain::RightLeg | Chain::LeftLeg) {
        return hidden;
    }
    let in_front = |part: Part| matches!(part.chain(), Chain::RightArm | Chain::LeftArm);
    for y in 0..height {
        let mut x = 0;
        while x < width {
            let Some(part) = parts.part(x, y).filter(|&part| part.chain() != chain) else {
                x += 1;
                continue;
            };
            let start = x;
            let mut arms = in_front(part);
            while x < width && parts.part(x, y).is_some_and(|part| part.chain() != chain) {
                arms &= parts.part(x, y).is_some_and(in_front);
                x += 1;
            }
            let own_at = |x: usize| parts.part(x, y).is_some_and(|part| part.chain() == chain);
            let between = start > 0 && own_at(start - 1) && x < width && own_at(x);
            for x in start..x {
                // Legs lie behind the trunk and do not hide it.
                let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
                let covers = parts.part(x, y).is_some_and(|part| in_front(part) || part == Part::Head);
                let inside = covers && chain == Chain::Trunk && {
                    let (across, along) = parts.trunk.coordinates(place);
                    across.abs() < 1.05 && (-0.05..1.02).contains(&along)
                };
                hidden[y * width + x] = !own[y * width + x] && (inside || (between && arms));
            }
        }
    }
    if let Some(skirt) = parts.skirt.filter(|_| chain != Chain::Trunk) {
        under_the_hem(chain, skirt, parts, &mut hidden);
    }
    hidden
}

/// Legs continue a little under a skirt, so that no leg is cut off when the hem swings.
fn under_the_hem(chain: Chain, skirt: Skirt, parts: &Segmentation, hidden: &mut [bool]) {
    let width = parts.labels.width();
    for (index, hidden) in hidden.iter_mut().enumerate() {
        let place = Point::new((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
        let is_cloth = parts.part(index % width, index / width) == Some(Part::Trunk);
        if is_cloth && (0.75..=1.0).contains(&skirt.share(place)) {
            *hidden |= chain.parts().iter().any(|&part| parts.cost(part, place) < 0.0);
        }
    }
}

fn mesh(
    chain: Chain,
    parts: &Segmentation,
    (width, height): (usize, usize),
    shown: impl Fn(usize) -> bool,
) -> (Vec<Corner>, Vec<Cell>) {
    let side = (width.max(height) as f32 / CELLS).max(3.0);
    let (columns, rows) = ((width as f32 / side).ceil() as usize, (height as f32 / side).ceil() as usize);
    let mut used = vec![false; columns * rows];
    for index in (0..width * height).filter(|&index| shown(index)) {
        let (x, y) = ((index % width) as f32, (index / width) as f32);
        // A pixel's colour extends half a pixel beyond it.
        for (dx, dy) in [(-0.5, -0.5), (1.5, -0.5), (-0.5, 1.5), (1.5, 1.5)] {
            let (column, row) = (((x + dx) / side).max(0.0) as usize, ((y + dy) / side).max(0.0) as usize);
            if column < columns && row < rows {
                used[row * columns + column] = true;
            }
        }
    }
    let mut corners = Vec::new();
    let mut number = vec![u32::MAX; (columns + 1) * (rows + 1)];
    let mut cells = Vec::new();
    for index in (0..columns * rows).filter(|&index| used[index]) {
        let (column, row) = (index % columns, index / columns);
        let four = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)].map(|(x, y)| {
            let slot = &mut number[y * (columns + 1) + x];
            if *slot == u32::MAX {
                *slot = corners.len() as u32;
                let place = Point::new(x as f32 * side, y as f32 * side);
                corners.push(Corner { place, weights: weights(chain, parts, place) });
            }
            *slot
        });
        let middle = Point::new((column as f32 + 0.5) * side, (row as f32 + 0.5) * side);
        cells.push(Cell { corners: four, part: main_part(chain, parts, middle) });
    }
    (corners, cells)
}

/// The part of the chain with the largest weight at a place.
fn main_part(chain: Chain, parts: &Segmentation, place: Point) -> Part {
    let known = chain.parts().iter().copied().filter(|&part| part == Part::Trunk || parts.bones.get(part).is_some());
    known
        .map(|part| (parts.cost(part, place), part))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(chain.parts()[0], |(_, part)| part)
}

/// The weight of each part at a place.
fn weights(chain: Chain, parts: &Segmentation, place: Point) -> Vec<(Part, f32)> {
    if chain == Chain::Trunk {
        return trunk_weights(parts, place);
    }
    let costs: Vec<(Part, f32)> = chain
        .parts()
        .iter()
        .filter(|&&part| parts.bones.get(part).is_some())
        .map(|&part| (part, parts.cost(part, place)))
        .collect();
    let least = costs.iter().map(|(_, cost)| *cost).fold(f32::INFINITY, f32::min);
    let mut weights: Vec<(Part, f32)> = costs
        .into_iter()
        .map(|(part, cost)| (part, (-(cost - least) / (BLEND * parts.radius[part as usize]).max(1.0)).exp()))
        .collect();
    // On the trunk side of the first joint, the trunk takes over.
    if let Some(bone) = parts.bones.get(chain.parts()[0]) {
        let (from, to) = bone.line();
        let (joint, softness) = match chain {
            Chain::Head => (from.lerp(to, 0.35), 0.1 * (to - from).length()),
            _ => (from, 0.3 * parts.radius[chain.parts()[0] as usize]),
        };
        let beyond = (place - joint).dot((to - from).direction(Point::new(0.0, 1.0)));
        let trunk = 1.0 / (1.0 + (beyond / softness.max(0.5)).clamp(-30.0, 30.0).exp());
        let sum: f32 = weights.iter().map(|(_, weight)| weight).sum();
        weights.iter_mut().for_each(|(_, weight)| *weight *= (1.0 - trunk) / sum);
        weights.push((Part::Trunk, trunk));
    }
    normalised(weights)
}

/// The trunk follows itself. A skirt follows hips and legs, and the lower it hangs, the more it follows the legs.
fn trunk_weights(parts: &Segmentation, place: Point) -> Vec<(Part, f32)> {
    let share = parts.skirt.map_or(0.0, |skirt| skirt.share(place).clamp(0.0, 1.0));
    if share <= 0.0 {
        return vec![(Part::Trunk, 1.0)];
    }
    let unit = 0.1 * parts.trunk.length;
    let known = LEGS.into_iter().filter(|&leg| parts.bones.get(leg).is_some());
    let near: Vec<(Part, f32)> = known.map(|leg| (leg, (1.0 + parts.distance(leg, place) / unit).powi(-2))).collect();
    let sum: f32 = near.iter().map(|(_, weight)| weight).sum();
    let legs = share.min(0.85);
    let mut weights: Vec<(Part, f32)> = near.into_iter().map(|(leg, weight)| (leg, legs * weight / sum)).collect();
    weights.push((Part::Trunk, 1.0 - legs));
    normalised(weights)
}

/// Drops weights that are too small to matter.
fn normalised(mut weights: Vec<(Part, f32)>) -> Vec<(Part, f32)> {
    weights.retain(|(_, weight)| *weight > 1e-3);
    let sum: f32 = weights.iter().map(|(_, weight)| weight).sum();
    if sum <= 0.0 {
        return vec![(Part::Trunk, 1.0)];
    }
    weights.iter_mut().for_each(|(_, weight)| *weight /= sum);
    weights
}
