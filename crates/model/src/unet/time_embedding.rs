//! Embeds the timestep of the noise schedule: sinusoids, followed by two linear layers.
//!
//! `angle_i = t * exp(-ln(10000) * i / (D/2 - shift))`; SD 1.5 uses shift 0 and `[cos | sin]`.
//!
//! | tensor | shape |
//! |---|---|
//! | timestep | `[B]` |
//! | sinusoids | `[B, D]` |
//! | embedding | `[B, D_out]` |

use burn::module::Module;
use burn::tensor::activation::silu;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use serde::{Deserialize, Serialize};

use crate::layers::{LayerInitializer, Linear};
use crate::ops::ModelBackend;

/// Sinusoidal embedding of a timestep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sinusoids {
    /// Subtracted from the number of frequencies in the denominator of the exponent.
    pub frequency_shift: f64,
    /// `[cos | sin]` instead of `[sin | cos]`.
    pub cosine_first: bool,
}

impl Default for Sinusoids {
    fn default() -> Self {
        Self { frequency_shift: 0.0, cosine_first: true }
    }
}

impl Sinusoids {
    /// Timesteps `[B]` to sinusoids `[B, width]`. An odd width is padded with a zero.
    pub fn forward<B: Backend>(&self, timestep: Tensor<B, 1>, width: usize) -> Tensor<B, 2> {
        let ([b], device) = (timestep.dims(), timestep.device());
        let half = width / 2;
        let step = -(10_000.0_f64.ln()) / (half as f64 - self.frequency_shift);
        let frequencies: Vec<f32> = (0..half).map(|i| (step * i as f64).exp() as f32).collect();
        let frequencies = Tensor::<B, 2>::from_data(TensorData::new(frequencies, [1, half]), &device);
        let angles = timestep.reshape([b, 1]) * frequencies;
        let (sin, cos) = (angles.clone().sin(), angles.cos());
        let mut parts = if self.cosine_first { vec![cos, sin] } else { vec![sin, cos] };
        if width % 2 == 1 {
            parts.push(Tensor::zeros([b, 1], &device));
        }
        Tensor::cat(parts, 1)
    }
}

/// Two linear layers with SiLU between them.
#[derive(Module, Debug)]
pub struct TimeEmbedding<B: Backend> {
    linear_1: Linear<B>,
    linear_2: Linear<B>,
}

impl<B: ModelBackend> TimeEmbedding<B> {
    /// An embedding from `width` sinusoids to `width_out`.
    pub fn init(width: usize, width_out: usize, device: &B::Device) -> Self {
        Self {
            linear_1: Linear::init(width, width_out, true, LayerInitializer::Uniform, device),
            linear_2: Linear::init(width_out, width_out, true, LayerInitializer::Uniform, device),
        }
    }

    /// `[B, D]` to `[B, D_out]`.
    pub fn forward(&self, sinusoids: Tensor<B, 2>) -> Tensor<B, 2> {
        self.linear_2.forward(silu(self.linear_1.forward(sinusoids)))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Tolerance;

    use super::*;

    fn check(sinusoids: Sinusoids, width: usize, expected: &[f64]) {
        let timestep = Tensor::<Flex, 1>::from_floats([2.0], &Default::default());
        let expected: Vec<f32> = expected.iter().map(|value| *value as f32).collect();
        sinusoids
            .forward(timestep, width)
            .into_data()
            .assert_approx_eq::<f32>(&TensorData::new(expected, [1, width]), Tolerance::absolute(1e-6));
    }

    #[test]
    fn two_frequencies_by_hand() {
        // Without a shift, the frequencies of width 4 are 1 and 1/100; with shift 1 they are 1 and 1/10000.
        let (fast, slow) = (2.0_f64, 0.02_f64);
        check(Sinusoids::default(), 4, &[fast.cos(), slow.cos(), fast.sin(), slow.sin()]);
        let shifted = Sinusoids { frequency_shift: 1.0, cosine_first: false };
        check(shifted, 5, &[fast.sin(), 0.0002_f64.sin(), fast.cos(), 0.0002_f64.cos(), 0.0]);
    }
}
