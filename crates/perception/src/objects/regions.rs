//! A hierarchy of regions: the picture falls into small pieces along its edges, and the most similar neighbours are joined
//! until one region is left. The regions around a place are what somebody who clicks there may mean.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use media::picture::Plane;

use super::look::{Colour, Look, difference};

/// Regions that follow each other around a place differ by at least this factor in size.
const GROWTH: f32 = 1.06;
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
        let mut queue = BinaryHeap::new();
        for (index, node) in nodes.iter().enumerate() {
            for &other in node.neighbours.keys().filter(|&&other| other > index as u32) {
                queue.push(Reverse((Cost(cost(node, &nodes[other as usize], other, joining)), index as u32, other)));
            }
        }
        while let Some(Reverse((Cost(at), one, other))) = queue.pop() {
            if regions.parents[one as usize] != NONE || regions.parents[other as usize] != NONE {
                continue;
            }
            let joined = nodes.len() as u32;
            let node = join(&mut nodes, one, other, joined);
            for (&near, _) in &node.neighbours {
                let new = cost(&node, &nodes[near as usize], near, joining);
                queue.push(Reverse((Cost(new), near, joined)));
            }
            regions.parents[one as usize] = joined;
            regions.parents[other as usize] = joined;
            regions.parents.push(NONE);
            regions.costs.push(at);
            regions.areas.push(node.area as u32);
            nodes.push(node);
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
pub(super) fn neighbours(
    x: usize,
    y: usize,
    (width, height): (usize, usize),
) -> impl Iterator<Item = (usize, usize)> {
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

/// The region of two, entered with all its neighbours.
fn join(nodes: &mut [Node], one: u32, other: u32, joined: u32) -> Node {
    let mut borders = std::mem::take(&mut nodes[one as usize].neighbours);
    for (near, (sum, length)) in std::mem::take(&mut nodes[other as usize].neighbours) {
        let border = borders.entry(near).or_default();
        *border = (border.0 + sum, border.1 + length);
    }
    borders.remove(&one);
    borders.remove(&other);
    for (&near, &border) in &borders {
        let back = &mut nodes[near as usize].neighbours;
        back.remove(&one);
        back.remove(&other);
        back.insert(joined, border);
    }
    let (one, other) = (&nodes[one as usize], &nodes[other as usize]);
    let area = one.area + other.area;
    let mean = std::array::from_fn(|channel| (one.area * one.mean[channel] + other.area * other.mean[channel]) / area);
    Node { area, mean, neighbours: borders }
}
