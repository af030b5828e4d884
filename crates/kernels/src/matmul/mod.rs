//! Implements matmul (GEMM): packed weights, the register tile, the loops around it, and the epilogue.

pub(crate) mod epilogue;
pub(crate) mod gemm;
pub(crate) mod micro_kernel;
pub(crate) mod packed;
pub(crate) mod tiled;
