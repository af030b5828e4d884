//! Provides SIMD vectors of each instruction set behind one trait, element types, and vector math functions.
//!
//! A kernel is a struct whose [`Kernel::run`](vector::Kernel::run) is generic over [`Simd`](vector::Simd). `run` and
//! everything it calls are `#[inline(always)]`. [`dispatch`](dispatch::dispatch) compiles it once per instruction set,
//! inside a function that enables the target features of the set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod compiled;
pub(crate) mod dispatch;
pub(crate) mod element;
mod exponential;
pub(crate) mod isa;
pub(crate) mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
pub(crate) mod vector;
