//! Tests that a resumed training run gives the same result as an uninterrupted run.

use std::path::PathBuf;

use stuntdouble_train::denoiser::DenoiserTraining;
use stuntdouble_train::{Config, Event, TrainError};

use crate::small::{denoiser, run};

#[test]
fn a_stopped_run_goes_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let stored = |training| training;
    // Two clips in three steps are streamed from the renderer, and no folder is given.
    let fresh = |mut training: DenoiserTraining| {
        training.data.folder = PathBuf::new();
        (training.data.fresh, training.data.clips, training.data.recoloured) = (Some(0.67), 2, 1);
        training
    };
    type Kind = fn(DenoiserTraining) -> Config;
    type Change = fn(DenoiserTraining) -> DenoiserTraining;
    let kinds: [(&str, Kind, Change); 3] =
        [("1", Config::Stage1, stored), ("2", Config::Stage2, stored), ("fresh", Config::Stage1, fresh)];
    for (name, kind, change) in kinds {
        let mut whole = change(denoiser(folder.path(), &format!("whole-{name}"), 6));
        whole.batch = 2;
        let mut cut = whole.clone();
        cut.settings.run = folder.path().join(format!("cut-{name}"));
        let (expected, _) = run(&kind(whole), None);
        let (stopped, _) = run(&kind(cut.clone()), Some(1));
        assert_eq!((stopped.position.step, expected.position.step), (3, 6));
        let (resumed, events) = run(&kind(cut.clone()), None);
        assert!(events.iter().any(|event| matches!(event, Event::Started { step: 3, .. })));
        assert_eq!(resumed.position.updates, expected.position.updates);
        for (resumed, expected) in resumed.parameters.slots.iter().zip(&expected.parameters.slots) {
            assert_eq!(resumed.name, expected.name);
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            for (resumed, expected) in [
                (&resumed.weight, &expected.weight),
                (&resumed.average, &expected.average),
                (&resumed.first, &expected.first),
                (&resumed.second, &expected.second),
            ] {
                assert!(bits(resumed) == bits(expected), "stage {name}");
            }
        }
        assert_eq!(resumed.measures, expected.measures);
        cut.settings.seed += 1;
        let error = stuntdouble_train::run::<crate::small::Trained>(&kind(cut), &Default::default(), &mut |_| {
            std::ops::ControlFlow::Continue(())
        });
        assert!(matches!(error, Err(TrainError::Mismatch { .. })));
    }
}
