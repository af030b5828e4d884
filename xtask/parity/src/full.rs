//! Runs published weights at full network width, from pictures to video, with this project's own loader, preset and
//! sampler, and compares the result with that of the public Animate Anyone pipeline for the same files.
//!
//! | file in the folder | content |
//! |---|---|
//! | `moore/{reference_unet,denoising_unet,pose_guider}` | weights, `.safetensors` or `.pth` |
//! | `sd/{vae,image_encoder}` | weights |
//! | `moore_full.json` | settings, and the difference between two f32 runs of the public pipeline |
//! | `moore_full.safetensors` | inputs and results |

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use burn::tensor::{Tensor, TensorData};
use model::networks::{ClipConditions, ComputePrecision, Networks, ReferenceState};
use model::preset::Preset;
use model::sampling::ddim::DdimConfig;
use model::sampling::sampler::{SamplingSettings, decode_frames, generate_clip_observed};
use model::video::video_from_frames;
use model::weights::Weights;
use model::weights::published::{Component, PublishedWeights};
use serde::Deserialize;

use crate::case::{Backend, Values, read_tensors};
use crate::index::Check;
use crate::operations::pictures::{clip_pixels, pictures_of, signed, unit};
use crate::outcome::{Difference, Outcome, Verdict, difference};

/// The limit, in multiples of the difference between two f32 runs.
const TIMES_THE_NOISE: f64 = 10.0;
/// The video is stored in 16 bit.
const VIDEO_ROUNDING: f64 = 5e-4;
/// The embedding has values of about 1 and comes from 24 layers.
const EMBEDDING_TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scheduler: DdimConfig,
    steps: usize,
    guidance: f32,
    frames: usize,
    width: usize,
    height: usize,
    f32_noise_latents: Vec<f64>,
    f32_noise_video: f64,
}

/// The result, and its tolerance.
type Found = BTreeMap<String, (Values, f64)>;

