//! Dispatches from an instruction set chosen at run time to code compiled for it.

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2Fma;
#[cfg(target_arch = "x86_64")]
use super::avx512::{Avx512, Avx512Bf16};
use super::isa::{Cpu, Isa};
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::portable::Portable;
use super::vector::{Kernel, Simd};

/// Runs `kernel` with the instruction set of `cpu`.
///
/// # Safety
/// The pointers meet the requirements of `kernel`.
pub(crate) unsafe fn dispatch<K: Kernel>(cpu: Cpu, kernel: K) -> K::Output {
    // SAFETY: a `Cpu` only exists for a set that the machine supports; the caller upholds the rest of the contract.
    unsafe {
        match cpu.isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => Avx512Bf16::call(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::call(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2Fma => Avx2Fma::call(kernel),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Neon::call(kernel),
            _ => Portable::call(kernel),
        }
    }
}

/// `LANES` and `ROWS` of the instruction set of `cpu`.
pub(crate) fn shape(cpu: Cpu) -> (usize, usize) {
    struct Shape;
    impl Kernel for Shape {
        type Output = (usize, usize);
        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> (usize, usize) {
            (S::LANES, S::ROWS)
        }
    }
    // SAFETY: the kernel has no pointers.
    unsafe { dispatch(cpu, Shape) }
}
