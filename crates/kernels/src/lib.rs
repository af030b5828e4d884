//! Provides fast CPU kernels on plain slices.
//!
//! Every kernel takes f32 or bf16 and accumulates in f32. Each kernel uses the instruction set of a [`Cpu`]. Work is
//! split into rayon tasks by shape alone, so the result has the same bits for any number of threads. Weights are packed
//! once and reused. Feature maps are channels-last.
//!
//! The shape letters are `B` batch, `N` frames, `C` channels, `H W` pixels, `L` tokens, `D` width of a head.
//!
//! A slice of the wrong length is a bug in the caller and causes a panic. Only packed weights in files ([`Pack::map`])
//! return errors. NaN and infinity propagate as in plain arithmetic, except that Winograd convolution spreads them
//! within a tile.
//!
//! # How to call it
//! 1. Call [`Cpu::detect`] once.
//! 2. Pack weights when they are loaded, with [`PackedMatrix::linear`], [`PackedMatrix::geglu`],
//!    [`PackedConvolution::new`], [`PackedConvolution::winograd`] (for 3x3 at stride 1) or [`PackedUpsample`]. The
//!    weights passed to these functions have the layout of checkpoints. A [`Pack`] holds any of these packed weights. A
//!    `Pack` can be written to a file, which later runs can map into memory.
//! 3. In the network, call the functions on borrowed slices of tensor storage; results are also written to borrowed
//!    slices. No function keeps a reference to a slice. Scratch memory belongs to the threads and is reused. Only
//!    [`group_norm`] (for its channel sums) and the gradients allocate memory in proportion to their data.
//! 4. Keep maps channels-last from the first convolution to the last. Tokens `[B, H * W, C]` and maps `[B, H, W, C]`
//!    then have the same memory layout. For data that arrive as `[B, C, H, W]`, call [`transpose`] once before the
//!    first convolution and once after the last.
//! 5. Fuse the operations that follow a matmul or convolution into its [`Epilogue`]: the time embedding as `group_bias`
//!    (the rows of a group are the pixels of a picture), the residual, SiLU. [`group_norm`] can apply SiLU as its
//!    activation.
//! 6. For reference attention, pass two [`Source`]s. The batch of the reference's source is the number of clips; the
//!    pictures of a clip share one item.
//!
//! 7. For training (f32 only), functions whose names end in `gradient` take the operands of the forward function and
//!    the gradient of its result. [`attention_gradient`] also needs the output of [`attention_with_log_sum_exp`].
//!    [`column_sums`] computes the gradient of a bias.
//!
//! All functions use the rayon thread pool in which they are called. To use one thread, call the functions inside
//! `pool.install` of a pool with one thread.
//!
//! | data | 3x3, stride 1 | 3x3 after nearest upsampling | otherwise |
//! |---|---|---|---|
//! | f32 | `winograd` where memory allows | `winograd` | `new` |
//! | bf16 | `winograd` where memory allows | `new` | `new` |
//!
//! ```
//! use stuntdouble_kernels::{Activation, Cpu, Epilogue, Geometry, PackedConvolution, convolve};
//!
//! let (weight, bias) = (vec![0.5_f32; 8 * 4 * 9], vec![1.0; 8]);
//! let packed = PackedConvolution::new(Cpu::detect(), &weight, 8, 4, Geometry::same(3, 1));
//! let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Silu, ..Epilogue::default() };
//! let mut result = vec![0.0; 5 * 7 * 8];
//! convolve(&vec![0.0; 5 * 7 * 4], [1, 5, 7], &packed, &epilogue, &mut result);
//! assert!((result[0] - 0.731).abs() < 1e-3);
//! ```

mod attention;
mod convolution;
mod elementwise;
mod gradient;
mod matmul;
mod memory;
mod norm;
mod pack;
mod peak;
mod simd;

pub use attention::spatial::{Heads, Source, attention, attention_with_log_sum_exp};
pub use attention::temporal::{Clip, temporal_attention};
pub use convolution::packed_convolution::{Geometry, PackedConvolution, convolve, winograd_pays};
pub use convolution::planes::{PlaneGeometry, convolve_planes};
pub use convolution::upsample::{PackedUpsample, upsample_convolve};
pub use elementwise::blend::blend;
pub use elementwise::layout::{concat_columns, narrow, transpose, widen};
pub use elementwise::pointwise::{add, silu};
pub use gradient::attention::{AttentionState, SourceGradients, attention_gradient};
pub use gradient::column_sums::column_sums;
pub use gradient::convolution::{Convolved, input_gradient, weight_gradient};
pub use gradient::group_norm::group_norm_gradient;
pub use gradient::layer_norm::{NormGradients, layer_norm_gradient};
pub use gradient::linear::{LinearSizes, linear_input_gradient, linear_weight_gradient};
pub use gradient::pointwise::{geglu, geglu_gradient, silu_gradient};
pub use gradient::temporal::{TemporalGradients, temporal_attention_gradient};
pub use gradient::upsample::{upsample_input_gradient, upsample_weight_gradient};
pub use half::bf16;
pub use matmul::epilogue::{Activation, Epilogue, GroupBias};
pub use matmul::gemm::matmul;
pub use matmul::packed::PackedMatrix;
pub use memory::pack_file::PackFileError;
pub use norm::group_norm::{GroupNorm, group_norm};
pub use norm::layer_norm::layer_norm;
pub use pack::{Form, Pack};
pub use peak::peak_loop;
pub use simd::element::Element;
pub use simd::isa::{Cpu, Isa};
