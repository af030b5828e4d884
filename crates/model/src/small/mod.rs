//! Implements the networks that only the small presets use. The small networks replace those of Stable Diffusion and
//! are sized for a CPU.

pub mod autoencoder;
pub mod reference_copy;
pub mod reference_tokens;
