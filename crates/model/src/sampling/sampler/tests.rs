use burn::backend::Flex;
use burn::tensor::Distribution;

use super::*;
use crate::networks::tests::{awake, conditions, tiny};
use crate::sampling::clip_plan::plan_clips;

const SHAPE: [usize; 5] = [1, 4, 4, 2, 2];

fn settings(guidance: f32) -> SamplingSettings {
    SamplingSettings { steps: 3, guidance, ..Default::default() }
}

fn reference(networks: &Networks<Flex>) -> ReferenceState<Flex> {
    networks.reference_state(Tensor::random([1, 4, 2, 2], Distribution::Normal(0.0, 1.0), &Default::default()), None)
}

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn noise(seed: u64, clip: usize) -> Tensor<Flex, 5> {
    clip_noise(seed, clip, SHAPE, &Default::default())
}

#[test]
fn noise_is_normal_and_differs_by_seed_and_clip() {
    let shape = [1, 16, 16, 16, 16];
    let values = |seed, clip| clip_noise::<Flex>(seed, clip, shape, &Default::default());
    let first = values(1, 0);
    first.clone().into_data().assert_eq(&values(1, 0).into_data(), true);
    let moment = |x: Tensor<Flex, 5>| x.mean().into_scalar();
    assert!(moment(first.clone()).abs() < 0.02);
    assert!((moment(first.clone().square()) - 1.0).abs() < 0.03);
    for other in [values(1, 1), values(2, 0)] {
        assert!(moment(first.clone() * other).abs() < 0.02);
    }
}

#[test]
fn without_temporal_modules_all_frames_start_alike() {
    let start = |networks: &Networks<Flex>, clip| starting_noise(networks, 3, clip, SHAPE, &Default::default());
    let with = tiny(|_| {}, 1);
    start(&with, 2).into_data().assert_eq(&noise(3, 2).into_data(), true);
    let without = tiny(|config| config.unet.motion = None, 1);
    let all = start(&without, 2);
    all.clone().into_data().assert_eq(&start(&without, 0).into_data(), true);
    let frame = |place| all.clone().narrow(2, place, 1);
    frame(0).into_data().assert_eq(&frame(3).into_data(), true);
    assert!(frame(0).abs().max().into_scalar() > 0.5);
}

