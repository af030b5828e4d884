//! The backends that networks run on.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::ops::AttentionModuleOptions;

/// A tensor backend with the hot operations that networks need. Each has a default composed of Burn operations.
///
/// It is our own trait because a model generic over [`Backend`] cannot see whether it is differentiated.
pub trait ModelBackend: Backend {
    /// Scaled dot-product attention without a mask; see [`super::attention`].
    fn scaled_dot_product(query: Tensor<Self, 4>, key: Tensor<Self, 4>, value: Tensor<Self, 4>) -> Tensor<Self, 4> {
        burn::tensor::module::attention(query, key, value, None, None, AttentionModuleOptions::default())
    }
}

impl ModelBackend for Flex {}
impl<B: ModelBackend, S: CheckpointStrategy> ModelBackend for Autodiff<B, S> {}
#[cfg(feature = "libtorch")]
impl ModelBackend for burn::backend::LibTorch {}
