use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tolerance};

use super::*;
use crate::autoencoder::AutoencoderConfig;
use crate::autoencoder::vae::AutoencoderKlConfig;
use crate::preset::{EnvironmentUse, Preset};
use crate::sampling::ddim::Ddim;
use crate::sampling::denoiser_output::DenoiserOutput;

pub(crate) fn tiny(change: impl FnOnce(&mut NetworksConfig), seed: u64) -> Networks<Flex> {
    let mut config = Preset::Tiny.config();
    change(&mut config);
    Networks::init(&config, seed, &Default::default()).unwrap()
}

/// Random conditions for a clip of `frames` at 16x16 pixels, with objects.
pub(crate) fn conditions<B: ModelBackend>(frames: usize) -> ClipConditions<B> {
    let device = Default::default();
    let latents = || Tensor::random([1, 4, frames, 2, 2], Distribution::Normal(0.0, 1.0), &device);
    let maps = |channels| Tensor::random([1, channels, frames, 16, 16], Distribution::Uniform(0.0, 1.0), &device);
    ClipConditions { environment: Some(latents()), skeleton: maps(3), depth: maps(1), objects: Some(latents()) }
}

/// The same networks with new random values in place of zeros, so that every input has an effect.
pub(crate) fn awake(networks: Networks<Flex>) -> Networks<Flex> {
    let mut tensors = networks.to_tensors();
    for (place, (_, _, values)) in tensors.iter_mut().enumerate() {
        for (index, value) in values.iter_mut().enumerate().filter(|(_, value)| **value == 0.0) {
            *value = ((place * 31 + index * 7) as f32).sin() * 0.2;
        }
    }
    let header = BTreeMap::from([(CONFIG_KEY.into(), serde_json::to_string(networks.config()).unwrap())]);
    let bytes = to_bytes(&tensors, StoredPrecision::F32, header).unwrap();
    let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
    Networks::load(&weights, &Default::default()).unwrap()
}

fn random<const R: usize>(shape: [usize; R]) -> Tensor<Flex, R> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Default::default())
}

fn predict(networks: &Networks<Flex>, conditions: &ClipConditions<Flex>, latent: &Tensor<Flex, 5>) -> Tensor<Flex, 5> {
    let timestep = Tensor::from_floats([500.0], &Default::default());
    networks.predict(latent.clone(), timestep, &networks.clip_features(conditions), None)
}

fn differs(a: &Tensor<Flex, 5>, b: &Tensor<Flex, 5>) -> bool {
    (a.clone() - b.clone()).abs().max().into_scalar() > 0.0
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    assert_eq!(tiny(|_| {}, 7).to_tensors(), tiny(|_| {}, 7).to_tensors());
    assert_ne!(tiny(|_| {}, 7).to_tensors(), tiny(|_| {}, 8).to_tensors());
}

#[test]
fn they_come_back_from_a_file() {
    let networks = tiny(|config| config.objects = ObjectUse::Concatenated, 1);
    let header = BTreeMap::from([("card".into(), "text".into())]);
    let bytes = networks.to_bytes(StoredPrecision::F32, header).unwrap();
    let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
    assert_eq!(weights.metadata("card"), Some("text"));
    let loaded = Networks::<Flex>::load(&weights, &Default::default()).unwrap();
    assert_eq!(loaded.config(), networks.config());
    assert_eq!(loaded.to_tensors(), networks.to_tensors());
    for prefix in ["autoencoder.encoder.", "reference_unet.", "denoising_unet.", "pose_modulation.skeleton."] {
        assert!(weights.names().any(|name| name.starts_with(prefix)), "{prefix}");
    }
}

