//! Networks used only by the small presets. They replace those of Stable Diffusion and are sized for a CPU.

pub mod autoencoder;
pub mod reference_copy;
pub mod reference_tokens;
