//! Tests the gradients of linear layers, and column sums.

use proptest::prelude::*;
use stuntdouble_kernels::{Cpu, LinearSizes, column_sums, linear_input_gradient, linear_weight_gradient};

use crate::reference::{Exact, Random, assert_close, each_cpu, on_one_and_two_threads};

fn run(cpu: Cpu, sizes: LinearSizes, seed: u64) {
    let LinearSizes { rows, inputs, outputs } = sizes;
    let mut random = Random(seed);
    let (input, weight) = (random.many::<f32>(rows * inputs), random.many::<f32>(outputs * inputs));
    let gradient = random.many::<f32>(rows * outputs);
    let mut of_input = vec![Exact::default(); input.len()];
    let mut of_weight = vec![Exact::default(); weight.len()];
    let mut of_bias = vec![Exact::default(); outputs];
    for (at, value) in gradient.iter().enumerate() {
        let (row, output, value) = (at / outputs, at % outputs, f64::from(*value));
        of_bias[output].add(value);
        for channel in 0..inputs {
            of_input[row * inputs + channel].add(value * f64::from(weight[output * inputs + channel]));
            of_weight[output * inputs + channel].add(value * f64::from(input[row * inputs + channel]));
        }
    }
    let what = |of: &str| format!("{of}: {cpu:?} {sizes:?}");
    let check = |expected: &[Exact], of: &str, work: &(dyn Fn(&mut [f32]) + Sync)| {
        assert_close(&on_one_and_two_threads(expected.len(), work), expected, &what(of));
    };
    check(&of_input, "input", &|result| linear_input_gradient(cpu, sizes, &weight, &gradient, result));
    check(&of_weight, "weight", &|result| linear_weight_gradient(cpu, sizes, &input, &gradient, result));
    check(&of_bias, "bias", &|result| column_sums(cpu, &gradient, result));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn gradients_agree_with_the_reference(rows in 0_usize..600, inputs in 1_usize..80, outputs in 1_usize..80, seed: u64) {
        each_cpu(|cpu| run(cpu, LinearSizes { rows, inputs, outputs }, seed));
    }
}

#[test]
fn many_rows_and_many_columns() {
    each_cpu(|cpu| {
        run(cpu, LinearSizes { rows: 3000, inputs: 64, outputs: 33 }, 1);
        let long = Random(4).many::<f32>(40 * 40_000);
        let sums = on_one_and_two_threads(40_000, |result| column_sums(cpu, &long, result));
        let exact = |column: usize| {
            let mut sum = Exact::default();
            long.iter().skip(column).step_by(40_000).for_each(|x| sum.add(f64::from(*x)));
            sum
        };
        assert_close(&sums, &(0..40_000).map(exact).collect::<Vec<_>>(), "column sums");
    });
}
