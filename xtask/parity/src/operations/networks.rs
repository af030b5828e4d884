//! Runs complete networks on the inputs of a case.

use anyhow::{Context, Result, ensure};
use burn::tensor::{DType, Tensor};
use model::conditioning::clip_vision::ClipVisionConfig;
use model::trace::Trace;
use model::unet::denoising_net::{DenoisingInput, DenoisingNet};
use model::unet::reference_net::{FusionBlocks, ReferenceNet};
use model::unet::{ReferenceFeatures, Site};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::case::{Backend, Case, Outputs, read};
use crate::settings::{AutoencoderSettings, Nothing, UnetSettings};

/// Intermediate results under the names of the fixtures.
fn traced(trace: Trace) -> Outputs {
    trace.entries.into_iter().map(|(name, data)| (format!("mid.{name}"), data.into())).collect()
}

/// One timestep for each of `batch` clips, from one for all or one for each.
fn timesteps(case: &Case<'_>, name: &str, batch: usize) -> Result<Tensor<Backend, 1>> {
    let timestep = case.tensor::<1>(name)?;
    let count = timestep.dims()[0];
    ensure!(count == 1 || count == batch, "{count} timesteps `{name}` for {batch} clips");
    Ok(timestep.expand([batch]))
}

pub(super) fn vae_encode(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let settings: AutoencoderSettings = case.config()?;
    let vae = case.load(0, settings.autoencoder()?.init::<Backend>(&Default::default()))?;
    let (latent, trace) = vae.encode_traced(case.tensor::<4>("in.image")?);
    let mut outputs = traced(trace);
    outputs.insert("out.std".into(), latent.deviation().into());
    outputs.insert("out.mean".into(), latent.mean.into());
    outputs.insert("out.logvar".into(), latent.log_variance.into());
    Ok(outputs)
}

pub(super) fn vae_decode(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let settings: AutoencoderSettings = case.config()?;
    let vae = case.load(0, settings.autoencoder()?.init::<Backend>(&Default::default()))?;
    let (picture, trace) = vae.decode_traced(case.tensor::<4>("in.latent")?);
    let mut outputs = traced(trace);
    outputs.insert("out.image".into(), picture.into());
    Ok(outputs)
}

pub(super) fn clip_vision(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let config: ClipVisionConfig = case.config()?;
    let output = case.load(0, config.init::<Backend>(&Default::default()))?.forward(case.tensor::<4>("in.pixels")?);
    Ok([
        ("out.image_embeds".into(), output.image_embeds.into()),
        ("out.last_hidden_state".into(), output.last_hidden_state.into()),
        ("out.penultimate".into(), output.penultimate.into()),
    ]
    .into())
}

pub(super) fn unet2d(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let config = case.config::<UnetSettings>()?.spatial()?;
    let net = case.load(0, DenoisingNet::<Backend>::init(&config, &Default::default()))?;
    let sample = case.tensor::<4>("in.sample")?;
    let timestep = timesteps(case, "in.timestep", sample.dims()[0])?;
    let input = DenoisingInput {
        context: Some(case.tensor("in.ctx")?),
        ..DenoisingInput::new(sample.unsqueeze_dim(2), timestep)
    };
    let (sample, trace) = net.forward_traced(input);
    let mut outputs = traced(trace);
    outputs.insert("out.sample".into(), sample.into());
    Ok(outputs)
}

fn video_input<'a>(case: &Case<'_>) -> Result<DenoisingInput<'a, Backend>> {
    let sample = case.tensor::<5>("in.sample")?;
    let timestep = timesteps(case, "in.timestep", sample.dims()[0])?;
    Ok(DenoisingInput {
        context: Some(case.tensor("in.ctx")?),
        pose: case.optional("in.pose_fea")?,
        ..DenoisingInput::new(sample, timestep)
    })
}

