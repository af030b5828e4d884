//! Converts pictures to tensors and back.

use burn::tensor::{DType, Tensor, TensorData, backend::Backend};
use media::picture::Picture;

/// Converts pictures of one size to `[M, 3, H, W]` in [-1, 1].
///
/// # Panics
/// When the sizes differ or there is no picture.
pub fn tensor_from_pictures<B: Backend>(pictures: &[Picture], device: &B::Device) -> Tensor<B, 4> {
    let (width, height) = pictures[0].size();
    let mut values = vec![0.0_f32; pictures.len() * 3 * width * height];
    for (picture, planes) in pictures.iter().zip(values.chunks_exact_mut(3 * width * height)) {
        assert_eq!(picture.size(), (width, height), "pictures of different sizes");
        for (index, pixel) in picture.cells().iter().enumerate() {
            for (channel, value) in pixel.iter().enumerate() {
                planes[channel * width * height + index] = f32::from(*value) / 127.5 - 1.0;
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [pictures.len(), 3, height, width]), (device, DType::F32))
}

/// Converts `[M, 3, H, W]` in [-1, 1] to pictures. Values outside are clamped and rounded to the nearest byte.
///
/// # Panics
/// When there are not 3 channels.
pub fn pictures_from_tensor<B: Backend>(pictures: Tensor<B, 4>) -> Vec<Picture> {
    let [count, channels, height, width] = pictures.dims();
    assert_eq!(channels, 3, "pictures {:?}", [count, channels, height, width]);
    let values = pictures.into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
    let byte = |value: f32| ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8;
    values
        .chunks_exact(3 * width * height)
        .map(|planes| {
            Picture::from_fn(width, height, |x, y| [0, 1, 2].map(|c| byte(planes[(c * height + y) * width + x])))
        })
        .collect()
}

/// Peak signal-to-noise ratio in dB between two pictures of one size; 100 for equal pictures.
///
/// # Panics
/// When the sizes differ.
pub fn psnr(one: &Picture, other: &Picture) -> f64 {
    assert_eq!(one.size(), other.size(), "pictures of different sizes");
    let pairs = one.bytes().iter().zip(other.bytes());
    let sum: f64 = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    let mean = sum / one.bytes().len() as f64;
    if mean == 0.0 { 100.0 } else { 10.0 * (255.0 * 255.0 / mean).log10() }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn bytes_come_back() {
        let picture = Picture::from_fn(16, 16, |x, y| [(16 * y + x) as u8, 255 - (16 * y + x) as u8, 7]);
        let other = Picture::filled(16, 16, [0, 128, 255]);
        let tensor = tensor_from_pictures::<Flex>(&[picture.clone(), other.clone()], &Default::default());
        assert_eq!(tensor.dims(), [2, 3, 16, 16]);
        assert_eq!(pictures_from_tensor(tensor), [picture, other]);
    }

    #[test]
    fn psnr_by_hand() {
        let (black, grey) = (Picture::filled(2, 2, [0; 3]), Picture::filled(2, 2, [51; 3]));
        assert!((psnr(&black, &grey) - 10.0 * 25.0_f64.log10()).abs() < 1e-9);
        assert_eq!(psnr(&grey, &grey), 100.0);
    }
}
