//! Groups the pixels of objects into connected pieces, and decides which pieces to keep.

use super::appearance::OFF_HAND;
use super::body::Body;
use super::evidence::Evidence;
use crate::body::point::Point;

/// Smallest area of an object, in squared lengths of the trunk.
const LEAST: f32 = 0.006;
/// Odds from which a pixel starts an object, and from which it continues one.
const BEGINS: f32 = 0.5;
const GROWS: f32 = -0.7;
/// Smallest mean odds.
const SURE: f32 = 0.7;
/// Number of rounds in which pixels are added if most of their neighbours belong to the piece.
const ROUNDS: usize = 3;
/// Largest distance between a hand and the start of an object, in lengths of the trunk.
const AT_HAND: f32 = 0.25;
/// Smallest share of the object that extends beyond the hand.
const BEYOND_HAND: f32 = 0.3;
/// Smallest share of the object where the plate is known.
const SEEN: f32 = 0.1;
/// For how many frames an object is followed after it left the hand.
const FLIGHT: usize = 20;

/// A group of connected pixels.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) cells: Vec<usize>,
    middle: Point,
    at_hand: bool,
    /// The object of the previous frame that it continues.
    continues: Option<usize>,
}

/// An object of the previous frame.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    middle: Point,
    step: Point,
    size: f32,
    /// Frames since it was last at a hand.
    away: usize,
}

impl Followed {
    /// The objects to follow after a frame.
    pub(super) fn next(before: &[Self], found: &[Piece]) -> Vec<Self> {
        let of = |piece: &Piece| {
            let last = piece.continues.map(|index| &before[index]);
            Self {
                middle: piece.middle,
                step: last.map_or(Point::default(), |last| piece.middle - last.middle),
                size: (piece.cells.len() as f32).sqrt(),
                away: if piece.at_hand { 0 } else { last.map_or(0, |last| last.away) + 1 },
            }
        };
        found.iter().map(of).collect()
    }
}

/// The pieces of a frame that are objects in use.
pub(super) fn pieces(evidence: &Evidence, body: &Body, followed: &[Followed]) -> Vec<Piece> {
    let (width, height) = evidence.size;
    let solid = solid(evidence);
    let mut visited = vec![false; width * height];
    let mut found = vec![];
    for start in 0..width * height {
        if !visited[start] && solid[start] && evidence.odds[start] > BEGINS {
            let cells = connected(start, (width, height), &mut visited, |index| solid[index]);
            found.extend(piece(filled(cells, evidence), evidence, body, followed));
        }
    }
    found
}

/// Makes a piece from pixels. None if they are too few, if too little is known of them, or if no hand uses them.
fn piece(cells: Vec<usize>, evidence: &Evidence, body: &Body, followed: &[Followed]) -> Option<Piece> {
    let (width, count) = (evidence.size.0, cells.len() as f32);
    let share = |counts: &dyn Fn(usize) -> bool| cells.iter().filter(|&&index| counts(index)).count() as f32 / count;
    let sum: f32 = cells.iter().map(|&index| evidence.odds[index]).sum();
    if count < LEAST * body.length * body.length
        || sum < SURE * count
        || share(&|index| evidence.plate_seen(index)) < SEEN
    {
        return None;
    }
    let place = |index: usize| Point::new((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
    let middle = cells.iter().fold(Point::default(), |sum, &index| sum + place(index) * (1.0 / count));
    let continues = followed.iter().position(|object| {
        let size = object.size.max(count.sqrt());
        object.away < FLIGHT && (object.middle + object.step - middle).length() < 1.2 * size
    });
    let nearest = cells.iter().map(|&index| evidence.from_hand[index]).fold(f32::INFINITY, f32::min);
    // Pixels no farther from the hand's bone than the size of a hand belong to the hand.
    let at_hand = nearest < AT_HAND && share(&|index| evidence.from_hand[index] > OFF_HAND) > BEYOND_HAND;
    (at_hand || continues.is_some()).then_some(Piece { cells, middle, at_hand, continues })
}

/// Where an object may be: not in the thin fringe of the body.
fn solid(evidence: &Evidence) -> Vec<bool> {
    let (width, height) = evidence.size;
    let grows: Vec<bool> = evidence.odds.iter().map(|&odds| odds > GROWS).collect();
    let inner = |index: usize| {
        let (x, y) = (index % width, index / width);
        x > 0 && y > 0 && x + 1 < width && y + 1 < height
    };
    let square = |index: usize| [index - width, index, index + width].into_iter().flat_map(|row| row - 1..row + 2);
    let mut thick = vec![false; width * height];
    for index in (0..width * height).filter(|&index| grows[index] && inner(index)) {
        if square(index).all(|near| grows[near]) {
            square(index).for_each(|near| thick[near] = true);
        }
    }
    (0..width * height).map(|index| grows[index] && (thick[index] || evidence.is_apart[index])).collect()
}

/// Adds the pixels that have most of their eight neighbours in the group.
fn filled(mut cells: Vec<usize>, evidence: &Evidence) -> Vec<usize> {
    let (width, height) = evidence.size;
    let mut belongs = vec![false; width * height];
    cells.iter().for_each(|&index| belongs[index] = true);
    let mut border: Vec<usize> = cells.clone();
    for _ in 0..ROUNDS {
        let mut added = vec![];
        for &index in &border {
            for near in neighbours(index, (width, height)) {
                let (x, y) = (near % width, near / width);
                let inner = x > 0 && y > 0 && x + 1 < width && y + 1 < height;
                if belongs[near] || !inner || !evidence.is_foreground(near) {
                    continue;
                }
                let rows = [near - width, near, near + width];
                let count = rows.iter().flat_map(|&row| row - 1..row + 2).filter(|&index| belongs[index]).count();
                if count >= 5 {
                    added.push(near);
                }
            }
        }
        added.sort_unstable();
        added.dedup();
        added.iter().for_each(|&index| belongs[index] = true);
        cells.extend(&added);
        border = added;
    }
    cells
}

fn neighbours(index: usize, (width, height): (usize, usize)) -> impl Iterator<Item = usize> {
    let (x, y) = (index % width, index / width);
    let beside = [(x > 0, index.wrapping_sub(1)), (x + 1 < width, index + 1)];
    let above = [(y > 0, index.wrapping_sub(width)), (y + 1 < height, index + width)];
    beside.into_iter().chain(above).filter(|(exists, _)| *exists).map(|(_, near)| near)
}

fn connected(start: usize, size: (usize, usize), visited: &mut [bool], belongs: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut part = vec![start];
    visited[start] = true;
    let mut at = 0;
    while at < part.len() {
        for near in neighbours(part[at], size) {
            if !visited[near] && belongs(near) {
                visited[near] = true;
                part.push(near);
            }
        }
        at += 1;
    }
    part
}
