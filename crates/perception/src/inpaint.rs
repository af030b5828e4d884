//! Inpaints a hole by fast marching (Telea, 2004). Pixels are filled in the order of their distance to the border of
//! the hole. Each pixel is a weighted mean of known pixels nearby; the nearest pixels and those along the level line
//! have the largest weights. The command `animate` uses this method to remove the person from the reference picture.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use media::picture::{Mask, Picture};

/// How far around a pixel known pixels are used.
const RADIUS: i32 = 5;
/// From this coverage on, a pixel belongs to the hole.
const HOLE: u8 = 1;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Known,
    Band,
    Unknown,
}

struct March {
    width: i32,
    height: i32,
    state: Vec<State>,
    distance: Vec<f32>,
    colours: Vec<[f32; 3]>,
}

/// The picture with every covered pixel replaced. A picture that is all hole becomes mid-grey.
///
/// # Panics
/// When the sizes differ.
pub fn inpaint(picture: &Picture, hole: &Mask) -> Picture {
    assert_eq!(picture.size(), hole.size(), "inpaint: picture {:?}, hole {:?}", picture.size(), hole.size());
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let covered = |index: usize| hole.cells()[index] >= HOLE;
    let count = picture.cells().len();
    if (0..count).all(covered) {
        return picture.map(|_| [128; 3]);
    }
    let mut march = March {
        width,
        height,
        state: (0..count).map(|index| if covered(index) { State::Unknown } else { State::Known }).collect(),
        distance: (0..count).map(|index| if covered(index) { f32::INFINITY } else { 0.0 }).collect(),
        colours: picture.cells().iter().map(|colour| colour.map(f32::from)).collect(),
    };
    // Distances are not negative, so their bit patterns sort like the numbers. The index breaks ties, so the order is
    // always the same.
    let mut queue: BinaryHeap<Reverse<(u32, usize)>> = BinaryHeap::new();
    for index in 0..count {
        if march.state[index] == State::Known && march.neighbours(index).any(|near| march.state[near] == State::Unknown)
        {
            queue.push(Reverse((0, index)));
        }
    }
    while let Some(Reverse((_, index))) = queue.pop() {
        march.state[index] = State::Known;
        let near: Vec<usize> = march.neighbours(index).collect();
        for index in near {
            if march.state[index] == State::Known {
                continue;
            }
            let distance = march.arrival(index);
            if march.state[index] == State::Unknown {
                march.distance[index] = distance;
                march.colours[index] = march.colour(index);
                march.state[index] = State::Band;
            } else if distance < march.distance[index] {
                march.distance[index] = distance;
            } else {
                continue;
            }
            queue.push(Reverse((march.distance[index].to_bits(), index)));
        }
    }
    let cells = march.colours.iter().map(|colour| colour.map(|value| value.round().clamp(0.0, 255.0) as u8)).collect();
    Picture::from_cells(picture.width(), picture.height(), cells)
}

impl March {
    fn place(&self, index: usize) -> (i32, i32) {
        (index as i32 % self.width, index as i32 / self.width)
    }

    fn at(&self, x: i32, y: i32) -> Option<usize> {
        let inside = x >= 0 && y >= 0 && x < self.width && y < self.height;
        inside.then(|| (y * self.width + x) as usize)
    }

    fn neighbours(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let (x, y) = self.place(index);
        [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)].into_iter().filter_map(|(x, y)| self.at(x, y))
    }

    /// The time at which the front reaches a pixel: the eikonal equation on its four neighbours.
    fn arrival(&self, index: usize) -> f32 {
        let (x, y) = self.place(index);
        let time = |x, y| match self.at(x, y) {
            Some(near) if self.state[near] != State::Unknown => self.distance[near],
            _ => f32::INFINITY,
        };
        let across = time(x - 1, y).min(time(x + 1, y));
        let along = time(x, y - 1).min(time(x, y + 1));
        let (low, high) = (across.min(along), across.max(along));
        if high - low >= 1.0 { low + 1.0 } else { (low + high + (2.0 - (high - low).powi(2)).sqrt()) / 2.0 }
    }

    fn colour(&self, index: usize) -> [f32; 3] {
        let (x, y) = self.place(index);
        let slope = |a: Option<usize>, b: Option<usize>| match (a, b) {
            (Some(a), Some(b)) if self.distance[a].is_finite() && self.distance[b].is_finite() => {
                (self.distance[b] - self.distance[a]) / 2.0
            }
            _ => 0.0,
        };
        let gradient = (slope(self.at(x - 1, y), self.at(x + 1, y)), slope(self.at(x, y - 1), self.at(x, y + 1)));
        let (mut sum, mut weights) = ([0.0; 3], 0.0);
        for dy in -RADIUS..=RADIUS {
            for dx in -RADIUS..=RADIUS {
                let squared = (dx * dx + dy * dy) as f32;
                let Some(near) = self.at(x + dx, y + dy) else { continue };
                if squared > (RADIUS * RADIUS) as f32 || self.state[near] == State::Unknown || near == index {
                    continue;
                }
                let direction = (dx as f32 * gradient.0 + dy as f32 * gradient.1).abs() / squared.sqrt();
                let level = 1.0 / (1.0 + (self.distance[near] - self.distance[index]).abs());
                let weight = direction.max(1e-3) * level / squared;
                weights += weight;
                for (total, value) in sum.iter_mut().zip(self.colours[near]) {
                    *total += weight * value;
                }
            }
        }
        sum.map(|total| total / weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_picture_comes_back_and_the_outside_is_untouched() {
        let flat = Picture::filled(9, 7, [10, 200, 30]);
        let hole = Mask::from_fn(9, 7, |x, y| if (2..7).contains(&x) && (1..6).contains(&y) { 255 } else { 0 });
        assert_eq!(inpaint(&flat, &hole), flat);
        let ramp = Picture::from_fn(9, 7, |x, _| [(x * 20) as u8; 3]);
        let filled = inpaint(&ramp, &hole);
        for y in 0..7 {
            for x in 0..9 {
                let (found, true_value) = (filled.get(x, y)[0], ramp.get(x, y)[0]);
                let allowed = if hole.get(x, y) == 0 { 0 } else { 45 };
                assert!(found.abs_diff(true_value) <= allowed, "({x}, {y}): {found} for {true_value}");
            }
        }
    }

    #[test]
    fn holes_without_surroundings_and_empty_holes_work() {
        let picture = Picture::filled(3, 3, [9, 9, 9]);
        assert_eq!(inpaint(&picture, &Mask::filled(3, 3, 255)).get(1, 1), [128; 3]);
        assert_eq!(inpaint(&picture, &Mask::filled(3, 3, 0)), picture);
    }
}
