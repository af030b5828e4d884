//! Kernels against plain loops in f64.

mod attention;
mod convolution;
mod gemm;
mod gradient;
mod layout;
mod maps;
mod norm;
mod reference;
