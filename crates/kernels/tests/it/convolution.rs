//! Tests convolutions of every geometry, and convolutions fused with nearest upsampling.

use proptest::prelude::*;
use stuntdouble_kernels::{
    Activation, Cpu, Epilogue, Geometry, GroupBias, PackedConvolution, PackedUpsample, bf16, convolve,
    upsample_convolve,
};

use crate::reference::{Exact, Number, Random, assert_close, each_cpu, on_one_and_two_threads, silu};

#[derive(Debug, Clone, Copy)]
struct Case {
    batch: usize,
    size: [usize; 2],
    inputs: usize,
    outputs: usize,
    geometry: Geometry,
    time: bool,
    residual: bool,
    silu: bool,
    seed: u64,
}

/// Direct sums, `[batch, h, w, outputs]`, over a zero-padded map.
fn exact<T: Number>(input: &[T], weight: &[T], case: &Case, geometry: Geometry) -> Vec<Exact> {
    let Case { batch, size: [height, width], inputs, outputs, .. } = *case;
    let Geometry { kernel, stride, before, .. } = geometry;
    let mut sums = vec![];
    for picture in 0..batch {
        for y in 0..geometry.output(height) {
            for x in 0..geometry.output(width) {
                for output in 0..outputs {
                    let mut sum = Exact::default();
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let (iy, ix) =
                                ((y * stride + ky).wrapping_sub(before), (x * stride + kx).wrapping_sub(before));
                            if iy >= height || ix >= width {
                                continue;
                            }
                            for c in 0..inputs {
                                let w = weight[((output * inputs + c) * kernel + ky) * kernel + kx].wide();
                                sum.add(w * input[((picture * height + iy) * width + ix) * inputs + c].wide());
                            }
                        }
                    }
                    sums.push(sum);
                }
            }
        }
    }
    sums
}

