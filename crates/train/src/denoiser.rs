//! Trains the method's networks (Eq. 1): the denoiser with its reference network, pose modulation and object guider.
//!
//! Training uses v-prediction on a schedule whose last step is pure noise. Timesteps are `T * u^(1 / (1 + timestep_bias))` with
//! uniform `u`. A `timestep_bias` above 0 therefore prefers high noise, where the conditions matter most. Each
//! step draws all its random numbers from its own generator.
//!
//! | phase | excerpts | trained |
//! |---|---|---|
//! | frames | single frames | everything except temporal modules (absent) and the pose modulation's convolution over time |
//! | clips | short clips | the temporal parts at the full rate, the rest at `spatial_rate` of it |
//!
//! There are three deviations from the paper. The loss has the weight `focus_weight` inside the removed region and on
//! the person. If the reference or the objects are dropped, they are dropped for a whole batch instead of single
//! samples. The loss has an extra term for the block means of the error ([`Objective::low_frequencies`]), which does
//! not change the optimum.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{DType, Tensor, TensorData, backend::AutodiffBackend};
use media::image_file::save_picture;
use media::sheet::Sheet;
use model::ModelBackend;
use model::networks::{ClipConditions, Networks};
use model::preset::{NetworksConfig, Preset};
use model::sampling::ddim::Ddim;
use model::sampling::sampler::{SamplingSettings, generate_clip, starting_noise};
use model::video::frames_from_video;
use model::weights::{Extra, StoredPrecision, Weights};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::autoencoder;
use crate::data::batch::{Batch, Excerpt};
use crate::data::block_means::block_means;
use crate::data::dataset::DatasetConfig;
use crate::data::records::EncodedClip;
use crate::data::streaming::LiveClips;
use crate::error::{Result, TrainError};
use crate::normal::normal_values;
use crate::parameters::{Copy, Parameters};
use crate::picture_tensor::{pictures_from_tensor, psnr};
use crate::trainer::{LoopConfig, Loss, Outcome, Progress, Task, random_of_step, train};

/// File in the run folder with the averaged weights of all networks.
pub const WEIGHTS_FILE: &str = "networks.safetensors";
/// Random streams that are separate from every step's.
const HELD_OUT_STEP: u64 = u64::MAX - 2;

/// The phase of the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Training on single frames.
    Frames,
    /// Training on short clips, with temporal layers.
    Clips,
}

/// Settings for training the denoiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenoiserTraining {
    /// Run folder, seed, steps, optimiser.
    #[serde(rename = "loop")]
    pub settings: LoopConfig,
    /// Sizes of the networks.
    pub preset: Preset,
    /// The trained autoencoder.
    pub autoencoder: PathBuf,
    /// Weights of an earlier phase to start from. Tensors that this file does not contain are initialised.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
    /// Training clips.
    pub data: DatasetConfig,
    /// Evaluation clips.
    pub held_out: DatasetConfig,
    /// Number of excerpts in a step.
    pub batch: usize,
    /// Number of frames in an excerpt; none = 1 in the phase of frames, 8 in the phase of clips. In the phase of
    /// frames, several frames share a reference, which saves most of the reference network's work.
    #[serde(default)]
    pub frames: Option<usize>,
    /// How the loss is computed.
    #[serde(default)]
    pub objective: Objective,
    /// In the phase of clips: the learning rate of previously trained tensors, relative to the full rate.
    #[serde(default = "default_spatial_rate")]
    pub spatial_rate: f32,
    /// Tensors whose key has one of these prefixes are not trained, for example `pose_modulation.`.
    #[serde(default)]
    pub frozen: Vec<String>,
    /// Number of denoising steps for the sample sheet.
    #[serde(default = "default_sample_steps")]
    pub sample_steps: usize,
    /// Guidance for the sample sheet.
    #[serde(default = "default_guidance")]
    pub guidance: f32,
}

fn default_spatial_rate() -> f32 {
    0.3
}

fn default_sample_steps() -> usize {
    12
}

