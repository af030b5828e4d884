//! Implements the operations of the cases, with one function per operation.

mod figures;
mod layers;
mod networks;
pub(crate) mod pictures;
mod pipeline;
mod schedules;

use anyhow::{Result, bail};

use crate::case::{Case, Outputs};

/// Runs `op`.
///
/// # Errors
/// When the operation, a setting or an argument is unknown, or a file is not as it should be.
pub fn run(op: &str, case: &Case<'_>) -> Result<Outputs> {
    let outputs = match op {
        "timestep_embedding" => layers::timestep_embedding(case),
        "temporal_pe" => layers::temporal_positions(case),
        "feed_forward_geglu" => layers::feed_forward(case),
        "basic_transformer_block" => layers::transformer_block(case),
        "motion_module" => layers::motion_module(case),
        "pose_guider" => layers::pose_guider(case),
        "vae_encode" => networks::vae_encode(case),
        "vae_decode" => networks::vae_decode(case),
        "clip_vision" => networks::clip_vision(case),
        "unet2d_forward" => networks::unet2d(case),
        "unet3d_forward" => networks::unet3d(case),
        "unet3d_forward_banks" => networks::unet3d_with_banks(case),
        "refnet_write" => networks::reference_banks(case),
        "ref_write_read" => networks::reference_and_denoiser(case),
        "ddim" => schedules::ddim(case),
        "context_uniform" => schedules::context_windows(case),
        "context_accumulate" => schedules::context_mean(case),
        "pil_resize" => pictures::resize(case),
        "clip_preprocess" => pictures::clip(case),
        "vae_preprocess" => pictures::vae(case),
        "pipeline_pose2vid_long" => pipeline::long(case),
        "image_metrics" => figures::image_metrics(case),
        "lpips" => figures::lpips(case),
        _ => bail!("operation `{op}` is unknown"),
    }?;
    case.all_inputs_used()?;
    Ok(outputs)
}
