//! Implements the buffer pool for results. Each step of a network needs buffers of the same sizes as the step before.
//! Without the pool, the operating system would zero the pages of new memory at every step.

use std::sync::{Mutex, PoisonError};

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{AllocationProperty, Bytes, Shape, Tensor, TensorPrimitive, bf16};

use super::storage::Stored;

/// Results smaller than this many bytes do not use the pool: the allocator is as fast.
const LEAST: usize = 64 * 1024;
/// The pool of each element type holds at most this many bytes.
const MOST: usize = 1 << 28;

/// The buffers of dropped results, oldest first.
pub(super) struct BufferPool<T>(Mutex<Vec<Vec<T>>>);

impl<T: Stored> BufferPool<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Takes the smallest buffer that holds `len` values and is shorter than twice that.
    fn take(&self, len: usize) -> Option<Vec<T>> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = spares.iter().enumerate().filter(|(_, spare)| (len..2 * len).contains(&spare.len()));
        let (place, _) = fitting.min_by_key(|(_, spare)| spare.len())?;
        Some(spares.remove(place))
    }

    /// Frees all buffers in the pool.
    pub(super) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn give(&self, spare: Vec<T>) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(spare);
        let mut bytes: usize = spares.iter().map(|spare| size_of_val(&spare[..])).sum();
        while bytes > MOST {
            bytes -= size_of_val(&spares.remove(0)[..]);
        }
    }
}

/// An element type with a buffer pool.
pub(super) trait Pooled: Stored {
    /// The process-wide buffer pool of this type.
    fn pool() -> &'static BufferPool<Self>;
}

impl Pooled for f32 {
    fn pool() -> &'static BufferPool<Self> {
        static POOL: BufferPool<f32> = BufferPool::new();
        &POOL
    }
}

impl Pooled for bf16 {
    fn pool() -> &'static BufferPool<Self> {
        static POOL: BufferPool<bf16> = BufferPool::new();
        &POOL
    }
}

/// A buffer for the values of a result. Its initial values are arbitrary. Dropping a large buffer returns its memory to the pool.
pub(super) struct Space<T: Pooled> {
    values: Vec<T>,
    len: usize,
}

impl<T: Pooled> Space<T> {
    pub(super) fn of(len: usize) -> Self {
        let spare = if len * size_of::<T>() < LEAST { None } else { T::pool().take(len) };
        Self { values: spare.unwrap_or_else(|| vec![T::default(); len]), len }
    }

    pub(super) fn values(&mut self) -> &mut [T] {
        &mut self.values[..self.len]
    }

    /// A tensor of the values, which are contiguous in the order of `shape`. The tensor's axes are those of `shape`, permuted by
    /// `axes`.
    pub(super) fn stored<const R: usize>(mut self, shape: [usize; R], axes: [usize; R]) -> Tensor<Flex, R> {
        let bytes = if self.len * size_of::<T>() < LEAST {
            Bytes::from_elems(std::mem::take(&mut self.values))
        } else {
            Bytes::from_shared(bytes::Bytes::from_owner(self), AllocationProperty::Native)
        };
        let layout = Layout::contiguous(Shape::from(shape)).permute(&axes);
        Tensor::from_primitive(TensorPrimitive::Float(FlexTensor::new(bytes, layout, T::TYPE)))
    }
}

impl<T: Pooled> AsRef<[u8]> for Space<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.values[..self.len])
    }
}

impl<T: Pooled> Drop for Space<T> {
    fn drop(&mut self) {
        if size_of_val(&self.values[..]) >= LEAST {
            T::pool().give(std::mem::take(&mut self.values));
        }
    }
}
