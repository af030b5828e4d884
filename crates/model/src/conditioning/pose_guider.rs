//! Implements the pose guider of the Animate Anyone family. The pose guider turns skeleton pictures, frame by frame,
//! into features that are added to the features of the denoiser after its first convolution.
//!
//! The trunk starts with a 3x3 convolution. Two more convolutions follow for each further width: the first keeps the
//! width, and the second has stride 2. SiLU follows each convolution. The last layer is a zero-initialized 3x3
//! convolution.
//!
//! | tensor | shape |
//! |---|---|
//! | skeleton in `[0, 1]` | `[B, C, N, H, W]` |
//! | trunk features | `[B*N, C_trunk, h, w]` |
//! | features | `[B, C_0, N, h, w]` |

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::ModelBackend;
use crate::video::{frames_from_video, video_from_frames};

/// Sizes of a [`PoseGuider`]. The default fits SD 1.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoseGuiderConfig {
    /// Channels of the skeleton picture.
    pub in_channels: usize,
    /// Channels of the trunk's stages. Each stage after the first halves the resolution.
    pub block_out_channels: Vec<usize>,
    /// `C_0`, the channels of the denoiser's finest level.
    pub out_channels: usize,
}

impl Default for PoseGuiderConfig {
    fn default() -> Self {
        Self { in_channels: 3, block_out_channels: vec![16, 32, 96, 256], out_channels: 320 }
    }
}

/// The pose guider.
#[derive(Module, Debug)]
pub struct PoseGuider<B: Backend> {
    conv_in: Conv2d<B>,
    blocks: Vec<Conv2d<B>>,
    conv_out: Conv2d<B>,
}

impl<B: ModelBackend> PoseGuider<B> {
    /// A guider with newly initialized weights. Its features are zero until it is trained.
    ///
    /// # Panics
    /// When the trunk has no width.
    pub fn init(config: &PoseGuiderConfig, device: &B::Device) -> Self {
        let widths = &config.block_out_channels;
        let (Some(first), Some(last)) = (widths.first(), widths.last()) else { panic!("pose guider: no widths") };
        let conv = |c_in, c_out, stride| Conv2d::init(c_in, c_out, 3, stride, LayerInitializer::Preserving, device);
        Self {
            conv_in: conv(config.in_channels, *first, 1),
            blocks: widths.windows(2).flat_map(|pair| [conv(pair[0], pair[0], 1), conv(pair[0], pair[1], 2)]).collect(),
            conv_out: Conv2d::init(*last, config.out_channels, 3, 1, LayerInitializer::Zero, device),
        }
    }

    /// The features before the last convolution, `[M, C_trunk, h, w]`, from frames `[M, C, H, W]`.
    pub fn trunk(&self, frames: Tensor<B, 4>) -> Tensor<B, 4> {
        self.blocks.iter().fold(self.conv_in.forward_silu(frames), |x, conv| conv.forward_silu(x))
    }

    /// Applies the last convolution: trunk features `[M, C_trunk, h, w]` to `[M, C_0, h, w]`.
    pub fn project(&self, trunk: Tensor<B, 4>) -> Tensor<B, 4> {
        self.conv_out.forward(trunk)
    }

    /// Skeleton `[B, C, N, H, W]` to features `[B, C_0, N, h, w]`.
    pub fn forward(&self, skeleton: Tensor<B, 5>) -> Tensor<B, 5> {
        let b = skeleton.dims()[0];
        video_from_frames(self.project(self.trunk(frames_from_video(skeleton))), b)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn three_halvings_and_nothing_at_the_start() {
        let config = PoseGuiderConfig { block_out_channels: vec![2, 3, 4, 5], out_channels: 6, in_channels: 3 };
        let guider = PoseGuider::<Flex>::init(&config, &Default::default());
        let features = guider.forward(Tensor::ones([2, 3, 4, 16, 24], &Default::default()));
        assert_eq!(features.dims(), [2, 6, 4, 2, 3]);
        assert_eq!(features.abs().max().into_scalar(), 0.0);
    }

    #[test]
    fn the_default_has_the_published_size() {
        let guider = PoseGuider::<Flex>::init(&PoseGuiderConfig::default(), &Default::default());
        assert_eq!(guider.num_params(), 1_086_480);
    }
}
