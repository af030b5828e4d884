//! Converts between the video layout and the frame layout. No other code changes the layout of a video tensor.
//!
//! | layout | shape | used by |
//! |---|---|---|
//! | video | `[B, C, N, h, w]` | public signatures |
//! | frames | `[B*N, C, h, w]` | spatial layers |

use burn::tensor::Tensor;

use crate::ops::{ModelBackend, swap_dims};

/// `[B, C, N, h, w]` to `[B*N, C, h, w]`.
pub fn frames_from_video<B: ModelBackend>(video: Tensor<B, 5>) -> Tensor<B, 4> {
    let [b, c, n, h, w] = video.dims();
    if B::CHANNELS_LAST {
        return video.permute([0, 2, 3, 4, 1]).reshape([b * n, h, w, c]).permute([0, 3, 1, 2]);
    }
    if n == 1 {
        return video.reshape([b, c, h, w]);
    }
    swap_dims(video, 1, 2).reshape([b * n, c, h, w])
}

/// `[B*N, C, h, w]` to `[B, C, N, h, w]`.
///
/// # Panics
/// When the first axis is not a multiple of `batch`.
pub fn video_from_frames<B: ModelBackend>(frames: Tensor<B, 4>, batch: usize) -> Tensor<B, 5> {
    let [m, c, h, w] = frames.dims();
    assert!(batch > 0 && m.is_multiple_of(batch), "video_from_frames: {:?} in {batch} clips", frames.dims());
    let n = m / batch;
    if B::CHANNELS_LAST {
        return frames.permute([0, 2, 3, 1]).reshape([batch, n, h, w, c]).permute([0, 4, 1, 2, 3]);
    }
    if n == 1 {
        return frames.reshape([batch, c, 1, h, w]);
    }
    swap_dims(frames.reshape([batch, n, c, h, w]), 1, 2)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Int;

    use super::*;

    fn video() -> Tensor<Flex, 5> {
        Tensor::<Flex, 1, Int>::arange(0..2 * 3 * 4 * 5 * 6, &Default::default()).float().reshape([2, 3, 4, 5, 6])
    }

    #[test]
    fn the_layouts_hold_the_same_cells() {
        let at = |data: burn::tensor::TensorData, index: usize| data.to_vec::<f32>().unwrap()[index];
        let frames = frames_from_video(video());
        assert_eq!(frames.dims(), [8, 3, 5, 6]);
        // Clip 1, channel 2, frame 3; column 2 of row 1.
        let expected = ((((3 + 2) * 4 + 3) * 5 + 1) * 6 + 2) as f32;
        assert_eq!(at(frames.into_data(), ((7 * 3 + 2) * 5 + 1) * 6 + 2), expected);
    }

    #[test]
    fn there_and_back() {
        let frames = frames_from_video(video());
        video_from_frames(frames.clone(), 2).into_data().assert_eq(&video().into_data(), true);
        let picture = video().slice([0..2, 0..3, 1..2]);
        video_from_frames(frames_from_video(picture.clone()), 2).into_data().assert_eq(&picture.into_data(), true);
    }
}
