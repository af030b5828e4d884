//! The only places that change a video tensor's layout.
//!
//! | layout | shape | seen by |
//! |---|---|---|
//! | video | `[B, C, N, h, w]` | public signatures |
//! | frames | `[B*N, C, h, w]` | spatial layers |
//! | tracks | `[B*h*w, N, C]`: one cell through time | temporal layers |

use burn::tensor::{Tensor, backend::Backend};

/// `[B, C, N, h, w]` to `[B*N, C, h, w]`.
pub fn frames_from_video<B: Backend>(video: Tensor<B, 5>) -> Tensor<B, 4> {
    let [b, c, n, h, w] = video.dims();
    if n == 1 {
        return video.reshape([b, c, h, w]);
    }
    video.swap_dims(1, 2).reshape([b * n, c, h, w])
}

/// `[B*N, C, h, w]` to `[B, C, N, h, w]`.
///
/// # Panics
/// When the first axis is not a multiple of `batch`.
pub fn video_from_frames<B: Backend>(frames: Tensor<B, 4>, batch: usize) -> Tensor<B, 5> {
    let [m, c, h, w] = frames.dims();
    assert!(batch > 0 && m.is_multiple_of(batch), "video_from_frames: {:?} in {batch} clips", frames.dims());
    let n = m / batch;
    if n == 1 {
        return frames.reshape([batch, c, 1, h, w]);
    }
    frames.reshape([batch, n, c, h, w]).swap_dims(1, 2)
}

/// `[B*N, C, h, w]` to `[B*h*w, N, C]`.
///
/// # Panics
/// When the first axis is not a multiple of `batch`.
pub fn tracks_from_frames<B: Backend>(frames: Tensor<B, 4>, batch: usize) -> Tensor<B, 3> {
    let [m, c, h, w] = frames.dims();
    assert!(batch > 0 && m.is_multiple_of(batch), "tracks_from_frames: {:?} in {batch} clips", frames.dims());
    let n = m / batch;
    frames.reshape([batch, n, c, h * w]).permute([0, 3, 1, 2]).reshape([batch * h * w, n, c])
}

/// `[B*h*w, N, C]` back to `[B*N, C, h, w]`.
///
/// # Panics
/// When the first axis is not `B*h*w`.
pub fn frames_from_tracks<B: Backend>(tracks: Tensor<B, 3>, batch: usize, [h, w]: [usize; 2]) -> Tensor<B, 4> {
    let [rows, n, c] = tracks.dims();
    assert_eq!(rows, batch * h * w, "frames_from_tracks: {:?} for {batch} clips of {h} x {w}", tracks.dims());
    tracks.reshape([batch, h * w, n, c]).permute([0, 2, 3, 1]).reshape([batch * n, c, h, w])
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
        let tracks = tracks_from_frames(frames.clone(), 2);
        assert_eq!((frames.dims(), tracks.dims()), ([8, 3, 5, 6], [60, 4, 3]));
        // Clip 1, channel 2, frame 3, row 4, column 5 is the last cell; take column 2 of row 1 for good measure.
        let expected = ((((3 + 2) * 4 + 3) * 5 + 1) * 6 + 2) as f32;
        assert_eq!(at(frames.into_data(), ((7 * 3 + 2) * 5 + 1) * 6 + 2), expected);
        assert_eq!(at(tracks.into_data(), ((30 + 6 + 2) * 4 + 3) * 3 + 2), expected);
    }

    #[test]
    fn there_and_back() {
        let frames = frames_from_video(video());
        video_from_frames(frames.clone(), 2).into_data().assert_eq(&video().into_data(), true);
        frames_from_tracks(tracks_from_frames(frames.clone(), 2), 2, [5, 6])
            .into_data()
            .assert_eq(&frames.into_data(), true);
        let picture = video().slice([0..2, 0..3, 1..2]);
        video_from_frames(frames_from_video(picture.clone()), 2).into_data().assert_eq(&picture.into_data(), true);
    }
}
