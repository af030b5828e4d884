//! Times each kind of op, forward and backward, at the sizes of a training step of the bundled preset (16 frames of
//! 32x32 latent cells). The program prints the median of 9 runs in milliseconds.

use std::time::Instant;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor};
use model::ops::{self, Activation, Convolution, KeysValues, LinearEpilogue, Normalisation};

type Trained = Autodiff<Flex>;

fn random<const R: usize>(shape: [usize; R]) -> Tensor<Trained, R> {
    Tensor::from_inner(Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Default::default())).require_grad()
}

/// A feature map with the memory layout that ops return.
fn map(shape: [usize; 4]) -> Tensor<Trained, 4> {
    let [m, c, h, w] = shape;
    ops::map_from_tokens(random([m, h * w, c]), [h, w])
}

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn time<const R: usize>(name: &str, run: impl Fn() -> Tensor<Trained, R>) {
    let mut times: Vec<[f64; 2]> = (0..11)
        .map(|_| {
            let start = Instant::now();
            let y = run();
            let forward = start.elapsed().as_secs_f64();
            let dims = y.dims();
            let outside = Tensor::random(dims, Distribution::Uniform(-1.0, 1.0), &Default::default());
            let loss = (y * Tensor::from_inner(outside)).sum();
            let start = Instant::now();
            let gradients = loss.backward();
            let backward = start.elapsed().as_secs_f64();
            drop(gradients);
            [forward * 1e3, backward * 1e3]
        })
        .collect();
    times.drain(..2);
    let median = |which: usize| {
        let mut times: Vec<f64> = times.iter().map(|times| times[which]).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!("{name:<44} forward {:>8.2}  backward {:>8.2}", median(0), median(1));
}

pub(crate) fn run() {
    let rows = random([16 * 256, 128]);
    let (square, bias) = (random([128, 128]), random([128]));
    let added = || LinearEpilogue { bias: Some(bias.clone()), shift: None, residual: Some(rows.clone()) };
    time("linear 4096x128x128 + residual", || ops::linear(rows.clone(), square.clone(), added()));
    let (wide, wide_bias) = (random([1024, 128]), random([1024]));
    time("linear_geglu 4096x128x1024", || ops::linear_geglu(rows.clone(), wide.clone(), Some(wide_bias.clone())));
    time("layer_norm 4096x128", || ops::layer_norm(rows.clone(), bias.clone(), bias.clone(), 1e-5));
    let large = map([16, 64, 32, 32]);
    let norm =
        |activation| Normalisation { groups: 8, weight: random([64]), bias: random([64]), epsilon: 1e-5, activation };
    let silu = norm(Activation::Silu);
    time("group_norm + SiLU 16x64x32x32", || ops::cells_from_map(ops::group_norm(large.clone(), silu.clone())));
    time("SiLU 16x64x32x32", || ops::cells_from_map(ops::silu(large.clone())));
    for (name, kernel, stride) in [("3x3", 3, 1), ("3x3 stride 2", 3, 2), ("1x1", 1, 1)] {
        let (weight, bias) = (random([64, 64, kernel, kernel]), random([64]));
        time(&format!("conv {name} 64 to 64, 16x32x32"), || {
            ops::cells_from_map(ops::conv2d(
                large.clone(),
                weight.clone(),
                Convolution::same(kernel, stride, Some(bias.clone())),
            ))
        });
    }
    let weight = random([64, 64, 3, 3]);
    let convolution = || Convolution { residual: Some(large.clone()), ..Convolution::same(3, 1, Some(random([64]))) };
    time("conv 3x3 64 to 64 + residual", || {
        ops::cells_from_map(ops::conv2d(large.clone(), weight.clone(), convolution()))
    });
    let (small, weight) = (map([16, 128, 16, 16]), random([128, 128, 3, 3]));
    time("upsample + conv 3x3 128, 16x16x16", || {
        ops::cells_from_map(ops::upsample_conv2d(small.clone(), weight.clone(), Some(random([128]))))
    });
    let tokens = |m: usize, l: usize| random([m, l, 128]);
    let own = KeysValues { keys: tokens(16, 256), values: tokens(16, 256) };
    let reference = KeysValues { keys: tokens(8, 256), values: tokens(8, 256) };
    let query = tokens(16, 256);
    time("attention 16x256, 4 heads of 32", || ops::attention(query.clone(), &[&own], 4));
    time("attention with a reference, 8x256", || ops::attention(query.clone(), &[&own, &reference], 4));
    let long = KeysValues { keys: random([1, 4096, 80]), values: random([1, 4096, 80]) };
    let many = random([1, 4096, 80]);
    time("attention 1x4096, 2 heads of 40", || ops::attention(many.clone(), &[&long], 2));
    let video = |_| random([2, 8, 256, 128]);
    let [query, keys, values] = [0, 1, 2].map(video);
    let own = KeysValues { keys, values };
    time("temporal attention 2x8x256, 4 heads of 32", || ops::temporal_attention(query.clone(), own.clone(), 4));
}
