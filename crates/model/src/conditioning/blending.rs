//! Implements spatial blending (paper 3.3, Eq. 3-4). Blending mixes object features into the features of the denoiser,
//! cell by cell.
//!
//! ```text
//! alpha = sigmoid(conv(concat(z_noise, z_object)))       (3)
//! z     = alpha * z_object + (1 - alpha) * z_noise       (4)
//! ```
//!
//! | tensor | shape |
//! |---|---|
//! | `z_noise`, `z_object`, result | `[M, C, h, w]` |
//! | `alpha` | `[M, 1, h, w]`, or `[M, C, h, w]` with one per channel |
//!
//! Deviation: the paper's zero convolution starts training at `alpha = 0.5`, which replaces half of every feature with
//! an untrained feature. This implementation starts with a bias of -4, hence `alpha = 0.018`.
//! [`BlendingConfig::literal`] follows the paper exactly.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{Conv2d, LayerInitializer};
use crate::ops::ModelBackend;

/// Configuration of the blending weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendingConfig {
    /// One weight per cell and channel, instead of one per cell.
    pub per_channel: bool,
    /// Initial bias of the convolution.
    pub bias: f64,
}

impl Default for BlendingConfig {
    fn default() -> Self {
        Self { per_channel: false, bias: -4.0 }
    }
}

impl BlendingConfig {
    /// The paper's zero convolution, exactly.
    pub fn literal() -> Self {
        Self { bias: 0.0, ..Self::default() }
    }
}

/// The blending layer at one site of the denoiser.
#[derive(Module, Debug)]
pub struct SpatialBlending<B: Backend> {
    /// 1x1, from `2C` channels to 1 or `C`, with weights initialized to zero.
    pub conv: Conv2d<B>,
}

impl<B: ModelBackend> SpatialBlending<B> {
    /// A blending layer for a block with `channels` channels.
    pub fn init(channels: usize, config: &BlendingConfig, device: &B::Device) -> Self {
        let weights = if config.per_channel { channels } else { 1 };
        Self { conv: Conv2d::init(2 * channels, weights, 1, 1, LayerInitializer::ZeroWithBias(config.bias), device) }
    }

    /// Blends `z_noise` and `z_object`, both `[M, C, h, w]`, to `[M, C, h, w]`.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn forward(&self, z_noise: Tensor<B, 4>, z_object: Tensor<B, 4>) -> Tensor<B, 4> {
        assert_eq!(z_noise.dims(), z_object.dims(), "blending: z_noise and z_object");
        // Eq. 3 and 4; `ops::composed::blend` has the arithmetic.
        self.conv.forward_blending([z_noise, z_object])
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Tolerance;

    use super::*;

    fn inputs() -> (Tensor<Flex, 4>, Tensor<Flex, 4>) {
        let device = Default::default();
        let z_noise = Tensor::from_floats([[[[1.0, 2.0]], [[3.0, 4.0]]]], &device);
        let z_object = Tensor::from_floats([[[[5.0, 0.0]], [[-1.0, 8.0]]]], &device);
        (z_noise, z_object)
    }

    fn check(blending: &SpatialBlending<Flex>, expected: [[[[f32; 2]; 1]; 2]; 1]) {
        let (z_noise, z_object) = inputs();
        let expected = Tensor::<Flex, 4>::from_floats(expected, &Default::default());
        blending
            .forward(z_noise, z_object)
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn the_literal_start_is_the_mean_and_ours_is_nearly_the_base() {
        let device = Default::default();
        check(&SpatialBlending::init(2, &BlendingConfig::literal(), &device), [[[[3.0, 1.0]], [[1.0, 6.0]]]]);
        let a = 1.0 / (1.0 + 4.0_f32.exp());
        check(
            &SpatialBlending::init(2, &BlendingConfig::default(), &device),
            [[[[1.0 + 4.0 * a, 2.0 - 2.0 * a]], [[3.0 - 4.0 * a, 4.0 + 4.0 * a]]]],
        );
    }

    #[test]
    fn the_weight_depends_on_both_inputs_and_may_differ_by_channel() {
        let device = Default::default();
        let config = BlendingConfig { per_channel: true, bias: 0.0 };
        let mut blending = SpatialBlending::<Flex>::init(2, &config, &device);
        // The logit of channel 0 is ln(3) * (first noise channel), that of channel 1 is -ln(3) * (first object
        // channel).
        let (plus, minus) = (3.0_f32.ln(), -(3.0_f32.ln()));
        blending.conv.weight = blending.conv.weight.map(|_| {
            Tensor::<Flex, 1>::from_floats([plus, 0.0, 0.0, 0.0, 0.0, 0.0, minus, 0.0], &device).reshape([2, 4, 1, 1])
        });
        // Left cell: alpha = 3/4 and 1/(1 + 3^5) = 1/244. Right cell: 9/10 and 1/2.
        check(&blending, [[[[1.0 + 4.0 * 0.75, 2.0 - 2.0 * 0.9]], [[3.0 - 4.0 / 244.0, 4.0 + 4.0 * 0.5]]]]);
    }
}
