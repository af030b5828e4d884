//! Caches prepacked weights. Each weight is packed for the kernels once, and looked up by the address of its storage.
//!
//! A cache entry belongs to a tensor storage, not to a layer. Training creates new weights; when the old storage is
//! dropped, its entry becomes invalid. An entry's weak reference keeps the storage's allocation, so no other weight can
//! get the same address while the entry exists.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Bytes, DType, Tensor, bf16};
use kernels::{Cpu, Form, Geometry, Pack, winograd_pays};

use super::lazy_weight::{address, read, source_of};
use super::space::Pooled;
use super::storage::{in_order, is_run, of, slice};
use crate::weights::WeightSource;
use crate::weights::pack_folder::PackKey;

/// f32 weights with more elements than this do not use Winograd packing, which takes four times their memory. For bf16 the limit
/// is half as large, because packing takes eight times their memory.
const FAST_ELEMENTS: usize = 4 << 20;

/// Lazy weights with fewer elements than this do not use the weight cache on disk: packing them is as fast as opening a file.
const KEPT_ELEMENTS: usize = 1 << 16;

/// The form for a convolution from `C_in` to `C_out` channels whose result has `cells` cells.
pub(super) fn convolution_form<T: Number>(geometry: Geometry, channels: [usize; 2], cells: usize) -> Form {
    let Geometry { kernel, stride, before, after } = geometry;
    if kernel == 3 && stride == 1 && is_fast::<T>(channels, cells) {
        Form::WinogradConvolution { before, after }
    } else {
        Form::Convolution(geometry)
    }
}

/// The form for a 3x3 convolution after nearest upsampling. `cells` counts the cells of the result.
pub(super) fn upsample_form<T: Number>(channels: [usize; 2], cells: usize) -> Form {
    // For bf16 the direct form is faster.
    if size_of::<T>() == size_of::<f32>() && is_fast::<T>(channels, cells) {
        Form::WinogradUpsample
    } else {
        Form::Upsample
    }
}

/// Bytes of a prepacked weight for an op whose result has `cells` cells. A convolution `is_strided` if its stride is not 1.
pub(crate) fn packed_bytes(shape: &[usize], cells: usize, dtype: DType, is_strided: bool) -> u64 {
    let elements: usize = shape.iter().product();
    let is_fast = |channels| match dtype {
        DType::BF16 => is_fast::<bf16>(channels, cells),
        _ => is_fast::<f32>(channels, cells),
    };
    // Winograd packing holds 36 f32 values for each 3x3 kernel.
    let per_element = match *shape {
        [c_out, c_in, 3, 3] if !is_strided && is_fast([c_in, c_out]) => 16,
        _ => dtype.size() as u64,
    };
    elements as u64 * per_element
}

/// Whether Winograd convolution pays off for a 3x3 convolution and its weight is within [`FAST_ELEMENTS`].
fn is_fast<T: Number>([c_in, c_out]: [usize; 2], cells: usize) -> bool {
    winograd_pays([c_in, c_out], cells) && 9 * c_in * c_out <= FAST_ELEMENTS * size_of::<T>() / size_of::<f32>()
}

/// An element type that the kernels support, with a buffer pool and a cache of prepacked weights.
pub(super) trait Number: Pooled {
    /// The process-wide cache of prepacked weights of this type.
    fn packs() -> &'static Packs<Self>;
}

impl Number for f32 {
    fn packs() -> &'static Packs<Self> {
        static PACKS: Packs<f32> = Packs::new();
        &PACKS
    }
}

impl Number for bf16 {
    fn packs() -> &'static Packs<Self> {
        static PACKS: Packs<bf16> = Packs::new();
        &PACKS
    }
}

/// Identifies a prepacked weight: its place in memory, its shape, and the form it is packed for.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    address: usize,
    offset: usize,
    shape: Vec<usize>,
    form: Form,
}

