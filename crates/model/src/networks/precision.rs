//! The numbers that networks compute with.

use burn::tensor::{DType, Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

/// What the networks calculate in, whatever their weights are stored as. Noise, guidance, time and what is encoded stay f32,
/// and so do all sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComputePrecision {
    /// 32 bit.
    #[default]
    F32,
    /// Features and products of 16 bit with 8 bits of mantissa.
    Bf16,
}

impl ComputePrecision {
    pub(super) fn narrowed<B: Backend, const R: usize>(self, x: Tensor<B, R>) -> Tensor<B, R> {
        match self {
            Self::F32 => x,
            Self::Bf16 => x.cast(DType::BF16),
        }
    }

    pub(super) fn widened<B: Backend, const R: usize>(self, x: Tensor<B, R>) -> Tensor<B, R> {
        match self {
            Self::F32 => x,
            Self::Bf16 => x.cast(DType::F32),
        }
    }
}
