//! Implements the networks and samplers of *Animate Anyone 2* (arXiv 2502.06145), generic over the tensor backend.
//!
//! # Shape letters
//! The shape letters in this crate are `B` batch, `N` frames, `C` channels, `H W` pixels, `h w` latent cells (`H/8`,
//! `W/8`), `L` tokens, `D` width. Video tensors have the shape `[B, C, N, h, w]`, as in the code of the public
//! checkpoints. Spatial layers take `[B*N, C, h, w]`, temporal layers `[B*h*w, N, C]`.
//!
//! # Invariants
//! This crate opens only weight files and their prepacked cache. The crate starts no process and reads no environment
//! variable.

pub mod autoencoder;
pub mod conditioning;
pub mod finisher;
pub mod layers;
pub mod networks;
pub mod ops;
pub mod preset;
pub mod sampling;
pub mod small;
pub mod trace;
pub mod unet;
pub mod video;
pub mod weights;

pub use ops::ModelBackend;
