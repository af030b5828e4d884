//! Measures a training step of the finisher on a device and compares it with the CPU, in f32 and, with libtorch, in
//! bf16. Usage: `finishing_speed DEVICE [BATCH] [FRAMES] [SIDE] [STEPS]`.

use std::time::Instant;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Distribution, Tensor};
use model::ModelBackend;
use model::finisher::{CHANNELS, Finisher, FinisherConfig};
use model::video::frames_from_video;
use stuntdouble_train::finishing::flat_optimizer::FlatOptimizer;
use stuntdouble_train::optimizer::OptimizerConfig;

#[cfg(feature = "libtorch")]
type Inner = burn::backend::LibTorch;
#[cfg(not(feature = "libtorch"))]
type Inner = burn::backend::Flex;
type Trained = burn::backend::Autodiff<Inner>;

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let name = arguments.first().map_or("cpu", String::as_str);
    let (batch, frames, side, steps) = (number(1, 4)?, number(2, 8)?, number(3, 256)?, number(4, 20)?);
    let device = stuntdouble_train::device::of_name(name)?;
    // 1. The same step on both devices, from weights that are nowhere zero.
    let host = Default::default();
    let network = disturbed(FinisherConfig::default().init::<Trained>(&host));
    let small = Inputs::<Trained>::random(1, 2, 64, &host);
    let (loss, gradient) = step(&network, &small);
    let there = burn::module::Module::fork(network.clone(), &device);
    let (loss_there, gradient_there) = step(&there, &small.to_device(&device));
    println!("loss {loss:.6} on cpu, {loss_there:.6} on {name}; gradient {gradient:.6}, {gradient_there:.6}");
    // 2. Measure the time.
    Trained::measure_kernels();
    let inputs = Inputs::<Trained>::random(batch, frames, side, &device);
    for is_half in [false, true] {
        if is_half && !cfg!(feature = "libtorch") {
            continue;
        }
        let mut optimizer = FlatOptimizer::new(&there, OptimizerConfig::default());
        let mut network = there.clone();
        let mut seconds = 0.0;
        let mut last = (0.0, 0.0);
        for count in [3, steps] {
            let start = Instant::now();
            for index in 0..count {
                let loss = inputs.loss(&calculated(&network, is_half));
                let gradients = loss.backward();
                let loss = loss.inner();
                let length = optimizer.step(&network, &gradients, &loss, 1e-5).length;
                network = optimizer.write(network);
                if index == 0 && count == 3 {
                    last = (scalar(loss), scalar(length));
                }
            }
            Trained::sync(&device)?;
            seconds = start.elapsed().as_secs_f64() / count as f64;
        }
        let (name, speed) = (if is_half { "bf16" } else { "f32" }, (batch * frames) as f64 / seconds);
        let milliseconds = 1e3 * seconds;
        println!(
            "{name}: {batch}x{frames} frames of {side}x{side}: {milliseconds:.1} ms a step, {speed:.1} frames/s; first loss {:.5}, gradient {:.4}",
            last.0, last.1
        );
    }
    Ok(())
}

/// The network as a step uses it.
fn calculated<B: AutodiffBackend + ModelBackend>(network: &Finisher<B>, is_half: bool) -> Finisher<B> {
    if is_half {
        burn::module::Module::map(network.clone(), &mut stuntdouble_train::finishing::Halved)
    } else {
        network.clone()
    }
}

fn scalar<B: Backend>(value: Tensor<B, 1>) -> f32 {
    value.into_data().convert::<f32>().into_vec::<f32>().map_or(f32::NAN, |v| v[0])
}

struct Inputs<B: ModelBackend> {
    known: Tensor<B, 5>,
    character: Tensor<B, 4>,
}

impl<B: AutodiffBackend + ModelBackend> Inputs<B> {
    fn random(batch: usize, frames: usize, side: usize, device: &B::Device) -> Self {
        let values = Distribution::Uniform(0.0, 1.0);
        Self {
            known: Tensor::random([batch, CHANNELS.count, frames, side, side], values, device),
            character: Tensor::random([batch, 7, side, side], values, device),
        }
    }

    fn to_device(&self, device: &B::Device) -> Self {
        Self { known: self.known.clone().to_device(device), character: self.character.clone().to_device(device) }
    }

    fn loss(&self, network: &Finisher<B>) -> Tensor<B, 1> {
        let character = network.character(std::slice::from_ref(&self.character));
        let retouch = network.forward(self.known.clone(), &character);
        retouch.apply(&frames_from_video(self.known.clone())).picture.square().mean()
    }
}

/// The loss, and the norm of its gradient.
fn step<B: AutodiffBackend + ModelBackend>(network: &Finisher<B>, inputs: &Inputs<B>) -> (f32, f32) {
    let loss = inputs.loss(network);
    let gradients = loss.backward();
    let loss = loss.inner();
    let mut optimizer = FlatOptimizer::new(network, OptimizerConfig::default());
    let length = optimizer.step(network, &gradients, &loss, 1e-5).length;
    (scalar(loss), scalar(length))
}

/// The network after one optimiser step, so that its last layers are no longer zero.
fn disturbed<B: AutodiffBackend + ModelBackend>(network: Finisher<B>) -> Finisher<B> {
    let mut optimizer = FlatOptimizer::new(&network, OptimizerConfig::default());
    let device = optimizer.weights.device();
    let noise = Tensor::random(optimizer.weights.dims(), Distribution::Uniform(-0.02, 0.02), &device);
    optimizer.weights = optimizer.weights.clone() + noise;
    optimizer.write(network)
}
