//! Assigns each pixel of a cut-out to a part of the body.
//!
//! The cost of a part at a pixel is its geodesic distance from the part's bone, minus the part's half width. A pixel is
//! assigned to the part with the lowest cost. An arm in front of the trunk therefore keeps its own pixels, and the
//! trunk gets the pixels around the arm. Pixels between and beside the legs that lie far outside both legs indicate a
//! skirt, robe or coat. The cloth of a skirt, robe or coat is assigned to the trunk and hangs from hips and legs.

use media::picture::{Mask, Plane};
use perception::pose::Pose;

use crate::body::bones::Bones;
use crate::body::geodesic::{Field, Grid};
use crate::body::part::{Chain, Part};
use crate::body::point::Point;
use crate::body::trunk::TrunkFrame;
use crate::puppet::cutout::Cutout;

/// A pixel that belongs to no part.
pub(crate) const NOBODY: u8 = u8::MAX;
/// From this coverage on, a pixel is assigned to a part.
const LEAST: u8 = 8;
/// If a far joint has less confidence than this, something hides it.
const SEEN: f32 = 0.6;
/// Number of bins along the legs in which a hem is searched.
const BINS: usize = 24;
/// Width of a trouser leg, in usual half widths of the leg.
const TROUSER: f32 = 1.35;
/// From this share of loose pixels on, a bin shows a skirt.
const LOOSE: f32 = 0.22;
/// Smallest length of a wide skirt, and of a skirt that shows only by the closed gap between the legs, in lengths of
/// the legs.
const SHORTEST: (f32, f32) = (0.28, 0.4);
/// Extra distance factor beside an arm: sleeves are narrow, hair and cloaks are not.
const BESIDE_ARM: f32 = 1.6;

/// The parts of a cut-out.
#[derive(Debug, Clone)]
pub(crate) struct Segmentation {
    pub(crate) bones: Bones,
    pub(crate) trunk: TrunkFrame,
    /// Index of [`Part`] for each pixel, or [`NOBODY`].
    pub(crate) labels: Plane<u8>,
    /// Geodesic distance from each part's bone.
    fields: Vec<Option<Field>>,
    /// Half width of each part in pixels.
    pub(crate) radius: [f32; Part::COUNT],
    /// The end of a skirt, if there is one.
    pub(crate) skirt: Option<Skirt>,
    hidden: [bool; Part::COUNT],
}

/// Cloth that hangs from the hips over the legs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skirt {
    hips: Point,
    /// Vector from the hips to the hem.
    down: Point,
}

impl Skirt {
    /// Position along the skirt: 0 at the hips, 1 at the hem.
    pub(crate) fn share(&self, place: Point) -> f32 {
        (place - self.hips).dot(self.down) / self.down.dot(self.down)
    }
}

impl Segmentation {
    /// Segments a cut-out whose pose shows at least a trunk.
    pub(crate) fn new(cutout: &Cutout, pose: &Pose) -> Option<Self> {
        let trunk = TrunkFrame::of(pose)?;
        let grid = Grid::new(&cutout.mask);
        let mut bones = Bones::of(pose, cutout.size());
        for chain in Chain::ALL {
            let mut is_missing = false;
            for &part in chain.parts() {
                is_missing |=
                    part != Part::Trunk && !bones.get(part).is_some_and(|bone| shows(&grid, part, bone.line()));
                if is_missing {
                    bones.remove(part);
                }
            }
        }
        let fields: Vec<Option<Field>> = Part::ALL
            .into_iter()
            .map(|part| {
                let seeds = match part {
                    Part::Trunk => trunk_seeds(&grid, &trunk),
                    part => line_seeds(&grid, seed_line(part, bones.get(part)?.line())),
                };
                (!seeds.is_empty()).then(|| grid.distances(seeds))
            })
            .collect();
        fields[Part::Trunk as usize].as_ref()?;
        let hidden = Part::ALL
            .map(|part| part.joints().is_some() && bones.get(part).is_some_and(|bone| bone.to.confidence < SEEN));
        let edge = grid.distances(edge_seeds(&cutout.mask, &grid));
        let radius = Part::ALL.map(|part| radius(part, bones.get(part).map(|bone| bone.line()), &edge, trunk.length));
        let labels = Plane::filled(cutout.size().0, cutout.size().1, NOBODY);
        let mut found = Self { bones, trunk, labels, fields, radius, skirt: None, hidden };
        found.labels = found.cheapest(&cutout.mask);
        found.skirt = found.find_skirt();
        if let Some(skirt) = found.skirt {
            found.give_to_skirt(skirt);
        }
        Some(found)
    }

