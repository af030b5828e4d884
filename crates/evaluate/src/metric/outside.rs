//! Measures changes in the region that should be unchanged: differences from the source outside the hole, the
//! ground-truth person and a margin.

use draft::hole::hole;
use media::picture::{Mask, Picture};
use rayon::prelude::*;

/// Mean and largest absolute difference of the levels 0..=255 over all frames; none where nothing lies outside.
///
/// # Panics
/// When lists or sizes differ.
pub(crate) fn outside(
    pictures: &[Picture],
    source: &[Picture],
    holes: &[Mask],
    persons: &[Mask],
) -> Option<(f64, f64)> {
    let frames = pictures.par_iter().zip(source).zip(holes).zip(persons);
    let (sum, count, largest) = frames
        .map(|(((picture, source), removed), person)| {
            assert_eq!(
                picture.size(),
                source.size(),
                "outside: picture {:?}, source {:?}",
                picture.size(),
                source.size()
            );
            let around = hole(person, &[]);
            let areas = removed.cells().iter().zip(around.cells());
            let (mut sum, mut count, mut largest) = (0_u64, 0_u64, 0_u8);
            for ((picture, source), _) in
                picture.cells().iter().zip(source.cells()).zip(areas).filter(|(_, (a, b))| **a == 0 && **b == 0)
            {
                for (a, b) in picture.iter().zip(source) {
                    sum += u64::from(a.abs_diff(*b));
                    largest = largest.max(a.abs_diff(*b));
                }
                count += 3;
            }
            (sum, count, largest)
        })
        .reduce(|| (0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2.max(b.2)));
    (count > 0).then(|| (sum as f64 / count as f64, f64::from(largest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_outside_of_both_counts() {
        let mask = |from: usize, to: usize| Mask::from_fn(60, 4, |x, _| if (from..to).contains(&x) { 255 } else { 0 });
        let source = Picture::filled(60, 4, [100; 3]);
        // The hole, and the true person with its margin of 3 pixels.
        let changed =
            Picture::from_fn(
                60,
                4,
                |x, _| if (0..10).contains(&x) || (27..43).contains(&x) { [0; 3] } else { [100; 3] },
            );
        let found = |picture: &Picture| {
            outside(std::slice::from_ref(picture), std::slice::from_ref(&source), &[mask(0, 10)], &[mask(30, 40)])
        };
        assert_eq!(found(&changed), Some((0.0, 0.0)));
        let mut worse = changed.clone();
        worse.set(50, 2, [100, 130, 100]);
        let outside_levels = f64::from(3 * 4 * (60 - 10 - 16));
        assert_eq!(found(&worse), Some((30.0 / outside_levels, 30.0)));
        assert_eq!(
            outside(std::slice::from_ref(&source), std::slice::from_ref(&source), &[mask(0, 60)], &[mask(0, 60)]),
            None
        );
    }
}
