//! Tests the gradients of convolutions.

use proptest::prelude::*;
use stuntdouble_kernels::{
    Convolved, Cpu, Geometry, input_gradient, upsample_input_gradient, upsample_weight_gradient, weight_gradient,
};

use crate::reference::{Exact, Random, assert_close, each_cpu, on_one_and_two_threads};

/// Both gradients as direct sums over all terms of the convolution.
fn exact(of: &Convolved, input: &[f32], weight: &[f32], gradient: &[f32]) -> [Vec<Exact>; 2] {
    let Convolved { input: [batch, height, width], inputs, outputs, geometry } = *of;
    let Geometry { kernel, stride, before, .. } = geometry;
    let [_, output_height, output_width] = of.output();
    let (mut of_weight, mut of_input) = (vec![Exact::default(); weight.len()], vec![Exact::default(); input.len()]);
    for (at, value) in gradient.iter().enumerate() {
        let (output, cell) = (at % outputs, at / outputs);
        let (ox, oy, picture) =
            (cell % output_width, cell / output_width % output_height, cell / output_width / output_height);
        for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
            let (y, x) = ((oy * stride + ky).wrapping_sub(before), (ox * stride + kx).wrapping_sub(before));
            if picture >= batch || y >= height || x >= width {
                continue;
            }
            for channel in 0..inputs {
                let i = ((picture * height + y) * width + x) * inputs + channel;
                let w = ((output * inputs + channel) * kernel + ky) * kernel + kx;
                of_weight[w].add(f64::from(*value) * f64::from(input[i]));
                of_input[i].add(f64::from(*value) * f64::from(weight[w]));
            }
        }
    }
    [of_weight, of_input]
}

fn run(cpu: Cpu, of: &Convolved, seed: u64) {
    let Convolved { input: [batch, height, width], inputs, outputs, geometry } = *of;
    let [_, output_height, output_width] = of.output();
    let mut random = Random(seed);
    let input = random.many::<f32>(batch * height * width * inputs);
    let weight = random.many::<f32>(outputs * inputs * geometry.kernel * geometry.kernel);
    let gradient = random.many::<f32>(batch * output_height * output_width * outputs);
    let [of_weight, of_input] = exact(of, &input, &weight, &gradient);
    let found = on_one_and_two_threads(weight.len(), |result| weight_gradient(cpu, of, &input, &gradient, result));
    assert_close(&found, &of_weight, &format!("weight: {cpu:?} {of:?}"));
    let found = on_one_and_two_threads(input.len(), |result| input_gradient(cpu, of, &weight, &gradient, result));
    assert_close(&found, &of_input, &format!("input: {cpu:?} {of:?}"));
}

/// Nearest upsampling by two before the convolution: every cell of the input appears four times.
fn enlarged(cpu: Cpu, size: [usize; 3], channels: [usize; 2], seed: u64) {
    let ([batch, height, width], [inputs, outputs]) = (size, channels);
    let large = [batch, 2 * height, 2 * width];
    let of = Convolved { input: large, inputs, outputs, geometry: Geometry::same(3, 1) };
    let mut random = Random(seed);
    let input = random.many::<f32>(batch * height * width * inputs);
    let (weight, gradient) =
        (random.many::<f32>(9 * inputs * outputs), random.many::<f32>(4 * batch * height * width * outputs));
    let small = |at: usize| {
        let (channel, x, y) = (at % inputs, at / inputs % large[2], at / inputs / large[2] % large[1]);
        ((at / inputs / large[2] / large[1] * height + y / 2) * width + x / 2) * inputs + channel
    };
    let repeated: Vec<f32> = (0..4 * input.len()).map(|at| input[small(at)]).collect();
    let [of_weight, of_large] = exact(&of, &repeated, &weight, &gradient);
    let mut of_input = vec![Exact::default(); input.len()];
    for (at, exact) in of_large.iter().enumerate() {
        of_input[small(at)].value += exact.value;
        of_input[small(at)].scale += exact.scale;
    }
    let what = format!("{cpu:?} {size:?} {channels:?}");
    let found = on_one_and_two_threads(weight.len(), |result| {
        upsample_weight_gradient(cpu, size, channels, &input, &gradient, result);
    });
    assert_close(&found, &of_weight, &format!("weight: {what}"));
    let found = on_one_and_two_threads(input.len(), |result| {
        upsample_input_gradient(cpu, size, channels, &weight, &gradient, result);
    });
    assert_close(&found, &of_input, &format!("input: {what}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn gradients_agree_with_the_reference(
        (batch, height, width) in (0_usize..3, 1_usize..9, 1_usize..9),
        (inputs, outputs) in (1_usize..40, 1_usize..40),
        (kernel, stride) in (prop_oneof![Just(1_usize), Just(3)], 1_usize..3),
        (before, after) in (0_usize..2, 0_usize..2),
        seed: u64,
    ) {
        let (before, after) = if kernel == 1 { (0, 0) } else { (before, after) };
        let geometry = Geometry { kernel, stride, before, after };
        let of = Convolved { input: [batch, height, width], inputs, outputs, geometry };
        each_cpu(|cpu| run(cpu, &of, seed));
    }

    #[test]
    fn gradients_after_an_enlargement_agree_with_the_reference(
        (batch, height, width) in (0_usize..3, 1_usize..6, 1_usize..6),
        (inputs, outputs) in (1_usize..40, 1_usize..40),
        seed: u64,
    ) {
        each_cpu(|cpu| enlarged(cpu, [batch, height, width], [inputs, outputs], seed));
    }
}

#[test]
fn gradients_of_a_network() {
    let of = Convolved { input: [5, 16, 16], inputs: 64, outputs: 96, geometry: Geometry::same(3, 1) };
    each_cpu(|cpu| run(cpu, &of, 3));
}
