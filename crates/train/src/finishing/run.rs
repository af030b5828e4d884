//! Implements the training loop: reads batches, runs steps on the device, and writes logs, sheets and weights.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use media::image_file::save_picture;
use media::picture::Picture;
use media::sheet::Sheet;
use model::ModelBackend;
use model::finisher::{Finisher, FinisherConfig};
use model::weights::{StoredPrecision, Weights};
use rayon::prelude::*;
use stage::{Assets, Split};

use super::config::FinishingTraining;
use super::feed::{Batch, batches};
use super::flat_optimizer::{FlatOptimizer, Halved, Step};
use super::loss::unevenness;
use super::mixed::ClipSource;
use super::perceptual::PerceptualNetwork;
use super::sample::{Sample, samples};
use super::state::{self, Position};
use super::sums::{Means, Sums};
use super::training_example::TrainingExample;
use crate::error::{Result, TrainError};
use crate::following::RunLog;
use crate::progress::{Event, MOST_SKIPPED, Progress};

/// Trains, from the run folder's state if there is one. `progress` can end the run early; the state is then saved.
///
/// # Errors
/// [`TrainError::Setting`], [`TrainError::Mismatch`], [`TrainError::Diverged`]; errors of files, weights, assets and
/// rendering.
pub fn run<B: AutodiffBackend + ModelBackend>(
    config: &FinishingTraining,
    device: &B::Device,
    progress: &mut Progress<'_>,
) -> Result<FlatOptimizer<B::InnerBackend>>
where
    B::InnerBackend: ModelBackend,
{
    B::measure_kernels();
    let mut training = Training::<B>::new(config, device, progress)?;
    let source = Arc::new(ClipSource::open(assets(config)?, &config.prepared)?);
    let held_out = held_out(config, source.assets())?;
    let feed = (config.feed.clone(), config.samples.clone());
    let batches = batches(training.position.step, config.seed, Split::Train, source, feed);
    let mut flow = ControlFlow::Continue(());
    let mut waited = 0.0;
    while training.position.step < config.steps && flow.is_continue() {
        let asked = Instant::now();
        let Ok(batch) = batches.recv() else { break };
        waited += asked.elapsed().as_secs_f64();
        let batch = batch?;
        let clips = batch.clips;
        training.step(batch, device);
        let is_last = training.position.step == config.steps || training.is_out_of_time();
        if training.position.step.is_multiple_of(config.log_every) || is_last {
            flow = training.log(clips, waited, progress)?;
            waited = 0.0;
        }
        if training.position.step.is_multiple_of(config.save_every) || is_last || flow.is_break() {
            training.save(&held_out, device, progress)?;
        }
        if is_last {
            break;
        }
    }
    Ok(training.optimizer)
}

fn assets(config: &FinishingTraining) -> Result<Assets> {
    Ok(match &config.assets {
        Some(path) => Assets::load(path)?.0,
        None => Assets::procedural(),
    })
}

fn held_out(config: &FinishingTraining, assets: &Assets) -> Result<Vec<Sample>> {
    // One of the two directions of each clip.
    let one = |index| Ok(samples(index, Split::Val, assets, &config.samples)?.into_iter().next());
    let found: Result<Vec<Option<Sample>>> = (0..config.held_out).into_par_iter().map(one).collect();
    Ok(found?.into_iter().flatten().collect())
}

struct Training<'a, B: AutodiffBackend + ModelBackend> {
    config: &'a FinishingTraining,
    network: Finisher<B>,
    optimizer: FlatOptimizer<B::InnerBackend>,
    perceptual: Option<PerceptualNetwork<B>>,
    settings: String,
    position: Position,
    begin: Instant,
    before: f64,
    sums: Sums<B::InnerBackend>,
    log: RunLog,
    since: (Instant, u64),
}

