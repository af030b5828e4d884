//! Streams clips from the renderer into training. A thread renders clips during the run. New clips are encoded and
//! replace the oldest clips in memory. Nothing is written to disk, and training can proceed without repeating a clip.
//!
//! Step `s` draws from [`DatasetConfig::clips`] consecutive clips that start at number `floor(s * fresh)`. Every clip
//! depends only on the settings and its number. A resumed run therefore renders the same clips as an uninterrupted run.

use std::sync::mpsc::{Receiver, sync_channel};

use model::ModelBackend;
use model::small::autoencoder::SmallAutoencoder;

use crate::data::dataset::{DatasetConfig, Scenery, encode};
use crate::data::records::EncodedClip;
use crate::data::supervision::TrainingExample;
use crate::error::{Result, TrainError};

/// Largest number of rendered training examples that wait.
const AHEAD: usize = 4;

/// A pool of clips that is renewed step by step.
pub(crate) struct LiveClips<B: ModelBackend> {
    config: DatasetConfig,
    fresh: f64,
    network: SmallAutoencoder<B>,
    device: B::Device,
    state: State,
}

enum State {
    /// Nothing was requested yet.
    Ready(Scenery),
    Running {
        /// Number of the oldest clip.
        first: u64,
        examples: Receiver<Result<TrainingExample>>,
    },
    /// Rendering has failed.
    Ended,
}

impl<B: ModelBackend> LiveClips<B> {
    /// The clips of `config`, with `fresh` new ones for each step.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when `fresh` is negative or not a number.
    pub(crate) fn new(
        config: &DatasetConfig,
        fresh: f64,
        scenery: Scenery,
        network: SmallAutoencoder<B>,
        device: &B::Device,
    ) -> Result<Self> {
        if !(fresh.is_finite() && fresh >= 0.0) {
            return Err(TrainError::Setting {
                setting: "fresh",
                found: fresh.to_string(),
                expected: "a number of clips a step",
            });
        }
        Ok(Self { config: config.clone(), fresh, network, device: device.clone(), state: State::Ready(scenery) })
    }

    /// Sets `clips` to those of a step. Steps must not decrease.
    ///
    /// # Errors
    /// The errors of rendering. After an error there are no more clips.
    ///
    /// # Panics
    /// When there were no more clips already.
    pub(crate) fn advance(&mut self, step: u64, clips: &mut Vec<EncodedClip>) -> Result<()> {
        let from = (step as f64 * self.fresh).floor() as u64;
        let (first, examples) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ready(scenery) => (from, rendered(self.config.clone(), scenery, from)),
            State::Running { first, examples } => (first, examples),
            State::Ended => panic!("clips were asked for after an error"),
        };
        // Clips that come and go between two steps are rendered all the same, in order.
        let mut gone = from.saturating_sub(first) as usize;
        loop {
            let old = gone.min(clips.len());
            clips.drain(..old);
            gone -= old;
            if clips.len() as u64 == self.config.clips {
                break;
            }
            let example = examples.recv().unwrap_or_else(|_| panic!("the thread that renders has ended"))?;
            clips.push(encode(&example, &self.network, &self.device));
        }
        self.state = State::Running { first: from.max(first), examples };
        Ok(())
    }
}

/// All training examples from number `first` on, in order, until one fails or nobody needs more.
fn rendered(config: DatasetConfig, scenery: Scenery, first: u64) -> Receiver<Result<TrainingExample>> {
    let (sender, examples) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        for index in first.. {
            let example = config.example(index, &scenery);
            let example = example.map(|(example, _)| example.recoloured(index, index % (config.recoloured + 1)));
            let failed = example.is_err();
            if sender.send(example).is_err() || failed {
                return;
            }
        }
    });
    examples
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use burn::backend::Flex;
    use burn::tensor::backend::Backend;
    use model::small::autoencoder::SmallAutoencoderConfig;

    use super::*;
    use crate::data::supervision::SupervisionConfig;

    #[test]
    fn clips_are_those_of_their_numbers_whatever_step_comes_first() {
        let config = DatasetConfig {
            recoloured: 1,
            side: 48,
            frames: 2,
            mannequins: 1.0,
            supervision: SupervisionConfig { size: 32, references: 1, ..SupervisionConfig::default() },
            ..toml::from_str("split = \"train\"\nclips = 2").unwrap()
        };
        let device = Default::default();
        Flex::seed(&device, 5);
        let network = SmallAutoencoderConfig::tiny().init::<Flex>(&device);
        // Weights are initialised when they are first used, and copies would get different ones.
        model::weights::collect(&network, "");
        let scenery = || config.scenery(&mut |_| ControlFlow::Continue(())).unwrap();
        let expected = |index: u64| {
            let (example, _) = config.example(index, &scenery()).unwrap();
            encode(&example.recoloured(index, index % 2), &network, &device)
        };
        let live = |fresh| LiveClips::<Flex>::new(&config, fresh, scenery(), network.clone(), &device);
        let mut clips = vec![];
        let mut from_the_start = live(0.5).unwrap();
        for (step, first) in [(0, 0), (1, 0), (2, 1), (9, 4)] {
            from_the_start.advance(step, &mut clips).unwrap();
            // Not `assert_eq`, which would print every pixel.
            assert!(clips == [expected(first), expected(first + 1)], "step {step}");
        }
        let mut later = vec![];
        live(0.5).unwrap().advance(9, &mut later).unwrap();
        assert!(later == clips);
        assert!(live(f64::NAN).is_err() && live(-1.0).is_err());
    }
}
