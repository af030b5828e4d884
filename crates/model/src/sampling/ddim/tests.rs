use std::convert::Infallible;
use std::path::PathBuf;

use burn::backend::Flex;
use burn::tensor::Tolerance;
use safetensors::SafeTensors;
use serde_json::Value;

use super::*;

/// Two timesteps with `a` = 0.9 and 0.9 * 0.5.
fn two(change: impl FnOnce(&mut DdimConfig)) -> Ddim {
    let mut config = DdimConfig {
        num_train_timesteps: 2,
        beta_start: 0.1,
        beta_end: 0.5,
        clip_sample: false,
        ..DdimConfig::upstream()
    };
    change(&mut config);
    Ddim::new(config)
}

fn value(x: f32) -> Tensor<Flex, 1> {
    Tensor::from_floats([x], &Default::default())
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
}

#[test]
fn two_steps_by_hand() {
    let ddim = two(|_| {});
    near(ddim.alphas_cumprod()[0], 0.9);
    near(ddim.alphas_cumprod()[1], 0.45);
    assert_eq!(ddim.timesteps(2), [1, 0]);
    // Step 1: x = 1, eps = 0.5.
    let first = ddim.step(value(0.5), 1, value(1.0), 2, 0.0, None);
    let clean = (1.0 - 0.55_f32.sqrt() * 0.5) / 0.45_f32.sqrt();
    let latent = 0.9_f32.sqrt() * clean + 0.1_f32.sqrt() * 0.5;
    near(first.clean.into_scalar(), clean);
    near(first.previous.clone().into_scalar(), latent);
    // Step 0 goes to a = 1, so the latent is the clean one.
    let second = ddim.step(value(-0.5), 0, first.previous, 2, 0.0, None);
    near(second.previous.into_scalar(), (latent + 0.1_f32.sqrt() * 0.5) / 0.9_f32.sqrt());
}

#[test]
fn the_three_predictions_mean_the_same() {
    let (clean, noise) = (0.3_f32, -1.2_f32);
    let (signal, spread) = (0.45_f32.sqrt(), 0.55_f32.sqrt());
    let latent = signal * clean + spread * noise;
    let outputs = [
        (Prediction::Epsilon, noise),
        (Prediction::Sample, clean),
        (Prediction::VPrediction, signal * noise - spread * clean),
    ];
    for (prediction_type, output) in outputs {
        let ddim = two(|config| config.prediction_type = prediction_type);
        let step = ddim.step(value(output), 1, value(latent), 2, 0.0, None);
        near(step.clean.into_scalar(), clean);
        near(step.previous.into_scalar(), 0.9_f32.sqrt() * clean + 0.1_f32.sqrt() * noise);
        near(ddim.clean(value(output), value(latent), &[1]).into_scalar(), clean);
    }
}

#[test]
fn eta_one_is_the_posterior_with_its_noise() {
    let ddim = two(|_| {});
    let variance = 0.1_f32 / 0.55 * (1.0 - 0.45 / 0.9);
    let clean = (1.0 - 0.55_f32.sqrt() * 0.5) / 0.45_f32.sqrt();
    let expected = 0.9_f32.sqrt() * clean + (0.1 - variance).sqrt() * 0.5 + variance.sqrt() * 2.0;
    near(ddim.step(value(0.5), 1, value(1.0), 2, 1.0, Some(value(2.0))).previous.into_scalar(), expected);
}

#[test]
fn clipping_and_the_last_alpha() {
    let ddim = two(|config| (config.clip_sample, config.set_alpha_to_one) = (true, false));
    let step = ddim.step(value(0.5), 0, value(9.0), 2, 0.0, None);
    near(step.clean.into_scalar(), 1.0);
    near(step.previous.into_scalar(), 0.9_f32.sqrt() + 0.1_f32.sqrt() * 0.5);
}

#[test]
fn timestep_lists() {
    let trailing = Ddim::new(DdimConfig::default());
    assert_eq!(trailing.timesteps(20)[..3], [999, 949, 899]);
    assert_eq!(trailing.timesteps(30)[..4], [999, 966, 932, 899]);
    assert_eq!(trailing.timesteps(1000).len(), 1000);
    let longer: Vec<usize> = (1..=1000).filter(|steps| trailing.timesteps(*steps).len() != *steps).collect();
    assert_eq!((longer.len(), &longer[..3]), (62, &[61, 103, 121][..]));
    assert!(longer.iter().all(|steps| trailing.timesteps(*steps).last() == Some(&-1)));
    let leading = |steps_offset| Ddim::new(DdimConfig { steps_offset, ..DdimConfig::upstream() }).timesteps(3);
    assert_eq!((leading(0), leading(1)), (vec![666, 333, 0], vec![667, 334, 1]));
    let linspace = Ddim::new(DdimConfig { timestep_spacing: Spacing::Linspace, ..DdimConfig::upstream() });
    // 999 / 2 = 499.5 is rounded to the even neighbour.
    assert_eq!((linspace.timesteps(3), linspace.timesteps(1)), (vec![999, 500, 0], vec![0]));
}

#[test]
fn zero_terminal_snr_leaves_nothing_and_keeps_the_first() {
    let plain = Ddim::new(DdimConfig { rescale_betas_zero_snr: false, ..DdimConfig::default() });
    let rescaled = Ddim::new(DdimConfig::default());
    assert_eq!(rescaled.alphas_cumprod()[999], 0.0);
    near(rescaled.alphas_cumprod()[0], plain.alphas_cumprod()[0]);
    assert!(rescaled.alphas_cumprod().windows(2).all(|pair| pair[1] < pair[0]));
    // Pure noise at the last timestep; v is then the negative clean latent.
    near(rescaled.add_noise(value(0.7), value(-1.5), &[999]).into_scalar(), -1.5);
    near(rescaled.velocity(value(0.7), value(-1.5), &[999]).into_scalar(), -0.7);
    assert_eq!(rescaled.min_snr_weight(999, 5.0), 1.0);
    near(rescaled.min_snr_weight(0, 5.0), 5.0 * (1.0 - rescaled.alphas_cumprod()[0]));
}

