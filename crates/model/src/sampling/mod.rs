//! Samples latents from noise: schedules, prediction types, guidance, and splitting of long videos into clips or
//! windows.

pub mod clip_plan;
pub mod ddim;
pub mod denoiser_output;
pub mod sampler;
pub mod windows;
