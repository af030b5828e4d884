//! Computes uniform context windows. Public weights in the style of Animate Anyone, which have no temporal reference,
//! use these windows for long videos. Every step denoises overlapping windows of frames and averages the predictions
//! for each frame.
//!
//! With `closed_loop` the windows wrap around (frame 0 follows frame `N - 1`), as in the public pipelines. The long
//! videos of this project use consecutive clips instead.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::ops::ModelBackend;

/// The layout of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextConfig {
    /// Frames per window.
    pub size: usize,
    /// Maximum number of window strides, out of 1, 2, 4, ...
    pub stride: usize,
    /// Frames shared by neighbouring windows.
    pub overlap: usize,
    /// Whether windows wrap around the end.
    pub closed_loop: bool,
}

impl Default for ContextConfig {
    fn default() -> Self {
        Self { size: 24, stride: 1, overlap: 4, closed_loop: true }
    }
}

impl ContextConfig {
    /// The windows of one sampler `step` over `frames` frames, as lists of frame indices.
    ///
    /// The public pipelines always use step 0, so that the windows do not shift between steps.
    ///
    /// # Panics
    /// When the overlap is not smaller than the size.
    pub fn windows(&self, frames: usize, step: u64) -> Vec<Vec<usize>> {
        assert!(self.overlap < self.size, "context: overlap {} of size {}", self.overlap, self.size);
        if frames <= self.size {
            return vec![(0..frames).collect()];
        }
        let most = (frames as f64 / self.size as f64).log2().ceil() as usize + 1;
        let part = halving(step);
        let shift = (frames as f64 * part).round_ties_even() as usize;
        let end = (frames + shift).saturating_sub(if self.closed_loop { 0 } else { self.overlap });
        let mut windows = Vec::new();
        for level in 0..self.stride.min(most) {
            let gap = 1_usize << level;
            let first = (part * gap as f64) as usize + shift;
            for start in (first..end).step_by(self.size * gap - self.overlap) {
                windows.push((0..self.size).map(|k| (start + k * gap) % frames).collect());
            }
        }
        windows
    }

    /// The total number of windows in `steps` sampler steps, as the reference counts them for its progress bar: always
    /// as for a closed loop.
    pub fn total(&self, frames: usize, steps: u64) -> usize {
        let closed = Self { closed_loop: true, ..*self };
        (0..steps).map(|step| closed.windows(frames, step).len()).sum()
    }
}

/// The bits of `step` mirrored at the binary point (van der Corput sequence): 0, 1/2, 1/4, 3/4, 1/8, ...
fn halving(step: u64) -> f64 {
    step.reverse_bits() as f64 / 2.0_f64.powi(64)
}

/// Sum and count of window predictions for each frame.
///
/// A frame that occurs twice in a window counts once, with the later of its two predictions.
#[derive(Debug, Clone)]
pub struct ContextSum<B: ModelBackend> {
    sum: Tensor<B, 5>,
    counts: Vec<f32>,
}

impl<B: ModelBackend> ContextSum<B> {
    /// An empty sum, for videos `[B, C, N, h, w]`.
    pub fn new(shape: [usize; 5], device: &B::Device) -> Self {
        Self { sum: Tensor::zeros(shape, device), counts: vec![0.0; shape[2]] }
    }

    /// Adds the prediction `[B, C, window, h, w]` of a window.
    ///
    /// # Panics
    /// When the window and the prediction do not match, or a frame is not in the video.
    pub fn add(&mut self, window: &[usize], prediction: &Tensor<B, 5>) {
        let [b, c, frames, h, w] = self.sum.dims();
        assert_eq!(prediction.dims(), [b, c, window.len(), h, w], "context: prediction and window");
        for (place, frame) in window.iter().enumerate() {
            assert!(*frame < frames, "context: frame {frame} of {frames}");
            if window[place + 1..].contains(frame) {
                continue;
            }
            let at = [0..b, 0..c, *frame..*frame + 1, 0..h, 0..w];
            let total = self.sum.clone().slice(at.clone()) + prediction.clone().narrow(2, place, 1);
            self.sum = self.sum.clone().slice_assign(at, total);
            self.counts[*frame] += 1.0;
        }
    }

    /// The number of windows that contributed to each frame, `[1, 1, N, 1, 1]`.
    pub fn counts(&self) -> Tensor<B, 5> {
        let data = TensorData::new(self.counts.clone(), [1, 1, self.counts.len(), 1, 1]);
        Tensor::from_data(data, &self.sum.device())
    }

