//! The one door of each hot operation. Networks call these and nothing else, so that a faster kernel needs one edit.
//!
//! The functions here are composed of Burn operations and are the reference for every faster version.

mod attention;
mod backend;
mod norm;

pub use attention::{attention, merge_heads, split_heads};
pub use backend::ModelBackend;
pub use norm::{Activation, group_norm, layer_norm};

use burn::tensor::Tensor;
use burn::tensor::activation::gelu;
use burn::tensor::ops::ConvOptions;

/// `x W^T + b` over the last axis: `[.., D_in]` to `[.., D_out]`, weight `[D_out, D_in]`.
///
/// # Panics
/// When the last axis of `x` is not `D_in`.
pub fn linear<B: ModelBackend, const R: usize>(
    x: Tensor<B, R>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, R> {
    let mut dims = x.dims();
    let [d_out, d_in] = weight.dims();
    assert_eq!(dims[R - 1], d_in, "linear: input {dims:?}, weight {:?}", weight.dims());
    let rows = dims[..R - 1].iter().product::<usize>();
    let mut y = x.reshape([rows, d_in]).matmul(weight.transpose());
    if let Some(bias) = bias {
        y = y + bias.unsqueeze();
    }
    dims[R - 1] = d_out;
    y.reshape(dims)
}

/// 2D convolution `[B, C_in, H, W]` to `[B, C_out, H', W']`, weight `[C_out, C_in, k, k]`, zero padding on all sides.
///
/// # Panics
/// When the channels differ.
pub fn conv2d<B: ModelBackend>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Option<Tensor<B, 1>>,
    stride: usize,
    padding: usize,
) -> Tensor<B, 4> {
    assert_eq!(x.dims()[1], weight.dims()[1], "conv2d: input {:?}, weight {:?}", x.dims(), weight.dims());
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    burn::tensor::module::conv2d(x, weight, bias, options)
}

/// 3D convolution `[B, C_in, N, h, w]` with stride 1, weight `[C_out, C_in, k_n, k_h, k_w]`, zero padding on all sides.
///
/// # Panics
/// When the channels differ.
pub fn conv3d<B: ModelBackend>(
    x: Tensor<B, 5>,
    weight: Tensor<B, 5>,
    bias: Option<Tensor<B, 1>>,
    padding: [usize; 3],
) -> Tensor<B, 5> {
    assert_eq!(x.dims()[1], weight.dims()[1], "conv3d: input {:?}, weight {:?}", x.dims(), weight.dims());
    let options = ConvOptions::new([1; 3], padding, [1; 3], 1);
    burn::tensor::module::conv3d(x, weight, bias, options)
}

/// GEGLU: the first half of the last axis times `gelu` (erf form) of the second: `[.., 2D]` to `[.., D]`.
///
/// # Panics
/// When the last axis is odd.
pub fn geglu<B: ModelBackend, const R: usize>(x: Tensor<B, R>) -> Tensor<B, R> {
    let width = x.dims()[R - 1];
    assert!(width.is_multiple_of(2), "geglu: input {:?}", x.dims());
    let value = x.clone().narrow(R - 1, 0, width / 2);
    let gate = x.narrow(R - 1, width / 2, width / 2);
    value * gelu(gate)
}
