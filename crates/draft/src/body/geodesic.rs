//! Computes geodesic distances inside a mask, on a coarse grid: the length of the shortest path from a part's bone that
//! stays inside the person. A hand that hangs in front of a skirt is therefore near its forearm and far from the hem.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use media::picture::{Mask, Plane};
use media::resize::{Filter, resize_mask};

use crate::body::point::Point;

/// Cells along the longer side.
const CELLS: usize = 128;
/// From this mean coverage on, a cell belongs to the person.
const INSIDE: u8 = 76;
/// Cost of a step outside the person, relative to one inside.
const OUTSIDE: f32 = 4.0;

/// A coarse grid over a mask.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    inside: Plane<bool>,
    /// Columns and rows of pixels in a cell.
    cell: (f32, f32),
}

impl Grid {
    pub(crate) fn new(mask: &Mask) -> Self {
        let (width, height) = mask.size();
        let side = (width.max(height) as f32 / CELLS as f32).max(2.0);
        let count = |length: usize| ((length as f32 / side).ceil() as usize).max(1);
        let (columns, rows) = (count(width), count(height));
        let inside = resize_mask(mask, columns, rows, Filter::Area).map(|coverage| coverage >= INSIDE);
        Self { inside, cell: (width as f32 / columns as f32, height as f32 / rows as f32) }
    }

    /// Side of a cell in pixels.
    pub(crate) fn cell(&self) -> f32 {
        self.cell.0.max(self.cell.1)
    }

    /// True when the place lies in a cell of the person.
    pub(crate) fn holds(&self, place: Point) -> bool {
        self.index(place).is_some_and(|index| self.inside.cells()[index])
    }

    /// The centres of all cells.
    pub(crate) fn centres(&self) -> impl Iterator<Item = Point> + '_ {
        let (columns, rows) = self.inside.size();
        (0..columns * rows).map(move |index| {
            Point::new(((index % columns) as f32 + 0.5) * self.cell.0, ((index / columns) as f32 + 0.5) * self.cell.1)
        })
    }

    /// Distance of every cell from the seeds that lie inside the person, in pixels.
    pub(crate) fn distances(&self, seeds: impl IntoIterator<Item = Point>) -> Field {
        let (columns, rows) = self.inside.size();
        let mut distance = vec![f32::INFINITY; columns * rows];
        let mut queue = BinaryHeap::new();
        for seed in seeds {
            if let Some(index) = self.index(seed).filter(|&index| self.inside.cells()[index]) {
                distance[index] = 0.0;
                queue.push(Reverse((0u32, index)));
            }
        }
        while let Some(Reverse((bits, index))) = queue.pop() {
            // Distances are not negative, so their bit patterns sort like the numbers.
            if f32::from_bits(bits) > distance[index] {
                continue;
            }
            let (x, y) = ((index % columns) as i32, (index / columns) as i32);
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)] {
                let (near_x, near_y) = (x + dx, y + dy);
                if near_x < 0 || near_y < 0 || near_x >= columns as i32 || near_y >= rows as i32 {
                    continue;
                }
                let near = near_y as usize * columns + near_x as usize;
                let step = (dx as f32 * self.cell.0).hypot(dy as f32 * self.cell.1);
                let is_inside = self.inside.cells()[near] && self.inside.cells()[index];
                let new = distance[index] + if is_inside { step } else { OUTSIDE * step };
                if new < distance[near] {
                    distance[near] = new;
                    queue.push(Reverse((new.to_bits(), near)));
                }
            }
        }
        Field { distance: Plane::from_cells(columns, rows, distance), cell: self.cell }
    }

    fn index(&self, place: Point) -> Option<usize> {
        let (columns, rows) = self.inside.size();
        let (x, y) = ((place.x / self.cell.0).floor(), (place.y / self.cell.1).floor());
        let inside = x >= 0.0 && y >= 0.0 && x < columns as f32 && y < rows as f32;
        inside.then(|| y as usize * columns + x as usize)
    }
}

/// Distances over a grid.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    distance: Plane<f32>,
    cell: (f32, f32),
}

impl Field {
    /// The distance at a place, in pixels; infinite when no seed lies inside the person.
    pub(crate) fn at(&self, place: Point) -> f32 {
        let (columns, rows) = self.distance.size();
        let x = (place.x / self.cell.0 - 0.5).clamp(0.0, columns as f32 - 1.0);
        let y = (place.y / self.cell.1 - 0.5).clamp(0.0, rows as f32 - 1.0);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(columns - 1), (top + 1).min(rows - 1));
        let (across, down) = (x - left as f32, y - top as f32);
        let mix = |a: f32, b: f32, share: f32| if share == 0.0 { a } else { a + share * (b - a) };
        let upper = mix(self.distance.get(left, top), self.distance.get(right, top), across);
        let lower = mix(self.distance.get(left, bottom), self.distance.get(right, bottom), across);
        mix(upper, lower, down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_around_a_gap_is_long() {
        // A horseshoe: two legs joined at the top.
        let mask = Mask::from_fn(64, 64, |x, y| if y < 12 || !(20..44).contains(&x) { 255 } else { 0 });
        let field = Grid::new(&mask).distances([Point::new(10.0, 60.0)]);
        let (near, far) = (field.at(Point::new(10.0, 20.0)), field.at(Point::new(54.0, 60.0)));
        assert!((near - 40.0).abs() < 4.0, "{near}");
        // Both paths are far: through the gap with its fourfold cost, and around it.
        assert!(far > 100.0, "{far}");
        assert!(Grid::new(&mask).distances([Point::new(32.0, 40.0)]).at(Point::new(1.0, 1.0)).is_infinite());
    }
}
