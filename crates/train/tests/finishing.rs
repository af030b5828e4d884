//! Tests a complete training of a tiny finisher with the built-in characters.

use std::ops::ControlFlow;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use stuntdouble_train::{Config, Event};

type Trained = Autodiff<Flex>;

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/train/finisher-tiny.toml");

/// Trains 4 steps of 32x32 pixels, or resumes; stops after `last`.
fn run(folder: &Path, last: u64, changes: &[&str]) -> stuntdouble_train::Result<Vec<Event>> {
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
    stuntdouble_train::run::<Trained>(&config, &Default::default(), &mut progress)?;
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

#[test]
fn a_training_that_diverges_stops_and_keeps_its_last_good_weights() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 2, &[]).unwrap();
    let state = std::fs::read(folder.path().join("state.safetensors")).unwrap();
    let wild = folder.path().join("wild");
    let start = format!("start_from={}", folder.path().join("weights.safetensors").display());
    let changes = [start.as_str(), "optimizer.rate=1e30", "optimizer.warm_up=0", "steps=24", "log_every=8"];
    let error = run(&wild, 99, &changes).unwrap_err();
    assert_eq!(error.code(), "train.diverged", "{error}");
    assert!(!wild.join("state.safetensors").exists(), "a state without a use was saved");
    let log = std::fs::read_to_string(wild.join("log.jsonl")).unwrap();
    assert!(log.contains("train.not_finite"), "{log}");
    assert_eq!(std::fs::read(folder.path().join("state.safetensors")).unwrap(), state);
    let chart = stuntdouble_train::following::plot(folder.path()).unwrap();
    assert!(chart.contains("held out: colour"), "{chart}");
}
