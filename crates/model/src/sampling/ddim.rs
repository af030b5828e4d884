//! Implements denoising diffusion implicit models (Song et al. 2020, arXiv 2010.02502) with every schedule option of
//! the public checkpoints, in the float32 arithmetic of their reference implementation.
//!
//! ```text
//! a_t      = prod_{s <= t} (1 - beta_s)
//! z_t      = sqrt(a_t) z_0 + sqrt(1 - a_t) eps                                   add_noise
//! v_t      = sqrt(a_t) eps - sqrt(1 - a_t) z_0                                   velocity
//! z_{t'}   = sqrt(a_t') z_0 + sqrt(1 - a_t' - s^2) eps + s * noise               step (Eq. 12 there)
//! s        = eta sqrt((1 - a_t') / (1 - a_t)) sqrt(1 - a_t / a_t')
//! ```
//!
//! Three details are easy to get wrong. The previous timestep is `t - T / steps` in integer arithmetic, not the next
//! entry of the list of timesteps. Zero terminal SNR recomputes the betas in float32, so the final `a` is exactly 0.
//! For 62 of the step counts 1..=1000, the list of trailing timesteps has one extra entry, -1, which indexes the table
//! from its end.

mod config;
#[cfg(test)]
mod tests;

pub use config::{BetaSchedule, DdimConfig, Prediction, Spacing};

use std::ops::ControlFlow;

use burn::tensor::{Tensor, TensorData};

use crate::ops::ModelBackend;

/// The tables of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Ddim {
    config: DdimConfig,
    betas: Vec<f32>,
    alphas_cumprod: Vec<f32>,
}

/// The result of one sampling step.
#[derive(Debug, Clone)]
pub struct DdimStep<B: ModelBackend, const R: usize> {
    /// The latent at the previous timestep.
    pub previous: Tensor<B, R>,
    /// The clean latent predicted at this step.
    pub clean: Tensor<B, R>,
}

impl Ddim {
    /// The tables for `config`.
    ///
    /// # Panics
    /// When there are no timesteps.
    pub fn new(config: DdimConfig) -> Self {
        let steps = config.num_train_timesteps;
        assert!(steps > 0, "ddim: num_train_timesteps is 0");
        let mut betas = match config.beta_schedule {
            BetaSchedule::Linear => linspace_f32(config.beta_start as f32, config.beta_end as f32, steps),
            BetaSchedule::ScaledLinear => {
                let roots = linspace_f32(config.beta_start.sqrt() as f32, config.beta_end.sqrt() as f32, steps);
                roots.iter().map(|root| root * root).collect()
            }
        };
        if config.rescale_betas_zero_snr {
            betas = zero_terminal_snr(&betas);
        }
        let alphas_cumprod = cumulative_product(betas.iter().map(|beta| 1.0 - beta));
        Self { config, betas, alphas_cumprod }
    }

    /// The configuration.
    pub fn config(&self) -> &DdimConfig {
        &self.config
    }

    /// Betas by timestep.
    pub fn betas(&self) -> &[f32] {
        &self.betas
    }

    /// `a_t` by timestep.
    pub fn alphas_cumprod(&self) -> &[f32] {
        &self.alphas_cumprod
    }

    /// The timesteps to visit, in order, exactly as in the reference implementation (including a final -1).
    ///
    /// # Panics
    /// When `steps` is 0 or exceeds the number of training timesteps.
    pub fn timesteps(&self, steps: usize) -> Vec<i64> {
        let train = self.config.num_train_timesteps;
        assert!((1..=train).contains(&steps), "ddim: {steps} steps of {train}");
        match self.config.timestep_spacing {
            Spacing::Leading => {
                (0..steps).rev().map(|k| (k * (train / steps) + self.config.steps_offset) as i64).collect()
            }
            Spacing::Linspace => {
                let gap = (train - 1) as f64 / (steps.max(2) - 1) as f64;
                let at = |k: usize| if k > 0 && k + 1 == steps { (train - 1) as f64 } else { k as f64 * gap };
                (0..steps).rev().map(|k| at(k).round_ties_even() as i64).collect()
            }
            Spacing::Trailing => {
                // The reference counts down by a float step and derives the length from a rounded quotient.
                let (start, ratio) = (train as f64, train as f64 / steps as f64);
                let length = (start / ratio).ceil() as usize;
                let gap = (start - ratio) - start;
                (0..length).map(|k| (start + k as f64 * gap).round_ties_even() as i64 - 1).collect()
            }
        }
    }

