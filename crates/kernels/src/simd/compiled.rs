//! Compiles kernels in this crate, once per element type and instruction set.
//!
//! A public function that is generic over [`Element`](super::element::Element) is compiled in the calling crate, with
//! that crate's settings. [`compiled!`] avoids this: it defines two non-generic functions.

/// `compiled!(fn name(Task) -> Output);` defines `name`, which runs a `Task<'_, T>` on an instruction set, for both
/// element types.
macro_rules! compiled {
    (fn $name:ident($task:ident)) => {
        $crate::simd::compiled::compiled!(fn $name($task) -> ());
    };
    (fn $name:ident($task:ident) -> $output:ty) => {
        /// # Safety
        /// The pointers meet the requirements of the task's kernel.
        unsafe fn $name<T: $crate::simd::element::Element>(
            cpu: $crate::simd::isa::Cpu,
            task: $task<'_, T>,
        ) -> $output {
            use $crate::simd::{compiled::same, dispatch::dispatch, element::Kind};
            #[inline(never)]
            unsafe fn single(cpu: $crate::simd::isa::Cpu, task: $task<'_, f32>) -> $output {
                // SAFETY: the caller upholds the contract.
                unsafe { dispatch(cpu, task) }
            }
            #[inline(never)]
            unsafe fn brain(cpu: $crate::simd::isa::Cpu, task: $task<'_, half::bf16>) -> $output {
                // SAFETY: the caller upholds the contract.
                unsafe { dispatch(cpu, task) }
            }
            // SAFETY: the caller upholds the contract; `KIND` says which type `T` is.
            unsafe {
                match T::KIND {
                    Kind::Single => single(cpu, same(task)),
                    Kind::Brain => brain(cpu, same(task)),
                }
            }
        }
    };
}
pub(crate) use compiled;

/// Converts `value` between two names of the same type.
///
/// # Safety
/// `A` and `B` are the same type, except for lifetimes that the compiler cannot compare.
#[inline(always)]
pub(crate) unsafe fn same<A, B>(value: A) -> B {
    const { assert!(size_of::<A>() == size_of::<B>() && align_of::<A>() == align_of::<B>()) };
    let value = std::mem::ManuallyDrop::new(value);
    // SAFETY: both are the same type; `value` is not dropped.
    unsafe { std::mem::transmute_copy(&value) }
}