    /// Geodesic distance of a place from a part's bone, in pixels.
    pub(crate) fn distance(&self, part: Part, place: Point) -> f32 {
        self.fields[part as usize].as_ref().map_or(f32::INFINITY, |field| field.at(place))
    }

    /// The cost of assigning a place to a part.
    pub(crate) fn cost(&self, part: Part, place: Point) -> f32 {
        let (distance, radius) = (self.distance(part, place), self.radius[part as usize]);
        match part {
            Part::Trunk => (distance - radius).max(0.0),
            _ if self.hidden[part as usize] => distance,
            _ if distance > radius && matches!(part.chain(), Chain::RightArm | Chain::LeftArm) => {
                BESIDE_ARM * (distance - radius)
            }
            _ => distance - radius,
        }
    }

    /// The part of a pixel.
    pub(crate) fn part(&self, x: usize, y: usize) -> Option<Part> {
        Part::ALL.get(usize::from(self.labels.get(x, y))).copied()
    }

    fn cheapest(&self, mask: &Mask) -> Plane<u8> {
        Plane::from_fn(mask.width(), mask.height(), |x, y| {
            if mask.get(x, y) < LEAST {
                return NOBODY;
            }
            let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
            let costs = Part::ALL.into_iter().map(|part| (self.cost(part, place), part as u8));
            costs.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(NOBODY, |(_, part)| part)
        })
    }

    fn find_skirt(&self) -> Option<Skirt> {
        let hips = self.trunk.place((0.0, 0.0));
        let ends: Vec<Point> = [Part::RightShin, Part::LeftShin, Part::RightThigh, Part::LeftThigh]
            .into_iter()
            .filter_map(|part| self.bones.get(part).map(|bone| bone.to.into()))
            .take(2)
            .collect();
        if ends.len() < 2 {
            return None;
        }
        let down = ends[0].lerp(ends[1], 0.5) - hips;
        if down.length() < 0.3 * self.trunk.length {
            return None;
        }
        let legs = Skirt { hips, down };
        let (mut loose, mut all) = ([0.0f32; BINS], [0.0f32; BINS]);
        for y in 0..self.labels.height() {
            for x in 0..self.labels.width() {
                let Some(part) = self.part(x, y) else { continue };
                let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
                let share = legs.share(place);
                if !is_lower(part) || !(0.0..1.0).contains(&share) {
                    continue;
                }
                let bin = (share * BINS as f32) as usize;
                let near = LEGS
                    .into_iter()
                    .map(|leg| self.distance(leg, place) - TROUSER * leg.usual_radius() * self.trunk.length)
                    .fold(f32::INFINITY, f32::min);
                all[bin] += 1.0;
                loose[bin] += f32::from(u8::from(near > 0.0));
            }
        }
        let first = (0.12 * BINS as f32) as usize;
        let is_loose = |bin: usize| loose[bin] > LOOSE * all[bin].max(1.0);
        let is_cloth = |bin: usize| is_loose(bin) || self.is_closed(bin as f32 / BINS as f32);
        let hem = (first..BINS).take_while(|&bin| is_cloth(bin)).last()? + 1;
        let share = hem as f32 / BINS as f32;
        let shortest = if (first..hem).any(is_loose) { SHORTEST.0 } else { SHORTEST.1 };
        (share >= shortest).then_some(Skirt { hips, down: down * share })
    }

    /// True when cloth closes the gap between two separated legs, this far down the legs.
    fn is_closed(&self, share: f32) -> bool {
        let along = |thigh: Part, shin: Part| -> Option<Point> {
            let (thigh, shin) = (self.bones.get(thigh)?.line(), self.bones.get(shin).map(|shin| shin.line()));
            match (share < 0.5, shin) {
                (true, _) => Some(thigh.0.lerp(thigh.1, 2.0 * share)),
                (false, shin) => shin.map(|shin| shin.0.lerp(shin.1, 2.0 * share - 1.0)),
            }
        };
        let (Some(right), Some(left)) =
            (along(Part::RightThigh, Part::RightShin), along(Part::LeftThigh, Part::LeftShin))
        else {
            return false;
        };
        let middle = right.lerp(left, 0.5);
        let (x, y) = (middle.x.max(0.0) as usize, middle.y.max(0.0) as usize);
        let (width, height) = self.labels.size();
        let leg = if share < 0.5 { Part::RightThigh } else { Part::RightShin };
        let apart = (right - left).length() > 2.0 * leg.usual_radius() * self.trunk.length;
        apart && x < width && y < height && self.part(x, y).is_some()
    }

