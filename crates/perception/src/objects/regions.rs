//! Builds a hierarchy of regions: the picture is split into small pieces along its edges, and the most similar
//! neighbours are merged until one region is left. The regions that contain a point are candidates for the object that
//! a click there means.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use media::picture::Plane;

use super::look::{Colour, Look, difference};

/// Regions that follow each other around a place differ by at least this factor in size.
const GROWTH: f32 = 1.06;
/// A cost that has grown by more than this factor since it was noted is noted anew.
const STALE: f32 = 1.02;
/// No parent yet.
const NONE: u32 = u32::MAX;

/// How neighbours are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Joining {
    /// Weight of the difference of mean colours beside that of the edge between the regions.
    pub(super) means: f32,
    /// Small regions are joined first: the cost grows with the smaller one's area to this power.
    pub(super) area_power: f32,
}

/// The hierarchy of one picture. Regions are numbered, the pieces first.
#[derive(Debug)]
pub(super) struct Regions {
    pieces: Plane<u32>,
    parents: Vec<u32>,
    costs: Vec<f32>,
    areas: Vec<u32>,
}

/// A region around a place.
#[derive(Debug, Clone)]
pub(super) struct Nested {
    /// True inside.
    pub(super) inside: Vec<bool>,
    /// Pixels.
    pub(super) area: usize,
    /// The cost at which it came to be, and that at which it is joined with its neighbour.
    pub(super) costs: (f32, f32),
}

struct Node {
    area: f32,
    mean: Colour,
    /// For each neighbour the sum of edges along the common border and its length.
    neighbours: BTreeMap<u32, (f32, f32)>,
}

#[derive(PartialEq)]
struct Cost(f32);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Regions {
    /// Joins the pieces of a picture.
    pub(super) fn of(look: &Look, pieces: &Plane<u32>, joining: Joining) -> Self {
        let mut nodes = nodes(look, pieces);
        let mut regions = Self {
            pieces: pieces.clone(),
            parents: vec![NONE; nodes.len()],
            costs: vec![0.0; nodes.len()],
            areas: nodes.iter().map(|node| node.area as u32).collect(),
        };
        // The number of the region that each node has become; none once it was joined to another.
        let mut current: Vec<u32> = (0..nodes.len() as u32).collect();
        let mut queue = BinaryHeap::new();
        for (index, node) in nodes.iter().enumerate() {
            for &other in node.neighbours.keys().filter(|&&other| other > index as u32) {
                queue.push(Reverse((Cost(cost(node, &nodes[other as usize], other, joining)), index as u32, other)));
            }
        }
        while let Some(Reverse((Cost(then), one, other))) = queue.pop() {
            if current[one as usize] == NONE || current[other as usize] == NONE {
                continue;
            }
            let at = cost(&nodes[one as usize], &nodes[other as usize], other, joining);
            if at > STALE * then {
                // Both have grown since.
                queue.push(Reverse((Cost(at), one, other)));
                continue;
            }
            let is_larger = nodes[one as usize].neighbours.len() >= nodes[other as usize].neighbours.len();
            let (large, small) = if is_larger { (one, other) } else { (other, one) };
            for near in join(&mut nodes, large, small) {
                let new = cost(&nodes[large as usize], &nodes[near as usize], near, joining);
                queue.push(Reverse((Cost(new), large, near)));
            }
            let joined = regions.parents.len() as u32;
            for node in [large, small] {
                regions.parents[current[node as usize] as usize] = joined;
            }
            (current[large as usize], current[small as usize]) = (joined, NONE);
            regions.parents.push(NONE);
            regions.costs.push(at);
            regions.areas.push(nodes[large as usize].area as u32);
        }
        regions
    }

    /// The regions around a pixel of at least `least` and at most `most` pixels, from small to large.
    pub(super) fn around(&self, x: usize, y: usize, (least, most): (usize, usize)) -> Vec<Nested> {
        let mut found = vec![];
        let (mut region, mut last) = (self.pieces.get(x, y), 0.0);
        loop {
            let parent = self.parents[region as usize];
            let area = self.areas[region as usize] as usize;
            if area > most {
                break;
            }
            if area >= least && area as f32 > GROWTH * last {
                last = area as f32;
                let next = if parent == NONE { f32::INFINITY } else { self.costs[parent as usize] };
                let costs = (self.costs[region as usize], next);
                found.push(Nested { inside: self.inside(region), area, costs });
            }
            if parent == NONE {
                break;
            }
            region = parent;
        }
        found
    }

    fn inside(&self, region: u32) -> Vec<bool> {
        let mut belongs = vec![false; self.parents.len()];
        belongs[region as usize] = true;
        for index in (0..region as usize).rev() {
            let parent = self.parents[index];
            belongs[index] = parent != NONE && belongs[parent as usize];
        }
        self.pieces.cells().iter().map(|&piece| belongs[piece as usize]).collect()
    }
}

