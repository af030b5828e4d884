//! Cuts a rectangle out of a plane, and writes a rectangle back into a plane.

use crate::geometry::Rect;
use crate::picture::Plane;

/// The cells under `rect`. Cells outside the plane repeat the nearest border cell.
///
/// # Panics
/// When the plane or the rectangle has no cell.
pub fn crop<T: Copy, S>(plane: &Plane<T>, rect: Rect<S>) -> Plane<T> {
    assert!(plane.width() > 0 && plane.height() > 0 && !rect.is_empty(), "crop {rect:?} of {:?}", plane.size());
    let columns: Vec<usize> = (rect.x..rect.right()).map(|x| x.clamp(0, plane.width() as i32 - 1) as usize).collect();
    let mut cells = Vec::with_capacity(columns.len() * rect.height as usize);
    for y in rect.y..rect.bottom() {
        let row = plane.row(y.clamp(0, plane.height() as i32 - 1) as usize);
        cells.extend(columns.iter().map(|&x| row[x]));
    }
    Plane::from_cells(rect.width as usize, rect.height as usize, cells)
}

/// The cells under `rect`. Cells outside the plane have the value `outside`.
pub fn crop_filled<T: Copy, S>(plane: &Plane<T>, rect: Rect<S>, outside: T) -> Plane<T> {
    let mut cut = Plane::filled(rect.width as usize, rect.height as usize, outside);
    paste(&mut cut, plane, -rect.x, -rect.y);
    cut
}

/// Writes `patch` into `plane` with its top left corner at column `x`, row `y`. Cells outside the plane are dropped.
pub fn paste<T: Copy>(plane: &mut Plane<T>, patch: &Plane<T>, x: i32, y: i32) {
    let target = Rect::<()>::of_size(plane.width() as u32, plane.height() as u32);
    let shared = target.intersection(&Rect::new(x, y, patch.width() as u32, patch.height() as u32));
    if shared.is_empty() {
        return;
    }
    let width = plane.width();
    for row in shared.y..shared.bottom() {
        let from = &patch.row((row - y) as usize)[(shared.x - x) as usize..][..shared.width as usize];
        let start = row as usize * width + shared.x as usize;
        plane.cells_mut()[start..start + shared.width as usize].copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Frame;
    use proptest::prelude::*;

    fn numbered(width: usize, height: usize) -> Plane<u32> {
        Plane::from_fn(width, height, |x, y| (10 * y + x) as u32)
    }

    #[test]
    fn borders_repeat() {
        let cut = crop(&numbered(3, 2), Rect::<Frame>::new(-1, 1, 5, 2));
        assert_eq!(cut.cells(), [10, 10, 11, 12, 12, 10, 10, 11, 12, 12]);
        let cut = crop_filled(&numbered(3, 2), Rect::<Frame>::new(-1, 1, 3, 2), 99);
        assert_eq!(cut.cells(), [99, 10, 11, 99, 99, 99]);
    }

    proptest! {
        #[test]
        fn a_crop_pasted_back_changes_nothing(x in -9_i32..9, y in -9_i32..9, width in 1_u32..12, height in 1_u32..12) {
            let plane = numbered(7, 5);
            let mut copy = plane.clone();
            paste(&mut copy, &crop(&plane, Rect::<Frame>::new(x, y, width, height)), x, y);
            prop_assert_eq!(copy, plane);
        }
    }
}