/// `enlarge`: nearest upsampling by two before the convolution. `fast`: Winograd convolution.
fn run<T: Number>(cpu: Cpu, case: Case, enlarge: bool, fast: bool) {
    let Case { batch, size: [height, width], inputs, outputs, geometry, .. } = case;
    let mut random = Random(case.seed);
    let input = random.shifted::<T>(batch * height * width * inputs);
    let input = &input[1..];
    let weight = random.many::<T>(outputs * inputs * geometry.kernel * geometry.kernel);
    let mut sums = if enlarge {
        let pixel = |i: usize| {
            let (c, x, y) = (i % inputs, i / inputs % (2 * width), i / inputs / (2 * width) % (2 * height));
            let picture = i / inputs / (4 * height * width);
            input[((picture * height + y / 2) * width + x / 2) * inputs + c]
        };
        let large: Vec<T> = (0..4 * input.len()).map(pixel).collect();
        exact(&large, &weight, &Case { size: [2 * height, 2 * width], ..case }, geometry)
    } else {
        exact(input, &weight, &case, geometry)
    };
    let each = sums.len() / outputs / batch.max(1);
    let bias = random.many::<f32>(outputs);
    let time = random.many::<f32>(if each == 0 { 0 } else { batch * outputs });
    let residual = random.many::<T>(sums.len());
    for (i, sum) in sums.iter_mut().enumerate() {
        sum.add(bias[i % outputs].into());
        if case.time {
            sum.add(time[i / (each * outputs) * outputs + i % outputs].into());
        }
        if case.silu {
            sum.value = silu(sum.value);
        }
        if case.residual {
            sum.add(residual[i].wide());
        }
        if enlarge {
            // Summed weights are rounded once more.
            sum.scale *= 2.0;
        }
    }
    let epilogue = Epilogue {
        bias: Some(&bias),
        group_bias: case.time.then_some(GroupBias { values: &time, rows: each.max(1) }),
        residual: case.residual.then_some(&residual[..]),
        activation: if case.silu { Activation::Silu } else { Activation::None },
        ..Epilogue::default()
    };
    let result = if enlarge {
        let pack = if fast { PackedUpsample::winograd } else { PackedUpsample::new };
        let weight = pack(cpu, &weight, outputs, inputs);
        on_one_and_two_threads(sums.len(), |result| {
            upsample_convolve(input, [batch, height, width], &weight, &epilogue, result);
        })
    } else {
        let weight = if fast {
            PackedConvolution::winograd(cpu, &weight, outputs, inputs, [geometry.before, geometry.after])
        } else {
            PackedConvolution::new(cpu, &weight, outputs, inputs, geometry)
        };
        on_one_and_two_threads(sums.len(), |result| {
            convolve(input, [batch, height, width], &weight, &epilogue, result);
        })
    };
    assert_close(&result, &sums, &format!("{cpu:?} {case:?} enlarge {enlarge}, fast {fast}"));
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (0_usize..3, [0_usize..9, 0_usize..9], 1_usize..20, 1_usize..40, any::<u64>());
    let geometry = (prop_oneof![Just(1_usize), Just(3)], 1_usize..3, 0_usize..2, 0_usize..2);
    (shape, geometry, any::<[bool; 3]>()).prop_map(
        |((batch, size, inputs, outputs, seed), (kernel, stride, before, after), [time, residual, silu])| {
            let geometry = Geometry { kernel, stride, before, after };
            Case { batch, size, inputs, outputs, geometry, time, residual, silu, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolutions_agree_with_the_reference(case in case()) {
        each_cpu(|cpu| {
            run::<f32>(cpu, case, false, false);
            run::<bf16>(cpu, case, false, false);
        });
    }

    #[test]
    fn enlarged_convolutions_agree_with_the_reference(case in case()) {
        let case = Case { geometry: Geometry::same(3, 1), ..case };
        each_cpu(|cpu| {
            run::<f32>(cpu, case, true, false);
            run::<bf16>(cpu, case, true, false);
        });
    }

    #[test]
    fn fast_convolutions_agree_with_the_reference(case in case(), enlarge: bool) {
        let geometry = Geometry { kernel: 3, stride: 1, ..case.geometry };
        let case = Case { geometry: if enlarge { Geometry::same(3, 1) } else { geometry }, ..case };
        each_cpu(|cpu| {
            run::<f32>(cpu, case, enlarge, true);
            run::<bf16>(cpu, case, enlarge, true);
        });
    }
}

#[test]
fn several_blocks_of_taps_and_channels() {
    let case = Case {
        batch: 1,
        size: [5, 6],
        inputs: 531,
        outputs: 33,
        geometry: Geometry::same(3, 2),
        time: true,
        residual: true,
        silu: true,
        seed: 5,
    };
    let large = Case { size: [50, 47], inputs: 40, geometry: Geometry::same(3, 1), ..case };
    each_cpu(|cpu| {
        run::<f32>(cpu, case, false, false);
        run::<bf16>(cpu, case, false, false);
        run::<f32>(cpu, Case { geometry: Geometry::same(3, 1), ..case }, false, true);
        run::<bf16>(cpu, large, false, true);
    });
}

#[test]
fn not_a_number_stays_near_in_fast_convolutions() {
    // A map of 12 by 12 pixels has tiles of 4 by 4. Each tile also reads one pixel around it.
    each_cpu(|cpu| {
        let mut input = Random(7).many::<f32>(12 * 12 * 3);
        input[(5 * 12 + 4) * 3 + 1] = f32::INFINITY;
        let weight = Random(8).many::<f32>(2 * 3 * 9);
        let packed = PackedConvolution::winograd(cpu, &weight, 2, 3, [1, 1]);
        let mut result = vec![0.0; 12 * 12 * 2];
        convolve(&input, [1, 12, 12], &packed, &Epilogue::default(), &mut result);
        for (i, value) in result.iter().enumerate() {
            let (y, x) = (i / 24, i / 2 % 12);
            // Only the second row of tiles reads row 5. The first and second columns of tiles read column 4.
            let (must, may) = (y.abs_diff(5) <= 1 && x.abs_diff(4) <= 1, y / 4 == 1 && x / 4 < 2);
            assert!(!must || !value.is_finite(), "{cpu:?} {i}: {value}");
            assert!(may || value.is_finite(), "{cpu:?} {i}: {value}");
        }
    });
}

#[test]
fn not_a_number_reaches_the_pixels_around_it() {
    fn check<T: Number>(cpu: Cpu) {
        let mut random = Random(9);
        let (mut input, weight) = (random.many::<T>(7 * 7 * 5), random.many::<T>(20 * 5 * 9));
        input[(7 + 1) * 5] = T::of(f64::NAN);
        input[(5 * 7 + 5) * 5 + 4] = T::of(f64::INFINITY);
        let geometry = Geometry::same(3, 1);
        let case = Case {
            batch: 1,
            size: [7, 7],
            inputs: 5,
            outputs: 20,
            geometry,
            time: false,
            residual: false,
            silu: false,
            seed: 0,
        };
        let sums = exact(&input, &weight, &case, geometry);
        let packed = PackedConvolution::new(cpu, &weight, 20, 5, geometry);
        let result = on_one_and_two_threads(sums.len(), |result| {
            convolve(&input, [1, 7, 7], &packed, &Epilogue::default(), result);
        });
        assert_eq!(sums.iter().filter(|sum| sum.value.is_nan()).count(), 9 * 20);
        assert_close(&result, &sums, &format!("{cpu:?}"));
    }
    each_cpu(|cpu| {
        check::<f32>(cpu);
        check::<bf16>(cpu);
    });
}
