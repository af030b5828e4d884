//! Measures a training step of the finisher on a device and compares it with the processor:
//! `finishing_speed DEVICE [BATCH] [FRAMES] [SIDE] [STEPS]`.

use std::time::Instant;

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Distribution, Tensor};
use model::ModelBackend;
use model::finisher::{CHANNELS, Finisher, FinisherConfig};
use train::finishing::flat_optimizer::FlatOptimizer;
use train::optimizer::OptimizerConfig;

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
    let device = train::device::of_name(name)?;
    // 1. The same step on both devices, from weights that are not zero anywhere.
    let host = Default::default();
    let network = disturbed(FinisherConfig::default().init::<Trained>(&host));
    let small = Inputs::<Trained>::random(1, 2, 64, &host);
    let (loss, gradient) = step(&network, &small);
    let there = burn::module::Module::to_device(network.clone(), &device);
    let (loss_there, gradient_there) = step(&there, &small.to_device(&device));
    println!("loss {loss:.6} on cpu, {loss_there:.6} on {name}; gradient {gradient:.6}, {gradient_there:.6}");
    // 2. Time.
    let inputs = Inputs::<Trained>::random(batch, frames, side, &device);
    let mut optimizer = FlatOptimizer::new(&there, OptimizerConfig::default());
    let mut network = there;
    for counted in [false, true] {
        let start = Instant::now();
        let count = if counted { steps } else { 3 };
        for _ in 0..count {
            let gradients = inputs.loss(&network).backward();
            let _ = optimizer.step(&network, &gradients, 1e-5);
            network = optimizer.write(network);
        }
        Trained::sync(&device)?;
        let seconds = start.elapsed().as_secs_f64() / count as f64;
        if counted {
            let speed = (batch * frames) as f64 / seconds;
            println!(
                "step of {batch}x{frames} frames of {side}x{side} on {name}: {:.1} ms, {speed:.1} frames/s",
                1e3 * seconds
            );
        }
    }
    let start = Instant::now();
    for _ in 0..steps {
        let _ = inputs.loss(&network);
    }
    Trained::sync(&device)?;
    println!("forward alone: {:.1} ms", 1e3 * start.elapsed().as_secs_f64() / steps as f64);
    Ok(())
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
        network.forward(self.known.clone(), &network.character(std::slice::from_ref(&self.character))).square().mean()
    }
}

/// The loss and the length of its gradient.
fn step<B: AutodiffBackend + ModelBackend>(network: &Finisher<B>, inputs: &Inputs<B>) -> (f32, f32) {
    let loss = inputs.loss(network);
    let gradients = loss.backward();
    let length = FlatOptimizer::new(network, OptimizerConfig::default()).step(network, &gradients, 1e-5);
    let read = |value: burn::tensor::TensorData| value.convert::<f32>().into_vec::<f32>().map_or(f32::NAN, |v| v[0]);
    (read(loss.inner().into_data()), read(length.into_data()))
}

/// The network after one step of the optimiser, so that its last layers are no longer zero.
fn disturbed<B: AutodiffBackend + ModelBackend>(network: Finisher<B>) -> Finisher<B> {
    let mut optimizer = FlatOptimizer::new(&network, OptimizerConfig::default());
    let device = optimizer.weights.device();
    let noise = Tensor::random(optimizer.weights.dims(), Distribution::Uniform(-0.02, 0.02), &device);
    optimizer.weights = optimizer.weights.clone() + noise;
    optimizer.write(network)
}
