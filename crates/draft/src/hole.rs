//! Computes the hole, which is the part of a frame that is replaced: the driving person with a margin, without objects
//! in use.

use media::picture::{Mask, Plane};

/// From this coverage on, a pixel shows some of the person.
const TOUCHED: u8 = 32;
/// From this coverage on, a pixel belongs to an object.
const OBJECT: u8 = 128;
/// Margin around the person: a share of the longer side of its box, and a minimum in pixels.
const MARGIN: (f32, f32) = (0.02, 3.0);

/// 255 where the frame is replaced, 0 elsewhere.
///
/// # Panics
/// When the sizes differ.
pub fn hole(person: &Mask, objects: &[Mask]) -> Mask {
    let (width, height) = person.size();
    let (mut low, mut high) = ((width, height), (0, 0));
    for y in 0..height {
        for (x, _) in person.row(y).iter().enumerate().filter(|(_, coverage)| **coverage >= TOUCHED) {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
        }
    }
    if low.0 >= high.0 {
        return Mask::filled(width, height, 0);
    }
    let side = (high.0 - low.0).max(high.1 - low.1) as f32;
    let reach = (MARGIN.0 * side).max(MARGIN.1);
    let distance = squared_distance(person, reach);
    let is_object = |index: usize| {
        objects.iter().any(|object| {
            assert_eq!(object.size(), person.size(), "hole: object {:?}, person {:?}", object.size(), person.size());
            object.cells()[index] >= OBJECT
        })
    };
    let cells = distance.cells().iter().enumerate();
    let cells = cells.map(|(index, &distance)| if distance <= reach * reach && !is_object(index) { 255 } else { 0 });
    Mask::from_cells(width, height, cells.collect())
}

/// Squared distance to the nearest covered pixel. It is exact up to `reach`, and larger than `reach` squared beyond.
fn squared_distance(person: &Mask, reach: f32) -> Plane<f32> {
    let (width, height) = person.size();
    let mut column = Plane::filled(width, height, f32::INFINITY);
    for x in 0..width {
        for (start, step) in [(0, 1), (height as i64 - 1, -1i64)] {
            let mut since = f32::INFINITY;
            for index in 0..height as i64 {
                let y = (start + step * index) as usize;
                since = if person.get(x, y) >= TOUCHED { 0.0 } else { since + 1.0 };
                column.set(x, y, since.min(column.get(x, y)));
            }
        }
    }
    let reach = reach.ceil() as usize;
    let mut least = Plane::filled(width, height, f32::INFINITY);
    for y in 0..height {
        let line = column.row(y);
        for (x, &rows) in line.iter().enumerate().filter(|(_, rows)| **rows <= reach as f32) {
            for near in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                let columns = near.abs_diff(x) as f32;
                let distance = columns * columns + rows * rows;
                let cell = &mut least.cells_mut()[y * width + near];
                *cell = cell.min(distance);
            }
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_grows_to_a_disc_that_objects_cut() {
        let person = Mask::from_fn(20, 20, |x, y| if (x, y) == (10, 10) { 255 } else { 0 });
        let grown = hole(&person, &[]);
        for y in 0..20usize {
            for x in 0..20usize {
                let near = x.abs_diff(10).pow(2) + y.abs_diff(10).pow(2) <= 9;
                assert_eq!(grown.get(x, y) == 255, near, "({x}, {y})");
            }
        }
        let object = Mask::from_fn(20, 20, |x, _| if x >= 11 { 200 } else { 0 });
        let cut = hole(&person, &[object]);
        assert!(cut.get(11, 10) == 0 && cut.get(10, 13) == 255);
        assert!(hole(&Mask::filled(4, 4, 0), &[]).cells().iter().all(|cell| *cell == 0));
    }
}
