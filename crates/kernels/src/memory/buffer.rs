//! Provides cache-line-aligned buffers, and scratch memory that a thread keeps between tasks.
//!
//! Kernels allocate nothing per tile. A task takes its scratch memory once; the scratch memory of a thread only grows.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use memmap2::MmapMut;

/// Bytes of a cache line and of the widest vector. Smaller than a page.
const ALIGN: usize = 64;
/// Buffers at least this large are memory-mapped, so dropping them returns memory to the system. An allocator would
/// keep the space of freed packed weights for a later allocation of the same size.
const MAPPED: usize = 1 << 20;

/// Types for which all-zero bytes are a valid value and which need no drop.
///
/// # Safety
/// Both must hold for the implementing type.
pub(crate) unsafe trait Plain: Copy + Send + Sync + 'static {}
// SAFETY: zero bytes are 0.0 and 0, and these types have no drop.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for usize {}
// SAFETY: as above; `bf16` is a transparent `u16`.
unsafe impl Plain for half::bf16 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}

/// A pointer into shared read-only data, stored in scratch memory.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Address<T>(pub(crate) *const T);

// SAFETY: equivalent to sending a `*const T` that is only read while the data is borrowed; every read through it has
// its own argument.
unsafe impl<T: Sync> Send for Address<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Address<T> {}
// SAFETY: zero bytes are the null pointer, any bytes are a valid raw pointer, and there is no drop.
unsafe impl<T: Plain> Plain for Address<T> {}

/// A zero-initialized slice whose first element lies on a 64-byte boundary.
pub(crate) struct Buffer<T: Plain> {
    data: NonNull<T>,
    len: usize,
    home: Home,
    owns: PhantomData<T>,
}

/// Where the elements of a buffer are stored.
enum Home {
    /// The buffer is empty.
    Nowhere,
    Heap,
    /// Held until the buffer is dropped.
    Mapped {
        _map: MmapMut,
    },
}

// SAFETY: the buffer owns its memory as a `Vec` does, and `T` is `Send` and `Sync`.
unsafe impl<T: Plain> Send for Buffer<T> {}
// SAFETY: as above.
unsafe impl<T: Plain> Sync for Buffer<T> {}

impl<T: Plain> Buffer<T> {
    /// A buffer of `len` zeros.
    ///
    /// # Panics
    /// When `len` elements exceed the address space.
    pub(crate) fn zeros(len: usize) -> Self {
        if len == 0 {
            return Self { data: NonNull::dangling(), len, home: Home::Nowhere, owns: PhantomData };
        }
        let layout = Self::layout(len);
        if layout.size() >= MAPPED {
            let mut map = MmapMut::map_anon(layout.size()).unwrap_or_else(|_| handle_alloc_error(layout));
            let data = NonNull::new(map.as_mut_ptr().cast()).unwrap_or_else(|| handle_alloc_error(layout));
            return Self { data, len, home: Home::Mapped { _map: map }, owns: PhantomData };
        }
        // SAFETY: the layout is not empty, because `len > 0` and no `Plain` type is empty.
        let data = unsafe { alloc_zeroed(layout) }.cast::<T>();
        let data = NonNull::new(data).unwrap_or_else(|| handle_alloc_error(layout));
        Self { data, len, home: Home::Heap, owns: PhantomData }
    }

    fn layout(len: usize) -> Layout {
        let layout = Layout::array::<T>(len).and_then(|layout| layout.align_to(ALIGN));
        layout.unwrap_or_else(|_| panic!("buffer of {len} elements"))
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `data` points to `len` values, zeroed when allocated or mapped. With `len == 0` it dangles and is
        // aligned.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

impl<T: Plain> Drop for Buffer<T> {
    fn drop(&mut self) {
        match self.home {
            // SAFETY: allocated in `zeros` with the same layout.
            Home::Heap => unsafe { dealloc(self.data.as_ptr().cast(), Self::layout(self.len)) },
            Home::Nowhere | Home::Mapped { .. } => {}
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Buffer<u64>> = RefCell::new(Buffer::zeros(0));
}

/// Calls `work` with `bytes` bytes of this thread's scratch memory. Its contents are left over from earlier calls.
///
/// # Panics
/// When called inside `work`.
pub(crate) fn with_scratch<R>(bytes: usize, work: impl FnOnce(Scratch<'_>) -> R) -> R {
    let words = bytes.div_ceil(size_of::<u64>());
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < words {
            *scratch = Buffer::zeros(words.next_multiple_of(4096));
        }
        work(Scratch { rest: &mut scratch[..words] })
    })
}

/// The scratch memory that has not been taken yet.
pub(crate) struct Scratch<'a> {
    rest: &'a mut [u64],
}

impl<'a> Scratch<'a> {
    /// Bytes that `take` uses for `len` elements.
    pub(crate) const fn bytes<T>(len: usize) -> usize {
        (len * size_of::<T>()).next_multiple_of(ALIGN)
    }

    /// Takes the next `len` elements, on a 64-byte boundary. Their values are arbitrary but valid.
    ///
    /// # Panics
    /// When fewer bytes are left.
    pub(crate) fn take<T: Plain>(&mut self, len: usize) -> &'a mut [T] {
        let words = Self::bytes::<T>(len) / size_of::<u64>();
        let (head, rest) = std::mem::take(&mut self.rest).split_at_mut(words);
        self.rest = rest;
        // SAFETY: `head` has at least `len * size_of::<T>()` bytes. It starts on a 64-byte boundary, because the length
        // of every piece is a multiple of 64. Every bit pattern is a value of the `Plain` types. Nobody else holds
        // `head`.
        unsafe { std::slice::from_raw_parts_mut(head.as_mut_ptr().cast(), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_and_scratch_are_aligned() {
        for len in [0, 1, 3, 1000, MAPPED / 4, MAPPED + 1] {
            let mut buffer = Buffer::<f32>::zeros(len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|x| *x == 0.0));
            assert_eq!(buffer.as_ptr().addr() % if len == 0 { 4 } else { ALIGN }, 0);
            buffer.fill(2.0);
            assert!(buffer.iter().all(|x| *x == 2.0));
        }
        let bytes = Scratch::bytes::<f32>(5) + Scratch::bytes::<half::bf16>(33);
        with_scratch(bytes, |mut scratch| {
            let (a, b) = (scratch.take::<f32>(5), scratch.take::<half::bf16>(33));
            assert_eq!((a.as_ptr().addr() % ALIGN, b.as_ptr().addr() % ALIGN), (0, 0));
            assert_eq!((a.len(), b.len()), (5, 33));
        });
    }
}