    /// One step from `timestep` towards the clean latent. `sample` and the network's `output` have the same shape.
    /// `noise` is used when `eta > 0`.
    ///
    /// # Panics
    /// When shapes differ, the timestep is not in the table, or `eta > 0` without noise.
    pub fn step<B: ModelBackend, const R: usize>(
        &self,
        output: Tensor<B, R>,
        timestep: i64,
        sample: Tensor<B, R>,
        steps: usize,
        eta: f32,
        noise: Option<Tensor<B, R>>,
    ) -> DdimStep<B, R> {
        assert_eq!(output.dims(), sample.dims(), "ddim: output and sample");
        let previous = timestep - (self.config.num_train_timesteps / steps) as i64;
        let a = self.alphas_cumprod[self.index(timestep)];
        let a_previous = match usize::try_from(previous) {
            Ok(index) => self.alphas_cumprod[index],
            Err(_) if self.config.set_alpha_to_one => 1.0,
            Err(_) => self.alphas_cumprod[0],
        };
        let (signal, spread) = (a.sqrt(), (1.0 - a).sqrt());
        let (mut clean, epsilon) = match self.config.prediction_type {
            Prediction::Epsilon => ((sample - output.clone() * spread) / signal, output),
            Prediction::Sample => (output.clone(), (sample - output * signal) / spread),
            Prediction::VPrediction => {
                (sample.clone() * signal - output.clone() * spread, output * signal + sample * spread)
            }
        };
        if self.config.clip_sample {
            // The noise is not recomputed from the clipped latent.
            clean = clean.clamp(-self.config.clip_sample_range, self.config.clip_sample_range);
        }
        let variance = ((1.0 - a_previous) / (1.0 - a)) * (1.0 - a / a_previous);
        let deviation = eta * variance.sqrt();
        let direction = epsilon * (1.0 - a_previous - deviation * deviation).sqrt();
        let mut latent = clean.clone() * a_previous.sqrt() + direction;
        if eta > 0.0 {
            let Some(noise) = noise else { panic!("ddim: eta {eta} without noise") };
            latent = latent + noise * deviation;
        }
        DdimStep { previous: latent, clean }
    }

    /// `sqrt(a) x + sqrt(1 - a) noise` for `[B, ..]`, with one timestep per row.
    ///
    /// # Panics
    /// When shapes or the number of timesteps differ, or a timestep is not in the table.
    pub fn add_noise<B: ModelBackend, const R: usize>(
        &self,
        clean: Tensor<B, R>,
        noise: Tensor<B, R>,
        timesteps: &[i64],
    ) -> Tensor<B, R> {
        let (signal, spread) = self.by_row(&clean, &noise, timesteps);
        clean * signal + noise * spread
    }

    /// The target of v-prediction, `sqrt(a) noise - sqrt(1 - a) x`, for `[B, ..]`, with one timestep per row.
    ///
    /// # Panics
    /// As [`add_noise`](Self::add_noise).
    pub fn velocity<B: ModelBackend, const R: usize>(
        &self,
        clean: Tensor<B, R>,
        noise: Tensor<B, R>,
        timesteps: &[i64],
    ) -> Tensor<B, R> {
        let (signal, spread) = self.by_row(&clean, &noise, timesteps);
        noise * signal - clean * spread
    }

    /// The clean latent implied by a network's `output`, `[B, ..]`, with one timestep per row. With epsilon prediction
    /// it is not finite where `a = 0`.
    ///
    /// # Panics
    /// As [`add_noise`](Self::add_noise).
    pub fn clean<B: ModelBackend, const R: usize>(
        &self,
        output: Tensor<B, R>,
        sample: Tensor<B, R>,
        timesteps: &[i64],
    ) -> Tensor<B, R> {
        let (signal, spread) = self.by_row(&output, &sample, timesteps);
        match self.config.prediction_type {
            Prediction::Epsilon => (sample - output * spread) / signal,
            Prediction::Sample => output,
            Prediction::VPrediction => sample * signal - output * spread,
        }
    }

    /// The min-SNR loss weight (Hang et al. 2023, arXiv 2303.09556) in the form of the public trainers: the
    /// signal-to-noise ratio capped at `gamma`, divided by the ratio. For v-prediction, 1 is first added to the ratio
    /// in both places; for sample prediction, the division is left out.
    ///
    /// # Panics
    /// When the timestep is not in the table.
    pub fn min_snr_weight(&self, timestep: i64, gamma: f32) -> f32 {
        let a = self.alphas_cumprod[self.index(timestep)];
        let snr = a / (1.0 - a);
        match self.config.prediction_type {
            Prediction::VPrediction => (snr + 1.0).min(gamma) / (snr + 1.0),
            Prediction::Epsilon if snr == 0.0 => 1.0,
            Prediction::Epsilon => snr.min(gamma) / snr,
            Prediction::Sample => snr.min(gamma),
        }
    }

