//! A whole training of a tiny finisher on the built-in cast.

use std::ops::ControlFlow;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use train::{Config, Event};

type Trained = Autodiff<Flex>;

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/train/finisher-tiny.toml");

/// Trains 4 steps of 32x32 pixels, or goes on; stops after `last`.
fn run(folder: &Path, last: u64, changes: &[&str]) -> train::Result<Vec<Event>> {
    let place = format!("run={}", folder.display());
    let small = [place.as_str(), "steps=4", "log_every=1", "save_every=100", "held_out=1", "network.size=32"];
    let frames = ["samples.size=32", "samples.side=64", "samples.frames=2", "feed.fresh=0.5", "feed.pool=3"];
    let changes: Vec<String> = small.iter().chain(&frames).chain(changes).map(|change| (*change).to_owned()).collect();
    let config = Config::read_changed(Path::new(TINY), &changes)?;
    let mut events = vec![];
    let mut progress = |event: &Event| {
        events.push(event.clone());
        match event {
            Event::Step { step, .. } if *step == last => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    train::run::<Trained>(&config, &Default::default(), &mut progress)?;
    Ok(events)
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit_and_refuses_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parted) = (folder.path().join("whole"), folder.path().join("parted"));
    let events = run(&whole, 4, &[]).unwrap();
    let Some(Event::Evaluated { measures, .. }) = events.last() else { panic!("{events:?}") };
    assert!(measures["draft_colour"] > 0.0 && measures["finished_colour"].is_finite(), "{measures:?}");
    for last in 1..=4 {
        run(&parted, last, &[]).unwrap();
    }
    let weights = |folder: &Path| std::fs::read(folder.join("weights.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parted), "weights of a run in one piece and in four");
    let other = run(&parted, 4, &["optimizer.rate=1e-4"]).unwrap_err();
    assert_eq!(other.code(), "train.mismatch");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["samples.size=64", "feed.batch=0", "feed.pool=1", "network.head_width=3", "optimizer.rate=0"] {
        assert_eq!(run(folder.path(), 1, &[wrong]).unwrap_err().code(), "train.setting", "{wrong}");
    }
}
