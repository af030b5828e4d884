use burn::backend::{Autodiff, Flex};
use burn::optim::{AdamWConfig, GradientsParams, Optimizer};
use burn::tensor::{Distribution, Tolerance};

use super::*;

fn counting(shape: [usize; 4]) -> Tensor<Flex, 4> {
    let count = shape.iter().product::<usize>() as i64;
    Tensor::<Flex, 1, burn::tensor::Int>::arange(0..count, &Default::default()).float().reshape(shape)
}

#[test]
fn space_and_depth_by_hand_and_back() {
    let picture = counting([1, 3, 8, 16]);
    let depth = depth_from_space(picture.clone());
    assert_eq!(depth.dims(), [1, 48, 2, 4]);
    // Channel 1 (green), row 2 and column 3 of a block: 16 + 2 * 4 + 3. Block (1, 2) starts at pixel (4, 8).
    let value = depth.clone().slice([0..1, 27..28, 1..2, 2..3]).into_scalar();
    assert_eq!(value, (128 + 6 * 16 + 11) as f32);
    space_from_depth(depth).into_data().assert_eq(&picture.into_data(), true);
}

#[test]
fn size_and_cost_are_as_documented() {
    let config = SmallAutoencoderConfig::default();
    let network = config.init::<Flex>(&Default::default());
    assert!((1_000_000..2_000_000).contains(&network.num_params()), "{}", network.num_params());
    let cost = config.frame_cost(256, 256);
    // Multiply-adds of each convolution: 48->64 and two 64->64 on 64x64 cells, 64->128 and four 128->128 on 32x32,
    // 128->16.
    let (outer, inner) = (64 * 64 * 9, 32 * 32 * 9);
    let encode = outer * (48 * 64 + 2 * 64 * 64) + inner * (64 * 128 + 4 * 128 * 128 + 128 * 16);
    let decode = inner * (16 * 128 + 4 * 128 * 128) + outer * (128 * 64 + 2 * 64 * 64 + 64 * 48);
    assert_eq!(cost, FrameCost { encode: 2 * encode, decode: 2 * decode });
    assert!(cost.encode + cost.decode < 5_000_000_000);
}

#[test]
fn shapes_and_statistics() {
    let device = Default::default();
    Flex::seed(&device, 1);
    let network = SmallAutoencoderConfig::tiny().init::<Flex>(&device);
    let pictures = Tensor::random([2, 3, 16, 24], Distribution::Uniform(-1.0, 1.0), &device);
    let raw = network.encode_raw(pictures.clone());
    assert_eq!(raw.dims(), [2, 4, 2, 3]);
    let network = network.with_statistics(&[1.0, 0.0, -1.0, 0.5], &[2.0, 1.0, 0.5, 4.0]);
    let latents = network.encode(pictures);
    let expected = (raw.clone().narrow(1, 2, 1) + 1.0) / 0.5;
    latents
        .clone()
        .narrow(1, 2, 1)
        .into_data()
        .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    let back = network.decode(latents);
    assert_eq!(back.dims(), [2, 3, 16, 24]);
    back.into_data().assert_approx_eq::<f32>(&network.decode_raw(raw).into_data(), Tolerance::absolute(1e-4));
}

/// Initialization preserves the scale of a signal, so it neither vanishes nor explodes in a deep stack.
#[test]
fn the_start_keeps_the_scale() {
    let device = Default::default();
    Flex::seed(&device, 2);
    let network = SmallAutoencoderConfig::default().init::<Flex>(&device);
    let pictures = Tensor::random([1, 3, 32, 32], Distribution::Uniform(-1.0, 1.0), &device);
    let spread = |x: Tensor<Flex, 4>| x.square().mean().sqrt().into_scalar();
    let (before, latent) = (spread(pictures.clone()), network.encode_raw(pictures));
    let (middle, after) = (spread(latent.clone()), spread(network.decode_raw(latent)));
    for scale in [middle / before, after / before] {
        assert!((0.3..3.0).contains(&scale), "{before} -> {middle} -> {after}");
    }
}

#[test]
fn plain_descent_learns_flat_colours_and_leaves_the_statistics() {
    type Trained = Autodiff<Flex>;
    let device = Default::default();
    Trained::seed(&device, 3);
    let mut network = SmallAutoencoderConfig::tiny().init::<Trained>(&device);
    let statistics = network.latent_mean.val().into_data();
    let mut optimizer = AdamWConfig::new().init();
    let colours = Tensor::<Trained, 4>::random([8, 3, 1, 1], Distribution::Uniform(-1.0, 1.0), &device);
    let pictures = colours.expand([8, 3, 16, 16]);
    let mut losses = Vec::new();
    for _ in 0..60 {
        let result = network.decode(network.encode(pictures.clone()));
        let loss = (result - pictures.clone()).square().mean();
        losses.push(loss.clone().into_scalar());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(1e-2, network, gradients);
    }
    assert!(losses[59] < 0.1 * losses[0], "{losses:?}");
    network.latent_mean.val().into_data().assert_eq(&statistics, true);
}