#[test]
fn the_same_seed_gives_the_same_clip_and_another_does_not() {
    let networks = awake(tiny(|_| {}, 1));
    let (conditions, reference) = (conditions(4), reference(&networks));
    let run = |seed| {
        let result = generate_clip(&networks, &conditions, &reference, &settings(2.0), noise(seed, 0), go_on);
        result.unwrap().into_data()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn guidance_is_the_line_through_both_halves() {
    let networks = awake(tiny(|_| {}, 2));
    let (conditions, reference) = (conditions(4), reference(&networks));
    let features = networks.clip_features(&conditions);
    let at = |guidance| guided(&networks, noise(1, 0), 400, &features, &reference, guidance);
    let (one, two, three) = (at(1.0), at(2.0), at(3.0));
    assert!((two.clone() - one.clone()).abs().max().into_scalar() > 1e-5);
    let bend = three - two.clone() * 2.0 + one.clone();
    assert!(bend.abs().max().into_scalar() < 1e-4);
    // At guidance 1 the unconditional branch is not computed; the line passes through the conditional one.
    let timestep = Tensor::from_floats([400.0], &Default::default());
    networks
        .predict(noise(1, 0), timestep.clone(), &features, Some((&reference).into()))
        .into_data()
        .assert_eq(&one.clone().into_data(), true);
    let unconditional = networks.predict(noise(1, 0), timestep, &features, None);
    let line = unconditional.clone() + (one - unconditional) * 2.0;
    assert!((line - two).abs().max().into_scalar() < 1e-5);
}

/// The whole loop over a video of 9 frames in clips of 4. `finished` holds the clips of an earlier run.
fn video(networks: &Networks<Flex>, finished: &[Vec<Vec<f32>>]) -> Vec<Vec<Vec<f32>>> {
    let device = Default::default();
    let values = |shape: [usize; 5], scale: f32| {
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|k| ((k as f32 * 0.37).sin() + 1.0) * scale).collect();
        Tensor::<Flex, 5>::from_data(TensorData::new(values, shape), &device)
    };
    let (environment, skeleton, depth) =
        (values([1, 4, 9, 2, 2], 1.0), values([1, 3, 9, 16, 16], 0.5), values([1, 1, 9, 16, 16], 0.5));
    let reference = networks.reference_state(values([1, 4, 1, 2, 2], 1.0).reshape([1, 4, 2, 2]), None);
    let mut clips = finished.to_vec();
    for clip in plan_clips(9, 4).into_iter().skip(finished.len()) {
        let index = Tensor::<Flex, 1, burn::tensor::Int>::from_ints(
            clip.frames.iter().map(|frame| *frame as i32).collect::<Vec<_>>().as_slice(),
            &device,
        );
        let pick = |video: &Tensor<Flex, 5>| video.clone().select(2, index.clone());
        let mut conditions = ClipConditions {
            environment: Some(pick(&environment)),
            skeleton: pick(&skeleton),
            depth: pick(&depth),
            objects: None,
        };
        if clip.temporal_reference().is_some() {
            let last = clips[clip.index - 1].last().unwrap().clone();
            let picture = Tensor::from_data(TensorData::new(last, [1, 3, 16, 16]), &device);
            conditions = conditions.with_temporal_reference(networks.autoencoder.encode(picture));
        }
        let noise = noise(11, clip.index);
        let latents = generate_clip(networks, &conditions, &reference, &settings(1.5), noise, go_on).unwrap();
        let mut pictures = vec![];
        decode_frames(networks, &latents, clip.keep.clone(), |_, picture| {
            pictures.push(picture.into_data().to_vec::<f32>().unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
        clips.push(pictures);
    }
    clips
}

#[test]
fn a_resumed_video_is_the_uninterrupted_one() {
    let networks = awake(tiny(|_| {}, 3));
    let whole = video(&networks, &[]);
    assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [4, 3, 2]);
    for done in 1..3 {
        assert!(video(&networks, &whole[..done]) == whole, "resumed after {done} clips");
    }
    // The temporal reference has an effect: with another first clip the later ones differ.
    let mut other = whole[..1].to_vec();
    for value in other[0].last_mut().unwrap() {
        *value = -*value;
    }
    assert!(video(&networks, &other)[1] != whole[1], "the temporal reference has no influence");
}

#[test]
fn progress_counts_the_steps_and_can_stop() {
    let networks = tiny(|_| {}, 4);
    let (conditions, reference) = (conditions(4), reference(&networks));
    let mut seen = vec![];
    let stopped = generate_clip(&networks, &conditions, &reference, &settings(1.0), noise(1, 0), |done, all| {
        seen.push((done, all));
        if done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped.unwrap_err(), seen), (SamplingError::Stopped, vec![(1, 3), (2, 3)]));
    let many = SamplingSettings { steps: 1001, ..settings(1.0) };
    let error = generate_clip(&networks, &conditions, &reference, &many, noise(1, 0), go_on).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("sampling.steps", "the number of denoising steps is 1001, expected 1 to 1000".into())
    );
}

#[test]
fn values_that_are_not_finite_are_found_where_they_arise() {
    let networks = awake(tiny(|_| {}, 5));
    let reference = reference(&networks);
    let stage = |conditions: &ClipConditions<Flex>, noise: Tensor<Flex, 5>| {
        generate_clip(&networks, conditions, &reference, &settings(1.0), noise, go_on).unwrap_err().to_string()
    };
    let check = |change: &dyn Fn(&mut ClipConditions<Flex>), expected: &str| {
        let mut changed = conditions(4);
        change(&mut changed);
        assert_eq!(stage(&changed, noise(1, 0)), format!("found a value that is not finite in {expected}"));
    };
    let poison = |x: &Tensor<Flex, 5>| {
        x.clone().slice_assign([0..1, 0..1, 0..1, 0..1, 0..1], Tensor::full([1; 5], f32::INFINITY, &Default::default()))
    };
    check(&|c| c.environment = c.environment.as_ref().map(poison), "the environment latents");
    check(&|c| c.skeleton = poison(&c.skeleton), "the pose features");
    check(&|c| c.objects = c.objects.as_ref().map(poison), "the object features");
    let found = stage(&conditions(4), poison(&noise(1, 0)));
    assert_eq!(found, "found a value that is not finite in the latents after denoising step 1");
    let bad =
        noise(1, 0).slice_assign([0..1, 0..1, 2..3, 0..1, 0..1], Tensor::full([1; 5], f32::NAN, &Default::default()));
    let mut good = 0;
    let error = decode_frames(&networks, &bad, 0..4, |_, _| {
        good += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((error.unwrap_err(), good), (SamplingError::NonFinite { stage: SamplingStage::Decoding(2) }, 2));
}

#[test]
fn a_windowed_step_is_the_mean_of_its_windows() {
    let networks = awake(tiny(|_| {}, 4));
    let (conditions, reference) = (conditions(6), reference(&networks));
    let features = networks.clip_features(&conditions);
    let noise = clip_noise::<Flex>(1, 0, [1, 4, 6, 2, 2], &Default::default());
    let windows = ContextConfig { size: 4, stride: 1, overlap: 2, closed_loop: false };
    // Frames 2 and 3 are in both windows.
    assert_eq!(windows.windows(6, 0), [[0, 1, 2, 3], [2, 3, 4, 5]]);
    let whole = guided_in_windows(&networks, noise.clone(), 400, &features, &reference, 2.0, &windows);
    let part = |first: i64| {
        let indices = Tensor::from_ints([first, first + 1, first + 2, first + 3], &Default::default());
        let latent = noise.clone().narrow(2, first as usize, 4);
        guided(&networks, latent, 400, &features.at(&indices), &reference, 2.0)
    };
    let (first, second) = (part(0), part(2));
    let shared = (first.clone().narrow(2, 2, 2) + second.clone().narrow(2, 0, 2)) / 2.0;
    let expected = Tensor::cat(vec![first.narrow(2, 0, 2), shared, second.narrow(2, 2, 2)], 2);
    assert!((whole - expected).abs().max().into_scalar() < 1e-5);
    // A clip that fits into a window is denoised whole.
    let large = ContextConfig { size: 6, ..windows };
    let same = guided_in_windows(&networks, noise.clone(), 400, &features, &reference, 2.0, &large);
    same.into_data().assert_eq(&guided(&networks, noise, 400, &features, &reference, 2.0).into_data(), true);
}
