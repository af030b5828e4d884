//! Times every kernel at the shapes of an SD 1.5-class network:
//! `cargo bench -p stuntdouble-kernels -- [--threads N] [--cpu-time] [--repeat N] [NAME..]`.
//!
//! For each kernel, the benchmark prints the best and the median time, GFLOP/s, and the percentage of the multiply-add
//! peak measured in the same run. Operations are counted as for the direct algorithm, so kernels that need fewer can
//! exceed 100 %. With `--cpu-time`, the benchmark uses one thread and measures its CPU time instead of wall-clock time.
//! Use this option on busy machines.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use stuntdouble_kernels::*;

/// The options and the measured peak.
struct Bench {
    names: Vec<String>,
    repeat: usize,
    threads: usize,
    clock: ClockId,
    /// GFLOP/s of one thread multiplied by the number of threads.
    peak: f64,
    suffix: &'static str,
}

impl Bench {
    fn now(&self) -> Duration {
        let time = clock_gettime(self.clock);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn times(&self, work: &mut dyn FnMut()) -> (f64, f64) {
        work();
        let mut times: Vec<f64> = (0..self.repeat)
            .map(|_| {
                let start = self.now();
                work();
                (self.now() - start).as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        (times[0], times[times.len() / 2])
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(wanted.as_str()))
    }

    fn run(&self, name: &str, operations: f64, mut work: impl FnMut()) {
        if !self.wants(name) {
            return;
        }
        let (best, median) = self.times(&mut work);
        let speed = operations / best / 1e9;
        let share = 100.0 * speed / self.peak;
        let name = format!("{name} {}", self.suffix);
        println!("{name:34} {:9.3} ms  median {:9.3} ms  {speed:8.1} GFLOP/s  {share:5.1} %", best * 1e3, median * 1e3);
    }

    fn measure_peak<T: Element>(&mut self, cpu: Cpu, suffix: &'static str) {
        let rounds = 4_000_000;
        let mut operations = 0.0;
        let (best, median) = self.times(&mut || operations = black_box(peak_loop::<T>(cpu, rounds)));
        let speed = operations / best / 1e9;
        println!("peak {suffix}: {speed:.1} GFLOP/s a thread (median {:.1})", operations / median / 1e9);
        (self.peak, self.suffix) = (speed * self.threads as f64, suffix);
    }
}

fn data<T: Element>(n: usize, convert: fn(f32) -> T) -> Vec<T> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| convert(next())).collect()
}

