//! Detects the instruction set at run time. Tests select it explicitly.
//!
//! | set | vector | f32 | bf16 |
//! |---|---|---|---|
//! | `Avx512Bf16` | 16 lanes | fused multiply-add | pair dot product in one instruction |
//! | `Avx512` | 16 lanes | fused multiply-add | widened to f32, two multiply-adds per pair |
//! | `Avx2Fma` | 8 lanes | fused multiply-add | widened |
//! | `Neon` | 4 lanes | fused multiply-add | widened |
//! | `Portable` | 8 lanes, auto-vectorised | multiply, then add | widened |
//!
//! Source: the vendors' manuals. No code is derived from other libraries.

use std::sync::OnceLock;

/// An instruction set supported by the kernels, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Plain Rust, for any machine.
    Portable,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// 256-bit vectors with fused multiply-add.
    Avx2Fma,
    /// 512-bit vectors: the foundation, byte/word, double/quad and vector-length subsets.
    Avx512,
    /// `Avx512` plus the dot product of bf16 pairs.
    Avx512Bf16,
}

/// An instruction set that this machine supports. A value can only be created by detection, so holding one proves
/// support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu(Isa);

impl Cpu {
    /// The best instruction set of this machine. Detected once and cached.
    pub fn detect() -> Self {
        static BEST: OnceLock<Cpu> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self(Isa::Portable)))
    }

    /// `isa`, if this machine supports it.
    pub fn with(isa: Isa) -> Option<Self> {
        has(isa).then_some(Self(isa))
    }

    /// All instruction sets that this machine supports, weakest first.
    pub fn available() -> Vec<Self> {
        [Isa::Portable, Isa::Neon, Isa::Avx2Fma, Isa::Avx512, Isa::Avx512Bf16]
            .into_iter()
            .filter_map(Self::with)
            .collect()
    }

    /// The instruction set.
    pub fn isa(self) -> Isa {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
fn has(isa: Isa) -> bool {
    let avx2 = || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = || {
        avx2()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    };
    match isa {
        Isa::Portable => true,
        Isa::Neon => false,
        Isa::Avx2Fma => avx2(),
        Isa::Avx512 => avx512(),
        Isa::Avx512Bf16 => avx512() && is_x86_feature_detected!("avx512bf16"),
    }
}

#[cfg(target_arch = "aarch64")]
fn has(isa: Isa) -> bool {
    match isa {
        Isa::Portable => true,
        Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
        Isa::Avx2Fma | Isa::Avx512 | Isa::Avx512Bf16 => false,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn has(isa: Isa) -> bool {
    isa == Isa::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_last_available() {
        let all = Cpu::available();
        assert_eq!(all.first().copied(), Cpu::with(Isa::Portable));
        assert_eq!(all.last().copied(), Some(Cpu::detect()));
        assert!(all.iter().all(|cpu| Cpu::with(cpu.isa()) == Some(*cpu)));
    }
}