struct Entry<T: Number> {
    weights: Weak<Bytes>,
    pack: Arc<Pack<T>>,
    /// The prepacked weight is mapped from a file.
    is_mapped: bool,
}

/// The prepacked weights of one element type.
pub(super) struct Packs<T: Number>(Mutex<Option<HashMap<Key, Entry<T>>>>);

impl<T: Number> Packs<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }
}

/// The prepacked form of a weight, made on first use.
pub(super) fn packed<T: Number, const R: usize>(weight: Tensor<Flex, R>, form: Form) -> Arc<Pack<T>> {
    let shape = weight.dims();
    let weight = of(weight);
    let memory = weight.data_arc();
    let source = if is_run(&weight) && memory.len() > size_of::<f32>() { None } else { source_of(&memory) };
    if source.is_none() && !is_run(&weight) {
        // Not cached: another view of the same memory may have the same shape and offset but other strides.
        return Arc::new(pack(weight, sizes(&shape), form));
    }
    let key = Key { address: address(&memory), offset: weight.layout().start_offset(), shape: shape.to_vec(), form };
    let lock = || T::packs().0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(entry) = lock().get_or_insert_default().get(&key)
        && entry.weights.strong_count() > 0
    {
        return entry.pack.clone();
    }
    let (pack, is_mapped) = match &source {
        Some(source) => kept(source, sizes(&shape), form),
        None => (pack(weight, sizes(&shape), form), false),
    };
    let pack = Arc::new(pack);
    let mut packs = lock();
    let packs = packs.get_or_insert_default();
    packs.retain(|_, entry| entry.weights.strong_count() > 0);
    packs.insert(key, Entry { weights: Arc::downgrade(&memory), pack: pack.clone(), is_mapped });
    pack
}

/// A layer's numbers of outputs and inputs from its weight's shape. The frames of a 3D convolution's kernel count as inputs.
fn sizes(shape: &[usize]) -> [usize; 2] {
    [shape[0], shape[1] * if shape.len() == 5 { shape[2] } else { 1 }]
}

/// Packs a weight whose values are in memory.
fn pack<T: Number>(weight: FlexTensor, sizes: [usize; 2], form: Form) -> Pack<T> {
    Pack::new(Cpu::detect(), slice(&in_order::<T>(weight)), sizes, form)
}

/// The prepacked form of a lazy weight, and whether it is mapped from a file. A form in the weight cache on disk is mapped. A
/// missing form is made from the source and, where possible, added to that cache.
fn kept<T: Number>(source: &WeightSource, sizes: [usize; 2], form: Form) -> (Pack<T>, bool) {
    let key = PackKey { name: source.name(), sizes, form };
    let folder = source.packs().filter(|_| source.shape().iter().product::<usize>() >= KEPT_ELEMENTS);
    if let Some(found) = folder.and_then(|folder| folder.find(&key)) {
        return (found, true);
    }
    let made = Pack::new(Cpu::detect(), &read(source), sizes, form);
    match folder.filter(|_| source.is_as_opened()).and_then(|folder| folder.keep(&key, &made)) {
        Some(mapped) => (mapped, true),
        None => (made, false),
    }
}

/// Evicts the prepacked forms of a lazy weight; with `only_mapped`, only those mapped from a file, which are cheap to map again.
pub(super) fn evict<const R: usize>(weight: Tensor<Flex, R>, only_mapped: bool) {
    let memory = of(weight).data_arc();
    if source_of(&memory).is_some() {
        evict_from::<f32>(address(&memory), only_mapped);
        evict_from::<bf16>(address(&memory), only_mapped);
    }
}

fn evict_from<T: Number>(address: usize, only_mapped: bool) {
    let mut packs = T::packs().0.lock().unwrap_or_else(PoisonError::into_inner);
    let stays = |key: &Key, entry: &Entry<T>| key.address != address || only_mapped && !entry.is_mapped;
    packs.get_or_insert_default().retain(|key, entry| stays(key, entry));
}
