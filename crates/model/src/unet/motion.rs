//! Implements the temporal module (AnimateDiff v2 layout): every cell attends to the same cell in all frames.
//!
//! The module consists of a group norm per frame, a linear layer, blocks of self-attention layers and one feed-forward
//! layer, a zero-initialized linear layer, and a residual connection. In each self-attention, the embedding of the
//! position in the clip is added after the layer norm. The embedding therefore affects queries, keys and values, but
//! not the residual stream.
//!
//! | tensor | shape |
//! |---|---|
//! | input, output | `[B*N, C, h, w]` |
//! | tokens | `[B, N, h*w, C]` |
//! | positions | `[max_frames, C]` |

use burn::module::Module;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{GroupNorm, LayerInitializer, LayerNorm, Linear};
use crate::ops::{ModelBackend, map_from_tokens, tokens_from_map};
use crate::unet::attention::{Attention, AttentionConfig};
use crate::unet::cache::StepContext;
use crate::unet::feed_forward::{FEED_FORWARD_FACTOR, FeedForward};

const ENTRY_NORM_EPSILON: f64 = 1e-6;
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Layout of the temporal modules, and the blocks that have them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MotionConfig {
    /// Heads of each self-attention.
    pub heads: usize,
    /// The inner width is the number of channels divided by this.
    pub width_divisor: usize,
    /// Number of blocks per module.
    pub blocks: usize,
    /// Self-attention layers per block.
    pub attentions: usize,
    /// Whether the position in the clip is added to the input of each self-attention.
    pub positions: bool,
    /// Maximum clip length, limited by the position table.
    pub max_frames: usize,
    /// Groups of the entry norm, independent of the network's norms.
    pub norm_groups: usize,
    /// Whether the mid block has a module.
    pub mid: bool,
    /// Down blocks with modules, finest first; `None` means all.
    pub down_levels: Option<Vec<bool>>,
    /// Up blocks with modules, coarsest first; `None` means all.
    pub up_levels: Option<Vec<bool>>,
}

impl Default for MotionConfig {
    fn default() -> Self {
        Self {
            heads: 8,
            width_divisor: 1,
            blocks: 1,
            attentions: 2,
            positions: true,
            max_frames: 32,
            norm_groups: 32,
            mid: true,
            down_levels: None,
            up_levels: None,
        }
    }
}

impl MotionConfig {
    /// A newly initialized module for `channels`. It is the identity until it is trained.
    pub fn init<B: ModelBackend>(&self, channels: usize, device: &B::Device) -> MotionModule<B> {
        let width = self.heads * (channels / self.heads / self.width_divisor);
        assert!(width > 0, "motion: {channels} channels over {} heads", self.heads);
        let positions = self.positions.then(|| positions(self.max_frames, width, device));
        let block = |_| TemporalBlock {
            attention_blocks: (0..self.attentions)
                .map(|_| Attention::init(&AttentionConfig::among(width, self.heads), device))
                .collect(),
            norms: (0..self.attentions).map(|_| LayerNorm::init(width, LAYER_NORM_EPSILON, device)).collect(),
            ff: FeedForward::init(width, FEED_FORWARD_FACTOR, device),
            ff_norm: LayerNorm::init(width, LAYER_NORM_EPSILON, device),
        };
        MotionModule {
            temporal_transformer: TemporalTransformer {
                norm: GroupNorm::init(self.norm_groups, channels, ENTRY_NORM_EPSILON, device),
                proj_in: Linear::init(channels, width, true, LayerInitializer::Uniform, device),
                transformer_blocks: (0..self.blocks).map(block).collect(),
                proj_out: Linear::init(width, channels, true, LayerInitializer::Zero, device),
                positions,
            },
        }
    }
}

/// Sinusoidal embeddings of positions `0..length`, `[length, width]`: even columns are sines, odd ones cosines.
pub fn positions<B: Backend>(length: usize, width: usize, device: &B::Device) -> Tensor<B, 2> {
    let values = (0..length * width).map(|place| position(place / width, place % width, width)).collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, [length, width]), device)
}

