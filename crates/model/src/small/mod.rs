//! What only the small presets use: networks that take the place of Stable Diffusion's, sized for a processor.

pub mod autoencoder;
pub mod reference_copy;
pub mod reference_tokens;
