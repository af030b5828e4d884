//! Partitions work into tasks according to shape alone, so that results do not depend on the number of threads.
//!
//! One task computes each element of a result, in an order that depends only on the shape.

use rayon::prelude::*;

/// Runs `task` for each index below `count` on the current thread pool.
pub(crate) fn for_each_task(count: usize, task: impl Fn(usize) + Sync + Send) {
    if count == 1 {
        task(0);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(task);
    }
}

/// A pointer into a result. Each task writes its own elements through it.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: tasks write disjoint elements; every write has its own argument.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr())
    }

    pub(crate) fn pointer(self) -> *mut T {
        self.0
    }
}
