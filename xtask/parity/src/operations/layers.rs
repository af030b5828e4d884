//! Runs single layers and blocks of the networks.

use anyhow::{Context, Result};
use model::conditioning::pose_guider::PoseGuider;
use model::unet::feed_forward::FeedForward;
use model::unet::motion;
use model::unet::time_embedding::Sinusoids;
use model::unet::transformer::BasicTransformerBlock;
use model::video::{frames_from_video, video_from_frames};
use serde::Deserialize;

use crate::case::{Backend, Case, Outputs};
use crate::settings::{FeedForwardSettings, MotionSettings, Nothing, PoseGuiderSettings, TransformerSettings};

pub(super) fn timestep_embedding(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        dim: usize,
        downscale_freq_shift: f64,
        flip_sin_to_cos: bool,
    }
    let Nothing {} = case.own_config()?;
    let Args { dim, downscale_freq_shift, flip_sin_to_cos } = case.args()?;
    let sinusoids = Sinusoids { frequency_shift: downscale_freq_shift, cosine_first: flip_sin_to_cos };
    let embedding = sinusoids.forward(case.tensor::<1>("in.t")?, dim);
    Ok([("out.emb".into(), embedding.into())].into())
}

pub(super) fn temporal_positions(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        d_model: usize,
        max_len: usize,
    }
    let Nothing {} = case.own_config()?;
    let Args { d_model, max_len } = case.args()?;
    let positions = motion::positions::<Backend>(max_len, d_model, &Default::default());
    Ok([("out.pe".into(), positions.into())].into())
}

pub(super) fn feed_forward(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let FeedForwardSettings { dim, mult } = case.config()?;
    let layer = case.load(0, FeedForward::init(dim, mult, &Default::default()))?;
    Ok([("out.y".into(), layer.forward(case.tensor::<3>("in.x")?).into())].into())
}

pub(super) fn transformer_block(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let settings: TransformerSettings = case.config()?;
    let block = BasicTransformerBlock::init(&settings.attention(), settings.cross_attention_dim, &Default::default());
    let block = case.load(0, block)?;
    let (tokens, context) = (case.tensor::<3>("in.x")?, case.optional::<3>("in.ctx")?);
    let normalised = block.normalised(tokens.clone());
    Ok([("out.y".into(), block.forward(tokens, normalised, context.as_ref(), None, true).into())].into())
}

pub(super) fn motion_module(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let settings: MotionSettings = case.config()?;
    let channels = settings.in_channels.context("`in_channels` is missing")?;
    let module = case.load(0, settings.motion()?.init::<Backend>(channels, &Default::default()))?;
    let x = case.tensor::<5>("in.x")?;
    let b = x.dims()[0];
    let y = video_from_frames(module.forward(frames_from_video(x), b), b);
    Ok([("out.y".into(), y.into())].into())
}

pub(super) fn pose_guider(case: &Case<'_>) -> Result<Outputs> {
    let Nothing {} = case.args()?;
    let settings: PoseGuiderSettings = case.config()?;
    let guider = case.load(0, PoseGuider::init(&settings.into(), &Default::default()))?;
    Ok([("out.y".into(), guider.forward(case.tensor::<5>("in.pose")?).into())].into())
}
