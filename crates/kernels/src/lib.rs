//! CPU kernels near the limit of the machine, on plain slices.
//!
//! Each takes f32 or bf16 (sums are f32 for both), runs on the instruction set of a [`Cpu`], cuts its work into rayon
//! tasks by shape alone, and gives the same bits for any number of threads. Weights are packed once and used again.
//! Feature maps are channels-last.
//!
//! Shape letters: `B` batch, `N` frames, `C` channels, `H W` pixels, `L` tokens, `D` width of a head.
//!
//! Slices of the wrong size are a caller's bug and panic; nothing here returns an error. NaN and infinity pass through as
//! in plain arithmetic.

mod attention;
mod attention_block;
mod attention_memory;
mod buffer;
mod compiled;
mod convolution;
mod element;
mod epilogue;
mod gemm;
mod group_norm;
mod isa;
mod layer_norm;
mod math;
mod micro;
mod packed;
mod partition;
mod peak;
mod product;
mod simd;
mod temporal;
mod upsample;
mod winograd;
mod winograd_transform;

pub use attention::{Heads, Source, attention};
pub use convolution::{Geometry, PackedConvolution, convolve};
pub use element::Element;
pub use epilogue::{Activation, Epilogue, GroupBias};
pub use gemm::matmul;
pub use group_norm::{GroupNorm, group_norm};
pub use half::bf16;
pub use isa::{Cpu, Isa};
pub use layer_norm::layer_norm;
pub use packed::PackedMatrix;
pub use peak::peak_loop;
pub use temporal::{Clip, temporal_attention};
pub use upsample::{PackedUpsample, upsample_convolve};
