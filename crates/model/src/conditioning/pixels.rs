//! Converts between picture bytes and tensors.
//!
//! | bytes, interleaved, row by row | tensor | range |
//! |---|---|---|
//! | `M` pictures of `H*W*3` | `[M, 3, H, W]` | [-1, 1], or [0, 1] for skeleton maps |
//! | `M` planes of `H*W` | `[M, 1, H, W]` | [0, 1] |

use burn::tensor::{Tensor, TensorData};

use crate::conditioning::clip_vision::{PIXEL_DEVIATION, PIXEL_MEAN};
use crate::ops::ModelBackend;

/// The size shared by all pictures of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

/// RGB pictures to `[M, 3, H, W]` in [-1, 1], the range of the autoencoder.
///
/// # Panics
/// When there are no pictures, or one does not have `3*W*H` bytes.
pub fn pictures_from_rgb<B: ModelBackend>(pictures: &[&[u8]], size: Size, device: &B::Device) -> Tensor<B, 4> {
    planes(pictures, 3, size, device, |byte| f32::from(byte) / 127.5 - 1.0)
}

/// RGB pictures to CLIP's input, `[M, 3, H, W]`, normalised by CLIP's mean and deviation.
///
/// # Panics
/// As [`pictures_from_rgb`].
pub fn clip_pixels_from_rgb<B: ModelBackend>(pictures: &[&[u8]], size: Size, device: &B::Device) -> Tensor<B, 4> {
    let channels = |of: [f32; 3]| Tensor::from_data(TensorData::new(of.to_vec(), [1, 3, 1, 1]), device);
    (maps_from_rgb(pictures, size, device) - channels(PIXEL_MEAN)) / channels(PIXEL_DEVIATION)
}

/// RGB skeleton maps to `[M, 3, H, W]` in [0, 1].
///
/// # Panics
/// As [`pictures_from_rgb`].
pub fn maps_from_rgb<B: ModelBackend>(maps: &[&[u8]], size: Size, device: &B::Device) -> Tensor<B, 4> {
    planes(maps, 3, size, device, |byte| f32::from(byte) / 255.0)
}

/// Planes of values (depth in [0, 1]), not scaled, to `[M, 1, H, W]`.
///
/// # Panics
/// When there are no planes, or one does not have `W*H` values.
pub fn maps_from_values<B: ModelBackend>(maps: &[&[f32]], size: Size, device: &B::Device) -> Tensor<B, 4> {
    planes(maps, 1, size, device, |value| value)
}

fn planes<B: ModelBackend, T: Copy>(
    pictures: &[&[T]],
    channels: usize,
    Size { width, height }: Size,
    device: &B::Device,
    convert: impl Fn(T) -> f32,
) -> Tensor<B, 4> {
    assert!(!pictures.is_empty(), "pixels: no pictures");
    let mut values = Vec::with_capacity(pictures.len() * channels * width * height);
    for picture in pictures {
        let expected = channels * width * height;
        assert_eq!(picture.len(), expected, "pixels: values of a picture of {width} x {height} x {channels}");
        for channel in 0..channels {
            values.extend(picture.iter().skip(channel).step_by(channels).map(|value| convert(*value)));
        }
    }
    Tensor::from_data(TensorData::new(values, [pictures.len(), channels, height, width]), device)
}

/// `[M, 3, H, W]` in [-1, 1] to RGB bytes, one vector per picture. Values are rounded to the nearest byte and clamped.
///
/// # Panics
/// When there are not 3 channels.
pub fn rgb_from_pictures<B: ModelBackend>(pictures: Tensor<B, 4>) -> Vec<Vec<u8>> {
    let [m, channels, height, width] = pictures.dims();
    assert_eq!(channels, 3, "pixels: pictures {:?}", pictures.dims());
    let data = pictures.permute([0, 2, 3, 1]).into_data().convert::<f32>();
    let byte = |value: &f32| ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8;
    let bytes: Vec<u8> = data.as_slice::<f32>().map(|values| values.iter().map(byte).collect()).unwrap_or_default();
    assert_eq!(bytes.len(), m * height * width * 3, "pixels: values of {m} pictures");
    bytes.chunks_exact(height * width * 3).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let picture: Vec<u8> = (0..=255).collect();
        let picture: Vec<u8> = picture.iter().flat_map(|byte| [*byte, 255 - byte, byte / 2]).collect();
        let size = Size { width: 32, height: 8 };
        let tensor = pictures_from_rgb::<Flex>(&[&picture, &picture], size, &Default::default());
        assert_eq!(tensor.dims(), [2, 3, 8, 32]);
        assert_eq!(rgb_from_pictures(tensor), [picture.clone(), picture]);
    }

    #[test]
    fn layout_and_ranges() {
        let device = Default::default();
        let size = Size { width: 2, height: 1 };
        let values = |tensor: Tensor<Flex, 4>| tensor.into_data().to_vec::<f32>().unwrap();
        assert_eq!(values(pictures_from_rgb(&[&[0, 255, 0, 255, 0, 255]], size, &device)), [-1., 1., 1., -1., -1., 1.]);
        assert_eq!(values(maps_from_rgb(&[&[0, 255, 0, 255, 0, 51]], size, &device)), [0., 1., 1., 0., 0., 0.2]);
        assert_eq!(values(maps_from_values(&[&[0.25, 1.0]], size, &device)), [0.25, 1.0]);
    }

    #[test]
    fn what_is_out_of_range_is_clamped() {
        let tensor = Tensor::<Flex, 1>::from_floats([-3.0, 0.0, 1.5], &Default::default()).reshape([1, 3, 1, 1]);
        assert_eq!(rgb_from_pictures(tensor), [[0, 128, 255]]);
    }
}
