//! Defines the meaning of the denoiser's output. The method predicts the velocity, like public weights of the Stable
//! Diffusion family. A small network trained from scratch learns faster if it predicts the change that must be added to
//! the environment latent. A network that predicts the change does not have to copy the surroundings of the person, or
//! to separate noise from picture in order to return the noise.
//!
//! | output `F` means | input of the denoiser | velocity for samplers and losses |
//! |---|---|---|
//! | velocity | `z` | `F` |
//! | change | `sqrt(a) z` | `(sqrt(a) z - (e + F)) / sqrt(1 - a)`: the clean latent is the environment latent `e` plus `F` |
//!
//! All tensors are `[B, C, N, h, w]`. `z` is the noisy latent, and `a` is the cumulative alpha at the timestep of each
//! batch row. For latents of unit variance, `sqrt(a) z` is the best linear estimate of the clean latent (Karras et al.
//! 2022, arXiv 2206.00364, use a similar preconditioning). At pure noise, the input `sqrt(a) z` is zero.
//!
//! The variant `change` deviates from the paper. The loss of `change` is the same as in the paper (Eq. 1 in
//! velocities); only the parametrization differs.

use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::ops::ModelBackend;
use crate::sampling::ddim::Ddim;

/// Lower bound of the noise level `sqrt(1 - a)` in the division. Below it the clean latent hardly determines the
/// velocity; the bound keeps the velocity finite.
const LEAST_SPREAD: f64 = 0.05;

/// The meaning of the denoiser's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenoiserOutput {
    /// The velocity.
    #[default]
    Velocity,
    /// The change to add to the environment.
    Change,
}

impl DenoiserOutput {
    /// Whether this is the default, which files omit.
    pub fn is_velocity(&self) -> bool {
        *self == Self::Velocity
    }

    /// The denoiser's input for the noisy latent `[B, C, N, h, w]` at timesteps `[B]`, integers.
    pub fn input<B: ModelBackend>(self, noisy: Tensor<B, 5>, timestep: &Tensor<B, 1>, schedule: &Ddim) -> Tensor<B, 5> {
        match self {
            Self::Velocity => noisy,
            Self::Change => noisy * cumulated_alphas(timestep, schedule).sqrt(),
        }
    }

    /// The velocity for the network's `output`, all `[B, C, N, h, w]`, at timesteps `[B]`, integers.
    ///
    /// # Panics
    /// When the shapes differ, or a change has no environment.
    pub fn velocity<B: ModelBackend>(
        self,
        output: Tensor<B, 5>,
        noisy: Tensor<B, 5>,
        environment: Option<Tensor<B, 5>>,
        timestep: Tensor<B, 1>,
        schedule: &Ddim,
    ) -> Tensor<B, 5> {
        match self {
            Self::Velocity => output,
            Self::Change => {
                let Some(environment) = environment else { panic!("denoiser output: a change of no environment") };
                let shape = output.dims();
                assert!(
                    noisy.dims() == shape && environment.dims() == shape && timestep.dims() == [shape[0]],
                    "denoiser output {shape:?}, noisy {:?}, environment {:?}",
                    noisy.dims(),
                    environment.dims()
                );
                let a = cumulated_alphas(&timestep, schedule);
                let spread = (a.clone().neg() + 1.0).sqrt().clamp_min(LEAST_SPREAD);
                (noisy * a.sqrt() - (environment + output)) / spread
            }
        }
    }
}

/// Cumulative alphas `[B, 1, 1, 1, 1]` at timesteps `[B]`.
fn cumulated_alphas<B: ModelBackend>(timestep: &Tensor<B, 1>, schedule: &Ddim) -> Tensor<B, 5> {
    let [b] = timestep.dims();
    let table = schedule.alphas_cumprod();
    let data = TensorData::new(table.to_vec(), [table.len()]);
    let rows: Tensor<B, 1, Int> = timestep.clone().int();
    Tensor::<B, 1>::from_data(data, &timestep.device()).select(0, rows).reshape([b, 1, 1, 1, 1])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;
    use crate::sampling::ddim::DdimConfig;

    #[test]
    fn pure_noise_is_not_shown() {
        let device = Default::default();
        let noise = Tensor::<Flex, 5>::random([2, 3, 1, 4, 4], Distribution::Normal(0.0, 1.0), &device);
        let schedule = Ddim::new(DdimConfig { rescale_betas_zero_snr: true, ..DdimConfig::default() });
        let at = Tensor::from_floats([999.0, 0.0], &device);
        let given = |output: DenoiserOutput| output.input(noise.clone(), &at, &schedule);
        given(DenoiserOutput::Velocity).into_data().assert_eq(&noise.clone().into_data(), true);
        let change = given(DenoiserOutput::Change);
        assert!(change.clone().narrow(0, 0, 1).abs().max().into_scalar() < 1e-6);
        let last = |x: Tensor<Flex, 5>| x.narrow(0, 1, 1).into_data();
        last(change).assert_approx_eq::<f32>(&last(noise), Tolerance::relative(0.01));
    }

    #[test]
    fn the_right_change_is_the_right_velocity() {
        let device = Default::default();
        let draw = || Tensor::<Flex, 5>::random([2, 3, 2, 4, 4], Distribution::Normal(0.0, 1.0), &device);
        let (clean, noise, environment) = (draw(), draw(), draw());
        let (schedule, timesteps) = (Ddim::new(DdimConfig::default()), [999, 300]);
        let noisy = schedule.add_noise(clean.clone(), noise.clone(), &timesteps);
        let at = Tensor::from_floats(timesteps.map(|t| t as f32), &device);
        let velocity = schedule.velocity(clean.clone(), noise, &timesteps);
        let change = clean - environment.clone();
        let found = DenoiserOutput::Change.velocity(change, noisy.clone(), Some(environment), at.clone(), &schedule);
        found.into_data().assert_approx_eq::<f32>(&velocity.clone().into_data(), Tolerance::absolute(1e-4));
        let same = DenoiserOutput::Velocity.velocity(velocity.clone(), noisy, None, at, &schedule);
        same.into_data().assert_eq(&velocity.into_data(), true);
    }
}