#[test]
fn networks_read_on_demand_are_the_same_networks() {
    let device = Default::default();
    let networks = awake(tiny(|_| {}, 4));
    let bytes = networks.to_bytes(StoredPrecision::F32, BTreeMap::new()).unwrap();
    let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
    let config = networks.config().clone();
    let to_run = |config| Networks::<Flex>::load_to_run(&weights, config, &device).unwrap();
    let (latent, video, clip) = (random::<4>([1, 4, 2, 2]), random([1, 4, 2, 2, 2]), conditions(2));
    let run = |networks: &Networks<Flex>| {
        let state = networks.reference_state(latent.clone(), None);
        let timestep = Tensor::from_floats([500.0], &device);
        let both = networks.predict_both(video.clone(), timestep, &networks.clip_features(&clip), (&state).into());
        let [with, without] = both.map(|velocity| velocity.into_data());
        (with, without, networks.autoencoder.decode(latent.clone()).into_data())
    };
    for precision in [ComputePrecision::F32, ComputePrecision::Bf16] {
        let expected = run(&networks.clone().with_precision(precision));
        let found = to_run(None).with_precision(precision);
        assert_eq!(run(&found), expected);
        // Evict the weights and read them again.
        for part in [Component::Reference, Component::Autoencoder, Component::Conditions, Component::Denoiser] {
            found.offload(part);
        }
        assert_eq!(run(&found), expected);
    }
    assert_eq!(to_run(Some(config.clone())).config(), &config);
    let drawn = || Networks::<Flex>::draw_to_run(&config, 3, None, &device).unwrap();
    assert_eq!(run(&drawn()), run(&drawn()));
}

#[test]
#[should_panic(expected = "no readable weights")]
fn networks_read_on_demand_cannot_be_saved() {
    let drawn = Networks::<Flex>::draw_to_run(&Preset::Tiny.config(), 3, None, &Default::default()).unwrap();
    drawn.to_tensors();
}

#[test]
fn a_file_without_a_configuration_is_refused() {
    let load = |header| {
        let bytes = to_bytes(&tiny(|_| {}, 1).to_tensors(), StoredPrecision::F32, header).unwrap();
        let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
        Networks::<Flex>::load(&weights, &Default::default()).unwrap_err().code()
    };
    assert_eq!(load(BTreeMap::new()), "weights.no_config");
    assert_eq!(load(BTreeMap::from([(CONFIG_KEY.into(), "{}".into())])), "weights.no_config");
    let mut config = Preset::Tiny.config();
    config.size = 5;
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(load(BTreeMap::from([(CONFIG_KEY.into(), text)])), "model.config");
    let text = serde_json::to_string(&Preset::Bundled.config()).unwrap();
    assert_eq!(load(BTreeMap::from([(CONFIG_KEY.into(), text)])), "weights.shape");
}

#[test]
fn the_bundled_preset_fits_into_the_repository() {
    let networks = Networks::<Flex>::init(&Preset::Bundled.config(), 0, &Default::default()).unwrap();
    let counts = networks.parameter_counts();
    let total: usize = counts.values().sum();
    assert_eq!(total, networks.num_params());
    assert!((14_000_000..19_000_000).contains(&total), "{total}: {counts:?}");
    assert_eq!(counts["image_encoder"], 0);
    // In 16 bit the limit is 40 MiB.
    assert!(2 * total < 40 << 20);
}

#[test]
fn every_condition_has_an_influence() {
    let networks = awake(tiny(|_| {}, 3));
    let (base, latent) = (conditions(3), random([1, 4, 3, 2, 2]));
    let result = predict(&networks, &base, &latent);
    assert_eq!(result.dims(), latent.dims());
    let changed = |change: &dyn Fn(&mut ClipConditions<Flex>)| {
        let mut other = base.clone();
        change(&mut other);
        predict(&networks, &other, &latent)
    };
    assert!(differs(&result, &changed(&|c| c.environment = Some(random([1, 4, 3, 2, 2])))));
    assert!(differs(&result, &changed(&|c| c.skeleton = c.skeleton.clone() * 0.5)));
    assert!(differs(&result, &changed(&|c| c.depth = c.depth.clone() * 0.5)));
    assert!(differs(&result, &changed(&|c| c.objects = None)));
    assert!(differs(&result, &changed(&|c| c.objects = Some(random([1, 4, 3, 2, 2])))));
    let finished = random([1, 4, 2, 2]);
    let carried = base.clone().with_temporal_reference(finished.clone());
    assert!(differs(&result, &predict(&networks, &carried, &latent)));
    carried
        .environment
        .clone()
        .unwrap()
        .narrow(2, 0, 1)
        .reshape([1, 4, 2, 2])
        .into_data()
        .assert_eq(&finished.into_data(), true);
    let rest = |c: &ClipConditions<Flex>| c.environment.clone().unwrap().narrow(2, 1, 2).into_data();
    assert_eq!(rest(&carried), rest(&base));
}

