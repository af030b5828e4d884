use burn::backend::Flex;
use burn::module::ModuleVisitor;
use burn::tensor::{Distribution, Tolerance};

use super::*;
use crate::conditioning::blending::BlendingConfig;
use crate::conditioning::object_guider::ObjectGuider;
use crate::unet::Heads;
use crate::unet::motion::MotionConfig;
use crate::unet::reference_net::{FusionBlocks, ReferenceNet};

fn motion() -> Option<MotionConfig> {
    Some(MotionConfig { heads: 2, norm_groups: 4, max_frames: 8, ..Default::default() })
}

fn random<B: ModelBackend, const R: usize>(shape: [usize; R]) -> Tensor<B, R> {
    Tensor::random(shape, Distribution::Default, &Default::default())
}

fn net(config: &UnetConfig) -> DenoisingNet<Flex> {
    DenoisingNet::init(config, &Default::default())
}

fn input<'a, B: ModelBackend>(config: &UnetConfig, [b, n, h, w]: [usize; 4]) -> DenoisingInput<'a, B> {
    let channels = config.in_channels + config.environment_channels;
    DenoisingInput {
        context: config.cross_attention_width.map(|d| random([b, 1, d])),
        ..DenoisingInput::new(random([b, channels, n, h, w]), random([b]))
    }
}

fn assert_near<const R: usize>(a: Tensor<Flex, R>, b: Tensor<Flex, R>) {
    a.into_data().assert_approx_eq::<f32>(&b.into_data(), Tolerance::absolute(1e-5));
}

fn check_shape(config: &UnetConfig, sizes: [usize; 4]) {
    let [b, n, h, w] = sizes;
    assert_eq!(net(config).forward(input(config, sizes)).dims(), [b, config.out_channels, n, h, w]);
}

#[test]
fn every_configuration_keeps_the_shape() {
    let tiny = UnetConfig::tiny();
    check_shape(&tiny, [2, 1, 4, 6]);
    check_shape(&UnetConfig { motion: motion(), ..tiny.clone() }, [2, 3, 4, 4]);
    check_shape(&UnetConfig { environment_channels: 4, cross_attention_width: Some(6), ..tiny.clone() }, [1, 2, 4, 4]);
    check_shape(&UnetConfig { heads: Heads::Count(2), inflated_group_norm: false, ..tiny.clone() }, [1, 3, 4, 4]);
    check_shape(&UnetConfig { heads: Heads::PerLevel(vec![1, 2]), out_channels: 7, ..tiny.clone() }, [1, 1, 4, 4]);
    let four = UnetConfig {
        block_out_channels: vec![4, 8, 8, 12],
        attention_levels: vec![false, true, false, true],
        decoder_attention_levels: Some(vec![true, false, false, true]),
        layers_per_block: 2,
        motion: Some(MotionConfig {
            mid: false,
            down_levels: Some(vec![false, true, false, false]),
            ..motion().unwrap()
        }),
        ..tiny
    };
    check_shape(&four, [1, 2, 8, 16]);
    // Odd sizes.
    check_shape(&four, [1, 2, 7, 13]);
}

#[test]
fn fresh_environment_channels_change_nothing() {
    let config = UnetConfig { environment_channels: 4, ..UnetConfig::tiny() };
    let (net, empty) = (net(&config), input(&config, [1, 2, 4, 4]));
    let latent = empty.latent.clone().slice_assign([0..1, 4..8, 0..2, 0..4, 0..4], random([1, 4, 2, 4, 4]));
    let changed = DenoisingInput { latent, ..empty.clone() };
    assert_near(net.forward(changed), net.forward(empty));
}

#[test]
fn pose_changes_its_frame_only_without_temporal_modules() {
    let config = UnetConfig::tiny();
    let (net, plain) = (net(&config), input(&config, [1, 3, 4, 4]));
    let pose = Tensor::zeros([1, 8, 3, 4, 4], &Default::default());
    let pose = pose.slice_assign([0..1, 0..8, 1..2, 0..4, 0..4], random([1, 8, 1, 4, 4]));
    let difference = (net.forward(DenoisingInput { pose: Some(pose), ..plain.clone() }) - net.forward(plain)).abs();
    let frame = |n: usize| difference.clone().narrow(2, n, 1).max().into_scalar();
    assert_eq!((frame(0), frame(2)), (0.0, 0.0));
    assert!(frame(1) > 1e-4);
}

