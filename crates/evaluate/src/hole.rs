//! The part of a frame that has to be made anew.

use media::picture::Mask;

/// Coverage from which a pixel shows the person at all.
const TOUCHED: u8 = 32;
/// Margin around the person, as a share of the frame's longer side: 3 of 256 pixels.
const MARGIN: f32 = 0.012;

/// The person and a margin around it without the object, 0 or 255.
///
/// # Panics
/// When the sizes differ.
pub(crate) fn hole(person: &Mask, object: Option<&Mask>) -> Mask {
    let reach = (MARGIN * person.width().max(person.height()) as f32).round().max(1.0) as i32;
    let mut hole = Mask::filled(person.width(), person.height(), 0);
    let touched = |x: i32, y: i32| {
        let inside = x >= 0 && y >= 0 && (x as usize) < person.width() && (y as usize) < person.height();
        inside && person.get(x as usize, y as usize) >= TOUCHED
    };
    let disc: Vec<(i32, i32)> = (-reach..=reach)
        .flat_map(|y| (-reach..=reach).map(move |x| (x, y)))
        .filter(|(x, y)| x * x + y * y <= reach * reach)
        .collect();
    for y in 0..person.height() {
        for x in 0..person.width() {
            if disc.iter().any(|(dx, dy)| touched(x as i32 + dx, y as i32 + dy)) {
                hole.set(x, y, 255);
            }
        }
    }
    if let Some(object) = object {
        assert_eq!(object.size(), person.size(), "hole: object {:?}, person {:?}", object.size(), person.size());
        for (cell, object) in hole.cells_mut().iter_mut().zip(object.cells()) {
            if *object > 127 {
                *cell = 0;
            }
        }
    }
    hole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_grows_to_a_disc_that_the_object_cuts() {
        // 84 pixels: a margin of 1.
        let person = Mask::from_fn(84, 5, |x, y| if (x, y) == (2, 2) { 255 } else { 0 });
        let covered = |hole: &Mask| -> Vec<(usize, usize)> {
            (0..5).flat_map(|y| (0..84).map(move |x| (x, y))).filter(|(x, y)| hole.get(*x, *y) == 255).collect()
        };
        assert_eq!(covered(&hole(&person, None)), [(2, 1), (1, 2), (2, 2), (3, 2), (2, 3)]);
        let object = Mask::from_fn(84, 5, |x, _| if x >= 3 { 200 } else { 100 });
        assert_eq!(covered(&hole(&person, Some(&object))), [(2, 1), (1, 2), (2, 2), (2, 3)]);
    }
}
