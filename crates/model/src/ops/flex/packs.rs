//! Weights packed for the kernels once, and found again by where the weights lie.
//!
//! A pack belongs to a piece of memory, not to a layer: whoever trains makes new weights, and with the old ones their pack
//! goes. Memory that a pack was made of cannot be taken for other weights while its entry stands, because the entry holds
//! on to the address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Bytes, Tensor, bf16};
use kernels::{Cpu, Form, Geometry, Pack, winograd_pays};

use super::lazy_weight::{address, read, source_of};
use super::space::Pooled;
use super::storage::{in_order, is_run, of, slice};
use crate::weights::WeightSource;
use crate::weights::pack_folder::PackKey;

/// Packs of a fast convolution take four times the memory of f32 weights: of larger ones than this they are not made, nor of
/// half as large ones of bf16, for which they take eight times.
const FAST_ELEMENTS: usize = 4 << 20;

/// Elements of the smallest weights whose packs are kept in files: smaller ones are packed as fast as a file is opened.
const KEPT_ELEMENTS: usize = 1 << 16;

/// For a convolution between `[C_in, C_out]` channels, with `cells` in its result.
pub(super) fn convolution_form<T: Number>(geometry: Geometry, channels: [usize; 2], cells: usize) -> Form {
    let Geometry { kernel, stride, before, after } = geometry;
    if kernel == 3 && stride == 1 && is_fast::<T>(channels, cells) {
        Form::WinogradConvolution { before, after }
    } else {
        Form::Convolution(geometry)
    }
}

/// For a convolution after an enlargement.
pub(super) fn upsample_form<T: Number>(channels: [usize; 2], cells: usize) -> Form {
    // Of bf16 the direct form is the faster one.
    if size_of::<T>() == size_of::<f32>() && is_fast::<T>(channels, cells) {
        Form::WinogradUpsample
    } else {
        Form::Upsample
    }
}

fn is_fast<T: Number>([c_in, c_out]: [usize; 2], cells: usize) -> bool {
    winograd_pays([c_in, c_out], cells) && 9 * c_in * c_out <= FAST_ELEMENTS * size_of::<T>() / size_of::<f32>()
}

/// A number that the kernels of networks work on: stored by tensors, packed as weights, its memory used again.
pub(super) trait Number: Pooled {
    /// Packed weights of this type, of the whole process.
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

/// Where a weight lies, its shape, and what it is packed for.
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
    /// From a file.
    is_mapped: bool,
}

/// All packs of one type.
pub(super) struct Packs<T: Number>(Mutex<Option<HashMap<Key, Entry<T>>>>);

impl<T: Number> Packs<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }
}

/// The pack of a weight, made on first use.
pub(super) fn packed<T: Number, const R: usize>(weight: Tensor<Flex, R>, form: Form) -> Arc<Pack<T>> {
    let shape = weight.dims();
    let weight = of(weight);
    let memory = weight.data_arc();
    let source = if is_run(&weight) && memory.len() > size_of::<f32>() { None } else { source_of(&memory) };
    if source.is_none() && !is_run(&weight) {
        // Another view of the same memory may have the same shape and start.
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

/// Outputs and inputs of a layer by its weight's shape; the frames of a video's convolution count as inputs.
fn sizes(shape: &[usize]) -> [usize; 2] {
    [shape[0], shape[1] * if shape.len() == 5 { shape[2] } else { 1 }]
}

/// Packs a weight that is in memory.
fn pack<T: Number>(weight: FlexTensor, sizes: [usize; 2], form: Form) -> Pack<T> {
    Pack::new(Cpu::detect(), slice(&in_order::<T>(weight)), sizes, form)
}

/// The pack of a weight that can be read, from the folder of its packs if there is one; and whether it is mapped.
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

/// Lets go of the packs of a weight that can be read again; with `only_mapped` only of those that cost nothing to have back.
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