    fn give_to_skirt(&mut self, skirt: Skirt) {
        for y in 0..self.labels.height() {
            for x in 0..self.labels.width() {
                let place = Point::new(x as f32 + 0.5, y as f32 + 0.5);
                if self.part(x, y).is_some_and(is_lower) && skirt.share(place) <= 1.0 {
                    self.labels.set(x, y, Part::Trunk as u8);
                }
            }
        }
    }
}

/// Parts of the legs that a skirt may cover.
pub(crate) const LEGS: [Part; 4] = [Part::RightThigh, Part::LeftThigh, Part::RightShin, Part::LeftShin];

fn is_lower(part: Part) -> bool {
    part == Part::Trunk || matches!(part.chain(), Chain::RightLeg | Chain::LeftLeg)
}

/// True when the picture shows the part: most of its bone lies inside the person.
fn shows(grid: &Grid, part: Part, (from, to): (Point, Point)) -> bool {
    let shares = if part == Part::Head { [0.8, 0.9, 1.0, 1.0, 1.1] } else { [0.15, 0.3, 0.5, 0.7, 0.85] };
    shares.into_iter().filter(|&share| grid.holds(from.lerp(to, share))).count() >= 3
}

/// The line from which distances to a part are measured.
fn seed_line(part: Part, (from, to): (Point, Point)) -> (Point, Point) {
    match part {
        Part::Head => (from.lerp(to, 0.5), from.lerp(to, 1.7)),
        Part::RightThigh | Part::LeftThigh => (from.lerp(to, 0.12), to),
        Part::RightHand | Part::LeftHand => (from.lerp(to, 0.3), from.lerp(to, 1.6)),
        Part::RightFoot | Part::LeftFoot => (from.lerp(to, 0.2), to),
        _ => (from, to),
    }
}

fn line_seeds(grid: &Grid, (from, to): (Point, Point)) -> Vec<Point> {
    let steps = ((to - from).length() / grid.cell() * 2.0).ceil().max(1.0) as usize;
    let places = (0..=steps).map(|step| from.lerp(to, step as f32 / steps as f32));
    places.filter(|&place| grid.holds(place)).collect()
}

fn trunk_seeds(grid: &Grid, trunk: &TrunkFrame) -> Vec<Point> {
    let middle = line_seeds(grid, (trunk.place((0.0, 0.02)), trunk.place((0.0, 0.95))));
    let inside = grid.centres().filter(|&centre| {
        let (across, along) = trunk.coordinates(centre);
        across.abs() <= 0.92 && (0.0..=0.97).contains(&along) && grid.holds(centre)
    });
    inside.chain(middle).collect()
}

/// Places just inside the person's outline.
fn edge_seeds(mask: &Mask, grid: &Grid) -> Vec<Point> {
    let step = grid.cell();
    let ways = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
    grid.centres()
        .filter(|&centre| grid.holds(centre))
        .filter(|&centre| {
            ways.iter().any(|&(dx, dy)| {
                let near = centre + Point::new(dx, dy);
                let in_picture =
                    near.x >= 0.0 && near.y >= 0.0 && near.x < mask.width() as f32 && near.y < mask.height() as f32;
                in_picture && !grid.holds(near)
            })
        })
        .collect()
}

/// Half width of a part: the distance between its bone and the outline, within bounds around the usual one.
fn radius(part: Part, line: Option<(Point, Point)>, edge: &Field, trunk: f32) -> f32 {
    let usual = part.usual_radius() * trunk;
    let Some((from, to)) = line else { return usual };
    let shares = if part == Part::Head { [0.9, 1.0, 1.1] } else { [0.35, 0.5, 0.65] };
    let mut widths = shares.map(|share| edge.at(from.lerp(to, share)));
    widths.sort_by(f32::total_cmp);
    let (least, most) = match part.chain() {
        Chain::Head => (0.6, 3.0),
        Chain::RightArm | Chain::LeftArm => (0.6, 1.3),
        _ => (0.6, 1.4),
    };
    if widths[1].is_finite() { widths[1].clamp(least * usual, most * usual) } else { usual }
}
