//! Tests that training meets minimum requirements.

use stuntdouble_train::Config;

use crate::small::{denoiser, errors, run};

/// The network can memorise one clip: the plain error of the velocity halves, and the phase of clips continues from
/// there.
#[test]
fn one_clip_is_overfitted() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = denoiser(folder.path(), "stage1", 120);
    first.batch = 8;
    let (outcome, events) = run(&Config::Stage1(first), None);
    let errors_1: Vec<f64> = errors(&events).into_values().collect();
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    let (early, late) = (errors_1[0], mean(&errors_1[errors_1.len() - 8..]));
    assert!(late < 0.5 * early, "stage 1: {errors_1:?}, {:?}", outcome.measures);

    let mut second = denoiser(folder.path(), "stage2", 12);
    second.start_from = Some(folder.path().join("stage1").join(stuntdouble_train::denoiser::WEIGHTS_FILE));
    second.batch = 2;
    let (outcome, events) = run(&Config::Stage2(second), None);
    let errors_2: Vec<f64> = errors(&events).into_values().collect();
    assert!(mean(&errors_2) < 0.7 * early, "stage 2: {errors_2:?} after {errors_1:?}");
    let temporal = outcome.parameters.slots.iter().filter(|slot| slot.name.contains("motion_modules"));
    let moved = temporal.filter(|slot| slot.first.iter().any(|value| *value != 0.0)).count();
    assert!(moved > 10, "{moved} temporal tensors had a gradient");
}

#[test]
fn the_autoencoder_is_frozen_and_single_frames_train_nothing_temporal() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, _) = run(&Config::Stage1(denoiser(folder.path(), "run", 3)), None);
    for slot in &outcome.parameters.slots {
        let touched = slot.first.iter().any(|value| *value != 0.0);
        let frozen = slot.name.starts_with("autoencoder.") || slot.name.contains("conv_time");
        assert!(!(frozen && touched), "`{}`", slot.name);
        assert!(!slot.name.contains("motion_modules"));
    }
    assert!(folder.path().join("run/sheets/step-00000003.png").exists());
}