fn default_guidance() -> f32 {
    1.5
}

/// How the loss is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// Timestep bias: 0 = every timestep is equally likely; 1 = proportional to the timestep.
    #[serde(alias = "lean")]
    pub timestep_bias: f64,
    /// Weight of the loss inside the loss mask; it is 1 elsewhere.
    #[serde(alias = "focus_weight")]
    pub loss_mask_weight: f64,
    /// Weight of the error's means over blocks of 2x2 and 4x4 cells, times the block's size. Latents consist mostly of
    /// fine detail that cannot be predicted. The colours of whole body parts are only a small share of the latents'
    /// variance, and this setting increases their weight.
    pub low_frequencies: f64,
    /// Cap of the signal-to-noise weight (min-SNR); none gives all timesteps the same weight, 1 weights the error of
    /// the clean latent.
    pub min_snr: Option<f32>,
    /// Standard deviation of a random offset for each channel and clip, which is added to the noise.
    pub noise_offset: f64,
    /// Share of steps without a reference.
    pub drop_reference: f64,
    /// Share of steps without objects, among steps whose clips have objects.
    pub drop_objects: f64,
    /// Share of steps in which the first frame of each clip is given unmasked.
    pub temporal_reference: f64,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            timestep_bias: 0.5,
            loss_mask_weight: 3.0,
            low_frequencies: 0.5,
            min_snr: Some(5.0),
            noise_offset: 0.0,
            drop_reference: 0.1,
            drop_objects: 0.25,
            temporal_reference: 0.5,
        }
    }
}

impl DenoiserTraining {
    fn frames_of(&self, stage: Stage) -> usize {
        self.frames.unwrap_or(match stage {
            Stage::Frames => 1,
            Stage::Clips => 8,
        })
    }
}

struct Denoising<'a, B: AutodiffBackend + ModelBackend> {
    config: &'a DenoiserTraining,
    stage: Stage,
    schedule: Ddim,
    clips: Vec<EncodedClip>,
    live: Option<LiveClips<B>>,
    held_out: Vec<EncodedClip>,
    device: B::Device,
}

