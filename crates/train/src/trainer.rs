//! Implements the training loop: steps, a guard against values that are not finite, the log, checkpoints, and resuming.
//!
//! The random numbers of step `k` depend only on the seed and `k`. A resumed run therefore gives the same result as an
//! uninterrupted run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use model::ModelBackend;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, Position};
use crate::error::{Result, TrainError};
use crate::following::RunLog;
use crate::optimizer::OptimizerConfig;
use crate::parameters::{Copy, Parameters, gradients, length};
use crate::progress::MOST_SKIPPED;
pub use crate::progress::{Event, Progress};

/// Settings that every kind of training has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopConfig {
    /// Folder for log, checkpoints and sheets.
    pub run: PathBuf,
    /// Seed of weights, data order, noise.
    pub seed: u64,
    /// Total number of steps.
    pub steps: u64,
    /// Stop after this many minutes of this process, with a checkpoint.
    #[serde(default)]
    pub minutes: Option<f64>,
    /// Number of steps between log lines.
    #[serde(default = "default_log_every")]
    pub log_every: u64,
    /// Number of steps between checkpoints, evaluations and sheets.
    #[serde(default = "default_save_every")]
    pub save_every: u64,
    /// Optimiser.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
}

fn default_log_every() -> u64 {
    20
}

fn default_save_every() -> u64 {
    500
}

impl LoopConfig {
    /// The settings that must be the same when a run is resumed exactly.
    fn fixed(&self) -> serde_json::Value {
        serde_json::json!({"seed": self.seed, "steps": self.steps, "optimizer": self.optimizer})
    }
}

/// A loss for differentiation, and further numbers to log.
#[derive(Debug)]
pub struct Loss<B: AutodiffBackend> {
    /// The loss to minimise, one value.
    pub total: Tensor<B, 1>,
    /// The terms of the loss, with their names.
    pub parts: Vec<(&'static str, Tensor<B, 1>)>,
}

/// A training task.
pub trait Task<B: AutodiffBackend + ModelBackend> {
    /// The trained networks.
    type Networks: AutodiffModule<B>;

    /// The loss of step `step` on data chosen by `random`. Steps come in order.
    ///
    /// # Errors
    /// The errors of data that is made during the run.
    fn loss(&mut self, networks: &Self::Networks, step: u64, random: &mut ChaCha8Rng) -> Result<Loss<B>>;