    /// Index into the table. Negative timesteps count from its end, as in the reference implementation.
    fn index(&self, timestep: i64) -> usize {
        let length = self.alphas_cumprod.len();
        let index = if timestep < 0 { length as i64 + timestep } else { timestep };
        assert!((0..length as i64).contains(&index), "ddim: timestep {timestep} of {length}");
        index as usize
    }

    /// `sqrt(a)` and `sqrt(1 - a)` as `[B, 1, ..]`.
    fn by_row<B: ModelBackend, const R: usize>(
        &self,
        x: &Tensor<B, R>,
        noise: &Tensor<B, R>,
        timesteps: &[i64],
    ) -> (Tensor<B, R>, Tensor<B, R>) {
        assert!(
            x.dims() == noise.dims() && x.dims()[0] == timesteps.len(),
            "ddim: latents {:?}, noise {:?}, {} timesteps",
            x.dims(),
            noise.dims(),
            timesteps.len()
        );
        let mut shape = [1; R];
        shape[0] = timesteps.len();
        let device = x.device();
        let rows = |of: &dyn Fn(f32) -> f32| {
            let values: Vec<f32> = timesteps.iter().map(|t| of(self.alphas_cumprod[self.index(*t)])).collect();
            Tensor::from_data(TensorData::new(values, shape), &device)
        };
        (rows(&|a| a.sqrt()), rows(&|a| (1.0 - a).sqrt()))
    }
}

/// Deterministic DDIM sampling (`eta` 0) from noise. `denoise(latent, timestep)` returns the network's output.
/// `progress(done, total, latent)` is called after each step and can stop the sampling; the result is then `None`.
///
/// Negative entries of the timestep list are skipped: they would treat a clean latent as pure noise.
///
/// # Errors
/// Those of `denoise`.
pub fn sample<B: ModelBackend, const R: usize, E>(
    ddim: &Ddim,
    steps: usize,
    noise: Tensor<B, R>,
    mut denoise: impl FnMut(Tensor<B, R>, i64) -> Result<Tensor<B, R>, E>,
    mut progress: impl FnMut(usize, usize, &Tensor<B, R>) -> ControlFlow<()>,
) -> Result<Option<Tensor<B, R>>, E> {
    let timesteps: Vec<i64> = ddim.timesteps(steps).into_iter().filter(|timestep| *timestep >= 0).collect();
    let mut latent = noise;
    for (done, timestep) in timesteps.iter().enumerate() {
        let output = denoise(latent.clone(), *timestep)?;
        latent = ddim.step(output, *timestep, latent, steps, 0.0, None).previous;
        if progress(done + 1, timesteps.len(), &latent).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(latent))
}

/// Evenly spaced values, computed from the nearer end like the float32 tables of the reference.
fn linspace_f32(start: f32, end: f32, steps: usize) -> Vec<f32> {
    let gap = (end - start) / (steps.max(2) - 1) as f32;
    let at = |k: usize| if k < steps / 2 { start + gap * k as f32 } else { end - gap * (steps - k - 1) as f32 };
    if steps == 1 { vec![start] } else { (0..steps).map(at).collect() }
}

/// Cumulative products, accumulated in f64; each is rounded to f32.
fn cumulative_product(values: impl Iterator<Item = f32>) -> Vec<f32> {
    values
        .scan(1.0_f64, |product, value| {
            *product *= f64::from(value);
            Some(*product as f32)
        })
        .collect()
}

/// Betas for which the last `a` is 0 and the first `sqrt(a)` is unchanged (Lin et al. 2023, arXiv 2305.08891, algorithm
/// 1).
fn zero_terminal_snr(betas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = cumulative_product(betas.iter().map(|beta| 1.0 - beta)).iter().map(|a| a.sqrt()).collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let scale = first / (first - last);
    let alphas_cumprod: Vec<f32> = roots.iter().map(|root| (root - last) * scale).map(|root| root * root).collect();
    let ratios = alphas_cumprod.windows(2).map(|pair| 1.0 - pair[1] / pair[0]);
    std::iter::once(1.0 - alphas_cumprod[0]).chain(ratios).collect()
}
