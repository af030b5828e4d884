//! Implements AdamW (decoupled weight decay) with gradient clipping, warm-up, cosine decay and a moving average of the
//! weights.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::parameters::{Gradients, Parameters};

/// Settings of the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Learning rate after the warm-up.
    pub rate: f64,
    /// Number of steps over which the rate rises from zero.
    pub warm_up: u64,
    /// The rate at the last step relative to `rate`, reached along a cosine; 1 = constant.
    pub final_fraction: f64,
    /// Decay of the first and the second moment.
    pub betas: [f64; 2],
    /// Constant that is added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay of tensors with two axes or more.
    pub weight_decay: f64,
    /// Largest gradient norm; larger gradients are scaled down.
    pub clip: f64,
    /// Decay of the moving average of the weights. It is smaller at the start: `min(decay, (1 + n) / (10 + n))` after
    /// `n` updates.
    pub average: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            rate: 3e-4,
            warm_up: 200,
            final_fraction: 0.1,
            betas: [0.9, 0.99],
            epsilon: 1e-8,
            weight_decay: 1e-2,
            clip: 1.0,
            average: 0.999,
        }
    }
}

impl OptimizerConfig {
    /// # Errors
    /// [`TrainError::Setting`] for a value outside its range.
    pub fn check(&self) -> Result<()> {
        let check = |good: bool, setting: &'static str, found: f64, expected: &'static str| match good {
            true => Ok(()),
            false => Err(TrainError::Setting { setting, found: found.to_string(), expected }),
        };
        let fraction = |value: f64| (0.0..1.0).contains(&value);
        check(self.rate > 0.0 && self.rate.is_finite(), "optimizer.rate", self.rate, "a positive number")?;
        check(fraction(self.betas[0]), "optimizer.betas", self.betas[0], "at least 0 and below 1")?;
        check(fraction(self.betas[1]), "optimizer.betas", self.betas[1], "at least 0 and below 1")?;
        check(fraction(self.average), "optimizer.average", self.average, "at least 0 and below 1")?;
        check(self.epsilon > 0.0, "optimizer.epsilon", self.epsilon, "a positive number")?;
        check(self.clip > 0.0, "optimizer.clip", self.clip, "a positive number")?;
        check((0.0..=1.0).contains(&self.final_fraction), "optimizer.final_fraction", self.final_fraction, "0 to 1")
    }

    /// The learning rate of `step` (from 0) of `steps`.
    pub fn rate_at(&self, step: u64, steps: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let done = (step - self.warm_up) as f64 / (steps.saturating_sub(self.warm_up)).max(1) as f64;
        let cosine = 0.5 + 0.5 * (std::f64::consts::PI * done.min(1.0)).cos();
        self.rate * (self.final_fraction + (1.0 - self.final_fraction) * cosine)
    }

    /// Makes update number `update` (from 1) with gradients whose norm is `length`.
    ///
    /// # Panics
    /// When the gradients do not belong to the parameters.
    pub fn update(&self, parameters: &mut Parameters, gradients: &Gradients, length: f64, rate: f64, update: u64) {
        assert_eq!(parameters.slots.len(), gradients.len(), "slots and gradients");
        let [beta_1, beta_2] = self.betas;
        let shrink = (self.clip / length.max(1e-12)).min(1.0) as f32;
        let steps = update.min(1_000_000) as i32;
        let (correct_1, correct_2) = (1.0 - beta_1.powi(steps), 1.0 - beta_2.powi(steps));
        let keep = self.average.min(update as f64 / (9 + update) as f64) as f32;
        let (beta_1, beta_2, epsilon) = (beta_1 as f32, beta_2 as f32, self.epsilon as f32);
        let root = (1.0 / correct_2.sqrt()) as f32;
        parameters.slots.par_iter_mut().zip(gradients).for_each(|(slot, gradient)| {
            let (Some(gradient), true) = (gradient, slot.rate > 0.0) else { return };
            assert_eq!(gradient.len(), slot.weight.len(), "gradient of `{}`", slot.name);
            let rate = rate * f64::from(slot.rate);
            let pull = if slot.shape.len() > 1 { (1.0 - rate * self.weight_decay) as f32 } else { 1.0 };
            let rate = (rate / correct_1) as f32;
            let moments = slot.first.iter_mut().zip(&mut slot.second);
            let weights = slot.weight.iter_mut().zip(&mut slot.average);
            for ((gradient, (first, second)), (weight, average)) in gradient.iter().zip(moments).zip(weights) {
                let gradient = gradient * shrink;
                *first = beta_1 * *first + (1.0 - beta_1) * gradient;
                *second = beta_2 * *second + (1.0 - beta_2) * gradient * gradient;
                *weight = *weight * pull - rate * *first / (second.sqrt() * root + epsilon);
                *average = keep * *average + (1.0 - keep) * *weight;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Slot;

    fn one(weight: f32) -> Parameters {
        let slot = Slot {
            name: "w".into(),
            shape: vec![1],
            weight: vec![weight],
            first: vec![0.0],
            second: vec![0.0],
            average: vec![weight],
            rate: 1.0,
        };
        Parameters { slots: vec![slot] }
    }

    #[test]
    fn two_updates_by_hand() {
        let config =
            OptimizerConfig { betas: [0.5, 0.75], epsilon: 1e-12, average: 0.5, clip: 10.0, ..Default::default() };
        let mut parameters = one(1.0);
        // First update: the corrected moments are the gradient and its square, so the step is the rate.
        config.update(&mut parameters, &vec![Some(vec![4.0])], 4.0, 0.1, 1);
        assert!((parameters.slots[0].weight[0] - 0.9).abs() < 1e-6);
        // The average starts with a decay of 1/10.
        assert!((parameters.slots[0].average[0] - (0.1 + 0.9 * 0.9)).abs() < 1e-6);
        // Second update, gradient 0: first = 1, corrected 4/3; second = 3, corrected 3/(1-9/16) = 48/7.
        config.update(&mut parameters, &vec![Some(vec![0.0])], 0.0, 0.1, 2);
        let expected = 0.9 - 0.1 * (4.0 / 3.0) / (48.0_f32 / 7.0).sqrt();
        assert!((parameters.slots[0].weight[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn clipping_and_freezing() {
        let config = OptimizerConfig { betas: [0.0, 0.0], epsilon: 1.0, clip: 1.0, ..Default::default() };
        let mut parameters = one(0.0);
        config.update(&mut parameters, &vec![Some(vec![4.0])], 4.0, 1.0, 1);
        assert!((parameters.slots[0].weight[0] + 0.5).abs() < 1e-6, "a gradient of 4 counts as 1: step 1 / (1 + 1)");
        parameters.slots[0].rate = 0.0;
        let before = parameters.clone();
        config.update(&mut parameters, &vec![Some(vec![4.0])], 4.0, 1.0, 2);
        assert_eq!(parameters, before);
    }

    #[test]
    fn rate_rises_and_falls() {
        let config = OptimizerConfig { rate: 1.0, warm_up: 4, final_fraction: 0.2, ..Default::default() };
        let rates = [0, 3, 4, 9, 14].map(|step| config.rate_at(step, 14));
        for (rate, expected) in rates.into_iter().zip([0.25, 1.0, 1.0, 0.6, 0.2]) {
            assert!((rate - expected).abs() < 1e-9, "{rates:?}");
        }
    }
}
