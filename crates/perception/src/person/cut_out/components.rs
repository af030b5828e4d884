//! Finds the connected components of a plane.

use media::picture::Plane;

/// The component of each cell, and the number of cells in each component.
pub(super) struct Components {
    /// One entry for each cell; none outside all components.
    pub(super) part: Vec<Option<usize>>,
    pub(super) sizes: Vec<usize>,
}

/// The components of the cells for which `is_in` is true. Diagonal neighbours are connected.
pub(super) fn components<T: Copy>(plane: &Plane<T>, is_in: impl Fn(T) -> bool) -> Components {
    let (width, height) = plane.size();
    let mut part = vec![None; width * height];
    let mut sizes = vec![];
    let mut open = vec![];
    for start in 0..width * height {
        if part[start].is_some() || !is_in(plane.cells()[start]) {
            continue;
        }
        let name = sizes.len();
        let mut size = 0;
        part[start] = Some(name);
        open.push(start);
        while let Some(cell) = open.pop() {
            size += 1;
            let (x, y) = (cell % width, cell / width);
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    let next = y * width + x;
                    if part[next].is_none() && is_in(plane.cells()[next]) {
                        part[next] = Some(name);
                        open.push(next);
                    }
                }
            }
        }
        sizes.push(size);
    }
    Components { part, sizes }
}

/// True for cells in holes: outside the shape, but without a path of straight steps to the border.
pub(super) fn holes<T: Copy>(plane: &Plane<T>, is_in: impl Fn(T) -> bool) -> Vec<bool> {
    let (width, height) = plane.size();
    let mut is_hole: Vec<bool> = plane.cells().iter().map(|cell| !is_in(*cell)).collect();
    let at_border = |cell: usize| {
        let (x, y) = (cell % width, cell / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let mut open: Vec<usize> = (0..width * height).filter(|cell| at_border(*cell) && is_hole[*cell]).collect();
    open.iter().for_each(|cell| is_hole[*cell] = false);
    while let Some(cell) = open.pop() {
        let (x, y) = (cell % width, cell / width);
        let beside = [(x > 0, cell.wrapping_sub(1)), (x + 1 < width, cell + 1)];
        let above = [(y > 0, cell.wrapping_sub(width)), (y + 1 < height, cell + width)];
        for (_, next) in beside.into_iter().chain(above).filter(|(exists, _)| *exists) {
            if is_hole[next] {
                is_hole[next] = false;
                open.push(next);
            }
        }
    }
    is_hole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_holes_by_hand() {
        let rows = ["#####..", "#...#.#", "#.#.#..", "#...#..", "#####.."];
        let plane = Plane::from_fn(7, 5, |x, y| rows[y].as_bytes()[x] == b'#');
        let found = components(&plane, |cell| cell);
        assert_eq!(found.sizes, [16, 1, 1]);
        let holes = holes(&plane, |cell| cell);
        assert_eq!(holes.iter().filter(|is_hole| **is_hole).count(), 8);
        assert!(holes[7 + 1] && !holes[5]);
    }
}
