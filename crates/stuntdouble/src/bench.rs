//! Measures how fast this machine runs the networks: the peak speed of the machine, each kernel at the sizes of a
//! preset, and each phase of a clip, all in one run.
//!
//! The weights are those of the preset if it has weights, otherwise random; the times do not depend on the weights. The
//! number of operations is that of the direct algorithm, two per multiply-add, so kernels that need fewer operations
//! can exceed the peak.

mod kernel_times;
mod stage_times;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Distribution, Tensor};
use kernels::{Cpu as Processor, peak_loop};
use model::networks::{Networks, NetworksError};
use model::preset::{NetworksConfig, Preset};
use model::unet::cache::CacheOptions;
use model::weights::Fingerprint;
use model::weights::pack_folder::PackFolder;
use serde::Serialize;

use crate::error::Error;
use crate::events::Events;
use crate::networks::{Cpu, LoadedNetworks, tell_trouble};
use crate::settings::{ComputePrecision, Settings, invalid};

/// Settings of a measurement.
#[derive(Debug, Clone)]
pub struct BenchJob {
    /// Networks, precision, weights, size.
    pub settings: Settings,
    /// Number of frames in a clip; none uses the preset's.
    pub frames: Option<usize>,
    /// Number of timed runs, after one warm-up run; the median is reported.
    pub repeat: usize,
    /// The caches that are enabled.
    pub cache_options: CacheOptions,
    /// Where prepacked weights are cached between runs; none disables the cache.
    pub weight_cache: Option<PathBuf>,
}

/// The results of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Instruction set that the kernels use.
    pub instructions: String,
    /// Number of threads.
    pub threads: usize,
    /// Peak speed of one thread in a loop of multiply-adds, in billions of operations a second: f32, bf16.
    pub peak_gflops: [f64; 2],
    /// Preset and sizes.
    pub work: String,
    /// Time until the weights were verified, in milliseconds.
    pub load_milliseconds: f64,
    /// Kernels at the sizes of the preset.
    pub kernels: Vec<KernelTime>,
    /// Phases of a clip, in the requested precision.
    pub stages: Vec<StageTime>,
}

/// One kernel in both precisions.
#[derive(Debug, Clone, Serialize)]
pub struct KernelTime {
    /// The operation and its sizes.
    pub name: String,
    /// Median for f32 and bf16, in milliseconds.
    pub milliseconds: [f64; 2],
    /// Billions of operations a second; none for kernels that are limited by memory.
    pub gflops: Option<[f64; 2]>,
    /// Percentage of the peak of all threads.
    pub share: Option<[f64; 2]>,
}

/// One phase of a clip.
#[derive(Debug, Clone, Serialize)]
pub struct StageTime {
    /// Name of the phase.
    pub name: &'static str,
    /// Time of the first run, which reads and packs the weights or maps them, in milliseconds.
    pub first_milliseconds: f64,
    /// Median of the other runs, in milliseconds.
    pub milliseconds: f64,
    /// The process's peak memory while it ran, in MiB; none where the system does not report it.
    pub peak_mib: Option<f64>,
}

/// Runs the measurement. Other work on the machine makes the results worse.
///
/// # Errors
/// [`Error::Setting`] for sizes that the networks do not support; the errors of [`LoadedNetworks::load`].
pub fn run(job: &BenchJob, events: &Events) -> Result<Report, Error> {
    let Settings { preset, precision, .. } = job.settings;
    let start = Instant::now();
    let (networks, folder) = match (preset, &job.settings.weights) {
        (Preset::Sd15 | Preset::Moore | Preset::Mimo, None) => {
            events.note(format!("no weights were given for preset `{preset}`, measuring with random weights"));
            let config = preset.config();
            // Random weights have their own names.
            let random = Fingerprint::of_text("random weights of bench");
            let folder = job.weight_cache.as_ref().map(|root| Arc::new(PackFolder::open(root, random)));
            let networks = Networks::draw_to_run(&config, 1, folder.clone(), &Default::default())
                .map_err(NetworksError::from)?
                .with_precision(precision);
            (networks, folder)
        }
        _ => {
            let loaded = LoadedNetworks::load(&job.settings, job.weight_cache.as_deref())?;
            (loaded.networks, loaded.packs)
        }
    };
    let load_milliseconds = start.elapsed().as_secs_f64() * 1e3;
    let networks = networks.with_cache_options(job.cache_options);
    let config = networks.config().clone();
    let (size, frames) =
        (job.settings.size.map_or(config.size, |size| size as usize), job.frames.unwrap_or(config.clip_frames));
    let step = 8 << (config.unet.block_out_channels.len() - 1);
    if size == 0 || !size.is_multiple_of(step) {
        return Err(invalid("`size`", format!("found {size}, expected a multiple of {step}")));
    }
    let most = config.unet.motion.as_ref().map_or(usize::MAX, |motion| motion.max_frames);
    if frames == 0 || frames > most {
        return Err(invalid("`frames`", format!("found {frames}, expected 1 to {most}")));
    }
    let processor = Processor::detect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let peak_gflops = [limit::<f32>(processor), limit::<kernels::bf16>(processor)];
    let measured = Measured { size, frames, repeat: job.repeat, limits: peak_gflops.map(|one| one * threads as f64) };
    events.note("measuring kernels");
    let kernels = kernel_times::measure(&config, &measured);
    events.note("measuring stages");
    let stages = stage_times::measure(networks, &measured);
    tell_trouble(folder.as_deref(), events);
    Ok(Report {
        instructions: format!("{:?}", processor.isa()),
        threads,
        peak_gflops,
        work: work(preset, precision, &config, &measured),
        load_milliseconds,
        kernels,
        stages,
    })
}

fn work(preset: Preset, precision: ComputePrecision, config: &NetworksConfig, measured: &Measured) -> String {
    let Measured { size, frames, repeat, .. } = measured;
    let widths = &config.unet.block_out_channels;
    format!("{preset:?}, widths {widths:?}, {size}x{size} pixels, {frames} frames, {precision:?}, median of {repeat}")
}

/// Sizes and peaks of a run.
struct Measured {
    size: usize,
    frames: usize,
    repeat: usize,
    /// GFLOP/s of all threads, f32 and bf16.
    limits: [f64; 2],
}

impl Measured {
    /// Time of the first run of `work`, and median of the others, in milliseconds.
    fn first_and_median(&self, mut work: impl FnMut()) -> [f64; 2] {
        let mut time = || {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        };
        let first = time();
        let mut times: Vec<f64> = (0..self.repeat.max(1)).map(|_| time()).collect();
        times.sort_by(f64::total_cmp);
        [first, times[times.len() / 2]]
    }
}

/// GFLOP/s of one thread that uses only registers.
fn limit<T: kernels::Element>(processor: Processor) -> f64 {
    let run = || {
        let start = Instant::now();
        let operations = std::hint::black_box(peak_loop::<T>(processor, 1_000_000));
        operations / start.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(|_| run()).fold(0.0, f64::max)
}

/// Numbers from 0 to 1.
fn random<const R: usize>(shape: [usize; R]) -> Tensor<Cpu, R> {
    Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &Default::default())
}