    /// Measures averaged weights on held-out data, and writes sheets into `folder`.
    ///
    /// # Errors
    /// The errors of writing pictures.
    fn evaluate(&self, networks: &Self::Networks, step: u64, folder: &Path) -> Result<BTreeMap<String, f64>>;
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Its position. `step` is less than the configured number of steps if the run was stopped early.
    pub position: Position,
    /// The trained parameters.
    pub parameters: Parameters,
    /// The last measurements.
    pub measures: BTreeMap<String, f64>,
}

/// The random numbers of one step.
pub fn random_of_step(seed: u64, step: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(step + 1);
    random
}

/// Trains `networks` from the newest checkpoint of the run folder, if there is one. `rate` gives the learning rate
/// factor for each key.
///
/// # Errors
/// [`TrainError::Diverged`]; [`TrainError::Mismatch`] when the run folder's checkpoint has other settings; the errors
/// of files and of [`Task::evaluate`].
pub fn train<B: AutodiffBackend + ModelBackend, T: Task<B>>(
    task: &mut T,
    mut networks: T::Networks,
    config: &LoopConfig,
    rate: impl Fn(&str) -> f32,
    progress: &mut Progress<'_>,
) -> Result<Outcome> {
    config.optimizer.check()?;
    fs::create_dir_all(&config.run).map_err(TrainError::io(&config.run))?;
    let (checkpoints, sheets) = (config.run.join("checkpoints"), config.run.join("sheets"));
    fs::create_dir_all(&sheets).map_err(TrainError::io(&sheets))?;
    let mut log = RunLog::open(&config.run)?;
    let mut parameters = Parameters::of(&networks, rate);
    let mut position = Position { step: 0, updates: 0, skipped: 0, seconds: 0.0 };
    let (found, passed_over) = checkpoint::newest(&checkpoints)?;
    for error in passed_over {
        let _ = log.tell(&Event::Warning { code: error.code().into(), message: error.to_string() }, progress)?;
    }
    if let Some(checkpoint) = found {
        if checkpoint.settings != config.fixed() {
            return Err(TrainError::Mismatch {
                path: checkpoint.folder,
                what: "settings",
                found: checkpoint.settings.to_string(),
                expected: config.fixed().to_string(),
            });
        }
        position = checkpoint.position.clone();
        parameters.restore(checkpoint)?;
    }
    networks = parameters.write(networks, Copy::Trained);
    let started = Event::Started { step: position.step, steps: config.steps, parameters: parameters.trained() };
    let mut flow = log.tell(&started, progress)?;

    let begin = Instant::now();
    let before = position.seconds;
    let mut sums: BTreeMap<String, (f64, u64)> = BTreeMap::new();
    let mut since = (Instant::now(), position.step);
    let mut skipped_in_a_row = 0;
    let mut measures = BTreeMap::new();
    while position.step < config.steps && flow.is_continue() {
        let step = position.step;
        let rate = config.optimizer.rate_at(step, config.steps);
        let mut random = random_of_step(config.seed, step);
        let loss = task.loss(&networks, step, &mut random)?;
        let total = scalar(&loss.total);
        let parts: Vec<(&str, f64)> = loss.parts.iter().map(|(name, value)| (*name, scalar(value))).collect();
        let found = gradients(&networks, &loss.total.backward());
        let long = length(&found);
        position.step += 1;
        position.seconds = before + begin.elapsed().as_secs_f64();
        if total.is_finite() && long.is_finite() {
            skipped_in_a_row = 0;
            position.updates += 1;
            config.optimizer.update(&mut parameters, &found, long, rate, position.updates);
            networks = parameters.write(networks, Copy::Trained);
            for (name, value) in [("loss", total), ("gradient", long)].into_iter().chain(parts) {
                let sum = sums.entry(name.into()).or_default();
                *sum = (sum.0 + value, sum.1 + 1);
            }
        } else {
            skipped_in_a_row += 1;
            position.skipped += 1;
            let message = format!("step {step} skipped: loss {total}, gradient {long}");
            flow = log.tell(&Event::Warning { code: "train.not_finite".into(), message }, progress)?;
            if skipped_in_a_row == MOST_SKIPPED {
                return Err(TrainError::Diverged { steps: MOST_SKIPPED, step });
            }
        }
        let out_of_time = config.minutes.is_some_and(|minutes| begin.elapsed().as_secs_f64() > 60.0 * minutes);
        let last = position.step == config.steps || out_of_time;
        if position.step.is_multiple_of(config.log_every) || last {
            let event = Event::Step {
                step: position.step,
                steps: config.steps,
                means: sums.iter().map(|(name, (sum, count))| (name.clone(), sum / *count as f64)).collect(),
                rate,
                speed: (position.step - since.1) as f64 / since.0.elapsed().as_secs_f64().max(1e-9),
                seconds: position.seconds,
            };
            sums.clear();
            since = (Instant::now(), position.step);
            flow = log.tell(&event, progress)?;
        }
        if position.step.is_multiple_of(config.save_every) || last || flow.is_break() {
            let folder = checkpoint::save(&checkpoints, &position, &parameters, &config.fixed(), 2)?;
            let _ = log.tell(&Event::Saved { step: position.step, folder }, progress)?;
            let averaged = parameters.write(networks.clone(), Copy::Averaged);
            measures = task.evaluate(&averaged, position.step, &sheets)?;
            let told = log.tell(&Event::Evaluated { step: position.step, measures: measures.clone() }, progress)?;
            flow = if flow.is_break() { flow } else { told };
        }
        if last {
            break;
        }
    }
    Ok(Outcome { position, parameters, measures })
}

fn scalar<B: AutodiffBackend>(value: &Tensor<B, 1>) -> f64 {
    value.clone().inner().into_data().convert::<f64>().into_vec::<f64>().map_or(f64::NAN, |values| values[0])
}
