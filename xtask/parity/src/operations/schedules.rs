//! Computes the sampler's schedule and context windows.

use anyhow::{Result, anyhow, ensure};
use burn::tensor::Tensor;
use model::sampling::ddim::{Ddim, DdimConfig};
use model::sampling::windows::{ContextConfig, ContextSum};
use serde::Deserialize;

use crate::case::{Backend, Case, Outputs, Values};
use crate::settings::Nothing;

fn whole_numbers(values: &[i64]) -> Values {
    let cells = values.iter().map(|value| *value as f64).collect();
    Values { shape: vec![values.len()], values: cells, is_picture: false }
}

pub(super) fn ddim(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        steps: usize,
        eta: f32,
    }
    let Args { steps, eta } = case.args()?;
    let ddim = Ddim::new(case.own_config::<DdimConfig>()?);
    let timesteps = ddim.timesteps(steps);
    let (add_x, add_noise, add_t) =
        (case.tensor::<4>("in.add_x")?, case.tensor("in.add_noise")?, case.integers("in.add_t")?);
    let noises = case.optional::<6>("in.variance_noise")?;
    let (mut x, m) = (case.tensor::<5>("in.x")?, case.tensor::<5>("in.m")?);
    let (mut trajectory, mut clean) = (vec![x.clone()], vec![]);
    for (place, timestep) in timesteps.iter().enumerate() {
        // The fixtures' replacement for a network.
        let output = x.clone() * 0.5 + m.clone() * (*timestep as f32 / 1000.0);
        let noise = noises.clone().map(|noises| noises.narrow(0, place, 1).squeeze_dim::<5>(0));
        let step = ddim.step(output, *timestep, x, steps, eta, noise);
        x = step.previous;
        trajectory.push(x.clone());
        clean.push(step.clean);
    }
    let table = |values: &[f32]| Tensor::<Backend, 1>::from_floats(values, &Default::default()).into();
    Ok([
        ("out.timesteps".into(), whole_numbers(&timesteps)),
        ("out.betas".into(), table(ddim.betas())),
        ("out.alphas_cumprod".into(), table(ddim.alphas_cumprod())),
        ("out.add_noise".into(), ddim.add_noise(add_x.clone(), add_noise.clone(), &add_t).into()),
        ("out.velocity".into(), ddim.velocity(add_x, add_noise, &add_t).into()),
        ("out.traj".into(), Tensor::stack::<6>(trajectory, 0).into()),
        ("out.pred_x0".into(), Tensor::stack::<6>(clean, 0).into()),
    ]
    .into())
}

pub(super) fn context_windows(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Run {
        num_frames: usize,
        context_size: usize,
        context_stride: usize,
        context_overlap: usize,
        step: u64,
        closed_loop: bool,
        total_steps_20: usize,
    }
    let Nothing {} = case.own_config()?;
    let mut outputs = Outputs::new();
    for (place, run) in case.args::<Args>()?.runs.into_iter().enumerate() {
        let config = ContextConfig {
            size: run.context_size,
            stride: run.context_stride,
            overlap: run.context_overlap,
            closed_loop: run.closed_loop,
        };
        let windows = config.windows(run.num_frames, run.step);
        let total = config.total(run.num_frames, 20);
        ensure!(
            total == run.total_steps_20,
            "run {place}: {total} windows in 20 steps, expected {}",
            run.total_steps_20
        );
        let flat: Vec<i64> = windows.iter().flatten().map(|frame| *frame as i64).collect();
        let lengths: Vec<i64> = windows.iter().map(|window| window.len() as i64).collect();
        outputs.insert(format!("out.{place}.flat"), whole_numbers(&flat));
        outputs.insert(format!("out.{place}.lens"), whole_numbers(&lengths));
    }
    Ok(outputs)
}

pub(super) fn context_mean(case: &Case<'_>) -> Result<Outputs> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Args {
        num_frames: usize,
        context_size: usize,
        context_stride: usize,
        context_overlap: usize,
    }
    let Nothing {} = case.own_config()?;
    let Args { num_frames, context_size, context_stride, context_overlap } = case.args()?;
    let config =
        ContextConfig { size: context_size, stride: context_stride, overlap: context_overlap, closed_loop: true };
    let windows = config.windows(num_frames, 0);
    let predictions = case.tensor::<6>("in.pred")?;
    let [count, b, c, _, h, w] = predictions.dims();
    ensure!(count == windows.len(), "{count} predictions for {} windows", windows.len());
    let mut sum = ContextSum::new([b, c, num_frames, h, w], &Default::default());
    for (place, window) in windows.iter().enumerate() {
        sum.add(window, &predictions.clone().narrow(0, place, 1).squeeze_dim::<5>(0));
    }
    let counts = sum.counts();
    ensure!(counts.clone().min().into_scalar() > 0.0, anyhow!("a frame is in no window"));
    Ok([("out.mean".into(), sum.mean().into()), ("out.counter".into(), counts.into())].into())
}
