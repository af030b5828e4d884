//! Provides seeded random data, plain reference implementations in f64, and the tolerances of the kernels.

use stuntdouble_kernels::{Cpu, Element, bf16};

/// An element type with the conversions that references need.
pub(crate) trait Number: Element {
    /// Allowed error of one stored result, relative to the sum of magnitudes.
    const TOLERANCE: f64;
    fn of(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Number for f32 {
    const TOLERANCE: f64 = 2e-6;
    fn of(x: f64) -> Self {
        x as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Number for bf16 {
    const TOLERANCE: f64 = 4.5e-3;
    fn of(x: f64) -> Self {
        bf16::from_f64(x)
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// Random numbers in -1..1 from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    pub(crate) fn many<T: Number>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| T::of(self.next())).collect()
    }

    /// As `many`, but with one extra element. Tests use the slice from index 1, which is not aligned.
    pub(crate) fn shifted<T: Number>(&mut self, n: usize) -> Vec<T> {
        self.many(n + 1)
    }
}

/// A reference value, and the sum of the magnitudes of its terms.
#[derive(Clone, Copy, Default)]
pub(crate) struct Exact {
    pub(crate) value: f64,
    pub(crate) scale: f64,
}

impl Exact {
    pub(crate) fn add(&mut self, term: f64) {
        self.value += term;
        self.scale += term.abs();
    }
}

/// Panics where `result` differs from `exact`: another class (NaN, infinite), or an error above the type's tolerance.
pub(crate) fn assert_close<T: Number>(result: &[T], exact: &[Exact], what: &str) {
    assert_eq!(result.len(), exact.len(), "{what}");
    for (i, (x, exact)) in result.iter().zip(exact).enumerate() {
        let (x, y) = (x.wide(), exact.value);
        let same = if y.is_finite() {
            (x - y).abs() <= T::TOLERANCE * (exact.scale + y.abs()) + 1e-30
        } else {
            y.is_nan() == x.is_nan() && (y.is_nan() || x == y)
        };
        assert!(same, "{what}: element {i} is {x}, expected {y} (scale {})", exact.scale);
    }
}

/// Runs `work` on one thread and on two. Asserts that both give the same bits, and returns them.
pub(crate) fn on_one_and_two_threads<T: Number>(len: usize, work: impl Fn(&mut [T]) + Sync) -> Vec<T> {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let mut result = vec![T::of(77.0); len + 1];
        pool.install(|| work(&mut result[1..]));
        result.split_off(1)
    };
    let (one, two) = (run(1), run(2));
    let same = one
        .iter()
        .zip(&two)
        .all(|(a, b)| a.wide().to_bits() == b.wide().to_bits() || a.wide().is_nan() && b.wide().is_nan());
    assert!(same, "one thread and two differ");
    one
}

/// Calls `test` for each instruction set that this machine supports.
pub(crate) fn each_cpu(mut test: impl FnMut(Cpu)) {
    Cpu::available().into_iter().for_each(&mut test);
}

/// `x * sigmoid(x)`.
pub(crate) fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// The erf form. erf is computed from the series whose terms all have the sign of `x`, because the alternating series
/// loses its digits from |x| = 6 on.
pub(crate) fn gelu(x: f64) -> f64 {
    let z = x / std::f64::consts::SQRT_2;
    if x.abs() > 8.0 {
        return if x > 0.0 { x } else { x * 0.0 };
    }
    let (mut term, mut sum) = (z, z);
    for n in 1..300 {
        term *= 2.0 * z * z / f64::from(2 * n + 1);
        sum += term;
    }
    x * 0.5 * (1.0 + sum * std::f64::consts::FRAC_2_SQRT_PI * (-z * z).exp())
}
