//! Sets up the smallest training with all components: a procedural clip, the tiny preset, and an untrained autoencoder.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use model::preset::Preset;
use model::small::autoencoder::SmallAutoencoderConfig;
use stage::Split;
use stuntdouble_train::data::dataset::DatasetConfig;
use stuntdouble_train::data::supervision::SupervisionConfig;
use stuntdouble_train::denoiser::{DenoiserTraining, Objective};
use stuntdouble_train::optimizer::OptimizerConfig;
use stuntdouble_train::trainer::LoopConfig;
use stuntdouble_train::{Config, Event, Outcome};

/// The training data of the tests.
pub(crate) type Trained = Autodiff<Flex>;

/// A training in `folder` of `steps` steps.
pub(crate) fn denoiser(folder: &Path, run: &str, steps: u64) -> DenoiserTraining {
    let autoencoder = folder.join("autoencoder.safetensors");
    if !autoencoder.exists() {
        let device = Default::default();
        Flex::seed(&device, 7);
        let sizes = SmallAutoencoderConfig::tiny();
        let network = sizes.init::<Flex>(&device);
        // Scales the latents of coloured squares to unit variance, as those of a trained autoencoder have.
        let squares = Tensor::<Flex, 6>::random([16, 3, 4, 1, 4, 1], Distribution::Uniform(-1.0, 1.0), &device);
        let raw = network.encode_raw(squares.expand([16, 3, 4, 8, 4, 8]).reshape([16, 3, 32, 32]));
        let rows = raw.swap_dims(0, 1).reshape([4, 16 * 16]);
        let list = |values: Tensor<Flex, 2>| values.into_data().into_vec::<f32>().unwrap();
        let network = network.with_statistics(&list(rows.clone().mean_dim(1)), &list(rows.var(1).sqrt()));
        stuntdouble_train::autoencoder::save(&network, &sizes, &autoencoder).unwrap();
    }
    let clips = |name: &str, split| DatasetConfig {
        folder: folder.join(name),
        assets: None,
        split,
        clips: 1,
        recoloured: 0,
        fresh: None,
        side: 64,
        frames: 4,
        props: 1.0,
        mannequins: 1.0,
        supervision: SupervisionConfig { size: 32, references: 2, scaled_share: 0.0, ..SupervisionConfig::default() },
        backgrounds: vec![],
    };
    DenoiserTraining {
        settings: LoopConfig {
            run: folder.join(run),
            seed: 3,
            steps,
            minutes: None,
            log_every: 3,
            save_every: steps,
            optimizer: OptimizerConfig {
                rate: 5e-3,
                warm_up: 10,
                final_fraction: 0.1,
                average: 0.95,
                weight_decay: 0.0,
                ..OptimizerConfig::default()
            },
        },
        preset: Preset::Tiny,
        autoencoder,
        start_from: None,
        data: clips("train", Split::Train),
        held_out: clips("val", Split::Val),
        batch: 4,
        frames: Some(4),
        objective: Objective::default(),
        spatial_rate: 0.3,
        frozen: vec![],
        sample_steps: 2,
        guidance: 1.0,
    }
}

/// Runs it and collects the events. Stops after `stop` log lines if given.
pub(crate) fn run(config: &Config, stop: Option<usize>) -> (Outcome, Vec<Event>) {
    let mut events = vec![];
    let mut lines = 0;
    let mut progress = |event: &Event| {
        lines += usize::from(matches!(event, Event::Step { .. }));
        events.push(event.clone());
        if stop.is_some_and(|stop| lines >= stop) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = stuntdouble_train::run::<Trained>(config, &Default::default(), &mut progress).unwrap().unwrap();
    (outcome, events)
}

/// The logged mean errors, by step.
pub(crate) fn errors(events: &[Event]) -> BTreeMap<u64, f64> {
    let line = |event: &Event| match event {
        Event::Step { step, means, .. } => Some((*step, means["error"])),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}
