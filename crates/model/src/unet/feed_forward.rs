//! Implements the GEGLU feed-forward layer of every transformer block: a linear layer to twice the inner width, the
//! product of value and `gelu(gate)`, and a linear layer back to the token width.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::layers::{LayerInitializer, Linear};
use crate::ops::ModelBackend;

/// Ratio of inner width to width in every public checkpoint.
pub const FEED_FORWARD_FACTOR: usize = 4;

/// The feed-forward layer, `[.., D]` to `[.., D]`.
#[derive(Module, Debug)]
pub struct FeedForward<B: Backend> {
    net_0: Geglu<B>,
    net_2: Linear<B>,
}

/// A linear layer whose first output half is multiplied by the `gelu` of the second half.
#[derive(Module, Debug)]
pub struct Geglu<B: Backend> {
    proj: Linear<B>,
}

impl<B: ModelBackend> FeedForward<B> {
    /// A layer with inner width `factor * width`.
    pub fn init(width: usize, factor: usize, device: &B::Device) -> Self {
        let inner = factor * width;
        Self {
            net_0: Geglu { proj: Linear::init(width, 2 * inner, true, LayerInitializer::Uniform, device) },
            net_2: Linear::init(inner, width, true, LayerInitializer::Uniform, device),
        }
    }

    /// `[.., D]` to `[.., D]`.
    pub fn forward<const R: usize>(&self, x: Tensor<B, R>) -> Tensor<B, R> {
        self.net_2.forward(self.net_0.proj.forward_geglu(x))
    }

    /// `[.., D]` to `[.., D]`, plus `residual` of the same shape.
    pub fn forward_onto<const R: usize>(&self, residual: Tensor<B, R>, x: Tensor<B, R>) -> Tensor<B, R> {
        self.net_2.forward_onto(residual, self.net_0.proj.forward_geglu(x))
    }
}