impl<'a, B: AutodiffBackend + ModelBackend> Training<'a, B>
where
    B::InnerBackend: ModelBackend,
{
    fn new(config: &'a FinishingTraining, device: &B::Device, progress: &mut Progress<'_>) -> Result<Self> {
        config.optimizer.check()?;
        let setting = |setting, found: String, expected| TrainError::Setting { setting, found, expected };
        config.network.check().map_err(|error| setting("network", error.to_string(), "consistent sizes"))?;
        if config.samples.size as usize != config.network.size || config.samples.frames == 0 || config.feed.batch == 0 {
            let found =
                format!("size {}, frames {}, batch {}", config.samples.size, config.samples.frames, config.feed.batch);
            return Err(setting(
                "samples",
                found,
                "the size of the network, at least one frame and a batch of at least 1",
            ));
        }
        let fresh = config.feed.fresh;
        if config.feed.pool == 0 || config.feed.first > config.feed.pool as u64 || !fresh.is_finite() || fresh < 0.0 {
            let found = format!("{:?}", config.feed);
            return Err(setting(
                "feed",
                found,
                "a pool that is not smaller than `first`, and a finite `fresh` of at least 0",
            ));
        }
        fs::create_dir_all(config.run.join("sheets")).map_err(TrainError::io(&config.run))?;
        <B as Backend>::seed(device, config.seed);
        let mut network = config.network.init::<B>(device);
        if let Some(path) = &config.start_from {
            let weights = Weights::read(&[path])?;
            let found = FinisherConfig::of_weights(&weights)?;
            if found != config.network {
                let (found, expected) = (format!("{found:?}"), format!("{:?}", config.network));
                return Err(TrainError::Mismatch { path: path.clone(), what: "network", found, expected });
            }
            network = config.network.load(&weights, device)?;
        }
        let mut optimizer = FlatOptimizer::new(&network, config.optimizer.clone());
        let perceptual = match &config.perceptual_weights {
            Some(path) => Some(PerceptualNetwork::open(path, config.loss.perceptual_blocks, config.half, device)?),
            None => None,
        };
        let settings = fixed(config)?;
        let state = config.run.join("state.safetensors");
        let position = state::load(&state, &mut optimizer, &settings, device)?.unwrap_or_default();
        network = optimizer.write(network);
        let started =
            Event::Started { step: position.step, steps: config.steps, parameters: optimizer.weights.dims()[0] };
        let mut log = RunLog::open(&config.run)?;
        let _ = log.tell(&started, progress)?;
        Ok(Self {
            config,
            network,
            optimizer,
            perceptual,
            settings,
            position,
            begin: Instant::now(),
            before: position.seconds,
            sums: Sums::default(),
            log,
            since: (Instant::now(), position.step),
        })
    }

    fn elapsed(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn is_out_of_time(&self) -> bool {
        self.config.minutes.is_some_and(|minutes| self.elapsed() > 60.0 * minutes)
    }

    /// The learning rate, by the number of steps or the elapsed time, whichever is further along.
    fn rate(&self) -> f64 {
        let Self { config, position, .. } = self;
        let of_time = config.minutes.map_or(0.0, |minutes| self.elapsed() / (60.0 * minutes));
        let step = (config.steps as f64 * of_time.min(1.0)) as u64;
        config.optimizer.rate_at(
            if position.step < config.optimizer.warm_up { position.step } else { step.max(position.step) },
            config.steps,
        )
    }

    fn step(&mut self, batch: Batch, device: &B::Device) {
        let example =
            TrainingExample::<B>::new(batch, self.config.samples.frames, self.config.samples.size as usize, device);
        let network = match self.config.half {
            true => self.network.clone().map(&mut Halved),
            false => self.network.clone(),
        };
        let (retouch, finished) = example.finish(&network);
        let judged = example.judge(finished);
        let mut parts = judged.parts(self.perceptual.as_ref(), self.config.loss.perceptual_every);
        parts.push(("unevenness", unevenness(&retouch.shift)));
        let weights = &self.config.loss;
        let weighted = parts.iter().map(|(name, value)| {
            value.clone()
                * match *name {
                    "colour" => weights.colour,
                    "edges" => weights.edges,
                    "outline" => weights.outline,
                    "unevenness" => weights.unevenness,
                    "perceptual" => weights.perceptual,
                    _ => weights.change,
                }
        });
        let Some(total) = weighted.reduce(|sum, part| sum + part) else { return };
        let rate = self.rate();
        let gradients = total.backward();
        let total = total.inner();
        let Step { length, is_skipped } = self.optimizer.step(&self.network, &gradients, &total, rate);
        let network = self.network.clone();
        self.network = self.optimizer.write(network);
        let parts = parts.into_iter().map(|(name, value)| (name, value.inner()));
        self.sums.add(parts.chain([("loss", total), ("gradient", length)]), &is_skipped);
        self.position.step += 1;
    }

    fn log(&mut self, clips: u64, waited: f64, progress: &mut Progress<'_>) -> Result<ControlFlow<()>> {
        let steps = (self.position.step - self.since.1).max(1);
        let Means { named: mut means, skipped } = self.sums.read(steps);
        let count = steps as f64;
        if skipped > 0 {
            let message = format!("{skipped} of {steps} steps skipped: loss or gradient not finite");
            let _ = self.log.tell(&Event::Warning { code: "train.not_finite".into(), message }, progress)?;
        }
        self.check_converging()?;
        let seconds = self.since.0.elapsed().as_secs_f64().max(1e-9);
        means.insert("waiting".into(), waited / seconds);
        means.insert("clips".into(), clips as f64);
        means.insert("skipped".into(), skipped as f64);
        self.position.seconds = self.before + self.elapsed();
        let event = Event::Step {
            step: self.position.step,
            steps: self.config.steps,
            means,
            rate: self.rate(),
            speed: count / seconds,
            seconds: self.position.seconds,
        };
        self.since = (Instant::now(), self.position.step);
        self.log.tell(&event, progress)
    }

    /// Refuses to continue and to save if only skipped steps follow each other.
    fn check_converging(&self) -> Result<()> {
        match self.sums.skipped_in_a_row() {
            steps if steps < MOST_SKIPPED => Ok(()),
            steps => Err(TrainError::Diverged { steps, step: self.position.step }),
        }
    }

    fn save(&mut self, held_out: &[Sample], device: &B::Device, progress: &mut Progress<'_>) -> Result<()> {
        self.check_converging()?;
        let config = self.config;
        let averaged = self.optimizer.write_average(self.network.valid());
        let bytes = averaged.to_bytes(&config.network, StoredPrecision::F16)?;
        media::file::write_atomic(&config.run.join("weights.safetensors"), &bytes)?;
        state::save(&config.run.join("state.safetensors"), &self.optimizer, self.position, &self.settings)?;
        let saved = Event::Saved { step: self.position.step, folder: config.run.clone() };
        let _ = self.log.tell(&saved, progress)?;
        let (measures, sheet) = self.measure(&averaged, held_out, device);
        if let Some(sheet) = sheet {
            save_picture(&config.run.join("sheets").join(format!("{:08}.png", self.position.step)), &sheet)?;
        }
        let _ = self.log.tell(&Event::Evaluated { step: self.position.step, measures }, progress)?;
        Ok(())
    }

    /// Compares draft and finished frames of the held-out samples with the truth, and draws a sheet of them.
    fn measure(
        &self,
        network: &Finisher<B::InnerBackend>,
        held_out: &[Sample],
        device: &B::Device,
    ) -> (BTreeMap<String, f64>, Option<Picture>) {
        let side = self.config.samples.size as usize;
        let frames = self.config.samples.frames;
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        let mut sheet = Sheet::new(4, side, side).titled(format!("held-out samples, step {}", self.position.step));
        let perceptual = self.perceptual.as_ref().map(PerceptualNetwork::inner);
        for (index, sample) in held_out.iter().enumerate() {
            let batch =
                Batch { count: 1, frames: sample.frames.clone(), characters: sample.character.clone(), clips: 0 };
            let example = TrainingExample::<B::InnerBackend>::new(batch, frames, side, device);
            let (_, finished) = example.finish(network);
            for (row, frames) in [("draft", example.draft()), ("finished", finished.clone())] {
                for (name, value) in example.judge(frames).parts(perceptual.as_ref(), 1) {
                    let value = value.into_data().convert::<f64>().into_vec::<f64>().map_or(f64::NAN, |v| v[0]);
                    *sums.entry(format!("{row}_{name}")).or_default() += value / held_out.len() as f64;
                }
            }
            if index < 8 {
                let middle = |pictures: Tensor<B::InnerBackend, 4>| picture(pictures.narrow(0, frames / 2, 1));
                sheet.push(&picture(example.character.clone().narrow(1, 0, 3)), "character");
                sheet.push(&middle(example.draft().picture), "draft");
                sheet.push(&middle(finished.picture), "finished");
                sheet.push(&middle(example.truth.clone()), "truth");
                sheet.end_row();
            }
        }
        (sums, (!held_out.is_empty()).then(|| sheet.render()))
    }
}

fn picture<B: ModelBackend>(tensor: Tensor<B, 4>) -> Picture {
    crate::picture_tensor::pictures_from_tensor(tensor * 2.0 - 1.0).swap_remove(0)
}

/// The settings that must be the same when a run is resumed.
fn fixed(config: &FinishingTraining) -> Result<String> {
    let mut fixed = serde_json::json!({
        "seed": config.seed,
        "half": config.half,
        "steps": config.steps,
        "network": config.network,
        "samples": config.samples,
        "feed": config.feed,
        "loss": config.loss,
        "optimizer": config.optimizer,
    });
    if !config.prepared.is_empty() {
        let sets: Result<Vec<_>> = config.prepared.iter().map(|source| source.identity()).collect();
        fixed["prepared"] = serde_json::json!(sets?);
    }
    Ok(fixed.to_string())
}
