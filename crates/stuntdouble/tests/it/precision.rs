//! Compares the bundled networks in bf16 and f32: one denoising step, and the final pictures.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{ElementConversion, Tensor};
use media::image_file::load_picture;
use media::picture::Picture;
use media::resize::{Filter, resize_picture};
use model::networks::{ClipConditions, ComputePrecision, Networks};
use model::sampling::sampler::{SamplingSettings, generate_clip, starting_noise};
use stuntdouble::networks::{Cpu, LoadedNetworks};
use stuntdouble::settings::Settings;
use stuntdouble::tensors;

const FRAMES: usize = 4;

/// A background, a stick figure of a person's height that bends, and no depth: similar enough to a clip that every
/// layer has something to do.
fn conditions(networks: &Networks<Cpu>, picture: &Picture) -> ClipConditions<Cpu> {
    let (device, size) = (Default::default(), networks.config().size);
    let latent = tensors::encoded(networks, picture);
    let [_, c, h, w] = latent.dims();
    let hole = Tensor::zeros([1, c, h / 2, w / 4], &device);
    let latent = latent.slice_assign([0..1, 0..c, h / 4..h / 4 + h / 2, w / 3..w / 3 + w / 4], hole);
    let mut skeleton = Tensor::<Cpu, 5>::zeros([1, 3, FRAMES, size, size], &device);
    for frame in 0..FRAMES {
        for row in size / 4..3 * size / 4 {
            let column = size / 2 + (row * frame) / 16;
            let place = [0..1, row % 3..row % 3 + 1, frame..frame + 1, row..row + 1, column..column + 3];
            skeleton = skeleton.slice_assign(place, Tensor::ones([1, 1, 1, 1, 3], &device));
        }
    }
    ClipConditions {
        environment: Some(latent.reshape([1, c, 1, h, w]).repeat_dim(2, FRAMES)),
        skeleton,
        depth: Tensor::zeros([1, 1, FRAMES, size, size], &device),
        objects: None,
    }
}

fn root_mean_square<const R: usize>(x: Tensor<Cpu, R>) -> f64 {
    x.square().mean().sqrt().into_scalar().elem()
}

#[test]
fn bf16_stays_near_f32() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo/character.png");
    let networks = LoadedNetworks::load(&Settings::default(), None).unwrap().networks;
    let side = networks.config().size;
    let picture = resize_picture(&load_picture(&path).unwrap(), side, side, Filter::Bicubic);
    let conditions = conditions(&networks, &picture);
    let latent = conditions.environment.clone().unwrap();
    let noise = starting_noise(&networks, 5, 0, latent.dims(), &Default::default());
    let settings =
        SamplingSettings { steps: 2, guidance: 3.0, schedule: networks.config().schedule.clone(), windows: None };
    let [wide, narrow] = [ComputePrecision::F32, ComputePrecision::Bf16].map(|precision| {
        let networks = networks.clone().with_precision(precision);
        let reference = tensors::reference_state(&networks, &picture);
        let timestep = Tensor::from_floats([600.0], &Default::default());
        let features = networks.clip_features(&conditions);
        let step = networks.predict(noise.clone(), timestep, &features, Some((&reference).into()));
        let go_on = |_, _| ControlFlow::Continue(());
        let latents = generate_clip(&networks, &conditions, &reference, &settings, noise.clone(), go_on).unwrap();
        let [_, c, n, h, w] = latents.dims();
        (step, networks.decode(latents.swap_dims(1, 2).reshape([n, c, h, w])))
    });
    let relative = root_mean_square(narrow.0 - wide.0.clone()) / root_mean_square(wide.0);
    // Pictures are in [-1, 1].
    let difference = root_mean_square(narrow.1.clamp(-1.0, 1.0) - wide.1.clamp(-1.0, 1.0));
    let decibels = 20.0 * (2.0 / difference).log10();
    let found = format!("one step differs by {:.2} %, pictures by {decibels:.1} dB", relative * 100.0);
    eprintln!("{found}");
    assert!(relative > 0.0 && relative < 0.01 && decibels > 35.0, "{found}");
}
