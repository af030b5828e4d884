//! Measures a training step of the bundled preset after two warm-up steps. Usage: `measure training-step [frames|clips] [BATCH] [FRAMES]
//! [STEPS] [THREADS]`. The weights are random, and the clips are procedural.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::Backend;
use model::preset::Preset;
use model::small::autoencoder::SmallAutoencoderConfig;
use stage::Split;
use train::data::dataset::DatasetConfig;
use train::data::supervision::SupervisionConfig;
use train::denoiser::{DenoiserTraining, Objective};
use train::optimizer::OptimizerConfig;
use train::trainer::LoopConfig;
use train::{Config, Event};

/// Number of warm-up steps.
const FIRST: usize = 2;

#[expect(clippy::print_stdout, reason = "this is the program's output")]
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let number = |place: usize, default: usize| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let clips = arguments.first().is_some_and(|stage| stage == "clips");
    let (batch, frames, steps) = (number(1, 8)?, number(2, 2)?, number(3, 5)?);
    rayon::ThreadPoolBuilder::new().num_threads(number(4, 2)?).build_global()?;
    let folder = tempfile::tempdir()?;
    let training = training(folder.path(), [batch, frames, FIRST + steps])?;
    let config = if clips { Config::Stage2(training) } else { Config::Stage1(training) };
    let (mut last, mut seconds, mut error) = (Instant::now(), vec![], 0.0);
    let mut progress = |event: &Event| {
        if let Event::Step { means, .. } = event {
            seconds.push(last.elapsed().as_secs_f64());
            error = means.get("error").copied().unwrap_or_default();
        }
        last = Instant::now();
        // The last step is followed by an evaluation, which is not part of the measurement.
        if seconds.len() == FIRST + steps { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    train::run::<Autodiff<Flex>>(&config, &Default::default(), &mut progress)?;
    let mut counted = seconds.split_off(FIRST);
    counted.sort_by(f64::total_cmp);
    println!("batch {batch}, {frames} frames: median {:.3} s of {counted:.3?}, error {error:.6}", counted[steps / 2]);
    Ok(())
}

fn training(folder: &Path, [batch, frames, steps]: [usize; 3]) -> train::Result<DenoiserTraining> {
    let autoencoder = folder.join("autoencoder.safetensors");
    let sizes = SmallAutoencoderConfig::default();
    Flex::seed(&Default::default(), 7);
    train::autoencoder::save(&sizes.init::<Flex>(&Default::default()), &sizes, &autoencoder)?;
    let clips = |name: &str, split, clips| DatasetConfig {
        folder: folder.join(name),
        assets: None,
        split,
        clips,
        recoloured: 0,
        fresh: None,
        side: 160,
        frames: frames.max(2),
        props: 1.0,
        mannequins: 1.0,
        supervision: SupervisionConfig::default(),
        backgrounds: vec![],
    };
    Ok(DenoiserTraining {
        settings: LoopConfig {
            run: folder.join("run"),
            seed: 3,
            steps: steps as u64 + 1,
            minutes: None,
            log_every: 1,
            save_every: steps as u64 + 1,
            optimizer: OptimizerConfig::default(),
        },
        preset: Preset::Bundled,
        autoencoder,
        start_from: None,
        data: clips("train", Split::Train, 4),
        held_out: clips("val", Split::Val, 1),
        batch,
        frames: Some(frames),
        objective: Objective { drop_reference: 0.0, drop_objects: 0.0, ..Objective::default() },
        spatial_rate: 0.3,
        frozen: vec![],
        sample_steps: 2,
        guidance: 1.0,
    })
}
