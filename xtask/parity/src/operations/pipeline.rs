//! Runs the complete "long" pipeline with public Animate Anyone weights, from pictures to video.

use anyhow::{Result, ensure};
use burn::tensor::{Int, Tensor};
use media::picture::Picture;
use media::resize::{Filter, resize_picture};
use model::autoencoder::vae::AutoencoderKl;
use model::conditioning::clip_vision::ClipVisionConfig;
use model::conditioning::pose_guider::PoseGuider;
use model::sampling::ddim::{Ddim, DdimConfig};
use model::sampling::windows::{ContextConfig, ContextSum};
use model::unet::denoising_net::{DenoisingInput, DenoisingNet};
use model::unet::reference_net::{FusionBlocks, ReferenceNet};
use model::video::{frames_from_video, video_from_frames};
use serde::Deserialize;

use super::networks::rounded_to_f16;
use super::pictures::{clip_pixels, pictures, signed, unit};
use crate::case::{Backend, Case, Outputs};
use crate::settings::{AutoencoderSettings, PoseGuiderSettings, UnetSettings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    steps: usize,
    guidance: f32,
    context_frames: usize,
    context_overlap: usize,
    context_stride: usize,
    width: usize,
    height: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scheduler: DdimConfig,
}

pub(super) fn long(case: &Case<'_>) -> Result<Outputs> {
    let args: Args = case.args()?;
    let Settings { scheduler } = case.own_config()?;
    let device = Default::default();
    let resized = |picture: &Picture| resize_picture(picture, args.width, args.height, Filter::Lanczos);
    // 1. The reference picture: latent and embedding.
    let vae = case.load_part(0, case.config_of::<AutoencoderSettings>(0)?.autoencoder()?.init::<Backend>(&device))?;
    let clip: ClipVisionConfig = case.config_of(1)?;
    let references = pictures(case, "in.ref_image")?;
    ensure!(references.len() == 1, "{} reference pictures, expected one", references.len());
    let scale = vae.scaling_factor();
    let latent = vae.encode(signed(&resized(&references[0]))).mean * scale;
    let pixels = clip_pixels(&references[0], clip.image_size);
    let embedding = case.load_part(1, clip.init::<Backend>(&device))?.forward(pixels).image_embeds;
    let context = embedding.unsqueeze_dim::<3>(1);
    // 2. Its features, passed in 16 bit.
    let reference_net = ReferenceNet::init(&case.config_of::<UnetSettings>(2)?.spatial()?, &device);
    let reference_net = case.load_part(2, reference_net)?;
    let zero = Tensor::zeros([1], &device);
    let features = rounded_to_f16(reference_net.forward(latent, zero, Some(context.clone()), FusionBlocks::Full));
    // 3. The pose.
    let guider = PoseGuider::init(&case.config_of::<PoseGuiderSettings>(4)?.into(), &device);
    let guider = case.load_part(4, guider)?;
    let skeleton = pictures(case, "in.pose_images")?.iter().map(|picture| unit(&resized(picture))).collect();
    let pose = guider.forward(video_from_frames(Tensor::cat(skeleton, 0), 1));
    // 4. The steps: every window, with and without the reference.
    let net = DenoisingNet::init(&case.config_of::<UnetSettings>(3)?.video()?, &device);
    let net = case.load_part(3, net)?;
    let reference = net.project_reference(&features);
    let ddim = Ddim::new(scheduler);
    let mut latents = case.tensor::<5>("in.init_latents")?;
    let shape = latents.dims();
    ensure!(pose.dims()[2] == shape[2], "{} poses for {} latents", pose.dims()[2], shape[2]);
    let windows = ContextConfig {
        size: args.context_frames,
        stride: args.context_stride,
        overlap: args.context_overlap,
        closed_loop: true,
    }
    .windows(shape[2], 0);
    let mut trajectory = vec![];
    for timestep in ddim.timesteps(args.steps) {
        let (mut without, mut with) = (ContextSum::new(shape, &device), ContextSum::new(shape, &device));
        for window in &windows {
            let frames: Vec<i64> = window.iter().map(|frame| *frame as i64).collect();
            let frames = Tensor::<Backend, 1, Int>::from_data(&frames[..], &device);
            let input = DenoisingInput {
                pose: Some(pose.clone().select(2, frames.clone())),
                context: Some(context.clone()),
                reference: Some((&reference).into()),
                ..DenoisingInput::new(latents.clone().select(2, frames), Tensor::full([1], timestep, &device))
            };
            if args.guidance > 1.0 {
                let input = DenoisingInput { context: Some(context.zeros_like()), reference: None, ..input.clone() };
                without.add(window, &net.forward(input));
            }
            with.add(window, &net.forward(input));
        }
        let prediction = if args.guidance > 1.0 {
            let without = without.mean();
            without.clone() + (with.mean() - without) * args.guidance
        } else {
            with.mean()
        };
        latents = ddim.step(prediction, timestep, latents, args.steps, 0.0, None).previous;
        trajectory.push(latents.clone());
    }
    Ok([
        ("out.latents".into(), Tensor::stack::<6>(trajectory, 0).into()),
        ("out.video".into(), decode(&vae, latents / scale).into()),
    ]
    .into())
}

/// Frame by frame to `[0, 1]`.
fn decode(vae: &AutoencoderKl<Backend>, latents: Tensor<Backend, 5>) -> Tensor<Backend, 5> {
    let frames = frames_from_video(latents).split(1, 0).into_iter().map(|frame| vae.decode(frame)).collect();
    video_from_frames((Tensor::cat(frames, 0) * 0.5 + 0.5).clamp(0.0, 1.0), 1)
}
