//! Vectors of each instruction set behind one trait, and the numbers and functions that kernels compute with.
//!
//! A kernel is a struct whose [`Kernel::run`](vector::Kernel::run) is generic over [`Simd`](vector::Simd) and
//! `#[inline(always)]`, as is all that it calls. [`dispatch`](dispatch::dispatch) compiles it once per instruction set, inside a
//! function that has the set's features enabled.

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
