//! Implements row `plate`: the driving person is removed, and nobody replaces it.

use draft::plate::{PlateConfig, plates};
use media::picture::{Mask, Picture};

/// The clean plates of a clip. All rows use this function.
pub(crate) fn fill(frames: &[Picture], holes: &[Mask]) -> Vec<Picture> {
    plates(frames, holes, &PlateConfig::default()).into_iter().map(|plate| plate.picture).collect()
}
