//! Handles the memory layout of feature maps `[M, C, h, w]`. Code that works cell by cell permutes a map's axes into
//! the backend's storage order and back. The permutation changes only strides, so it copies nothing.

use burn::tensor::Tensor;

use super::ModelBackend;

/// Permutes a map `[M, C, h, w]` into the backend's storage order: `[M, h, w, C]` if [`ModelBackend::CHANNELS_LAST`], unchanged
/// otherwise.
pub fn cells_from_map<B: ModelBackend>(map: Tensor<B, 4>) -> Tensor<B, 4> {
    if B::CHANNELS_LAST { map.permute([0, 2, 3, 1]) } else { map }
}

/// The inverse of [`cells_from_map`].
pub fn map_from_cells<B: ModelBackend>(cells: Tensor<B, 4>) -> Tensor<B, 4> {
    if B::CHANNELS_LAST { cells.permute([0, 3, 1, 2]) } else { cells }
}

/// Swaps two axes. Networks call this function, not Burn's `swap_dims`: burn-tch 0.21 treats the view that Burn's function returns
/// as the owner of its memory, although another tensor shares that memory.
pub fn swap_dims<B: ModelBackend, const R: usize>(x: Tensor<B, R>, first: usize, second: usize) -> Tensor<B, R> {
    <B as ModelBackend>::swap_dims(x, first, second)
}

/// The tensor with contiguous row-major memory. On a CPU, arithmetic on tensors with different layouts is many times slower.
pub fn in_order<B: ModelBackend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let [m, c, h, w] = x.dims();
    x.reshape([m * c, h * w]).reshape([m, c, h, w])
}

/// A map `[M, C, h, w]` to tokens `[M, h*w, C]`.
pub fn tokens_from_map<B: ModelBackend>(map: Tensor<B, 4>) -> Tensor<B, 3> {
    let [m, c, h, w] = map.dims();
    if B::CHANNELS_LAST {
        map.permute([0, 2, 3, 1]).reshape([m, h * w, c])
    } else {
        swap_dims(map.reshape([m, c, h * w]), 1, 2)
    }
}

/// Tokens `[M, h*w, C]` to a map `[M, C, h, w]`.
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