/// Numbers the small pieces of a picture: from the flattest pixels on, each takes the piece of its most similar neighbour.
pub(super) fn pieces(look: &Look) -> Plane<u32> {
    let (width, height) = look.size();
    let mut order: Vec<u32> = (0..(width * height) as u32).collect();
    order.sort_by(|&one, &other| look.edges.cells()[one as usize].total_cmp(&look.edges.cells()[other as usize]));
    let mut pieces = Plane::filled(width, height, NONE);
    let mut count = 0;
    for index in order {
        let (x, y) = (index as usize % width, index as usize / width);
        let own = look.colours.get(x, y);
        let near = neighbours(x, y, (width, height)).filter(|&(x, y)| pieces.get(x, y) != NONE);
        let nearest = near.min_by(|&one, &other| {
            let apart = |(x, y): (usize, usize)| difference(own, look.colours.get(x, y));
            apart(one).total_cmp(&apart(other))
        });
        let piece = nearest.map_or(count, |(x, y)| pieces.get(x, y));
        count += u32::from(nearest.is_none());
        pieces.set(x, y, piece);
    }
    pieces
}

/// The four neighbours of a pixel as far as they exist.
pub(super) fn neighbours(x: usize, y: usize, (width, height): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let places = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
    places.into_iter().filter(move |&(x, y)| x < width && y < height)
}

fn nodes(look: &Look, pieces: &Plane<u32>) -> Vec<Node> {
    let count = pieces.cells().iter().max().map_or(0, |&last| last as usize + 1);
    let empty = || Node { area: 0.0, mean: [0.0; 3], neighbours: BTreeMap::new() };
    let mut nodes: Vec<Node> = (0..count).map(|_| empty()).collect();
    let (width, height) = pieces.size();
    for y in 0..height {
        for x in 0..width {
            let piece = pieces.get(x, y);
            let colour = look.colours.get(x, y);
            let node = &mut nodes[piece as usize];
            node.area += 1.0;
            (0..3).for_each(|channel| node.mean[channel] += colour[channel]);
            for (right, down) in [(x + 1, y), (x, y + 1)] {
                if right >= width || down >= height || pieces.get(right, down) == piece {
                    continue;
                }
                let other = pieces.get(right, down);
                let step = difference(colour, look.colours.get(right, down)).sqrt();
                let edge = look.edges.get(x, y).max(look.edges.get(right, down)).max(step);
                for (one, two) in [(piece, other), (other, piece)] {
                    let border = nodes[one as usize].neighbours.entry(two).or_default();
                    *border = (border.0 + edge, border.1 + 1.0);
                }
            }
        }
    }
    for node in &mut nodes {
        node.mean = node.mean.map(|sum| sum / node.area);
    }
    nodes
}

fn cost(node: &Node, other: &Node, number: u32, joining: Joining) -> f32 {
    let (sum, length) = node.neighbours[&number];
    let apart = sum / length + joining.means * difference(node.mean, other.mean).sqrt();
    apart * node.area.min(other.area).powf(joining.area_power)
}

/// Joins the small node to the large one and returns the neighbours that it brings.
fn join(nodes: &mut [Node], large: u32, small: u32) -> Vec<u32> {
    let brought = std::mem::take(&mut nodes[small as usize].neighbours);
    for (&near, &(sum, length)) in brought.iter().filter(|(near, _)| **near != large) {
        nodes[near as usize].neighbours.remove(&small);
        for (one, other) in [(near, large), (large, near)] {
            let border = nodes[one as usize].neighbours.entry(other).or_default();
            *border = (border.0 + sum, border.1 + length);
        }
    }
    let (area, mean) = (nodes[small as usize].area, nodes[small as usize].mean);
    let node = &mut nodes[large as usize];
    node.neighbours.remove(&small);
    let whole = node.area + area;
    node.mean = std::array::from_fn(|channel| (node.area * node.mean[channel] + area * mean[channel]) / whole);
    node.area = whole;
    brought.into_keys().filter(|&near| near != large).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::look::Look;
    use media::picture::{Mask, Picture};

    /// A dark square of 6 x 4 pixels in a bright frame.
    fn square() -> Look {
        let inside = |x: usize, y: usize| (4..10).contains(&x) && (5..9).contains(&y);
        let picture = Picture::from_fn(24, 16, |x, y| if inside(x, y) { [40, 40, 90] } else { [200, 190, 180] });
        Look::of(&picture, &Mask::filled(24, 16, 0), None, (24, 16))
    }

    #[test]
    fn a_square_is_one_of_the_regions_around_a_pixel_in_it() {
        let look = square();
        let pieces = pieces(&look);
        let regions = Regions::of(&look, &pieces, Joining { means: 0.5, area_power: 0.15 });
        let found = regions.around(6, 6, (4, 100));
        let exact = found.iter().find(|region| region.area == 24).expect("the square itself");
        assert!(
            (0..24 * 16).all(|index| exact.inside[index] == look.colours.cells()[index].eq(&look.colours.get(6, 6)))
        );
        // It is joined with its surroundings at a far greater cost than its own parts.
        assert!(exact.costs.1 > 10.0 * exact.costs.0.max(1.0), "{:?}", exact.costs);
    }

    #[test]
    fn the_last_region_is_the_whole_frame() {
        let look = square();
        let regions = Regions::of(&look, &pieces(&look), Joining { means: 1.0, area_power: 0.3 });
        assert_eq!(regions.areas.last(), Some(&(24 * 16)));
        assert_eq!(regions.parents.iter().filter(|parent| **parent == NONE).count(), 1);
        let sizes: Vec<usize> = regions.around(0, 0, (1, 24 * 16)).iter().map(|region| region.area).collect();
        assert!(sizes.is_sorted() && sizes.last() == Some(&(24 * 16)), "{sizes:?}");
    }
}
