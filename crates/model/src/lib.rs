//! The networks and samplers of *Animate Anyone 2* (arXiv 2502.06145), generic over the tensor backend.
//!
//! # Shape letters
//! Used everywhere in this crate: `B` batch, `N` frames, `C` channels, `H W` pixels, `h w` latent cells (`H/8`, `W/8`),
//! `L` tokens, `D` width. Video tensors are `[B, C, N, h, w]` as in the public checkpoints' code; spatial layers see
//! `[B*N, C, h, w]`, temporal layers `[B*h*w, N, C]`.
//!
//! # Invariants
//! This crate opens no file but weights and packs of them, starts no process and reads no environment variable.

pub mod attention;
pub mod autoencoder;
pub mod blending;
pub mod clip_plan;
pub mod clip_vision;
pub mod context;
pub mod ddim;
pub mod denoiser_output;
pub mod denoising_net;
pub mod feed_forward;
pub mod finisher;
pub mod kept;
pub mod layers;
pub mod motion;
pub mod networks;
pub mod object_guider;
pub mod ops;
pub mod pack_folder;
pub mod pixels;
pub mod pose_guider;
pub mod pose_modulation;
pub mod preset;
pub mod reference_copy;
pub mod reference_net;
pub mod reference_tokens;
pub mod resnet;
pub mod sampler;
pub mod small_autoencoder;
pub mod time_embedding;
pub mod trace;
pub mod transformer;
pub mod unet;
pub mod vae;
pub mod video;
pub mod weights;

pub use ops::ModelBackend;
