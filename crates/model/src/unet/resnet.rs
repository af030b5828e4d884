//! Implements the convolutional block of every UNet and VAE level, and the layers that change resolution.
//!
//! | tensor | shape |
//! |---|---|
//! | input | `[M, C_in, h, w]`, `M = B*N` frames |
//! | time embedding, SiLU already applied | `[B, D]` |
//! | output | `[M, C_out, h, w]` |
//!
//! The time embedding is added after the first convolution. The time embedding is the same for all frames of a clip.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{Conv2d, GroupNorm, LayerInitializer, Linear};
use crate::ops::ModelBackend;
use crate::unet::cache::{self, StepContext};
use crate::video::{frames_from_video, video_from_frames};

/// Sizes and norms of a [`ResnetBlock`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResnetConfig {
    /// `C_in`.
    pub channels_in: usize,
    /// `C_out`.
    pub channels_out: usize,
    /// Width of the time embedding; `None` in a VAE.
    pub time_width: Option<usize>,
    /// Groups of both norms.
    pub norm_groups: usize,
    /// Epsilon of both norms.
    pub norm_epsilon: f64,
    /// Whether norm statistics cover all frames of a clip instead of each frame.
    pub norm_across_frames: bool,
}

impl ResnetConfig {
    /// A newly initialized block.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> ResnetBlock<B> {
        let Self { channels_in, channels_out, norm_groups, norm_epsilon, .. } = *self;
        let conv = |c_in, kernel| Conv2d::init(c_in, channels_out, kernel, 1, LayerInitializer::Uniform, device);
        ResnetBlock {
            norm1: GroupNorm::init(norm_groups, channels_in, norm_epsilon, device),
            conv1: conv(channels_in, 3),
            time_emb_proj: self
                .time_width
                .map(|d| Linear::init(d, channels_out, true, LayerInitializer::Uniform, device)),
            norm2: GroupNorm::init(norm_groups, channels_out, norm_epsilon, device),
            conv2: conv(channels_out, 3),
            conv_shortcut: (channels_in != channels_out).then(|| conv(channels_in, 1)),
            norm_across_frames: self.norm_across_frames,
        }
    }
}

/// Two normalised convolutions with the time embedding between them, and a residual connection.
#[derive(Module, Debug)]
pub struct ResnetBlock<B: Backend> {
    norm1: GroupNorm<B>,
    conv1: Conv2d<B>,
    time_emb_proj: Option<Linear<B>>,
    norm2: GroupNorm<B>,
    conv2: Conv2d<B>,
    conv_shortcut: Option<Conv2d<B>>,
    norm_across_frames: bool,
}

impl<B: ModelBackend> ResnetBlock<B> {
    /// `[B*N, C_in, h, w]` and the time embedding after SiLU, `[B, D]`, to `[B*N, C_out, h, w]`.
    ///
    /// # Panics
    /// When the time embedding is missing or not expected.
    pub fn forward(&self, x: Tensor<B, 4>, time: Option<&Tensor<B, 2>>) -> Tensor<B, 4> {
        self.forward_at(x, time, None)
    }

    /// [`forward`](Self::forward) that caches values which depend only on the timestep.
    pub(crate) fn forward_at(
        &self,
        x: Tensor<B, 4>,
        time: Option<&Tensor<B, 2>>,
        step: Option<StepContext<'_, B>>,
    ) -> Tensor<B, 4> {
        let batch = time.map_or(x.dims()[0], |time| time.dims()[0]);
        let hidden = self.normalise(&self.norm1, x.clone(), batch);
        let hidden = match (&self.time_emb_proj, time) {
            (Some(project), Some(time)) => {
                let shift = cache::at(step, project.weight.id, batch, || project.forward(time.clone()));
                self.conv1.forward_shifted(hidden, shift)
            }
            (None, None) => self.conv1.forward(hidden),
            (Some(_), None) => panic!("resnet: no time embedding for a block that needs one"),
            (None, Some(_)) => panic!("resnet: a time embedding for a block without"),
        };
        let hidden = self.normalise(&self.norm2, hidden, batch);
        let input = match &self.conv_shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x,
        };
        self.conv2.forward_onto(input, hidden)
    }

    fn normalise(&self, norm: &GroupNorm<B>, x: Tensor<B, 4>, batch: usize) -> Tensor<B, 4> {
        normalise_silu(norm, x, batch, self.norm_across_frames)
    }
}

/// Group norm and SiLU of `[B*N, C, h, w]`, with statistics per frame or per clip.
pub(crate) fn normalise_silu<B: ModelBackend>(
    norm: &GroupNorm<B>,
    x: Tensor<B, 4>,
    batch: usize,
    across_frames: bool,
) -> Tensor<B, 4> {
    if across_frames && x.dims()[0] != batch {
        frames_from_video(norm.forward_silu(video_from_frames(x, batch)))
    } else {
        norm.forward_silu(x)
    }
}

/// Zero padding of a [`Downsample`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownsamplePadding {
    /// One cell on each side (UNet).
    Symmetric,
    /// One cell on the right and at the bottom (VAE encoder).
    RightBottom,
}

