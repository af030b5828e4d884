//! Implements `--dry-run`, which reports what the job would do and about how long it would take. With this option, only
//! a short timing test runs.

use std::time::{Duration, Instant};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Distribution, Tensor};
use model::ops::{Convolution, conv2d};

use super::job::Job;
use super::level::LevelPath;
use super::memory;
use super::source::Source;
use crate::events::Events;
use crate::networks::{Cpu, LoadedNetworks};

/// Side and channels of the test convolution, similar to the middle of the networks.
const PLANE: usize = 16;
const CHANNELS: usize = 128;

/// Prints the plan as notes.
pub(super) fn report(job: &Job, source: &Source, loaded: Option<&LoadedNetworks>, events: &Events) {
    let frames = source.expected_frames() as usize;
    events.note(format!("{}: {} -> {}", job.mode.name(), job.video.display(), job.output.display()));
    events.note(format!("video: {}", source.description()));
    let Some(loaded) = loaded else {
        events.note(format!("frames: {frames}, drafted by geometry alone"));
        return;
    };
    let clips = loaded.plan(frames);
    let config = loaded.networks.config();
    let branches = if job.settings.guidance > 1.0 { 2 } else { 1 };
    let path = LevelPath::new(config.unet.block_out_channels.len());
    let mut counter = Counter { path, cells: (config.size / 8).pow(2), operations: 0.0 };
    loaded.networks.denoising_unet.visit(&mut counter);
    let passes = clips.iter().map(|clip| clip.frames.len()).sum::<usize>() * job.settings.steps * branches;
    let seconds = counter.operations * passes as f64 / machine_speed();
    let parameters: usize = loaded.networks.parameter_counts().values().sum();
    events.note(format!("frames: {frames}, clips: {}", clips.len()));
    events.note(format!(
        "networks: preset {:?}, {:.1} M weights, {}x{} pixels, steps {}, guidance {}",
        job.settings.preset,
        parameters as f64 / 1e6,
        config.size,
        config.size,
        job.settings.steps,
        job.settings.guidance
    ));
    events.note(format!("estimated time of the denoising: {seconds:.0} s"));
    let peak = memory::predicted(loaded, &job.settings, frames);
    events.note(format!("estimated peak memory: {:.1} GB", peak as f64 / 1e9));
}

/// Counts the operations of one denoising step on one frame. Every weight of a matrix or convolution is used once for
/// each latent cell of its level. The matmuls of attention itself are left out, because they are a small part at these
/// sizes.
struct Counter {
    path: LevelPath,
    cells: usize,
    operations: f64,
}

impl ModuleVisitor<Cpu> for Counter {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Cpu, D>>) {
        let is_time = self.path.contains("time_emb");
        if D >= 2 && !is_time {
            let cells = self.cells as f64 / 4_f64.powi(self.path.level() as i32);
            self.operations += 2.0 * param.lazy_shape().num_elements() as f64 * cells;
        }
    }
}

/// Speed of a typical convolution of the networks on this machine, in floating point operations a second.
fn machine_speed() -> f64 {
    let device = Default::default();
    let random = |shape: [usize; 4]| Tensor::<Cpu, 4>::random(shape, Distribution::Default, &device);
    let (x, weight) = (random([16, CHANNELS, PLANE, PLANE]), random([CHANNELS, CHANNELS, 3, 3]));
    let operations = 2.0 * 16.0 * (PLANE * PLANE * CHANNELS * CHANNELS * 9) as f64;
    let (start, mut runs) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(200) {
        drop(conv2d(x.clone(), weight.clone(), Convolution::same(3, 1, None)).into_data());
        runs += 1;
    }
    operations * f64::from(runs) / start.elapsed().as_secs_f64()
}