    /// The mean prediction `[B, C, N, h, w]`.
    ///
    /// # Panics
    /// When a frame is in no window.
    pub fn mean(&self) -> Tensor<B, 5> {
        let missing = self.counts.iter().position(|count| *count == 0.0);
        assert!(missing.is_none(), "context: frame {missing:?} is in no window");
        self.sum.clone() / self.counts()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use burn::backend::Flex;
    use burn::tensor::Tolerance;
    use proptest::prelude::*;
    use safetensors::SafeTensors;
    use serde_json::Value;

    use super::*;

    #[test]
    fn windows_by_hand() {
        let config = ContextConfig { size: 4, stride: 1, overlap: 1, closed_loop: true };
        assert_eq!(config.windows(4, 0), [[0, 1, 2, 3]]);
        assert_eq!(config.windows(7, 0), [[0, 1, 2, 3], [3, 4, 5, 6], [6, 0, 1, 2]]);
        assert_eq!(ContextConfig { closed_loop: false, ..config }.windows(7, 0), [[0, 1, 2, 3], [3, 4, 5, 6]]);
        // Step 1 shifts by half the video, 3.5, rounded to the even 4. Stride 2 adds windows of every second frame.
        assert_eq!(config.windows(7, 1)[0], [4, 5, 6, 0]);
        let wide = ContextConfig { stride: 2, ..config }.windows(7, 0);
        assert_eq!(wide[3..], [[0, 2, 4, 6]]);
        assert_eq!([0, 1, 2, 3, 4].map(halving), [0.0, 0.5, 0.25, 0.75, 0.125]);
    }

    #[test]
    fn a_frame_twice_in_a_window_counts_once() {
        let device = Default::default();
        let mut sum = ContextSum::<Flex>::new([1, 1, 2, 1, 1], &device);
        sum.add(&[0, 1, 0], &Tensor::from_floats([[[[[5.0]], [[2.0]], [[1.0]]]]], &device));
        sum.add(&[0], &Tensor::from_floats([[[[[4.0]]]]], &device));
        assert_eq!(sum.counts().into_data().to_vec::<f32>().unwrap(), [2.0, 1.0]);
        assert_eq!(sum.mean().into_data().to_vec::<f32>().unwrap(), [2.5, 2.0]);
    }

    proptest! {
        #[test]
        fn closed_windows_cover_every_frame(frames in 1_usize..120, size in 2_usize..30, overlap in 0_usize..29, step in 0_u64..40) {
            prop_assume!(overlap < size);
            let windows = ContextConfig { size, stride: 1, overlap, closed_loop: true }.windows(frames, step);
            for frame in 0..frames {
                prop_assert!(windows.iter().any(|window| window.contains(&frame)), "{} in {:?}", frame, windows);
            }
        }
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test says when it runs fewer cases")]
    fn the_reference_fixtures() {
        let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from) else {
            eprintln!("STUNTDOUBLE_SHARED is not set: the hand-computed cases ran, the fixtures did not");
            return;
        };
        let folder = shared.join("fixtures");
        let index: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
        let number = |value: &Value, name: &str| value[name].as_u64().unwrap() as usize;
        let config = |args: &Value| ContextConfig {
            size: number(args, "context_size"),
            stride: number(args, "context_stride"),
            overlap: number(args, "context_overlap"),
            closed_loop: args["closed_loop"].as_bool().unwrap_or(true),
        };
        let mut cases = 0;
        for case in index["cases"].as_array().unwrap() {
            let args = &case["args"];
            let bytes = || std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
            match case["op"].as_str().unwrap() {
                "context_uniform" => {
                    let bytes = bytes();
                    let file = SafeTensors::deserialize(&bytes).unwrap();
                    let integers = |name: String| -> Vec<usize> {
                        let view = file.tensor(&name).unwrap();
                        view.data().as_chunks::<8>().0.iter().map(|eight| i64::from_le_bytes(*eight) as usize).collect()
                    };
                    for (run, args) in args["runs"].as_array().unwrap().iter().enumerate() {
                        let found = config(args).windows(number(args, "num_frames"), number(args, "step") as u64);
                        assert_eq!(found.concat(), integers(format!("out.{run}.flat")), "{args}");
                        let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
                        assert_eq!(lengths, integers(format!("out.{run}.lens")), "{args}");
                        let total = config(args).total(number(args, "num_frames"), 20);
                        assert_eq!(total, number(args, "total_steps_20"), "{args}");
                    }
                }
                "context_accumulate" => accumulate(&bytes(), &config(args).windows(number(args, "num_frames"), 0)),
                _ => continue,
            }
            cases += 1;
        }
        assert!(cases > 1);
    }

    fn accumulate(bytes: &[u8], windows: &[Vec<usize>]) {
        let device = Default::default();
        let file = SafeTensors::deserialize(bytes).unwrap();
        let floats = |name: &str| {
            let view = file.tensor(name).unwrap();
            let values: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
            TensorData::new(values, view.shape().to_vec())
        };
        let expected = floats("out.mean");
        let shape: Vec<usize> = expected.shape.to_vec();
        let mut sum = ContextSum::<Flex>::new(shape.try_into().unwrap(), &device);
        let predictions = Tensor::<Flex, 6>::from_data(floats("in.pred"), &device);
        assert_eq!(predictions.dims()[0], windows.len());
        for (place, window) in windows.iter().enumerate() {
            sum.add(window, &predictions.clone().narrow(0, place, 1).squeeze_dim::<5>(0));
        }
        sum.mean().into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(9e-6));
        sum.counts().into_data().assert_eq(&floats("out.counter"), true);
    }
}
