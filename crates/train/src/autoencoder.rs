//! Trains the small autoencoder to reconstruct random crops.
//!
//! The loss is the mean absolute difference of the cells, plus, to preserve edges, the mean absolute difference of the
//! horizontal and vertical gradients at three scales (1, 2, 4). The decoder receives latents with a little noise, in
//! proportion to each channel's standard deviation, so that it tolerates the small errors of a denoiser.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Tensor, TensorData, backend::AutodiffBackend};
use media::image_file::save_picture;
use media::picture::Picture;
use media::sheet::Sheet;
use model::ModelBackend;
use model::small::autoencoder::{SmallAutoencoder, SmallAutoencoderConfig};
use model::weights::{Extra, StoredPrecision, Weights, collect, to_bytes};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::checkpoint::json;
use crate::data::block_means::block_means;
use crate::data::crops::{PictureFolder, middle_crop, random_crops};
use crate::error::{Result, TrainError};
use crate::normal::normal_values;
use crate::picture_tensor::{pictures_from_tensor, psnr, tensor_from_pictures};
use crate::trainer::{Event, LoopConfig, Loss, Outcome, Progress, Task, random_of_step, train};

/// File in the run folder with the averaged weights and the latents' statistics.
pub const WEIGHTS_FILE: &str = "autoencoder.safetensors";
/// Header key with a weight file's configuration.
pub const CONFIG_KEY: &str = "stuntdouble.config";
const PREFIX: &str = "autoencoder.";
/// The random stream for the statistics, separate from every step's.
const STATISTICS_STEP: u64 = u64::MAX - 1;

/// Settings for training the autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderTraining {
    /// Run folder, seed, steps, optimiser.
    #[serde(rename = "loop")]
    pub settings: LoopConfig,
    /// The network.
    #[serde(default)]
    pub network: SmallAutoencoderConfig,
    /// Side of a crop in pixels.
    pub size: usize,
    /// Number of crops in a step.
    pub batch: usize,
    /// Weight of the terms for differences between neighbouring cells.
    #[serde(default = "default_edges")]
    pub edges: f64,
    /// Noise on the latents, in standard deviations of each channel.
    #[serde(default = "default_noise")]
    pub noise: f64,
    /// Training pictures.
    pub data: Vec<PictureFolder>,
    /// Evaluation pictures; each folder is evaluated separately.
    pub held_out: BTreeMap<String, PictureFolder>,
}

fn default_edges() -> f64 {
    1.0
}

fn default_noise() -> f64 {
    0.05
}

struct Reconstruction<'a, B: AutodiffBackend> {
    config: &'a AutoencoderTraining,
    pictures: Vec<Picture>,
    chances: Vec<f64>,
    held_out: BTreeMap<String, Vec<Picture>>,
    device: B::Device,
}

impl<B: AutodiffBackend + ModelBackend> Task<B> for Reconstruction<'_, B> {
    type Networks = SmallAutoencoder<B>;

    fn loss(&mut self, network: &SmallAutoencoder<B>, _step: u64, random: &mut ChaCha8Rng) -> Result<Loss<B>> {
        let crops = random_crops(&self.pictures, &self.chances, self.config.batch, self.config.size, random);
        let pictures = tensor_from_pictures::<B>(&crops, &self.device);
        let raw = network.encode_raw(pictures.clone());
        let [m, c, h, w] = raw.dims();
        let noise = TensorData::new(normal_values(m * c * h * w, random), [m, c, h, w]);
        let spread = spread(raw.clone().detach()).1 * self.config.noise;
        let noisy = raw + Tensor::from_data(noise, (&self.device, DType::F32)) * spread.reshape([1, c, 1, 1]);
        let result = network.decode_raw(noisy);
        let difference = result - pictures;
        let values = difference.clone().abs().mean();
        let edges = edges(difference);
        Ok(Loss {
            total: values.clone() + edges.clone() * self.config.edges,
            parts: vec![("values", values), ("edges", edges)],
        })
    }

    fn evaluate(&self, network: &SmallAutoencoder<B>, step: u64, folder: &Path) -> Result<BTreeMap<String, f64>> {
        let mut sheet = Sheet::new(8, self.config.size, self.config.size).titled(format!("autoencoder, step {step}"));
        let mut measures = BTreeMap::new();
        for (name, pictures) in &self.held_out {
            let mut sum = 0.0;
            for (part, group) in pictures.chunks(16).enumerate() {
                let latents = network.encode(tensor_from_pictures::<B>(group, &self.device));
                let results = pictures_from_tensor(network.decode(latents));
                sum += group.iter().zip(&results).map(|(one, other)| psnr(one, other)).sum::<f64>();
                if part == 0 {
                    group.iter().take(8).for_each(|picture| sheet.push(picture, name.as_str()));
                    sheet.end_row();
                    results.iter().take(8).for_each(|picture| sheet.push(picture, "result"));
                    sheet.end_row();
                }
            }
            measures.insert(format!("psnr_{name}"), sum / pictures.len() as f64);
        }
        save_picture(&folder.join(format!("step-{step:08}.png")), &sheet.render())?;
        let (mean, deviation) = self.statistics(network);
        let network = network.clone().with_statistics(&mean, &deviation);
        save(&network, &self.config.network, &self.config.settings.run.join(WEIGHTS_FILE))?;
        Ok(measures)
    }
}

