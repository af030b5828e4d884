//! Computes the distance of each cell to the nearest cell of a set, in two sweeps with steps of 1 and the square root
//! of 2.

use media::picture::Plane;

/// Distances in pixels: 0 in the set, infinite if the set is empty.
pub(super) fn distance_to(width: usize, height: usize, belongs: impl Fn(usize) -> bool) -> Plane<f32> {
    let cells = (0..width * height).map(|index| if belongs(index) { 0.0 } else { f32::INFINITY }).collect();
    let mut plane = Plane::from_cells(width, height, cells);
    sweep(&mut plane, false);
    sweep(&mut plane, true);
    plane
}

/// Propagates distances down and to both sides, or up and to both sides.
fn sweep(plane: &mut Plane<f32>, upwards: bool) {
    let (width, height) = plane.size();
    let cells = plane.cells_mut();
    for step in 0..height {
        let y = if upwards { height - 1 - step } else { step };
        let row = y * width;
        if step > 0 {
            let before = if upwards { row + width } else { row - width };
            for x in 0..width {
                let mut least = cells[row + x].min(cells[before + x] + 1.0);
                if x > 0 {
                    least = least.min(cells[before + x - 1] + std::f32::consts::SQRT_2);
                }
                if x + 1 < width {
                    least = least.min(cells[before + x + 1] + std::f32::consts::SQRT_2);
                }
                cells[row + x] = least;
            }
        }
        for x in 1..width {
            cells[row + x] = cells[row + x].min(cells[row + x - 1] + 1.0);
        }
        for x in (0..width.saturating_sub(1)).rev() {
            cells[row + x] = cells[row + x].min(cells[row + x + 1] + 1.0);
        }
    }
}

/// The bounding box of the set cells: left, top, and the ends to the right and below.
pub(super) fn bounds(part: &Plane<bool>) -> Option<(usize, usize, usize, usize)> {
    let mut found: Option<(usize, usize, usize, usize)> = None;
    for y in 0..part.height() {
        let row = part.row(y);
        let (Some(first), Some(last)) = (row.iter().position(|&set| set), row.iter().rposition(|&set| set)) else {
            continue;
        };
        let (left, top, right, _) = found.unwrap_or((first, y, last + 1, y + 1));
        found = Some((left.min(first), top, right.max(last + 1), y + 1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_king_steps() {
        let plane = distance_to(4, 3, |index| index == 0);
        assert_eq!([plane.get(0, 0), plane.get(3, 0), plane.get(0, 2)], [0.0, 3.0, 2.0]);
        assert!((plane.get(3, 2) - (1.0 + 2.0 * std::f32::consts::SQRT_2)).abs() < 1e-5);
        assert!(distance_to(2, 2, |_| false).get(1, 1).is_infinite());
    }
}
