//! Tests the gradients of group norm, layer norm, SiLU and GEGLU.

use proptest::prelude::*;
use stuntdouble_kernels::{
    Activation, Cpu, GroupNorm, NormGradients, geglu, geglu_gradient, group_norm_gradient, layer_norm_gradient,
    silu_gradient,
};

use crate::reference::{Exact, Random, assert_close, each_cpu, gelu, on_one_and_two_threads, silu};

/// The derivative of a function by central differences in f64.
fn slope(of: impl Fn(f64) -> f64, x: f64) -> f64 {
    (of(x + 1e-5) - of(x - 1e-5)) / 2e-5
}

/// A norm over groups of elements that share statistics. `groups` lists the elements of each group.
struct Norm<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    groups: Vec<Vec<usize>>,
    silu: bool,
    epsilon: f64,
}

impl Norm<'_> {
    /// Gradients of input, weight and bias. The accuracy of differences depends on the largest terms of a group.
    fn exact(&self) -> [Vec<Exact>; 3] {
        let channels = self.weight.len();
        let mut of_input = vec![Exact::default(); self.input.len()];
        let (mut of_weight, mut of_bias) = (vec![Exact::default(); channels], vec![Exact::default(); channels]);
        for members in &self.groups {
            let n = members.len() as f64;
            let x = |at: usize| f64::from(self.input[at]);
            let mean = members.iter().map(|at| x(*at)).sum::<f64>() / n;
            let variance = members.iter().map(|at| (x(*at) - mean).powi(2)).sum::<f64>() / n;
            let scale = 1.0 / (variance + self.epsilon).sqrt();
            // The accuracy of a normalised value depends on how far the mean is from zero.
            let inexact = 2.0 + 2.0 * mean.abs() * scale;
            let (mut plain, mut along, mut most) = (0.0, 0.0, 0.0_f64);
            let mut each = vec![];
            for at in members {
                let channel = at % channels;
                let (weight, bias) = (f64::from(self.weight[channel]), f64::from(self.bias[channel]));
                let normal = (x(*at) - mean) * scale;
                let through = if self.silu { slope(silu, normal * weight + bias) } else { 1.0 };
                let g = f64::from(self.gradient[*at]) * through;
                of_weight[channel].add(g * normal);
                of_weight[channel].scale += inexact * (g.abs() + f64::from(self.gradient[*at]).abs());
                of_bias[channel].add(g);
                of_bias[channel].scale += inexact * f64::from(self.gradient[*at]).abs();
                plain += g * weight / n;
                along += g * weight * normal / n;
                most = most.max((1.0 + weight.abs()) * f64::from(self.gradient[*at]).abs() * (1.0 + normal.abs()));
                each.push((*at, normal, g * weight));
            }
            for (at, normal, g) in each {
                let value = (g - plain - normal * along) * scale;
                of_input[at] = Exact { value, scale: scale * most * inexact * (1.0 + normal.abs()) * 4.0 };
            }
        }
        [of_input, of_weight, of_bias]
    }

    /// Compares all three gradients, which `work` computes.
    fn check(&self, what: &str, work: impl Fn(NormGradients<'_>) + Sync) {
        let (inputs, channels) = (self.input.len(), self.weight.len());
        let found = on_one_and_two_threads(inputs + 2 * channels, |result| {
            let (input, parameters) = result.split_at_mut(inputs);
            let (weight, bias) = parameters.split_at_mut(channels);
            work(NormGradients { input, weight, bias });
        });
        let [of_input, of_weight, of_bias] = self.exact();
        assert_close(&found[..inputs], &of_input, &format!("input: {what}"));
        assert_close(&found[inputs..inputs + channels], &of_weight, &format!("weight: {what}"));
        assert_close(&found[inputs + channels..], &of_bias, &format!("bias: {what}"));
    }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    pixels: usize,
    groups: usize,
    width: usize,
    offset: f32,
    silu: bool,
    seed: u64,
}