impl<B: AutodiffBackend + ModelBackend> Reconstruction<'_, B> {
    /// Mean and standard deviation of each raw latent channel over 256 training crops.
    fn statistics(&self, network: &SmallAutoencoder<B>) -> (Vec<f32>, Vec<f32>) {
        let mut random = random_of_step(self.config.settings.seed, STATISTICS_STEP);
        let groups = (0..16).map(|_| {
            let crops = random_crops(&self.pictures, &self.chances, 16, self.config.size, &mut random);
            network.encode_raw(tensor_from_pictures::<B>(&crops, &self.device)).inner()
        });
        let (mean, deviation) = spread(Tensor::cat(groups.collect(), 0));
        let list = |values: Tensor<B::InnerBackend, 1>| values.into_data().into_vec::<f32>().unwrap_or_default();
        (list(mean), list(deviation))
    }
}

/// Mean and standard deviation of each channel of `[M, C, h, w]`.
fn spread<B: burn::tensor::backend::Backend>(raw: Tensor<B, 4>) -> (Tensor<B, 1>, Tensor<B, 1>) {
    let [m, c, h, w] = raw.dims();
    let rows = raw.swap_dims(0, 1).reshape([c, m * h * w]);
    let mean = rows.clone().mean_dim(1);
    let variance = (rows - mean.clone()).square().mean_dim(1);
    (mean.reshape([c]), (variance + 1e-8).sqrt().reshape([c]))
}

/// Mean absolute difference of neighbours, over three scales.
fn edges<B: AutodiffBackend + ModelBackend>(mut difference: Tensor<B, 4>) -> Tensor<B, 1> {
    let mut sum = Tensor::zeros([1], &difference.device());
    for scale in 0..3 {
        let [_, _, height, width] = difference.dims();
        let right = difference.clone().narrow(3, 1, width - 1) - difference.clone().narrow(3, 0, width - 1);
        let below = difference.clone().narrow(2, 1, height - 1) - difference.clone().narrow(2, 0, height - 1);
        sum = sum + (right.abs().mean() + below.abs().mean()) * 0.5;
        if scale < 2 {
            difference = block_means(difference, 2);
        }
    }
    sum
}

/// Writes the autoencoder, with its configuration in the header.
///
/// # Errors
/// [`TrainError::Weights`], [`TrainError::Media`].
pub fn save<B: ModelBackend>(
    network: &SmallAutoencoder<B>,
    config: &SmallAutoencoderConfig,
    path: &Path,
) -> Result<()> {
    let header = BTreeMap::from([(CONFIG_KEY.to_string(), json(config, path)?)]);
    let bytes = to_bytes(&collect(network, PREFIX), StoredPrecision::F32, header)?;
    Ok(media::file::write_atomic(path, &bytes)?)
}

/// Reads a file from [`save`], with the network's configuration.
///
/// # Errors
/// [`TrainError::Weights`], [`TrainError::Damaged`].
pub fn load<B: ModelBackend>(path: &Path, device: &B::Device) -> Result<(SmallAutoencoder<B>, SmallAutoencoderConfig)> {
    let weights = Weights::read(&[path])?;
    let damaged = |reason: String| TrainError::Damaged { path: PathBuf::from(path), reason };
    let text = weights.metadata(CONFIG_KEY).ok_or_else(|| damaged(format!("its header has no `{CONFIG_KEY}`")))?;
    let config: SmallAutoencoderConfig = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    Ok((weights.load(config.init::<B>(device), PREFIX, Extra::Refused)?, config))
}

/// Trains the autoencoder. Its file [`WEIGHTS_FILE`] is updated at each checkpoint.
///
/// # Errors
/// The errors of [`train`] and of reading the pictures.
pub fn run<B: AutodiffBackend + ModelBackend>(
    config: &AutoencoderTraining,
    device: &B::Device,
    progress: &mut Progress<'_>,
) -> Result<Outcome> {
    let (mut pictures, mut chances) = (vec![], vec![]);
    for (index, folder) in config.data.iter().enumerate() {
        let found = folder.load()?;
        chances.extend(std::iter::repeat_n(folder.weight / found.len() as f64, found.len()));
        pictures.extend(found);
        let _ = progress(&Event::Prepared { done: index + 1, of: config.data.len() });
    }
    if pictures.is_empty() {
        return Err(TrainError::Setting { setting: "data", found: "empty".into(), expected: "at least one folder" });
    }
    let mut held_out = BTreeMap::new();
    for (name, folder) in &config.held_out {
        let crops = folder.load()?.iter().map(|picture| middle_crop(picture, config.size)).collect();
        held_out.insert(name.clone(), crops);
    }
    let mut task = Reconstruction::<B> { config, pictures, chances, held_out, device: device.clone() };
    B::seed(device, config.settings.seed);
    let network = config.network.init::<B>(device);
    // The statistics are measured, not trained.
    let rate = |name: &str| if name.starts_with("latent_") { 0.0 } else { 1.0 };
    train(&mut task, network, &config.settings, rate, progress)
}
