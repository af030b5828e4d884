//! Tests memory reuse in the denoising loop: the feature maps of a step reuse the memory of the previous step.

use std::alloc::System;

use burn::backend::Flex;
use burn::tensor::{Distribution, Tensor};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use stuntdouble_model::networks::{ClipConditions, Networks, SeenReference};
use stuntdouble_model::ops::ModelBackend;
use stuntdouble_model::preset::{NetworksConfig, Preset};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FRAMES: usize = 16;

fn random<const R: usize>(shape: [usize; R]) -> Tensor<Flex, R> {
    Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &Default::default())
}

#[test]
fn steps_use_the_memory_of_the_step_before() {
    // Copying latents uses operations of the framework.
    let config = NetworksConfig { reference_copy: None, ..Preset::Bundled.config() };
    let (size, cells, c) = (config.size, config.size / 8, config.autoencoder.latent_channels());
    let networks = Networks::<Flex>::draw_to_run(&config, 1, None, &Default::default()).unwrap();
    let video = || random([1, c, FRAMES, cells, cells]);
    let features = networks.clip_features(&ClipConditions {
        environment: Some(video()),
        skeleton: random([1, 3, FRAMES, size, size]),
        depth: random([1, 1, FRAMES, size, size]),
        objects: Some(video()),
    });
    let reference = networks.reference_state(random([1, c, cells, cells]), None);
    let (noise, timestep) = (video(), Tensor::from_floats([500.0], &Default::default()));
    let step = || {
        let region = Region::new(ALLOCATOR);
        let reference = SeenReference::from(&reference).at_step(500);
        drop(networks.predict_both(noise.clone(), timestep.clone(), &features, reference));
        region.change().bytes_allocated
    };
    step();
    let later = step();
    Flex::release_buffer_pool();
    let anew = step();
    // The remaining allocations are framework operations on latents, of which this preset has many channels, and
    // channel sums.
    assert!(later < anew / 3, "{later} bytes, {anew} where nothing was kept");
}