impl<B: AutodiffBackend + ModelBackend> Denoising<'_, B> {
    fn frames(&self) -> usize {
        self.config.frames_of(self.stage)
    }

    /// Draws the excerpts of a step. Steps with objects use only clips that have some.
    fn draw<'c>(&self, clips: &'c [EncodedClip], count: usize, random: &mut ChaCha8Rng) -> (Vec<Excerpt<'c>>, bool) {
        let objects: Vec<&EncodedClip> = clips.iter().filter(|clip| clip.objects.is_some()).collect();
        let share = objects.len() as f64 / clips.len() as f64;
        let with_objects = random.random_bool(share * (1.0 - self.config.objective.drop_objects));
        let excerpts = (0..count).map(|_| {
            let clip = match with_objects {
                true => objects[random.random_range(0..objects.len())],
                false => &clips[random.random_range(0..clips.len())],
            };
            let first = random.random_range(0..=clip.shape[0] - self.frames());
            Excerpt { clip, first, reference: random.random_range(0..clip.reference_count()) }
        });
        (excerpts.collect(), with_objects)
    }

    fn timestep(&self, random: &mut ChaCha8Rng) -> i64 {
        let steps = self.schedule.config().num_train_timesteps as f64;
        let place = random.random_range(0.0..1.0_f64).powf(1.0 / (1.0 + self.config.objective.timestep_bias));
        ((place * steps) as i64).min(steps as i64 - 1)
    }

    fn noise(&self, [b, c, n, h, w]: [usize; 5], random: &mut ChaCha8Rng) -> Tensor<B, 5> {
        let tensor =
            |values, shape: [usize; 5]| Tensor::from_data(TensorData::new(values, shape), (&self.device, DType::F32));
        let noise: Tensor<B, 5> = tensor(normal_values(b * c * n * h * w, random), [b, c, n, h, w]);
        let offset: Tensor<B, 5> = tensor(normal_values(b * c, random), [b, c, 1, 1, 1]);
        noise + offset * self.config.objective.noise_offset
    }

    /// Means of the squared error: with all weights, and with only those of the timesteps.
    fn errors(
        &self,
        networks: &Networks<B>,
        batch: &Batch<B>,
        timesteps: &[i64],
        with_reference: bool,
        random: &mut ChaCha8Rng,
    ) -> (Tensor<B, 1>, Tensor<B, 1>) {
        let objective = &self.config.objective;
        let noise = self.noise(batch.target.dims(), random);
        let noisy = self.schedule.add_noise(batch.target.clone(), noise.clone(), timesteps);
        let velocity = self.schedule.velocity(batch.target.clone(), noise, timesteps);
        let rows = timesteps.len();
        let column = |of: &dyn Fn(i64) -> f32| -> Tensor<B, 1> {
            let values: Vec<f32> = timesteps.iter().map(|t| of(*t)).collect();
            Tensor::from_data(TensorData::new(values, [rows]), (&self.device, DType::F32))
        };
        let features = networks.clip_features(&batch.conditions);
        let reference = with_reference.then(|| networks.reference_features(batch.reference.clone(), None));
        let output = networks.predict(noisy, column(&|t| t as f32), &features, reference.as_ref().map(Into::into));
        let error = output - velocity;
        let by_time = column(&|t| objective.min_snr.map_or(1.0, |gamma| self.schedule.min_snr_weight(t, gamma)));
        let by_place = batch.loss_mask.clone() * (objective.loss_mask_weight - 1.0) + 1.0;
        let error = error * by_time.reshape([rows, 1, 1, 1, 1]).sqrt();
        let weighted = error.clone() * (by_place.clone() / by_place.mean().reshape([1, 1, 1, 1, 1])).sqrt();
        let mut total = weighted.clone().square().mean();
        let [.., h, w] = weighted.dims();
        for side in [2, 4] {
            if objective.low_frequencies > 0.0 && h % side == 0 && w % side == 0 {
                let coarse = block_means(frames_from_video(weighted.clone()), side).square().mean();
                total = total + coarse * (objective.low_frequencies * (side * side) as f64);
            }
        }
        (total, error.square().mean())
    }
}

impl<B: AutodiffBackend + ModelBackend> Task<B> for Denoising<'_, B> {
    type Networks = Networks<B>;

    fn loss(&mut self, networks: &Networks<B>, step: u64, random: &mut ChaCha8Rng) -> Result<Loss<B>> {
        if let Some(live) = &mut self.live {
            live.advance(step, &mut self.clips)?;
        }
        let (excerpts, with_objects) = self.draw(&self.clips, self.config.batch, random);
        let mut batch = Batch::gather(&excerpts, self.frames(), with_objects, &self.device);
        if self.stage == Stage::Clips && random.random_bool(self.config.objective.temporal_reference) {
            batch.conditions = with_first_frame(batch.conditions, &batch.target);
        }
        let timesteps: Vec<i64> = (0..excerpts.len()).map(|_| self.timestep(random)).collect();
        let with_reference = !random.random_bool(self.config.objective.drop_reference);
        let (total, plain) = self.errors(networks, &batch, &timesteps, with_reference, random);
        Ok(Loss { total, parts: vec![("error", plain)] })
    }

    fn evaluate(&self, networks: &Networks<B>, step: u64, folder: &Path) -> Result<BTreeMap<String, f64>> {
        let mut measures = BTreeMap::new();
        for (name, clips) in [("held_out", &self.held_out), ("trained", &self.clips)] {
            // The same excerpts, noise and timesteps every time.
            let mut random = random_of_step(self.config.settings.seed, HELD_OUT_STEP);
            let mut sum = 0.0;
            let rounds = 8;
            for _ in 0..rounds {
                let (excerpts, with_objects) = self.draw(clips, self.config.batch, &mut random);
                let batch = Batch::gather(&excerpts, self.frames(), with_objects, &self.device);
                let timesteps: Vec<i64> = (0..excerpts.len()).map(|_| self.timestep(&mut random)).collect();
                let (_, plain) = self.errors(networks, &batch, &timesteps, true, &mut random);
                sum +=
                    f64::from(plain.inner().into_data().convert::<f32>().into_vec::<f32>().map_or(f32::NAN, |v| v[0]));
            }
            measures.insert(format!("error_{name}"), sum / rounds as f64);
        }
        let (sheet, quality) = self.samples(networks, step)?;
        save_picture(&folder.join(format!("step-{step:08}.png")), &sheet)?;
        measures.extend(quality);
        let bytes = networks.to_bytes(StoredPrecision::F32, BTreeMap::new())?;
        media::file::write_atomic(&self.config.settings.run.join(WEIGHTS_FILE), &bytes)?;
        Ok(measures)
    }
}

