//! Defines the precision in which networks compute.

use burn::tensor::{DType, Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

/// The compute precision, whatever the precision of stored weights. Noise, guidance, time embeddings, encoded latents
/// and all accumulation stay f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComputePrecision {
    /// 32 bit.
    #[default]
    F32,
    /// 16-bit features and matmul operands with 8 bits of mantissa (bf16).
    Bf16,
}

impl ComputePrecision {
    /// The type of features and matmul operands.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }

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
