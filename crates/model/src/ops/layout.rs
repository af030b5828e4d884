//! The backend's memory layout for feature maps `[M, C, h, w]`. Functions that work cell by cell convert maps to cells
//! and back. The conversion is free for maps that come from an op.

use burn::tensor::Tensor;

use super::ModelBackend;

/// A map `[M, C, h, w]` with its axes in the storage order of the backend: `[M, h, w, C]`, or unchanged.
pub fn cells_from_map<B: ModelBackend>(map: Tensor<B, 4>) -> Tensor<B, 4> {
    if B::CHANNELS_LAST { map.permute([0, 2, 3, 1]) } else { map }
}

/// The inverse of [`cells_from_map`].
pub fn map_from_cells<B: ModelBackend>(cells: Tensor<B, 4>) -> Tensor<B, 4> {
    if B::CHANNELS_LAST { cells.permute([0, 3, 1, 2]) } else { cells }
}

/// Swaps two axes. Networks call this instead of Burn's function of the same name, whose results libtorch (burn-tch
/// 0.21) takes for owners of memory that belongs to another tensor.
pub fn swap_dims<B: ModelBackend, const R: usize>(x: Tensor<B, R>, first: usize, second: usize) -> Tensor<B, R> {
    <B as ModelBackend>::swap_dims(x, first, second)
}

/// The same tensor, contiguous in memory. Arithmetic on tensors with different memory orders is many times slower on a
/// CPU.
pub fn in_order<B: ModelBackend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, c, h, w] = x.dims();
    x.reshape([m * c, h * w]).reshape([m, c, h, w])
}

/// `[M, C, h, w]` to tokens `[M, h*w, C]`.
pub fn tokens_from_map<B: ModelBackend>(map: Tensor<B, 4>) -> Tensor<B, 3> {
    let [m, c, h, w] = map.dims();
    if B::CHANNELS_LAST {
        map.permute([0, 2, 3, 1]).reshape([m, h * w, c])
    } else {
        swap_dims(map.reshape([m, c, h * w]), 1, 2)
    }
}

/// Tokens `[M, h*w, C]` to `[M, C, h, w]`.
///
/// # Panics
/// When there are not `h*w` tokens.
pub fn map_from_tokens<B: ModelBackend>(tokens: Tensor<B, 3>, [h, w]: [usize; 2]) -> Tensor<B, 4> {
    let [m, l, c] = tokens.dims();
    assert_eq!(l, h * w, "map_from_tokens: {:?} to {h} x {w}", tokens.dims());
    if B::CHANNELS_LAST {
        tokens.reshape([m, h, w, c]).permute([0, 3, 1, 2])
    } else {
        swap_dims(tokens, 1, 2).reshape([m, c, h, w])
    }
}