/// One element of that table.
pub(crate) fn position(position: usize, column: usize, width: usize) -> f32 {
    let step = -(10_000.0_f64.ln()) / width as f64;
    let angle = position as f64 * (step * (column - column % 2) as f64).exp();
    (if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
}

/// A temporal module. The wrapper has the name used in checkpoints.
#[derive(Module, Debug)]
pub struct MotionModule<B: Backend> {
    temporal_transformer: TemporalTransformer<B>,
}

/// The layers of a temporal module.
#[derive(Module, Debug)]
pub struct TemporalTransformer<B: Backend> {
    norm: GroupNorm<B>,
    proj_in: Linear<B>,
    transformer_blocks: Vec<TemporalBlock<B>>,
    proj_out: Linear<B>,
    positions: Option<Tensor<B, 2>>,
}

/// Self-attention layers, each with its own norm, and one feed-forward layer.
#[derive(Module, Debug)]
pub struct TemporalBlock<B: Backend> {
    attention_blocks: Vec<Attention<B>>,
    norms: Vec<LayerNorm<B>>,
    ff: FeedForward<B>,
    ff_norm: LayerNorm<B>,
}

impl<B: ModelBackend> MotionModule<B> {
    /// Frames `[B*N, C, h, w]` of `batch` clips to the same shape.
    ///
    /// # Panics
    /// When a clip is longer than the position table.
    pub fn forward(&self, frames: Tensor<B, 4>, batch: usize) -> Tensor<B, 4> {
        self.forward_at(frames, batch, None)
    }

    /// [`forward`](Self::forward) that caches values which depend only on positions.
    pub(crate) fn forward_at(
        &self,
        frames: Tensor<B, 4>,
        batch: usize,
        step: Option<StepContext<'_, B>>,
    ) -> Tensor<B, 4> {
        let module = &self.temporal_transformer;
        let [m, c, h, w] = frames.dims();
        assert!(batch > 0 && m.is_multiple_of(batch), "motion: {:?} in {batch} clips", frames.dims());
        let n = m / batch;
        let positions = module.positions.as_ref().map(|positions| {
            let [longest, width] = positions.dims();
            assert!(n <= longest, "motion: {n} frames, positions for {longest}");
            positions.clone().slice([0..n, 0..width]).cast(frames.dtype()).repeat_dim(0, batch)
        });
        let tokens = tokens_from_map(module.norm.forward(frames.clone()));
        let mut x = module.proj_in.forward(tokens.reshape([batch, n, h * w, c]));
        for block in &module.transformer_blocks {
            x = block.forward(x, positions.as_ref(), step);
        }
        let residual = tokens_from_map(frames).reshape([batch, n, h * w, c]);
        let x = module.proj_out.forward_onto(residual, x);
        map_from_tokens(x.reshape([m, h * w, c]), [h, w])
    }
}

impl<B: ModelBackend> TemporalBlock<B> {
    fn forward(
        &self,
        mut x: Tensor<B, 4>,
        positions: Option<&Tensor<B, 2>>,
        step: Option<StepContext<'_, B>>,
    ) -> Tensor<B, 4> {
        for (attention, norm) in self.attention_blocks.iter().zip(&self.norms) {
            let normalised = norm.forward(x.clone());
            x = attention.forward_in_time(x, normalised, positions, step);
        }
        self.ff.forward_onto(x.clone(), self.ff_norm.forward(x))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::module::Param;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn small(positions: bool) -> MotionModule<Flex> {
        let device = Default::default();
        let config = MotionConfig { heads: 2, norm_groups: 2, max_frames: 5, positions, ..Default::default() };
        let mut module = config.init::<Flex>(4, &device);
        let weight = Tensor::random([4, 4], Distribution::Default, &device);
        module.temporal_transformer.proj_out.weight = Param::from_tensor(weight);
        module
    }

    fn clip() -> Tensor<Flex, 4> {
        Tensor::random([2 * 5, 4, 2, 3], Distribution::Default, &Default::default())
    }

    #[test]
    fn positions_by_hand() {
        let expected: Vec<f32> =
            [1.0_f64, 0.01].iter().flat_map(|f| [(2.0 * f).sin() as f32, (2.0 * f).cos() as f32]).collect();
        let found = positions::<Flex>(3, 4, &Default::default()).slice([2..3, 0..4]).into_data();
        found.assert_approx_eq::<f32>(&TensorData::new(expected, [1, 4]), Tolerance::absolute(1e-6));
    }

    #[test]
    fn it_starts_as_the_identity() {
        let config = MotionConfig { heads: 2, norm_groups: 2, ..Default::default() };
        let x = clip();
        config.init(4, &Default::default()).forward(x.clone(), 2).into_data().assert_eq(&x.into_data(), true);
    }

    #[test]
    fn order_matters_only_through_positions() {
        let reversed = |x: Tensor<Flex, 4>| x.reshape([2, 5, 24]).flip([1]).reshape([10, 4, 2, 3]);
        let difference = |positions| {
            let (module, x) = (small(positions), clip());
            let there = reversed(module.forward(x.clone(), 2));
            (there - module.forward(reversed(x), 2)).abs().max().into_scalar()
        };
        assert!(difference(false) < 1e-5);
        assert!(difference(true) > 1e-3);
    }

    #[test]
    fn clips_do_not_mix() {
        let (module, x) = (small(true), clip());
        let both = module.forward(x.clone(), 2).slice([5..10, 0..4, 0..2, 0..3]);
        let alone = module.forward(x.slice([5..10, 0..4, 0..2, 0..3]), 1);
        both.into_data().assert_approx_eq::<f32>(&alone.into_data(), Tolerance::absolute(1e-6));
    }

    #[test]
    #[should_panic(expected = "6 frames, positions for 5")]
    fn a_clip_longer_than_the_positions_is_refused() {
        small(true).forward(Tensor::zeros([6, 4, 1, 1], &Default::default()), 1);
    }
}
