//! Finds all pixels that show persons. The input is a rotated ROI, `[1, 3, 256, 256]` with values 0..1. The output is
//! the coverage, 0..1.

use std::path::Path;

use media::picture::Plane;

use super::body::BODY_SIDE;
use crate::error::Error;
use crate::networks::network::Network;

/// The person mask network.
pub struct SelfieNetwork {
    network: Network,
}

impl SelfieNetwork {
    /// Loads `selfie_segmentation.tflite`.
    ///
    /// # Errors
    /// The errors of [`Network::open`], and [`Error::ModelMismatched`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let outputs: [&[usize]; 1] = [&[1, 1, BODY_SIDE, BODY_SIDE]];
        Ok(Self {
            network: Network::open(path, outputs.len())?.expect(
                "selfie mask",
                &[1, 3, BODY_SIDE, BODY_SIDE],
                &outputs,
            )?,
        })
    }

    /// Coverage over a region, from the input `[3, 256, 256]` with values 0..1. NaN counts as 0.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    ///
    /// # Panics
    /// When `shown` has another size.
    pub fn estimate(&self, shown: &[f32]) -> Result<Plane<f32>, Error> {
        let [mask] = self.network.run(shown, [0])?;
        let mask = mask.into_iter().map(|value| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 });
        Ok(Plane::from_cells(BODY_SIDE, BODY_SIDE, mask.collect()))
    }
}