impl<B: AutodiffBackend + ModelBackend> Denoising<'_, B> {
    /// Samples of held-out clips: reference, skeleton, environment, result, truth.
    fn samples(&self, networks: &Networks<B>, step: u64) -> Result<(media::picture::Picture, BTreeMap<String, f64>)> {
        let side = self.held_out[0].map[0];
        let frames = self.frames();
        let mut sheet =
            Sheet::new(8.min(self.held_out.len()), side, side).titled(format!("held-out samples, step {step}"));
        let settings = SamplingSettings {
            steps: self.config.sample_steps,
            guidance: self.config.guidance,
            schedule: self.schedule.config().clone(),
            windows: None,
        };
        let mut columns: [Vec<_>; 5] = Default::default();
        let mut quality = 0.0;
        for (index, clip) in self.held_out.iter().take(8).enumerate() {
            let with_objects = clip.objects.is_some();
            let excerpt = Excerpt { clip, first: 0, reference: 0 };
            let batch = Batch::gather(&[excerpt], frames, with_objects, &self.device);
            let noise = starting_noise(networks, self.config.settings.seed, index, batch.target.dims(), &self.device);
            let reference = networks.reference_state(batch.reference.clone(), None);
            let go_on = |_, _| ControlFlow::Continue(());
            let made = generate_clip(networks, &batch.conditions, &reference, &settings, noise, go_on);
            let latents = made.unwrap_or_else(|_| batch.target.zeros_like());
            let last = |video: Tensor<B, 5>| {
                let picture = networks.autoencoder.decode(frames_from_video(video.narrow(2, frames - 1, 1)));
                pictures_from_tensor(picture).swap_remove(0)
            };
            let map = batch.conditions.skeleton.narrow(2, frames - 1, 1) * 2.0 - 1.0;
            let result = last(latents);
            let truth = last(batch.target);
            quality += psnr(&result, &truth);
            columns[0].extend(pictures_from_tensor(networks.autoencoder.decode(batch.reference)));
            columns[1].extend(pictures_from_tensor(frames_from_video(map)));
            columns[2].extend(batch.conditions.environment.map(last));
            columns[3].push(result);
            columns[4].push(truth);
        }
        let count = columns[3].len();
        for (label, pictures) in ["reference", "skeleton", "environment", "result", "truth"].into_iter().zip(columns) {
            pictures.iter().for_each(|picture| sheet.push(picture, label));
            sheet.end_row();
        }
        Ok((sheet.render(), BTreeMap::from([("psnr_of_samples".into(), quality / count as f64)])))
    }
}

/// The temporal reference, as in training: the first frame is known.
fn with_first_frame<B: ModelBackend>(conditions: ClipConditions<B>, target: &Tensor<B, 5>) -> ClipConditions<B> {
    let [b, c, _, h, w] = target.dims();
    conditions.with_temporal_reference(target.clone().narrow(2, 0, 1).reshape([b, c, h, w]))
}

