//! Times the parts of a clip: `step bundled|sd15 [--size PIXELS] [--frames N] [--bf16] [--repeat N] [--weights FILE..]`.
//!
//! Weights are random unless given; times do not depend on them. Prints medians in milliseconds and the peak of memory.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::Instant;

use burn::backend::Flex;
use burn::tensor::{Distribution, Tensor};
use model::networks::{ClipConditions, ComputePrecision, Networks};
use model::preset::Preset;
use model::reference_net::ReferenceNet;
use model::unet::UnetConfig;
use model::weights::Weights;

fn random<const R: usize>(shape: [usize; R]) -> Tensor<Flex, R> {
    Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &Default::default())
}

fn median(repeat: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..repeat)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[repeat / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| arguments.iter().position(|argument| argument == name).map(|at| &arguments[at + 1..]);
    let number = |name: &str, default: usize| {
        after(name).and_then(|rest| rest.first()).map_or(default, |text| text.parse().expect("a number"))
    };
    let preset = if arguments.iter().any(|argument| argument == "sd15") { Preset::Sd15 } else { Preset::Bundled };
    let config = preset.config();
    let (size, frames) = (number("--size", config.size), number("--frames", config.clip_frames));
    let repeat = number("--repeat", 5);
    let device = Default::default();
    let mut networks = match after("--weights") {
        Some(files) => {
            let files: Vec<_> = files.iter().take_while(|file| !file.starts_with("--")).collect();
            Networks::<Flex>::load(&Weights::read(&files).expect("weights"), &device).expect("networks")
        }
        None => Networks::<Flex>::init(&config, 1, &device).expect("a preset"),
    };
    let precision = if after("--bf16").is_some() { ComputePrecision::Bf16 } else { ComputePrecision::F32 };
    networks = networks.with_precision(precision);

    let (cells, c) = (size / 8, config.autoencoder.latent_channels());
    let conditions = ClipConditions {
        environment: random([1, c, frames, cells, cells]),
        skeleton: random([1, 3, frames, size, size]),
        depth: random([1, 1, frames, size, size]),
        objects: Some(random([1, c, frames, cells, cells])),
    };
    let embedding =
        config.image_encoder.as_ref().map(|_| random([1, 1, config.unet.cross_attention_width.unwrap_or(1)]));
    let reference = networks.reference_state(random([1, c, cells, cells]), embedding.clone());
    println!(
        "{size} pixels, {frames} frames, {precision:?}, {} threads",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let picture = random([1, c, cells, cells]);
    let time = median(repeat, || drop(networks.reference_state(picture.clone(), embedding.clone())));
    println!("reference {time:.1} ms, {}", peak());
    // As large as the denoiser, and done with.
    networks.reference_unet = ReferenceNet::init(&UnetConfig::tiny(), &device);
    let features = networks.clip_features(&conditions);
    let (latent, timestep) = (random([1, c, frames, cells, cells]), Tensor::from_floats([500.0], &device));

    let step = median(repeat, || {
        drop(networks.predict_both(latent.clone(), timestep.clone(), &features, (&reference).into()));
    });
    println!("guided step {step:.1} ms, {}", peak());
    println!("clip features {:.1} ms", median(repeat, || drop(networks.clip_features(&conditions))));
    println!("decode a frame {:.1} ms", median(repeat, || drop(networks.autoencoder.decode(picture.clone()))));
    println!("{}", peak());
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory: not known here").to_string()
}
