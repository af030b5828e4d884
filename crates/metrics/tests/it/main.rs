//! Compares the metrics with the public Python packages that papers use. `fixtures/make.py` names these packages and
//! generates the expected values.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says its figures"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use media::picture::Picture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stuntdouble_metrics::{
    Backbone, FeatureMoments, Lpips, frechet_distance, frechet_distance_offset, l1, l1_disco, psnr, psnr_disco_u8,
    ssim_colour, ssim_gaussian, ssim_grey,
};

/// Largest relative difference.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct FeatureCase {
    dimension: usize,
    samples: [usize; 2],
    exact: f64,
    offset: f64,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures")
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// Pseudo-random 32-bit numbers, a hash of seed and index.
fn words(seed: u32, count: usize) -> Vec<u32> {
    let word = |index: u32| {
        let mut x = index.wrapping_add(seed << 20);
        for (shift, factor) in [(16, 0x7FEB_352D_u32), (15, 0x846C_A68B)] {
            x ^= x >> shift;
            x = x.wrapping_mul(factor);
        }
        x ^ (x >> 16)
    };
    (0..count as u32).map(word).collect()
}

/// Gradients with noise, and the same with more noise: the result and the truth.
fn pair(seed: u32) -> (Picture, Picture) {
    let (width, height, strength) = (31 + seed as usize % 9, 31 + seed as usize % 13, (1 + 5 * seed) as i32);
    let (grain, noise) = (words(seed, 3 * width * height), words(1000 + seed, 3 * width * height));
    let level =
        |x: usize, y: usize, c: usize| ((3 * x + 2 * y * c) as u32 + grain[3 * (y * width + x) + c] % 64) as i32 % 256;
    let noisy = |x: usize, y: usize, c: usize| {
        let noise = noise[3 * (y * width + x) + c] % (2 * strength as u32 + 1);
        (level(x, y, c) + noise as i32 - strength).clamp(0, 255) as u8
    };
    (
        Picture::from_fn(width, height, |x, y| [0, 1, 2].map(|c| noisy(x, y, c))),
        Picture::from_fn(width, height, |x, y| [0, 1, 2].map(|c| level(x, y, c) as u8)),
    )
}

/// Sums of four uniform numbers, mixed with their neighbours.
fn features(seed: u32, samples: usize, dimension: usize, scale: f32) -> Vec<Vec<f32>> {
    let words = words(seed, 4 * samples * dimension);
    let sample = |words: &[u32]| -> Vec<f32> {
        let sum = |four: &[u32; 4]| four.iter().map(|word| u64::from(*word)).sum::<u64>() as f64 / 2.0_f64.powi(32);
        let numbers: Vec<f64> = words.as_chunks::<4>().0.iter().map(sum).collect();
        let mixed = |index: usize| {
            let neighbour = numbers[(index + dimension - 1) % dimension];
            (numbers[index] + 0.5 * neighbour * (1 + index % 3) as f64) as f32 * scale
        };
        (0..dimension).map(mixed).collect()
    };
    words.chunks(4 * dimension).map(sample).collect()
}

fn relative(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs()
}

#[test]
fn fifty_pairs_score_as_python_s_packages_say() {
    let weights =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/parity/fixtures/lpips_alex.weights.safetensors");
    let network = Lpips::open(Backbone::Alex, &[weights]).unwrap();
    let cases: Vec<BTreeMap<String, f64>> = read("pairs.json");
    assert_eq!(cases.len(), 50);
    let mut worst: BTreeMap<String, f64> = BTreeMap::new();
    for (seed, expected) in cases.into_iter().enumerate() {
        let (made, truth) = pair(seed as u32);
        assert!(relative(psnr_disco_u8(&made, &truth), expected["psnr_disco_u8"]) < 1e-14, "pair {seed}");
        for (name, expected) in expected {
            let found = match name.as_str() {
                "psnr" => psnr(&made, &truth),
                "psnr_disco_u8" => psnr_disco_u8(&made, &truth),
                "ssim_grey" => ssim_grey(&made, &truth),
                "ssim_colour" => ssim_colour(&made, &truth),
                "ssim_gaussian" => ssim_gaussian(&made, &truth),
                "l1" => l1(&made, &truth),
                "l1_disco" => l1_disco(&made, &truth),
                "lpips" => network.distance(&made, &truth).total(),
                "lpips_raw01" => network.distance_raw01(&made, &truth).total(),
                _ => panic!("figure `{name}` is unknown"),
            };
            let error = worst.entry(name).or_default();
            *error = error.max(relative(found, expected));
        }
    }
    eprintln!("largest relative differences: {worst:?}");
    assert!(worst.len() == 9 && worst.values().all(|error| *error < TOLERANCE), "{worst:?}");
}

#[test]
fn distances_of_features_are_pytorch_fid_s() {
    let cases: Vec<FeatureCase> = read("features.json");
    assert_eq!(cases.len(), 12);
    let mut worst = [0.0_f64; 2];
    for (seed, FeatureCase { dimension, samples, exact, offset }) in (0..).zip(cases) {
        let a = FeatureMoments::from_features(&features(2000 + seed, samples[0], dimension, 1.0)).unwrap();
        let b = FeatureMoments::from_features(&features(3000 + seed, samples[1], dimension, 1.25)).unwrap();
        let found = [relative(frechet_distance(&a, &b), exact), relative(frechet_distance_offset(&a, &b), offset)];
        worst = [0, 1].map(|index| worst[index].max(found[index]));
    }
    eprintln!("largest relative differences, exact and with offset: {worst:?}");
    assert!(worst.iter().all(|error| *error < TOLERANCE), "{worst:?}");
}
