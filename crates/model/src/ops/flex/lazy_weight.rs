//! Implements lazy weights: the kernels' prepacked form is made directly from the weight's source, and memory holds
//! only that form.
//!
//! The placeholder tensor has the weight's shape but stores a single NaN, which strides of 0 repeat for every element.
//! Operations outside `ops` would compute with this NaN. The address of its storage identifies the weight's source and
//! its prepacked forms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape, Tensor, TensorPrimitive};

use super::storage::Stored;
use crate::weights::WeightSource;

struct Entry {
    memory: Weak<Bytes>,
    source: WeightSource,
}

fn sources() -> MutexGuard<'static, Option<HashMap<usize, Entry>>> {
    static SOURCES: Mutex<Option<HashMap<usize, Entry>>> = Mutex::new(None);
    SOURCES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address that identifies a tensor's storage.
pub(super) fn address(memory: &Arc<Bytes>) -> usize {
    Arc::as_ptr(memory) as usize
}

/// The placeholder tensor of a weight.
pub(super) fn lazy_weight<const R: usize>(source: &WeightSource) -> Tensor<Flex, R> {
    let memory = Arc::new(Bytes::from_elems(vec![f32::NAN]));
    let mut sources = sources();
    let sources = sources.get_or_insert_default();
    sources.retain(|_, entry| entry.memory.strong_count() > 0);
    sources.insert(address(&memory), Entry { memory: Arc::downgrade(&memory), source: source.clone() });
    let layout = Layout::new(Shape::from(source.shape().to_vec()), vec![0; R], 0);
    Tensor::from_primitive(TensorPrimitive::Float(FlexTensor::from_arc(memory, layout, DType::F32)))
}

/// The source of the lazy weight with this storage; `None` if the storage holds its values itself.
pub(super) fn source_of(memory: &Arc<Bytes>) -> Option<WeightSource> {
    // While an entry exists, its weak reference keeps the allocation, so no other storage can have this address.
    let sources = sources();
    let entry = sources.as_ref()?.get(&address(memory))?;
    (entry.memory.strong_count() > 0).then(|| entry.source.clone())
}

/// The values of a source in row-major order.
pub(super) fn read<T: Stored>(source: &WeightSource) -> Vec<T> {
    let mut numbers = vec![T::default(); source.shape().iter().product()];
    let mut done = 0;
    let read = source.each_piece(&mut |piece| {
        T::convert(piece, &mut numbers[done..done + piece.len()]);
        done += piece.len();
        Ok(())
    });
    read.unwrap_or_else(|error| panic!("a weight that could be read before: {error}"));
    numbers
}
