//! CPU kernels near the limit of the machine, on plain slices.
//!
//! Each takes f32 or bf16 (sums are f32 for both), runs on the instruction set of a [`Cpu`], cuts its work into rayon
//! tasks by shape alone, and gives the same bits for any number of threads. Weights are packed once and used again.
//! Feature maps are channels-last.
//!
//! Shape letters: `B` batch, `N` frames, `C` channels, `H W` pixels, `L` tokens, `D` width of a head.
//!
//! Slices of the wrong size are a caller's bug and panic; only packs in files ([`Pack::map`]) return errors. NaN and infinity
//! pass through as in plain arithmetic (Winograd's convolution spreads them within a tile).
//!
//! # How to call it
//! 1. Ask once: [`Cpu::detect`].
//! 2. When weights are loaded, pack them: [`PackedMatrix::linear`], [`PackedMatrix::geglu`], [`PackedConvolution::new`] or,
//!    for 3x3 at stride 1, [`PackedConvolution::winograd`], [`PackedUpsample`]. They are read as checkpoints have them. A
//!    [`Pack`] is any of these, and can be written to a file that later runs map.
//! 3. In the network, call the functions on borrowed slices of the tensors' storage, results included. No function keeps a
//!    slice, and none allocates in proportion to its data but [`group_norm`] for its sums of channels and the gradients: scratch
//!    belongs to the threads and is used again.
//! 4. Keep maps channels-last from the first convolution to the last. Tokens `[B, H * W, C]` and maps `[B, H, W, C]` are
//!    then the same memory. Data that come as `[B, C, H, W]` are turned by [`transpose`], once on each side.
//! 5. Put what follows a product into its [`Epilogue`]: the time embedding as `group_bias` (rows of a group: the pixels of a
//!    picture), the residual, SiLU. [`group_norm`] takes SiLU as its activation.
//! 6. For attention to a reference give two [`Source`]s; the reference's has a `batch` for each clip, and the clip's
//!    pictures share it.
//!
//! 7. For training, f32 only: functions whose name ends in `gradient` take the operands of the forward function and the gradient
//!    of its result. [`attention_gradient`] also wants what [`attention_with_log_sum_exp`] gave. Biases have [`column_sums`].
//!
//! All work on the rayon pool of the caller; on one thread inside `pool.install`.
//!
//! | data | 3x3, stride 1 | 3x3 after enlargement | otherwise |
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
