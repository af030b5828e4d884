//! Implements pose modulation (paper 3.4). Depth refines the features of the skeleton maps, and a 3D convolution
//! smooths them over time. The resulting features are added to the features of the denoiser after its first
//! convolution.
//!
//! | step | shape |
//! |---|---|
//! | skeleton map in [0, 1] through the trunk of a [`PoseGuider`] | `[B*N, C_t, h, w]` |
//! | depth in [0, 1], zero where the skeleton map is black, through its own trunk | `[B*N, C_t, h, w]` |
//! | cross-attention, queries from the skeleton, keys and values from the depth, residual | `[B*N, h*w, C_t]` |
//! | 3D convolution 3x3x3, residual, zero-initialized | `[B, C_t, N, h, w]` |
//! | the guider's last convolution, zero-initialized | `[B, C_0, N, h, w]` |
//!
//! Interpretation of the paper: there is one attention layer, at 1/8 of the picture's size, with layer norms before it.
//! With `depth: None` the module is exactly the pose guider of Animate Anyone (the paper's ablation "w/o pose
//! modulation") and loads its public weights.

use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::conditioning::pose_guider::{PoseGuider, PoseGuiderConfig};
use crate::layers::{Conv2d, Conv3d, LayerInitializer, LayerNorm};
use crate::ops::{ModelBackend, map_from_tokens, tokens_from_map};
use crate::unet::attention::{Attention, AttentionConfig};
use crate::video::{frames_from_video, video_from_frames};

/// Half a level of an 8-bit map. Brighter pixels count as drawn.
const DRAWN: f64 = 0.5 / 255.0;
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Sizes of a [`PoseModulation`]. The default fits SD 1.5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseModulationConfig {
    /// Channels of the stages of both trunks. Each stage after the first halves the resolution.
    pub trunk_widths: Vec<usize>,
    /// `C_0`, the channels of the denoiser's finest level.
    pub out_channels: usize,
    /// Modulation by depth and time; `None` for skeletons alone.
    pub depth: Option<DepthModulationConfig>,
}

/// Settings of the cross-attention and the 3D convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthModulationConfig {
    /// Heads of the cross-attention.
    pub heads: usize,
    /// Kernel size of the 3D convolution along frames, rows and columns.
    pub kernel: [usize; 3],
    /// Attend only to cells that the skeleton covers.
    pub covered_only: bool,
}

impl Default for DepthModulationConfig {
    fn default() -> Self {
        Self { heads: 8, kernel: [3, 3, 3], covered_only: false }
    }
}

impl Default for PoseModulationConfig {
    fn default() -> Self {
        Self { trunk_widths: vec![16, 32, 96, 256], out_channels: 320, depth: Some(DepthModulationConfig::default()) }
    }
}

/// Computes pose features from skeleton and depth.
#[derive(Module, Debug)]
pub struct PoseModulation<B: Backend> {
    skeleton: PoseGuider<B>,
    depth: Option<DepthModulation<B>>,
}

impl PoseModulationConfig {
    /// A newly initialized network. Its features are zero until it is trained.
    ///
    /// # Panics
    /// When the trunk has no width, or its last width is not a multiple of the heads.
    pub fn init<B: ModelBackend>(&self, device: &B::Device) -> PoseModulation<B> {
        let guider = PoseGuiderConfig {
            in_channels: 3,
            block_out_channels: self.trunk_widths.clone(),
            out_channels: self.out_channels,
        };
        PoseModulation {
            skeleton: PoseGuider::init(&guider, device),
            depth: self.depth.as_ref().map(|depth| DepthModulation::init(&self.trunk_widths, depth, device)),
        }
    }
}

impl<B: ModelBackend> PoseModulation<B> {
    /// Skeleton maps `[B, 3, N, H, W]` and depth `[B, 1, N, H, W]`, both in [0, 1], to features `[B, C_0, N, h, w]`.
    ///
    /// # Panics
    /// When frames or sizes of the two differ.
    pub fn forward(&self, skeleton: Tensor<B, 5>, depth: Tensor<B, 5>) -> Tensor<B, 5> {
        let [b, _, n, height, width] = skeleton.dims();
        assert_eq!(depth.dims(), [b, 1, n, height, width], "pose modulation: depth, skeleton {:?}", skeleton.dims());
        let skeleton = frames_from_video(skeleton);
        let mut features = self.skeleton.trunk(skeleton.clone());
        if let Some(modulation) = &self.depth {
            features = modulation.forward(features, &skeleton, frames_from_video(depth), b);
        }
        video_from_frames(self.skeleton.project(features), b)
    }
}

/// The modulation of skeleton features by depth and time.
#[derive(Module, Debug)]
struct DepthModulation<B: Backend> {
    trunk: Trunk<B>,
    norm_skeleton: LayerNorm<B>,
    norm_depth: LayerNorm<B>,
    attention: Attention<B>,
    conv_time: Conv3d<B>,
    covered_only: bool,
}