#[test]
fn a_perfect_network_is_followed_to_its_latent() {
    let ddim = Ddim::new(DdimConfig::default());
    // A v-predictor that knows the answer 0.4. 61 is one of the step counts with an extra entry.
    let denoise = |x: Tensor<Flex, 1>, timestep: i64| {
        let a = ddim.alphas_cumprod()[timestep as usize];
        let noise = (x - 0.4 * a.sqrt()) / (1.0 - a).sqrt();
        Ok::<_, Infallible>(noise * a.sqrt() - 0.4 * (1.0 - a).sqrt())
    };
    for steps in [1, 2, 20, 61] {
        let mut seen = vec![];
        let result = sample(&ddim, steps, value(1.3), denoise, |done, all, _| {
            seen.push((done, all));
            ControlFlow::Continue(())
        });
        near(result.unwrap().unwrap().into_scalar(), 0.4);
        assert_eq!((seen.len(), seen.last()), (steps, Some(&(steps, steps))));
    }
    let stopped = sample(&ddim, 20, value(1.3), denoise, |done, _, _| match done {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(stopped.unwrap().is_none());
}

#[test]
fn unknown_options_are_refused() {
    let ours = serde_json::to_string(&DdimConfig::default()).unwrap();
    assert_eq!(serde_json::from_str::<DdimConfig>(&ours).unwrap(), DdimConfig::default());
    assert_eq!(serde_json::from_str::<DdimConfig>("{}").unwrap(), DdimConfig::upstream());
    assert!(serde_json::from_str::<DdimConfig>(r#"{"thresholding": true}"#).is_err());
}

struct Case {
    config: DdimConfig,
    steps: usize,
    eta: f32,
    tolerances: Value,
    bytes: Vec<u8>,
}

impl Case {
    fn floats<const R: usize>(&self, name: &str) -> Option<Tensor<Flex, R>> {
        let view = SafeTensors::deserialize(&self.bytes).unwrap().tensor(name).ok()?;
        let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        Some(Tensor::from_data(TensorData::new(values, view.shape().to_vec()), &Default::default()))
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        file.tensor(name).unwrap().data().as_chunks::<8>().0.iter().map(|eight| i64::from_le_bytes(*eight)).collect()
    }

    fn check<const R: usize>(&self, name: &str, found: Tensor<Flex, R>) {
        let tolerance = self.tolerances[name]["tol_abs"].as_f64().unwrap();
        let expected = self.floats::<R>(name).unwrap();
        found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(tolerance as f32));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test says when it runs fewer cases")]
fn the_reference_fixtures() {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from) else {
        eprintln!("STUNTDOUBLE_SHARED is not set: the hand-computed cases ran, the fixtures did not");
        return;
    };
    let index = std::fs::read_to_string(shared.join("fixtures/index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let mut cases = 0;
    for entry in index["cases"].as_array().unwrap().iter().filter(|entry| entry["op"] == "ddim") {
        let case = Case {
            config: serde_json::from_value(entry["config"].clone()).unwrap(),
            steps: entry["args"]["steps"].as_u64().unwrap() as usize,
            eta: entry["args"]["eta"].as_f64().unwrap() as f32,
            tolerances: entry["check"].clone(),
            bytes: std::fs::read(shared.join("fixtures").join(entry["file"].as_str().unwrap())).unwrap(),
        };
        one_fixture(&case);
        cases += 1;
    }
    assert!(cases > 0);
}

fn one_fixture(case: &Case) {
    let ddim = Ddim::new(case.config.clone());
    let timesteps = ddim.timesteps(case.steps);
    assert_eq!(timesteps, case.integers("out.timesteps"));
    let device = Default::default();
    case.check("out.betas", Tensor::<Flex, 1>::from_floats(ddim.betas(), &device));
    case.check("out.alphas_cumprod", Tensor::<Flex, 1>::from_floats(ddim.alphas_cumprod(), &device));
    let (add_x, add_noise) = (case.floats::<4>("in.add_x").unwrap(), case.floats("in.add_noise").unwrap());
    let add_t = case.integers("in.add_t");
    case.check("out.add_noise", ddim.add_noise(add_x.clone(), add_noise.clone(), &add_t));
    case.check("out.velocity", ddim.velocity(add_x, add_noise, &add_t));
    let (mut x, m) = (case.floats::<5>("in.x").unwrap(), case.floats::<5>("in.m").unwrap());
    let noises = case.floats::<6>("in.variance_noise");
    let (mut trajectory, mut cleans) = (vec![x.clone()], vec![]);
    for (place, timestep) in timesteps.iter().enumerate() {
        let output = x.clone() * 0.5 + m.clone() * (*timestep as f32 / 1000.0);
        let noise = noises.clone().map(|noises| noises.narrow(0, place, 1).squeeze_dim::<5>(0));
        let step = ddim.step(output, *timestep, x, case.steps, case.eta, noise);
        x = step.previous;
        trajectory.push(x.clone());
        cleans.push(step.clean);
    }
    case.check::<6>("out.traj", Tensor::stack(trajectory, 0));
    case.check::<6>("out.pred_x0", Tensor::stack(cleans, 0));
}