/// The configuration of the networks in a phase.
fn networks_config(preset: Preset, stage: Stage) -> NetworksConfig {
    let mut config = preset.config();
    if stage == Stage::Frames {
        config.unet.motion = None;
    }
    config
}

/// The learning rate factor of a tensor.
fn rate_of(name: &str, stage: Stage, started: bool, spatial_rate: f32) -> f32 {
    let temporal = name.contains("motion_modules") || name.contains("conv_time");
    match stage {
        _ if name.starts_with("autoencoder.") => 0.0,
        Stage::Frames if temporal => 0.0,
        Stage::Clips if !temporal && started => spatial_rate,
        Stage::Frames | Stage::Clips => 1.0,
    }
}

/// Trains the networks. The file [`WEIGHTS_FILE`] is updated at each checkpoint.
///
/// # Errors
/// The errors of [`train`], of the data, and of the weights to start from.
pub fn run<B: AutodiffBackend + ModelBackend>(
    config: &DenoiserTraining,
    stage: Stage,
    device: &B::Device,
    progress: &mut Progress<'_>,
) -> Result<Outcome> {
    let frames = config.frames_of(stage);
    for (setting, data) in [("data", &config.data), ("held_out", &config.held_out)] {
        if data.frames < frames || data.clips == 0 {
            let found = format!("clips {}, frames {}", data.clips, data.frames);
            return Err(TrainError::Setting {
                setting,
                found,
                expected: "at least one clip with at least `frames` frames",
            });
        }
    }
    if config.batch == 0 || frames == 0 {
        return Err(TrainError::Setting { setting: "batch", found: "0".into(), expected: "at least 1" });
    }
    let sizes = networks_config(config.preset, stage);
    let networks = Networks::<B>::init(&sizes, config.settings.seed, device)
        .map_err(|error| TrainError::Networks(error.into()))?;
    let networks = start(networks, config)?;
    if let Some(fresh) = config.held_out.fresh {
        let found = fresh.to_string();
        return Err(TrainError::Setting {
            setting: "held_out.fresh",
            found,
            expected: "no value, because the clips must stay the same",
        });
    }
    let (clips, live) = match config.data.fresh {
        None => (config.data.load::<B>(&config.autoencoder, device, progress)?, None),
        Some(fresh) => {
            config.data.check()?;
            let encoder = autoencoder::load::<B>(&config.autoencoder, device)?.0.no_grad();
            (vec![], Some(LiveClips::new(&config.data, fresh, config.data.scenery(progress)?, encoder, device)?))
        }
    };
    let held_out = config.held_out.load::<B>(&config.autoencoder, device, progress)?;
    let schedule = Ddim::new(sizes.schedule.clone());
    let mut task = Denoising::<B> { config, stage, schedule, clips, live, held_out, device: device.clone() };
    let started = config.start_from.is_some();
    let rate = |name: &str| match config.frozen.iter().any(|prefix| name.starts_with(prefix)) {
        true => 0.0,
        false => rate_of(name, stage, started, config.spatial_rate),
    };
    train(&mut task, networks, &config.settings, rate, progress)
}

/// Loads the autoencoder's weights, and those of an earlier phase.
fn start<B: AutodiffBackend + ModelBackend>(networks: Networks<B>, config: &DenoiserTraining) -> Result<Networks<B>> {
    let mut parameters = Parameters::of(&networks, |_| 1.0);
    if let Some(path) = &config.start_from {
        parameters.adopt(&Weights::read(&[path])?)?;
    }
    let mut networks = parameters.write(networks, Copy::Trained);
    let weights = Weights::read(&[&config.autoencoder])?;
    networks.autoencoder = match networks.autoencoder {
        model::autoencoder::Autoencoder::Small(network) => {
            model::autoencoder::Autoencoder::Small(weights.load(network, "autoencoder.", Extra::Ignored)?)
        }
        model::autoencoder::Autoencoder::Kl(network) => {
            model::autoencoder::Autoencoder::Kl(weights.load(network, "autoencoder.", Extra::Ignored)?)
        }
    };
    Ok(networks)
}