impl<B: ModelBackend> DepthModulation<B> {
    fn init(widths: &[usize], config: &DepthModulationConfig, device: &B::Device) -> Self {
        let Some(&width) = widths.last() else { panic!("pose modulation: no widths") };
        Self {
            trunk: Trunk::init(1, widths, device),
            norm_skeleton: LayerNorm::init(width, LAYER_NORM_EPSILON, device),
            norm_depth: LayerNorm::init(width, LAYER_NORM_EPSILON, device),
            attention: Attention::init(&AttentionConfig::among(width, config.heads), device),
            conv_time: Conv3d::init(width, width, config.kernel, LayerInitializer::Zero, device),
            covered_only: config.covered_only,
        }
    }

    /// Takes skeleton features `[B*N, C_t, h, w]`, skeleton maps `[B*N, 3, H, W]` and depth `[B*N, 1, H, W]`.
    fn forward(
        &self,
        features: Tensor<B, 4>,
        skeleton: &Tensor<B, 4>,
        depth: Tensor<B, 4>,
        batch: usize,
    ) -> Tensor<B, 4> {
        let [_, _, h, w] = features.dims();
        // 1. Features of the structured depth.
        let drawn = skeleton.clone().max_dim(1).greater_elem(DRAWN).float().cast(skeleton.dtype());
        let depth = self.trunk.forward(depth * drawn.clone());
        // 2. Cross-attention: every limb attends to the depth of the others.
        let tokens = tokens_from_map(features);
        let context = self.norm_depth.forward(tokens_from_map(depth));
        let queries = self.norm_skeleton.forward(tokens.clone());
        let tokens = if self.covered_only {
            self.attend_to_covered(tokens, queries, context, drawn)
        } else {
            self.attention.forward_onto(tokens, None, queries, &[&self.attention.keys_values(context)])
        };
        let features = map_from_tokens(tokens, [h, w]);
        // 3. 3D convolution over time.
        let video = video_from_frames(features, batch);
        frames_from_video(video.clone() + self.conv_time.forward(video))
    }

    /// Attention whose keys are, in each frame, only the cells covered by the skeleton. Frames without a skeleton stay
    /// unchanged.
    fn attend_to_covered(
        &self,
        tokens: Tensor<B, 3>,
        queries: Tensor<B, 3>,
        context: Tensor<B, 3>,
        drawn: Tensor<B, 4>,
    ) -> Tensor<B, 3> {
        let [m, l, _] = queries.dims();
        let [_, _, height, width] = drawn.dims();
        let cell = ((height * width / l) as f64).sqrt() as usize;
        let covered = max_pool2d(drawn, [cell; 2], [cell; 2], [0; 2], [1; 2], false);
        let covered = covered.into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        assert_eq!(covered.len(), m * l, "pose modulation: covered cells of {m} frames of {l} cells");
        let mut frames = Vec::with_capacity(m);
        for frame in 0..m {
            let device = queries.device();
            let cells = (0..l).filter(|cell| covered[frame * l + cell] > 0.0).map(|cell| cell as i64);
            let cells: Vec<i64> = cells.collect();
            if cells.is_empty() {
                frames.push(tokens.clone().narrow(0, frame, 1));
                continue;
            }
            let count = cells.len();
            let cells = Tensor::<B, 1, Int>::from_data(TensorData::new(cells, [count]), &device);
            let seen = context.clone().narrow(0, frame, 1).select(1, cells);
            let [tokens, queries] = [&tokens, &queries].map(|of| of.clone().narrow(0, frame, 1));
            frames.push(self.attention.forward_onto(tokens, None, queries, &[&self.attention.keys_values(seen)]));
        }
        Tensor::cat(frames, 0)
    }
}

/// The layers of [`PoseGuider::trunk`], without a projection.
#[derive(Module, Debug)]
struct Trunk<B: Backend> {
    conv_in: Conv2d<B>,
    blocks: Vec<Conv2d<B>>,
}

impl<B: ModelBackend> Trunk<B> {
    fn init(channels: usize, widths: &[usize], device: &B::Device) -> Self {
        let conv = |c_in, c_out, stride| Conv2d::init(c_in, c_out, 3, stride, LayerInitializer::Preserving, device);
        let pairs = widths.windows(2);
        Self {
            conv_in: conv(channels, widths[0], 1),
            blocks: pairs.flat_map(|pair| [conv(pair[0], pair[0], 1), conv(pair[0], pair[1], 2)]).collect(),
        }
    }