#[test]
fn without_objects_the_guider_does_not_matter() {
    let mut networks = awake(tiny(|_| {}, 4));
    let (mut base, latent) = (conditions(2), random([1, 4, 2, 2, 2]));
    base.objects = None;
    let with = predict(&networks, &base, &latent);
    networks.object_guider = None;
    predict(&networks, &base, &latent).into_data().assert_eq(&with.into_data(), true);
}

#[test]
fn concatenated_objects_are_zeros_when_there_are_none() {
    let networks = awake(tiny(|config| config.objects = ObjectUse::Concatenated, 5));
    let (mut base, latent) = (conditions(2), random([1, 4, 2, 2, 2]));
    let with = predict(&networks, &base, &latent);
    base.objects = None;
    let without = predict(&networks, &base, &latent);
    assert!(differs(&with, &without));
    base.objects = Some(Tensor::zeros([1, 4, 2, 2, 2], &Default::default()));
    predict(&networks, &base, &latent).into_data().assert_eq(&without.into_data(), true);
}

#[test]
fn projected_and_plain_reference_features_agree() {
    let networks = awake(tiny(|_| {}, 6));
    let (base, latent, reference) = (conditions(2), random([1, 4, 2, 2, 2]), random([1, 4, 4, 4]));
    let trained = networks.reference_features(reference.clone(), None);
    let state = networks.reference_state(reference, None);
    let clip = networks.clip_features(&base);
    let run = |reference: Option<SeenReference<'_, Flex>>| {
        let timestep = Tensor::from_floats([300.0], &Default::default());
        networks.predict(latent.clone(), timestep, &clip, reference)
    };
    let plain = run(Some((&trained).into()));
    let projected = run(Some((&state).into()));
    plain.clone().into_data().assert_approx_eq::<f32>(&projected.into_data(), Tolerance::absolute(1e-5));
    // Every path from the reference to the denoiser has an effect.
    let seen = || SeenReference::from(&trained);
    let nothing = networks.no_context(1, &Default::default());
    assert!(differs(&plain, &run(None)));
    assert!(differs(&plain, &run(Some(SeenReference { context: nothing.as_ref(), ..seen() }))));
    assert!(differs(&plain, &run(Some(SeenReference { cells: None, ..seen() }))));
}

/// A complete training step: every network that takes part gets a gradient.
#[test]
fn gradients_reach_every_network() {
    type Trained = Autodiff<Flex>;
    let device = Default::default();
    let config = Preset::Tiny.config();
    let plain = awake(tiny(|_| {}, 9));
    let bytes = plain.to_bytes(StoredPrecision::F32, BTreeMap::new()).unwrap();
    let networks = Networks::<Trained>::load(&Weights::from_bytes(&[&bytes], "memory").unwrap(), &device).unwrap();
    let ddim = Ddim::new(config.schedule);
    let random = |shape| Tensor::<Trained, 5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let (clean, noise) = (random([1, 4, 2, 2, 2]), random([1, 4, 2, 2, 2]));
    let timestep = Tensor::from_floats([700.0], &device);
    let features = networks.clip_features(&conditions(2));
    let reference =
        networks.reference_features(Tensor::random([1, 4, 2, 2], Distribution::Normal(0.0, 1.0), &device), None);
    let noisy = ddim.add_noise(clean.clone(), noise.clone(), &[700]);
    let output = networks.predict(noisy, timestep, &features, Some((&reference).into()));
    let loss = (output - ddim.velocity(clean, noise, &[700])).square().mean();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &networks);
    let mut reached = Reached { path: vec![], gradients, by_network: BTreeMap::new() };
    networks.visit(&mut reached);
    for name in
        ["reference_tokens", "reference_copy", "reference_unet", "pose_modulation", "object_guider", "denoising_unet"]
    {
        assert!(reached.by_network[name] > 0, "{:?}", reached.by_network);
    }
    assert_eq!(reached.by_network["autoencoder"], 0);
}