fn all<T: Element>(bench: &Bench, cpu: Cpu, convert: fn(f32) -> T) {
    for (channels, side) in [(320, 64), (640, 32), (1280, 16)] {
        let operations = 2.0 * (2 * side * side * channels * channels * 9) as f64;
        let weight = data(channels * channels * 9, convert);
        let weight = PackedConvolution::new(cpu, &weight, channels, channels, Geometry::same(3, 1));
        let (input, bias) = (data(2 * side * side * channels, convert), data(channels, |x| x));
        let mut result = data(input.len(), convert);
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        bench.run(&format!("conv3x3 {channels}ch {side}x{side} b2"), operations, || {
            convolve(&input, [2, side, side], &weight, &epilogue, &mut result);
        });
    }
    for (channels, side, batch, enlarge) in
        [(320, 64, 2, false), (640, 32, 2, false), (1280, 16, 2, false), (320, 32, 1, true), (512, 64, 1, true)]
    {
        let pixels = batch * side * side;
        let operations = 2.0 * (pixels * channels * channels * 9 * if enlarge { 4 } else { 1 }) as f64;
        let (input, bias) = (data(pixels * channels, convert), data(channels, |x| x));
        let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
        let weight = data(channels * channels * 9, convert);
        if enlarge {
            let mut result = data(4 * input.len(), convert);
            for (name, pack) in [
                ("upsample", PackedUpsample::new as fn(_, &_, _, _) -> _),
                ("upsample winograd", PackedUpsample::winograd),
            ] {
                if bench.wants(name) {
                    let weight = pack(cpu, &weight, channels, channels);
                    bench.run(&format!("{name} {channels}ch {side}x{side} b{batch}"), operations, || {
                        upsample_convolve(&input, [batch, side, side], &weight, &epilogue, &mut result);
                    });
                }
            }
        } else if bench.wants("winograd") {
            let mut result = data(input.len(), convert);
            let weight = PackedConvolution::winograd(cpu, &weight, channels, channels, [1, 1]);
            bench.run(&format!("winograd {channels}ch {side}x{side} b{batch}"), operations, || {
                convolve(&input, [batch, side, side], &weight, &epilogue, &mut result);
            });
        }
    }
    for (rows, channels) in [(8192, 320), (2048, 640), (512, 1280)] {
        let (left, weight) = (data(rows * channels, convert), data(channels * channels, convert));
        let packed = PackedMatrix::linear(cpu, &weight, channels, channels);
        let operations = 2.0 * (rows * channels * channels) as f64;
        let mut result = data(rows * channels, convert);
        bench.run(&format!("gemm {rows}x{channels}x{channels}"), operations, || {
            matmul(&left, rows, channels, &packed, &Epilogue::default(), &mut result);
        });
    }
    let (rows, channels, columns) = (4096, 320, 2560);
    let weight = data(columns * channels, convert);
    let (left, bias) = (data(rows * channels, convert), data(columns, |x| x));
    let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
    let operations = 2.0 * (rows * channels * columns) as f64;
    let mut result = data(rows * columns, convert);
    let packed = PackedMatrix::linear(cpu, &weight, columns, channels);
    bench.run("gemm 4096x320x2560", operations, || matmul(&left, rows, channels, &packed, &epilogue, &mut result));
    let packed = PackedMatrix::geglu(cpu, &weight, columns / 2, channels);
    let result = &mut result[..rows * columns / 2];
    bench.run("geglu 4096x320x2560", operations, || matmul(&left, rows, channels, &packed, &epilogue, result));

    let sizes = Heads { batch: 2, queries: 4096, heads: 8, width: 40 };
    let one = data(2 * 4096 * 320, convert);
    let mut result = data(one.len(), convert);
    let source = Source { keys: &one, values: &one, batch: 2, len: 4096 };
    for sources in [&[source][..], &[source, source]] {
        let keys = 4096 * sources.len();
        let operations = 4.0 * (2 * 8 * 4096 * keys * 40) as f64;
        bench.run(&format!("attention b2 h8 4096x{keys} d40"), operations, || {
            attention(cpu, &one, sources, sizes, 40_f32.sqrt().recip(), &mut result);
        });
    }
    let clip = Clip { batch: 1, frames: 16, pixels: 4096, heads: 8, width: 40 };
    let operations = 4.0 * (4096 * 8 * 16 * 16 * 40) as f64;
    let [query, keys, values] = std::array::from_fn(|_| data(16 * 4096 * 320, convert));
    let mut result = data(query.len(), convert);
    bench.run("temporal 16x4096x320", operations, || {
        temporal_attention(cpu, [&query, &keys, &values], clip, 40_f32.sqrt().recip(), &mut result);
    });

    let input = data(2 * 4096 * 320, convert);
    let mut result = data(input.len(), convert);
    let (weight, bias) = (data(320, |x| x), data(320, |x| x));
    let norm = GroupNorm { groups: 32, weight: &weight, bias: &bias, epsilon: 1e-5, activation: Activation::Silu };
    bench.run("group norm + silu 320ch 64x64 b2", 0.0, || group_norm(cpu, &input, 2, &norm, &mut result));
    bench.run("transpose 2x320x4096", 0.0, || transpose(cpu, &input, [2, 320, 4096], &mut result));
    bench.run("layer norm 8192x320", 0.0, || layer_norm(cpu, &input, &weight, &bias, 1e-5, &mut result));
}

fn main() {
    let mut bench = Bench {
        names: vec![],
        repeat: 7,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        clock: ClockId::Monotonic,
        peak: 0.0,
        suffix: "",
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match argument.as_str() {
            "--threads" => bench.threads = number(),
            "--repeat" => bench.repeat = number(),
            "--cpu-time" => (bench.clock, bench.threads) = (ClockId::ThreadCPUTime, 1),
            // Cargo adds this argument.
            "--bench" => {}
            _ => bench.names.push(argument),
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(bench.threads).build().expect("threads");
    let cpu = Cpu::detect();
    println!("{:?}, {} threads", cpu.isa(), bench.threads);
    pool.install(|| {
        bench.measure_peak::<f32>(cpu, "f32");
        all::<f32>(&bench, cpu, |x| x);
        bench.measure_peak::<bf16>(cpu, "bf16");
        all::<bf16>(&bench, cpu, bf16::from_f32);
    });
}