fn group(cpu: Cpu, case: Case) {
    let Case { batch, pixels, groups, width, offset, silu, seed } = case;
    let (channels, mut random) = (groups * width, Random(seed));
    let input: Vec<f32> = random.many::<f32>(batch * pixels * channels).iter().map(|x| x + offset).collect();
    let gradient = random.many::<f32>(input.len());
    let (weight, bias) = (random.many::<f32>(channels), random.many::<f32>(channels));
    let group = |at: usize| at / (pixels * channels) * groups + at % channels / width;
    let mut members = vec![vec![]; batch * groups];
    (0..input.len()).for_each(|at| members[group(at)].push(at));
    let [input, gradient, weight, bias] = [&input, &gradient, &weight, &bias].map(|of| &of[..]);
    let norm = Norm { input, gradient, weight, bias, groups: members, silu, epsilon: 1e-4 };
    let activation = if silu { Activation::Silu } else { Activation::None };
    let of = GroupNorm { groups, weight, bias, epsilon: 1e-4, activation };
    norm.check(&format!("{cpu:?} {case:?}"), |result| group_norm_gradient(cpu, input, batch, &of, gradient, result));
}

fn layer(cpu: Cpu, rows: usize, channels: usize, offset: f32, seed: u64) {
    let mut random = Random(seed);
    let input: Vec<f32> = random.many::<f32>(rows * channels).iter().map(|x| x + offset).collect();
    let gradient = random.many::<f32>(input.len());
    let (weight, bias) = (random.many::<f32>(channels), vec![0.0; channels]);
    let groups = (0..rows).map(|row| (row * channels..(row + 1) * channels).collect()).collect();
    let [input, gradient, weight, bias] = [&input, &gradient, &weight, &bias].map(|of| &of[..]);
    let norm = Norm { input, gradient, weight, bias, groups, silu: false, epsilon: 1e-4 };
    let what = format!("{cpu:?} {rows} rows of {channels}, seed {seed}");
    norm.check(&what, |result| layer_norm_gradient(cpu, input, weight, 1e-4, gradient, result));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn gradients_of_group_norm_agree_with_the_reference(
        (batch, pixels, groups, width) in (0_usize..3, 0_usize..60, 1_usize..5, 1_usize..24),
        offset in -4.0_f32..4.0,
        silu: bool,
        seed: u64,
    ) {
        each_cpu(|cpu| group(cpu, Case { batch, pixels, groups, width, offset, silu, seed }));
    }

    #[test]
    fn gradients_of_layer_norm_agree_with_the_reference(
        rows in 0_usize..70, channels in 2_usize..90, offset in -4.0_f32..4.0, seed: u64,
    ) {
        each_cpu(|cpu| layer(cpu, rows, channels, offset, seed));
    }

    #[test]
    fn gradients_of_activations_agree_with_the_reference(rows in 0_usize..40, width in 1_usize..70, seed: u64) {
        let mut random = Random(seed);
        let input: Vec<f32> = random.many::<f32>(rows * 2 * width).iter().map(|x| 8.0 * x).collect();
        let gradient = random.many::<f32>(input.len());
        let exact = |value: f64, size: f32| Exact { value, scale: 4.0 * f64::from(size.abs()) };
        let of_silu: Vec<Exact> =
            input.iter().zip(&gradient).map(|(x, g)| exact(f64::from(*g) * slope(silu, f64::from(*x)), 2.0 * g)).collect();
        let gradient_of_result = &gradient[..rows * width];
        let (mut result, mut of_geglu) = (vec![], vec![Exact::default(); input.len()]);
        for (at, g) in gradient_of_result.iter().enumerate() {
            let place = at / width * 2 * width + at % width;
            let (value, gate, g) = (f64::from(input[place]), f64::from(input[place + width]), f64::from(*g));
            result.push(exact(value * gelu(gate), (value * gate) as f32));
            of_geglu[place] = exact(g * gelu(gate), (g * gate) as f32);
            of_geglu[place + width] = exact(g * value * slope(gelu, gate), (2.0 * g * value) as f32);
        }
        each_cpu(|cpu| {
            let check = |expected: &[Exact], work: &(dyn Fn(&mut [f32]) + Sync)| {
                assert_close(&on_one_and_two_threads(expected.len(), work), expected, &format!("{cpu:?} {rows} {width} {seed}"));
            };
            check(&of_silu, &|result| silu_gradient(cpu, &input, &gradient, result));
            check(&result, &|result| geglu(cpu, &input, width, result));
            check(&of_geglu, &|result| geglu_gradient(cpu, &input, width, gradient_of_result, result));
        });
    }
}

#[test]
fn several_pieces_far_from_zero() {
    let case = Case { batch: 2, pixels: 1000, groups: 4, width: 20, offset: 50.0, silu: true, seed: 2 };
    each_cpu(|cpu| {
        group(cpu, case);
        layer(cpu, 900, 70, 20.0, 3);
    });
}
