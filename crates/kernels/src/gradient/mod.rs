//! Computes the gradients of the other kernels, in f32.

pub(crate) mod attention;
pub(crate) mod attention_block;
pub(crate) mod column_sums;
pub(crate) mod convolution;
pub(crate) mod group_norm;
pub(crate) mod group_norm_sweep;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod outer;
pub(crate) mod pointwise;
pub(crate) mod temporal;
pub(crate) mod upsample;
