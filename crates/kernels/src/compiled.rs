//! Every kernel compiled here, once per type and instruction set.
//!
//! Without these functions, generic kernels would be compiled in each crate that calls them, with that crate's settings.

use half::bf16;

use crate::element::{Element, Native};
use crate::isa::Cpu;
use crate::simd::dispatch;
use crate::{attention, blend, group_norm, layer_norm, layout, peak, pointwise, product, temporal, winograd};

macro_rules! compiled {
    ($($name:ident($task:ty) -> $output:ty;)*) => {
        /// Tasks that are compiled for a type. Each function runs the task's kernel.
        pub(crate) trait Compiled: Native {
            $(
                /// # Safety
                /// Whatever the task's kernel asks of its pointers.
                unsafe fn $name(cpu: Cpu, task: $task) -> $output
                where
                    Self: Element;
            )*
        }
        compiled!(@impl f32: $($name($task) -> $output;)*);
        compiled!(@impl bf16: $($name($task) -> $output;)*);
    };
    (@impl $type:ty: $($name:ident($task:ty) -> $output:ty;)*) => {
        impl Compiled for $type {
            $(unsafe fn $name(cpu: Cpu, task: $task) -> $output {
                // SAFETY: the caller's.
                unsafe { dispatch(cpu, task) }
            })*
        }
    };
}

compiled! {
    product(product::Task<'_, Self>) -> ();
    winograd(winograd::Task<'_, Self>) -> ();
    attention(attention::Task<'_, Self>) -> ();
    temporal(temporal::Task<'_, Self>) -> ();
    moments(group_norm::Moments<'_, Self>) -> ();
    apply(group_norm::Apply<'_, Self>) -> ();
    normalise(layer_norm::Normalise<'_, Self>) -> ();
    silu(pointwise::Silu<'_, Self>) -> ();
    add(pointwise::Add<'_, Self>) -> ();
    blend(blend::Blend<'_, Self>) -> ();
    turn(layout::Turn<'_, Self>) -> ();
    peak(peak::Loop<'_, Self>) -> usize;
}
