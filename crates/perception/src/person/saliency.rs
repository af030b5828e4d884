//! Finds salient regions, which stand out in a picture. The input is `[1, 3, 320, 320]`: colours divided by the
//! brightest value and normalised with the mean and deviation of ImageNet. The output is seven maps. Only the first
//! map, which is the finest, is used; its values are stretched to 0..1.

use std::path::Path;

use media::geometry::{Frame, Rect};
use media::picture::{Picture, Plane};

use crate::error::Error;
use crate::networks::network::Network;
use crate::networks::resample::picture_window;
use crate::region::window;

/// Side of the network's input and maps.
const SIDE: usize = 320;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// A map whose values spread less than this shows nothing.
const LEAST_SPREAD: f32 = 0.1;

/// The saliency network (small U2-Net).
pub struct SaliencyNetwork {
    network: Network,
}

impl SaliencyNetwork {
    /// Loads `u2netp.onnx`.
    ///
    /// # Errors
    /// The errors of [`Network::open_onnx`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let side = [1, 1, SIDE, SIDE];
        Ok(Self { network: Network::open_onnx(path, "saliency", &[1, 3, SIDE, SIDE], &[&side])? })
    }

    /// Computes the saliency of each pixel in a region of the picture, 0..1, at the network's own size.
    ///
    /// # Errors
    /// [`Error::ModelFailed`].
    pub fn estimate(&self, picture: &Picture, part: Rect<Frame>) -> Result<Plane<f32>, Error> {
        let small = picture_window(picture, window(part), (SIDE, SIDE));
        let brightest = f32::from(small.cells().as_flattened().iter().copied().max().unwrap_or(0).max(1));
        let mut planes = Vec::with_capacity(3 * SIDE * SIDE);
        for channel in 0..3 {
            let normal = |value: u8| (f32::from(value) / brightest - MEAN[channel]) / DEVIATION[channel];
            planes.extend(small.cells().iter().map(|pixel| normal(pixel[channel])));
        }
        let [map] = self.network.run(&planes, [0])?;
        let finite = |value: f32| if value.is_finite() { value } else { 0.0 };
        let map: Vec<f32> = map.into_iter().map(finite).collect();
        let low = map.iter().copied().fold(f32::INFINITY, f32::min);
        let spread = map.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
        let stretched = |value: f32| if spread < LEAST_SPREAD { 0.0 } else { (value - low) / spread };
        Ok(Plane::from_cells(SIDE, SIDE, map.into_iter().map(stretched).collect()))
    }
}