pub(super) fn unet3d(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let config = case.config::<UnetSettings>()?.video()?;
    let net = case.load(0, DenoisingNet::<Backend>::init(&config, &Default::default()))?;
    let (sample, trace) = net.forward_traced(video_input(case)?);
    let mut outputs = traced(trace);
    outputs.insert("out.sample".into(), sample.into());
    Ok(outputs)
}

pub(super) fn unet3d_with_banks(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let config = case.config::<UnetSettings>()?.video()?;
    let net = case.load(0, DenoisingNet::<Backend>::init(&config, &Default::default()))?;
    let prefix = "in.bank.";
    let bank = |name: &str| Ok((name[prefix.len()..].parse::<Site>()?, case.tensor::<3>(name)?));
    let features = ReferenceFeatures { sites: case.names(prefix).into_iter().map(bank).collect::<Result<_>>()? };
    let input = DenoisingInput { reference: Some((&features).into()), ..video_input(case)? };
    let (sample, trace) = net.forward_traced(input);
    let mut outputs = traced(trace);
    outputs.insert("out.sample".into(), sample.into());
    Ok(outputs)
}

/// A reference network from the weights of a complete UNet, and its features.
fn features(case: &Case<'_>, settings: &UnetSettings, fusion: FusionBlocks) -> Result<ReferenceFeatures<Backend>> {
    let net = case.load_part(0, ReferenceNet::<Backend>::init(&settings.spatial()?, &Default::default()))?;
    let latent = case.tensor::<4>("in.ref_latent")?;
    let timestep = timesteps(case, "in.ref_timestep", latent.dims()[0])?;
    Ok(net.forward(latent, timestep, Some(case.tensor("in.ctx")?), fusion))
}

pub(super) fn reference_banks(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let features = features(case, &case.config()?, FusionBlocks::Full)?;
    Ok(features.sites.into_iter().map(|(site, bank)| (format!("out.bank.{site}"), bank.into())).collect())
}

/// Number format in which feature banks are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BankType {
    Native,
    Float16,
}

/// Rounds features to 16 bit, as the public code does.
pub(super) fn rounded_to_f16(features: ReferenceFeatures<Backend>) -> ReferenceFeatures<Backend> {
    features.map(|bank| {
        let data = bank.into_data().convert_dtype(DType::F16).convert_dtype(DType::F32);
        Tensor::from_data(data, &Default::default())
    })
}

pub(super) fn reference_and_denoiser(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        cfg: bool,
        bank_dtype: BankType,
        fusion_blocks: Fusion,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Fusion {
        Full,
        MidUp,
    }
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        refnet: Map<String, Value>,
        denoiser: Map<String, Value>,
    }
    let Args { cfg, bank_dtype, fusion_blocks } = case.args()?;
    let Settings { refnet, denoiser } = case.own_config()?;
    let refnet: UnetSettings = read(&refnet).context("in `refnet`")?;
    let config = read::<UnetSettings>(&denoiser).context("in `denoiser`")?.video()?;
    let fusion = match fusion_blocks {
        Fusion::Full => FusionBlocks::Full,
        Fusion::MidUp => FusionBlocks::MidUp,
    };
    let mut features = features(case, &refnet, fusion)?;
    if bank_dtype == BankType::Float16 {
        features = rounded_to_f16(features);
    }
    let net = case.load_part(1, DenoisingNet::<Backend>::init(&config, &Default::default()))?;
    let input = video_input(case)?;
    // Each branch of guidance is a separate call: without a reference and with a zero context, or with both.
    let unconditional = DenoisingInput { context: input.context.as_ref().map(Tensor::zeros_like), ..input.clone() };
    let conditional = DenoisingInput { reference: Some((&features).into()), ..input };
    let mut halves = if cfg { vec![net.forward(unconditional)] } else { vec![] };
    halves.push(net.forward(conditional));
    Ok([("out.sample".into(), Tensor::cat(halves, 0).into())].into())
}
