//! Implements row `plate+cutout`: the character's whole cut-out over the plate, with the height and foot position of
//! the driving person. The limbs of the cut-out do not move. This row is the simplest way to put a character into a
//! video.

use media::geometry::{Frame, Rect};
use media::picture::Picture;
use perception::mask::bounding_box;
use rayon::prelude::*;

use super::compose::{Affine, Layer, coverage};
use crate::case::Case;

/// The cut-out in every frame. Without a character or a person, the plate.
pub(crate) fn make(case: &Case) -> Vec<Picture> {
    let reference = &case.references[0];
    let area: Option<Rect<Frame>> = bounding_box(&reference.mask);
    let cut = Layer::cut(&reference.picture, &coverage(&reference.mask));
    let frames = case.plates().par_iter().zip(&case.persons);
    frames
        .map(|(plate, person)| match (area, bounding_box(person)) {
            (Some(from), Some(to)) => cut.moved(&fitted(from, to), plate.size()).over(plate),
            _ => plate.clone(),
        })
        .collect()
}

/// Equal height, feet on feet, centre on centre.
fn fitted(from: Rect<Frame>, to: Rect<Frame>) -> Affine {
    let scale = f64::from(to.height) / f64::from(from.height);
    let middle = |area: Rect<Frame>| f64::from(area.x) + f64::from(area.width) / 2.0;
    Affine {
        rows: [
            [scale, 0.0, middle(to) - scale * middle(from)],
            [0.0, scale, f64::from(to.bottom()) - scale * f64::from(from.bottom())],
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feet_and_middles_meet() {
        let map = fitted(Rect::new(10, 20, 40, 100), Rect::new(60, 10, 90, 50));
        assert_eq!(map.apply((30.0, 120.0)), (105.0, 60.0));
        assert_eq!(map.apply((30.0, 20.0)), (105.0, 10.0));
        assert_eq!(map.apply((10.0, 120.0)), (95.0, 60.0));
    }
}
