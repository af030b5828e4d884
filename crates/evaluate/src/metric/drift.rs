//! Measures drift: how far the person's mean colour has moved in Lab between the first second and the second that ends
//! 10, 30 or 60 s after the start. The movement of the ground truth's own colour is subtracted, because the person
//! turns and the light changes.

use media::picture::{Mask, Picture};

use super::lab::lab_picture;
use super::weights_from_mask;
use crate::metric_name::DRIFT_SECONDS;

/// Frames a second of rendered clips.
const RATE: usize = 15;

/// The distance for each time that the clip reaches; a time at which nobody is seen has none.
///
/// # Panics
/// When lists or sizes differ.
pub(crate) fn drift(pictures: &[Picture], truth: &[Picture], persons: &[Mask]) -> Vec<(u8, f64)> {
    assert_eq!([truth.len(), persons.len()], [pictures.len(); 2], "drift: frames, truth and masks");
    let way = |end: usize| {
        let change = |frames: &[Picture]| {
            let first = mean_colour(&frames[..RATE], &persons[..RATE])?;
            let last = mean_colour(&frames[end - RATE..end], &persons[end - RATE..end])?;
            Some([0, 1, 2].map(|axis| last[axis] - first[axis]))
        };
        let (made, truth) = (change(pictures)?, change(truth)?);
        Some(made.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt())
    };
    let reached = DRIFT_SECONDS.into_iter().filter(|seconds| usize::from(*seconds) * RATE <= pictures.len());
    reached.filter_map(|seconds| Some((seconds, way(usize::from(seconds) * RATE)?))).collect()
}

/// The mean Lab colour of the person in some frames.
fn mean_colour(pictures: &[Picture], persons: &[Mask]) -> Option<[f64; 3]> {
    let (mut sum, mut total) = ([0.0; 3], 0.0);
    for (picture, person) in pictures.iter().zip(persons) {
        let weights = weights_from_mask(person);
        for (colour, weight) in lab_picture(picture).cells().iter().zip(weights.cells()) {
            total += f64::from(*weight);
            for (sum, value) in sum.iter_mut().zip(colour) {
                *sum += f64::from(*weight) * f64::from(*value);
            }
        }
    }
    (total > 0.0).then(|| sum.map(|sum| sum / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_measured_beside_the_truth_s() {
        let grey = |level: u8| Picture::filled(4, 4, [level; 3]);
        let clip = |first: u8, last: u8| -> Vec<Picture> {
            (0..150).map(|frame| grey(if frame < 75 { first } else { last })).collect()
        };
        let seen = vec![Mask::filled(4, 4, 255); 150];
        // Lightness of white is 100, of black 0; both ways are subtracted.
        let check = |made: Vec<Picture>, truth: Vec<Picture>, expected: f64| {
            let found = drift(&made, &truth, &seen);
            assert_eq!(found.len(), 1);
            assert!(found[0].0 == 10 && (found[0].1 - expected).abs() < 0.01, "{found:?}");
        };
        check(clip(0, 255), clip(0, 0), 100.0);
        check(clip(0, 255), clip(0, 255), 0.0);
        check(clip(90, 90), clip(30, 30), 0.0);
        assert_eq!(drift(&clip(0, 0), &clip(0, 0), &vec![Mask::filled(4, 4, 0); 150]), []);
        assert_eq!(drift(&clip(0, 0)[..149], &clip(0, 0)[..149], &seen[..149]), []);
    }
}