/// Runs the case in f32, which must agree, and in bf16, where differences are only reported.
///
/// # Errors
/// When a file cannot be read or does not match the networks.
pub fn run(folder: &Path, mut report: impl FnMut(Outcome)) -> Result<()> {
    let path = folder.join("moore_full.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let settings: Settings = serde_json::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
    let tensors = read_tensors(&folder.join("moore_full.safetensors"))?;
    let mut networks = load(folder, &settings)?;
    for precision in [ComputePrecision::F32, ComputePrecision::Bf16] {
        networks = networks.with_precision(precision);
        let found = pipeline(&networks, &settings, &tensors)?;
        let compared = found.into_iter().map(|(name, (found, tol))| {
            let stage = stages(&tensors, &name)?;
            let tol = if precision == ComputePrecision::F32 { tol } else { f64::INFINITY };
            let check = Check { exact: false, tol_abs: Some(tol) };
            Ok((name.clone(), difference(&stage, &found, check).with_context(|| name.clone())?))
        });
        let compared: BTreeMap<String, Difference> = compared.collect::<Result<_>>()?;
        let case = format!("moore_full_{precision:?}").to_lowercase();
        report(Outcome { case, op: "full".into(), verdict: Verdict::Compared(compared) });
    }
    Ok(())
}

/// The networks of the published files.
fn load(folder: &Path, settings: &Settings) -> Result<Networks<Backend>> {
    let config = Preset::Moore.config();
    ensure!(config.schedule == settings.scheduler, "the preset's schedule is {:?}", config.schedule);
    let mut published = PublishedWeights::default();
    let parts = [
        ("sd", Component::Autoencoder),
        ("sd", Component::ImageEncoder),
        ("moore", Component::ReferenceUnet),
        ("moore", Component::DenoisingUnet),
        ("moore", Component::PoseGuider),
    ];
    for (set, component) in parts {
        published.add(component, Weights::read(&[file(&folder.join(set), component)?])?)?;
    }
    let (networks, _) = Networks::load_published(published, &config, 0, &Default::default())?;
    Ok(networks)
}

fn file(folder: &Path, component: Component) -> Result<PathBuf> {
    let names = ["safetensors", "pth"].map(|extension| folder.join(component.name()).with_extension(extension));
    let [first, _] = &names;
    let missing = format!("no `{}`, and no `.pth`", first.display());
    names.into_iter().find(|path| path.is_file()).ok_or_else(|| anyhow!(missing))
}

/// Pictures to latents after each step and to the video.
fn pipeline(networks: &Networks<Backend>, settings: &Settings, tensors: &BTreeMap<String, Values>) -> Result<Found> {
    let device = Default::default();
    let mut found = Found::new();
    // 1. The reference picture.
    let reference = pictures_of(tensors, "in.ref_image")?;
    ensure!(reference.len() == 1 && reference[0].width() == settings.width && reference[0].height() == settings.height);
    let latent = networks.autoencoder.encode(signed(&reference[0]));
    let encoder = networks.config().image_encoder.as_ref().context("the preset has no image encoder")?;
    let embedding = networks.image_embedding(clip_pixels(&reference[0], encoder.image_size));
    let embedding = embedding.context("the networks have no image encoder")?;
    found.insert("mid.image_embeds".into(), (embedding.clone().into(), EMBEDDING_TOLERANCE));
    let reference: ReferenceState<Backend> = networks.reference_state(latent, Some(embedding));
    // 2. The poses.
    let poses = pictures_of(tensors, "in.pose_images")?;
    ensure!(poses.len() == settings.frames, "{} poses, expected {}", poses.len(), settings.frames);
    let skeleton = video_from_frames(Tensor::cat(poses.iter().map(unit).collect(), 0), 1);
    let [b, _, n, height, width] = skeleton.dims();
    let depth = Tensor::zeros([b, 1, n, height, width], &device);
    let conditions = ClipConditions { environment: None, skeleton, depth, objects: None };
    // 3. The steps.
    let noise = tensors.get("in.init_latents").context("no `in.init_latents`")?;
    let cells: Vec<f32> = noise.values.iter().map(|value| *value as f32).collect();
    let noise = Tensor::from_data(TensorData::new(cells, noise.shape.clone()), &device);
    let sampling = SamplingSettings {
        steps: settings.steps,
        guidance: settings.guidance,
        schedule: settings.scheduler.clone(),
        windows: None,
    };
    let observe = |step: usize, _: usize, latents: &Tensor<Backend, 5>| {
        let noise = settings.f32_noise_latents.get(step - 1).copied().unwrap_or(0.0);
        found.insert(format!("out.latents.{step}"), (latents.clone().into(), TIMES_THE_NOISE * noise));
        ControlFlow::Continue(())
    };
    let latents = generate_clip_observed(networks, &conditions, &reference, &sampling, noise, observe)?;
    // 4. The video.
    let mut frames = vec![];
    decode_frames(networks, &latents, 0..n, |_, picture| {
        frames.push((picture * 0.5 + 0.5).clamp(0.0, 1.0));
        ControlFlow::Continue(())
    })?;
    let tol = (TIMES_THE_NOISE * settings.f32_noise_video).max(VIDEO_ROUNDING);
    found.insert("out.video".into(), (video_from_frames(Tensor::cat(frames, 0), 1).into(), tol));
    Ok(found)
}

/// An expected tensor; `out.latents.K` is the one after step `K`.
fn stages(tensors: &BTreeMap<String, Values>, name: &str) -> Result<Values> {
    let missing = || anyhow!("the case has no `{name}`");
    let Some(step) = name.strip_prefix("out.latents.") else { return tensors.get(name).cloned().ok_or_else(missing) };
    let all = tensors.get("out.latents").ok_or_else(missing)?;
    let step: usize = step.parse()?;
    let count: usize = all.shape[1..].iter().product();
    let values = all.values.get((step - 1) * count..step * count).ok_or_else(missing)?;
    Ok(Values { shape: all.shape[1..].to_vec(), values: values.to_vec(), is_picture: false })
}