struct Reached {
    path: Vec<String>,
    gradients: burn::optim::GradientsParams,
    by_network: BTreeMap<String, usize>,
}

impl ModuleVisitor<Autodiff<Flex>> for Reached {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<Flex>, D>>) {
        let gradient = self.gradients.get::<Flex, D>(param.id);
        let counts = gradient.is_some_and(|gradient| gradient.abs().max().into_scalar() > 0.0);
        *self.by_network.entry(self.path[0].clone()).or_default() += usize::from(counts);
    }
}

#[test]
fn caches_change_nothing() {
    // A context of one token, and temporal position embeddings.
    let networks = awake(tiny(|config| config.reference_tokens.as_mut().unwrap().grid = 1, 4));
    assert!(networks.config().unet.motion.as_ref().is_some_and(|motion| motion.positions));
    let (latent, clip) = (random::<4>([1, 4, 2, 2]), conditions(2));
    let noise = random::<5>([1, 4, 2, 2, 2]);
    let run = |cache_options: CacheOptions| {
        let networks = networks.clone().with_cache_options(cache_options);
        let (state, features) = (networks.reference_state(latent.clone(), None), networks.clip_features(&clip));
        // The second and the fourth step use what the others cached.
        let steps = [500, 500, 20, 500].map(|timestep| {
            let reference = SeenReference::from(&state).at_step(timestep);
            let timestep = Tensor::from_floats([timestep as f32], &Default::default());
            let [with, without] = networks.predict_both(noise.clone(), timestep, &features, reference);
            Tensor::cat(vec![with, without], 0)
        });
        Tensor::cat(steps.to_vec(), 0)
    };
    let all = run(CacheOptions::default());
    let distance = |other: Tensor<Flex, 5>| (other - all.clone()).abs().max().into_scalar();
    assert_eq!(distance(run(CacheOptions { reference: false, ..CacheOptions::default() })), 0.0);
    assert_eq!(distance(run(CacheOptions { branches: false, ..CacheOptions::default() })), 0.0);
    assert_eq!(distance(run(CacheOptions { steps: false, ..CacheOptions::default() })), 0.0);
    let unfolded = distance(run(CacheOptions { context: false, ..CacheOptions::default() }));
    assert!(unfolded > 0.0 && unfolded < 1e-5, "{unfolded}");
    assert!(distance(run(CacheOptions::NONE)) < 1e-5);
}

#[test]
fn the_large_autoencoder_decodes_in_bf16() {
    let kl = AutoencoderKlConfig {
        block_out_channels: vec![8, 8, 16, 16],
        layers_per_block: 1,
        norm_num_groups: 4,
        ..Default::default()
    };
    let networks = tiny(|config| config.autoencoder = AutoencoderConfig::Kl(kl), 2);
    let latents = random([1, 4, 4, 4]);
    let decoded = |precision| networks.clone().with_precision(precision).decode(latents.clone());
    let (wide, narrow) = (decoded(ComputePrecision::F32), decoded(ComputePrecision::Bf16));
    wide.clone().into_data().assert_eq(&networks.autoencoder.decode(latents.clone()).into_data(), true);
    let error = (narrow - wide.clone()).square().mean().sqrt().into_scalar();
    let relative = error / wide.square().mean().sqrt().into_scalar();
    assert!(relative > 0.0 && relative < 0.03, "{relative}");
}

#[test]
fn networks_that_see_no_environment_need_none() {
    let without = |config: &mut NetworksConfig| {
        config.environment = EnvironmentUse::Absent;
        config.objects = ObjectUse::Absent;
        config.reference_copy = None;
        config.denoiser_output = DenoiserOutput::Velocity;
    };
    let networks = awake(tiny(without, 5));
    let (mut base, latent) = (conditions(2), random([1, 4, 2, 2, 2]));
    let given = predict(&networks, &base, &latent);
    base.environment = None;
    base.objects = None;
    assert_eq!(networks.latent_shape(&base), latent.dims());
    assert!(!differs(&given, &predict(&networks, &base, &latent)));
}