/// A 3x3 convolution with stride 2.
#[derive(Module, Debug)]
pub struct Downsample<B: Backend> {
    conv: Conv2d<B>,
}

impl<B: ModelBackend> Downsample<B> {
    /// A layer that keeps the number of channels.
    pub fn init(channels: usize, padding: DownsamplePadding, device: &B::Device) -> Self {
        let conv = Conv2d::init(channels, channels, 3, 2, LayerInitializer::Uniform, device);
        match padding {
            DownsamplePadding::Symmetric => Self { conv },
            DownsamplePadding::RightBottom => Self { conv: conv.with_padding([0, 1]) },
        }
    }

    /// Halves the size of `[M, C, h, w]`, rounded up with symmetric padding and down otherwise.
    pub fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv.forward(x)
    }
}

/// Nearest upsampling, then a 3x3 convolution.
#[derive(Module, Debug)]
pub struct Upsample<B: Backend> {
    conv: Conv2d<B>,
}

impl<B: ModelBackend> Upsample<B> {
    /// A layer that keeps the number of channels.
    pub fn init(channels: usize, device: &B::Device) -> Self {
        Self { conv: Conv2d::init(channels, channels, 3, 1, LayerInitializer::Uniform, device) }
    }

    /// `[M, C, h, w]` to `[M, C, 2h, 2w]`.
    pub fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv.forward_upsampled(x)
    }

    /// Nearest upsampling from `[M, C, h, w]` to `[M, C, H, W]`, where each side is twice as long or one less, then the
    /// convolution.
    ///
    /// # Panics
    /// When a side is neither.
    pub fn forward_to(&self, x: Tensor<B, 4>, size: [usize; 2]) -> Tensor<B, 4> {
        let [_, _, h, w] = x.dims();
        if size == [2 * h, 2 * w] {
            return self.forward(x);
        }
        self.conv.forward(repeat_cells(x, size))
    }
}

/// Nearest upsampling to twice the size or one less. Cropping the doubled picture equals indexing by
/// `floor(i * h / H)`.
fn repeat_cells<B: Backend>(x: Tensor<B, 4>, [height, width]: [usize; 2]) -> Tensor<B, 4> {
    let [m, c, h, w] = x.dims();
    let fits = |small: usize, large: usize| large == 2 * small || large + 1 == 2 * small;
    assert!(fits(h, height) && fits(w, width), "upsample: {:?} to {height} x {width}", x.dims());
    let doubled = x.reshape([m * c * h, 1, w, 1]).expand([m * c * h, 2, w, 2]).reshape([m, c, 2 * h, 2 * w]);
    if (height, width) == (2 * h, 2 * w) {
        return doubled;
    }
    doubled.slice([0..m, 0..c, 0..height, 0..width])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn cells_are_repeated_and_cut() {
        let x = Tensor::<Flex, 4>::from_floats([[[[1.0, 2.0], [3.0, 4.0]]]], &Default::default());
        let check = |size, expected: &[f32]| {
            assert_eq!(repeat_cells(x.clone(), size).into_data().to_vec::<f32>().unwrap(), expected);
        };
        check([4, 4], &[1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 3.0, 3.0, 4.0, 4.0]);
        check([3, 3], &[1.0, 1.0, 2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 4.0]);
    }

    #[test]
    fn a_cut_double_is_the_nearest_neighbour() {
        for small in 1..200_usize {
            for large in [2 * small - 1, 2 * small] {
                let scale = small as f32 / large as f32;
                assert!((0..large).all(|i| ((i as f32 * scale) as usize) == i / 2), "{small} to {large}");
            }
        }
    }

    #[test]
    fn sizes_after_downsampling() {
        let device = Default::default();
        let check = |padding, expected| {
            let layer = Downsample::<Flex>::init(2, padding, &device);
            assert_eq!(layer.forward(Tensor::ones([3, 2, 5, 6], &device)).dims(), expected);
        };
        check(DownsamplePadding::Symmetric, [3, 2, 3, 3]);
        check(DownsamplePadding::RightBottom, [3, 2, 2, 3]);
    }

    #[test]
    fn time_reaches_every_frame_of_its_clip_only() {
        let device = Default::default();
        let config = ResnetConfig {
            channels_in: 2,
            channels_out: 4,
            time_width: Some(3),
            norm_groups: 2,
            norm_epsilon: 1e-5,
            norm_across_frames: false,
        };
        let block = config.init::<Flex>(&device);
        let x = Tensor::ones([4, 2, 3, 3], &device);
        let time = Tensor::from_floats([[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]], &device);
        let y = block.forward(x, Some(&time));
        assert_eq!(y.dims(), [4, 4, 3, 3]);
        let frame = |i: usize| y.clone().slice([i..i + 1, 0..4, 0..3, 0..3]).into_data();
        assert_eq!(frame(0), frame(1));
        assert_eq!(frame(2), frame(3));
        assert_ne!(frame(1), frame(2));
    }
}
