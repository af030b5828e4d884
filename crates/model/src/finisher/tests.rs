//! Tests the finisher with small sizes.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tolerance};

use super::*;

type Train = Autodiff<Flex>;

fn random<B: ModelBackend, const R: usize>(shape: [usize; R]) -> Tensor<B, R> {
    Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &Default::default())
}

#[test]
fn an_untrained_network_hands_the_draft_on() {
    let network = FinisherConfig::tiny().init::<Flex>(&Default::default());
    let known = random::<Flex, 5>([2, CHANNELS.count, 3, 16, 24]);
    let character = network.character(&[random([2, 7, 16, 16])]);
    let frames = frames_from_video(known.clone());
    let finished = network.forward(known, &character).apply(&frames);
    finished
        .picture
        .into_data()
        .assert_approx_eq::<f32>(&frames.narrow(1, CHANNELS.draft, 3).into_data(), Tolerance::absolute(1e-6));
}

#[test]
fn every_weight_is_reached_by_a_gradient() {
    let device = Default::default();
    let mut network = FinisherConfig::tiny().init::<Train>(&device);
    // The last layers are zero-initialized, which would make all other gradients zero.
    network = network.map(&mut Noise);
    let character = network.character(&[random([1, 7, 16, 16]), random([1, 7, 16, 16])]);
    let known = random([1, CHANNELS.count, 3, 16, 16]);
    let retouch = network.forward(known.clone(), &character);
    let gradients = retouch.apply(&frames_from_video(known)).picture.square().mean().backward();
    let mut found = Found { gradients: &gradients, path: vec![], without: vec![] };
    network.visit(&mut found);
    assert_eq!(found.without, Vec::<String>::new());
}

struct Noise;

impl<B: Backend> burn::module::ModuleMapper<B> for Noise {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<Tensor<B, D>>,
    ) -> burn::module::Param<Tensor<B, D>> {
        param.map(|value| value.random_like(Distribution::Uniform(-0.3, 0.3)).require_grad())
    }
}

struct Found<'a> {
    gradients: &'a <Train as burn::tensor::backend::AutodiffBackend>::Gradients,
    path: Vec<String>,
    without: Vec<String>,
}

impl burn::module::ModuleVisitor<Train> for Found<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<Train, D>>) {
        let gradient = param.val().grad(self.gradients);
        if gradient.is_none_or(|gradient| gradient.abs().max().into_scalar() == 0.0) {
            self.without.push(self.path.join("."));
        }
    }
}

#[test]
fn the_character_and_the_other_frames_count() {
    let device = Default::default();
    let network = FinisherConfig::tiny().init::<Flex>(&device).map(&mut Noise);
    let (known, picture) = (random::<Flex, 5>([1, CHANNELS.count, 3, 16, 16]), random::<Flex, 4>([1, 7, 16, 16]));
    let first = |known: Tensor<Flex, 5>, picture: &Tensor<Flex, 4>| {
        network.forward(known, &network.character(std::slice::from_ref(picture))).paint.narrow(0, 0, 1).into_data()
    };
    let before = first(known.clone(), &picture);
    assert_ne!(before, first(known.clone(), &random([1, 7, 16, 16])));
    let others = Tensor::cat(vec![known.clone().narrow(2, 0, 1), random([1, CHANNELS.count, 2, 16, 16])], 2);
    assert_ne!(before, first(others, &picture));
}

#[test]
fn sizes_that_do_not_fit_are_named() {
    assert_eq!(FinisherConfig::default().check(), Ok(()));
    let check = |change: &dyn Fn(&mut FinisherConfig), setting: &str| {
        let mut config = FinisherConfig::tiny();
        change(&mut config);
        assert_eq!(config.check().unwrap_err().setting, setting);
    };
    check(&|config| config.widths = vec![], "widths");
    check(&|config| config.widths[1] = 6, "widths");
    check(&|config| config.attention_levels = vec![true], "attention_levels");
    check(&|config| config.head_width = 3, "head_width");
    check(&|config| config.clip_frames = 33, "clip_frames");
    check(&|config| config.size = 36, "size");
    check(&|config| config.patch = 3, "patch");
    check(&|config| config.patch = 16, "patch");
    let wrong_pose = |config: &mut FinisherConfig| config.pose.iter_mut().for_each(|pose| pose.out_channels = 12);
    check(&wrong_pose, "pose");
}

#[test]
fn a_network_comes_back_from_its_file() {
    let device = Default::default();
    let config = FinisherConfig::tiny();
    let network = config.init::<Flex>(&device).map(&mut Noise);
    let bytes = network.to_bytes(&config, crate::weights::StoredPrecision::F32).unwrap();
    let weights = crate::weights::Weights::from_bytes(&[&bytes], "finisher").unwrap();
    let back = FinisherConfig::of_weights(&weights).unwrap();
    assert_eq!(back, config);
    let known = random::<Flex, 5>([1, CHANNELS.count, 2, 16, 16]);
    let run = |network: &Finisher<Flex>| {
        let picture = known.clone().narrow(1, 0, 7).narrow(2, 0, 1).squeeze_dim(2);
        network.forward(known.clone(), &network.character(&[picture])).paint
    };
    run(&back.load(&weights, &device).unwrap()).into_data().assert_eq(&run(&network).into_data(), true);
    let nothing = crate::weights::Weights::default();
    assert!(FinisherConfig::of_weights(&nothing).is_err());
}