#[test]
fn a_projected_reference_gives_the_same_result() {
    let config = UnetConfig { motion: motion(), cross_attention_width: Some(6), ..UnetConfig::tiny() };
    let (net, input) = (net(&config), input(&config, [2, 3, 4, 4]));
    let reference_net = ReferenceNet::init(&config, &Default::default());
    for (fusion, sites) in [(FusionBlocks::Full, 7), (FusionBlocks::MidUp, 5)] {
        let timestep = Tensor::zeros([2], &Default::default());
        let features = reference_net.forward(random([2, 4, 4, 4]), timestep, input.context.clone(), fusion);
        assert_eq!(features.sites.len(), sites);
        let projected = net.project_reference(&features);
        let with = |reference| net.forward(DenoisingInput { reference, ..input.clone() });
        assert_near(with(Some((&features).into())), with(Some((&projected).into())));
        let change = (with(Some((&features).into())) - with(None)).abs().max().into_scalar();
        assert!(change > 1e-4, "{change}");
    }
}

#[test]
#[should_panic(expected = "no site `down_blocks.1")]
fn a_reference_of_another_shape_is_refused() {
    let config = UnetConfig { attention_levels: vec![true, false], ..UnetConfig::tiny() };
    let reference_net = ReferenceNet::<Flex>::init(&UnetConfig::tiny(), &Default::default());
    let zero = Tensor::zeros([1], &Default::default());
    let features = reference_net.forward(random([1, 4, 4, 4]), zero, None, FusionBlocks::Full);
    net(&config).project_reference(&features);
}

#[test]
fn objects_are_blended_at_every_site_in_mid_and_up_blocks() {
    let config = UnetConfig { blending: Some(BlendingConfig::default()), ..UnetConfig::tiny() };
    let (net, plain) = (net(&config), input(&config, [1, 2, 5, 4]));
    let guider = ObjectGuider::<Flex>::init(4, &config.block_out_channels, &Default::default());
    let objects = guider.forward(random([1, 4, 2, 5, 4]));
    let blended = net.forward(DenoisingInput { objects: Some(&objects), ..plain.clone() });
    let change = (blended - net.forward(plain)).abs().max().into_scalar();
    assert!(change > 1e-5, "{change}");
    let names = crate::weights::collect(&net, "").into_iter().map(|(name, ..)| name);
    let sites: Vec<_> = names.filter(|name| name.ends_with("conv.weight") && name.contains("blend")).collect();
    let expected = ["mid_block", "up_blocks.0", "up_blocks.0", "up_blocks.1", "up_blocks.1"];
    assert!(sites.iter().zip(expected).all(|(site, block)| site.starts_with(block)), "{sites:?}");
    assert_eq!(sites.len(), expected.len());
}

/// Counts parameters without initializing them.
struct Count(usize);

impl<B: ModelBackend> ModuleVisitor<B> for Count {
    fn visit_float<const R: usize>(&mut self, param: &Param<Tensor<B, R>>) {
        self.0 += param.lazy_shape().num_elements();
    }
}

fn parameters(config: &UnetConfig) -> usize {
    let mut count = Count(0);
    net(config).visit(&mut count);
    count.0
}

#[test]
fn sd15_has_the_published_number_of_parameters() {
    assert_eq!(parameters(&UnetConfig::default()), 859_520_964);
    // 21 temporal modules add 453.2 million parameters.
    let motion: usize = [5, 5, 11].iter().zip([320, 640, 1280]).map(|(n, c)| n * (22 * c * c + 21 * c)).sum();
    let video = UnetConfig { motion: Some(MotionConfig::default()), ..UnetConfig::default() };
    assert_eq!(parameters(&video), 859_520_964 + motion);
}
