//! Work cut into tasks by shape alone, so that a result never depends on the number of threads.
//!
//! Every element of a result is computed by one task from start to end, in an order that the shape fixes.

use rayon::prelude::*;

/// Runs `task` for each index below `count`, on the threads of the current pool.
pub(crate) fn for_each_task(count: usize, task: impl Fn(usize) + Sync + Send) {
    if count == 1 {
        task(0);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(task);
    }
}

/// A pointer into a result of which each task writes its own part.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: tasks write disjoint elements; each place that writes argues why.
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
