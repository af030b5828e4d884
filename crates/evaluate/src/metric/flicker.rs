//! Measures flicker: how much a row's pictures change from frame to frame where they should not. The metric compares
//! the same pixel in neighbouring frames, without tracking.

use media::picture::{Mask, Picture};
use perception::agreement::Mean;
use serde::{Deserialize, Serialize};

/// Largest change of the truth, in steps of 1/255, at which its background counts as still.
const STILL: f64 = 3.0;

/// The flicker of a row, in steps of 1/255 per frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Flicker {
    /// Mean change where the background of the ground truth is static; `None` if it never is.
    pub background: Option<f64>,
    /// Mean change inside the ground-truth person, minus the same mean of the ground truth.
    pub person_excess: Option<f64>,
}

/// Measures a row's pictures. `persons` are the true person's masks.
///
/// # Panics
/// When the numbers or sizes of pictures differ.
pub fn flicker(pictures: &[Picture], truth: &[Picture], persons: &[Mask]) -> Flicker {
    let counts = [pictures.len(), truth.len(), persons.len()];
    assert!(
        counts.iter().all(|count| *count == counts[0]),
        "flicker: pictures, truth and persons of {counts:?} frames"
    );
    let (mut background, mut person) = (Mean::default(), Mean::default());
    for now in 1..pictures.len() {
        let change = |list: &[Picture], index: usize| change(list[now - 1].cells()[index], list[now].cells()[index]);
        assert_eq!(pictures[now].size(), truth[now].size(), "flicker: picture and truth of frame {now}");
        for index in 0..truth[now].cells().len() {
            let [before, after] = [now - 1, now].map(|frame| persons[frame].cells()[index] > 127);
            let (own, known) = (change(pictures, index), change(truth, index));
            if before && after {
                person.add(own - known);
            } else if !before && !after && known <= STILL {
                background.add(own);
            }
        }
    }
    Flicker { background: background.value(), person_excess: person.value() }
}

/// Mean absolute difference of the three channels.
fn change(a: [u8; 3], b: [u8; 3]) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>() / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn person_and_still_background_are_counted_apart() {
        // Pixel 0: person; 1: still background; 2: moving background; 3: person in one frame only.
        let row = |levels: [u8; 4]| Picture::from_cells(4, 1, levels.map(|level| [level; 3]).to_vec());
        let person = |cells: [u8; 4]| Mask::from_cells(4, 1, cells.to_vec());
        let truth = [row([10, 50, 90, 0]), row([14, 51, 120, 0])];
        let persons = [person([255, 0, 0, 255]), person([255, 0, 0, 0])];
        let made = [row([10, 50, 0, 0]), row([30, 44, 255, 200])];
        // Person: 20 minus 4. Background: 6.
        assert_eq!(flicker(&made, &truth, &persons), Flicker { background: Some(6.0), person_excess: Some(16.0) });
        assert_eq!(flicker(&truth, &truth, &persons).person_excess, Some(0.0));
        let single = flicker(&made[..1], &truth[..1], &persons[..1]);
        assert_eq!(single, Flicker { background: None, person_excess: None });
    }
}
