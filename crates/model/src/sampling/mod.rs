//! From noise to latents: schedules, prediction types, guidance, and long videos as windows.

pub mod clip_plan;
pub mod ddim;
pub mod denoiser_output;
pub mod sampler;
pub mod windows;
