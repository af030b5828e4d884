//! Memory for results, used again: a step of a network asks for the same sizes as the step before, and new memory would have
//! to be cleared by the system page by page each time.

use std::sync::{Mutex, PoisonError};

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{AllocationProperty, Bytes, Shape, Tensor, TensorPrimitive, bf16};

use super::storage::Stored;

/// Below this many bytes the allocator does as well.
const LEAST: usize = 64 * 1024;
/// Bytes of each type that wait for their next use at most.
const MOST: usize = 1 << 28;

/// Memory of results that are gone, oldest first.
pub(super) struct BufferPool<T>(Mutex<Vec<Vec<T>>>);

impl<T: Stored> BufferPool<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The smallest that holds `len` values and wastes less than it holds.
    fn take(&self, len: usize) -> Option<Vec<T>> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = spares.iter().enumerate().filter(|(_, spare)| (len..2 * len).contains(&spare.len()));
        let (place, _) = fitting.min_by_key(|(_, spare)| spare.len())?;
        Some(spares.remove(place))
    }

    /// Gives all of it back to the system.
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

/// A number whose memory is used again.
pub(super) trait Pooled: Stored {
    /// Memory of this type to use again, of the whole process.
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

/// Room for the values of a result; what is in it at first is anything.
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

    /// A tensor of the values, which lie in the order of `shape`, seen with its axes in the order `axes`.
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