    fn forward(&self, maps: Tensor<B, 4>) -> Tensor<B, 4> {
        self.blocks.iter().fold(self.conv_in.forward_silu(maps), |x, conv| conv.forward_silu(x))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::module::Param;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn config(covered_only: bool) -> PoseModulationConfig {
        PoseModulationConfig {
            trunk_widths: vec![4, 4, 4, 8],
            out_channels: 6,
            depth: Some(DepthModulationConfig { heads: 2, covered_only, ..Default::default() }),
        }
    }

    /// A network whose zero-initialized layers have non-zero weights.
    fn awake(config: &PoseModulationConfig) -> PoseModulation<Flex> {
        let device = Default::default();
        let mut network = config.init::<Flex>(&device);
        let guider =
            PoseGuiderConfig { in_channels: 3, block_out_channels: config.trunk_widths.clone(), out_channels: 6 };
        let mut bytes = crate::weights::collect(&PoseGuider::<Flex>::init(&guider, &device), "");
        for (_, _, values) in &mut bytes {
            for (place, value) in values.iter_mut().enumerate() {
                *value = (place as f32 * 0.7).sin() * 0.4;
            }
        }
        let file = crate::weights::to_bytes(&bytes, crate::weights::StoredPrecision::F32, Default::default()).unwrap();
        let weights = crate::weights::Weights::from_bytes(&[&file], "memory").unwrap();
        network.skeleton = weights.load(network.skeleton, "", crate::weights::Extra::Refused).unwrap();
        if let Some(depth) = &mut network.depth {
            depth.conv_time.weight =
                Param::from_tensor(Tensor::random([8, 8, 3, 3, 3], Distribution::Uniform(-0.3, 0.3), &device));
        }
        network
    }

    /// A skeleton with a stroke in the upper left quarter, and random depth.
    fn inputs(frames: usize) -> (Tensor<Flex, 5>, Tensor<Flex, 5>) {
        let device = Default::default();
        let stroke = Tensor::ones([1, 3, frames, 8, 8], &device);
        let skeleton =
            Tensor::zeros([1, 3, frames, 16, 16], &device).slice_assign([0..1, 0..3, 0..frames, 0..8, 0..8], stroke);
        (skeleton, Tensor::random([1, 1, frames, 16, 16], Distribution::Uniform(0.1, 1.0), &device))
    }

    fn difference(a: Tensor<Flex, 5>, b: Tensor<Flex, 5>) -> f32 {
        (a - b).abs().max().into_scalar()
    }

    #[test]
    fn nothing_at_the_start() {
        let (skeleton, depth) = inputs(3);
        let features = config(false).init::<Flex>(&Default::default()).forward(skeleton, depth);
        assert_eq!((features.dims(), features.abs().max().into_scalar()), ([1, 6, 3, 2, 2], 0.0));
    }

    #[test]
    fn only_depth_under_the_skeleton_counts() {
        for covered_only in [false, true] {
            let network = awake(&config(covered_only));
            let (skeleton, depth) = inputs(2);
            let base = network.forward(skeleton.clone(), depth.clone());
            let off = Tensor::ones([1, 1, 2, 16, 8], &Default::default());
            let outside = depth.clone().slice_assign([0..1, 0..1, 0..2, 0..16, 8..16], off);
            assert_eq!(difference(base.clone(), network.forward(skeleton.clone(), outside)), 0.0);
            assert!(difference(base, network.forward(skeleton, depth * 0.5)) > 1e-5);
        }
    }

    #[test]
    fn time_mixes_neighbours_only_through_the_3d_convolution() {
        let mut network = awake(&config(false));
        let (skeleton, depth) = inputs(5);
        let changed = depth
            .clone()
            .slice_assign([0..1, 0..1, 0..1, 0..16, 0..16], Tensor::ones([1, 1, 1, 16, 16], &Default::default()));
        let by_frame = |network: &PoseModulation<Flex>| {
            let change =
                network.forward(skeleton.clone(), depth.clone()) - network.forward(skeleton.clone(), changed.clone());
            (0..5).map(|frame| change.clone().narrow(2, frame, 1).abs().max().into_scalar() > 0.0).collect::<Vec<_>>()
        };
        assert_eq!(by_frame(&network), [true, true, false, false, false]);
        let Some(depth_part) = &mut network.depth else { unreachable!() };
        depth_part.conv_time = Conv3d::init(8, 8, [3, 3, 3], LayerInitializer::Zero, &Default::default());
        assert_eq!(by_frame(&network), [true, false, false, false, false]);
    }

    #[test]
    fn where_everything_is_covered_the_switch_has_no_influence() {
        let mut network = awake(&config(false));
        let (skeleton, depth) = inputs(2);
        let all = skeleton.ones_like();
        let plain = network.forward(all.clone(), depth.clone());
        let Some(depth_part) = &mut network.depth else { unreachable!() };
        depth_part.covered_only = true;
        let covered = network.forward(all.clone(), depth.clone());
        plain.into_data().assert_approx_eq::<f32>(&covered.into_data(), Tolerance::absolute(1e-5));
        // Without a skeleton the result is finite and independent of depth.
        let empty = network.forward(all.zeros_like(), depth.clone());
        assert_eq!(difference(empty, network.forward(all.zeros_like(), depth * 0.3)), 0.0);
    }

    #[test]
    fn without_depth_it_is_the_pose_guider() {
        let config = PoseModulationConfig { depth: None, ..config(false) };
        let network = awake(&config);
        let (skeleton, depth) = inputs(2);
        let expected = network.skeleton.forward(skeleton.clone());
        network.forward(skeleton, depth).into_data().assert_eq(&expected.into_data(), true);
    }
}
