//! Compares the kernels with plain loops in f64.

mod attention;
mod attention_gradient;
mod convolution;
mod gemm;
mod gradient;
mod layout;
mod linear_gradient;
mod maps;
mod norm;
mod norm_gradient;
mod packs;
mod reference;
