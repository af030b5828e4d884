//! Weights packed for the kernels once, and found again by where the weights lie.
//!
//! A pack belongs to a piece of memory, not to a layer: whoever trains makes new weights, and with the old ones their pack
//! goes. Memory that a pack was made of cannot be taken for other weights while its entry stands, because the entry holds
//! on to the address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::backend::Flex;
use burn::tensor::{Bytes, Tensor, bf16};
use kernels::{Cpu, Geometry, PackedConvolution, PackedMatrix, PackedUpsample, winograd_pays};

use super::on_demand::{address, read, source_of};
use super::storage::{Number, in_order, is_run, of, slice};

/// Packs of a fast convolution take four times the memory of f32 weights: of larger ones than this they are not made, nor of
/// half as large ones of bf16, for which they take eight times.
const FAST_ELEMENTS: usize = 4 << 20;

/// What a weight is packed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Linear,
    Geglu,
    Convolution {
        stride: usize,
        before: usize,
        after: usize,
    },
    FastConvolution {
        before: usize,
        after: usize,
    },
    Upsample,
    FastUpsample,
    /// The numbers themselves.
    Plain,
}

impl Form {
    /// For a convolution between `[C_in, C_out]` channels, with `cells` in its result.
    pub(super) fn of_convolution<T: Number>(geometry: Geometry, channels: [usize; 2], cells: usize) -> Self {
        let Geometry { kernel, stride, before, after } = geometry;
        if kernel == 3 && stride == 1 && is_fast::<T>(channels, cells) {
            Self::FastConvolution { before, after }
        } else {
            Self::Convolution { stride, before, after }
        }
    }

    /// For a convolution after an enlargement.
    pub(super) fn of_upsample<T: Number>(channels: [usize; 2], cells: usize) -> Self {
        // Of bf16 the direct form is the faster one.
        if size_of::<T>() == size_of::<f32>() && is_fast::<T>(channels, cells) {
            Self::FastUpsample
        } else {
            Self::Upsample
        }
    }
}

fn is_fast<T: Number>([c_in, c_out]: [usize; 2], cells: usize) -> bool {
    winograd_pays([c_in, c_out], cells) && 9 * c_in * c_out <= FAST_ELEMENTS * size_of::<T>() / size_of::<f32>()
}

/// A packed weight.
pub(super) enum Pack<T: Number> {
    Matrix(PackedMatrix<T>),
    Convolution(PackedConvolution<T>),
    Upsample(PackedUpsample<T>),
    Plain(Vec<f32>),
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
        return Arc::new(pack(slice::<T>(&in_order::<T>(weight)), &shape, form));
    }
    let key = Key { address: address(&memory), offset: weight.layout().start_offset(), shape: shape.to_vec(), form };
    let lock = || T::packs().0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(entry) = lock().get_or_insert_default().get(&key)
        && entry.weights.strong_count() > 0
    {
        return entry.pack.clone();
    }
    let values = in_order::<T>(source.as_ref().map_or(weight, read));
    let pack = Arc::new(pack(slice::<T>(&values), &shape, form));
    let mut packs = lock();
    let packs = packs.get_or_insert_default();
    packs.retain(|_, entry| entry.weights.strong_count() > 0);
    packs.insert(key, Entry { weights: Arc::downgrade(&memory), pack: pack.clone() });
    pack
}

/// Lets go of the packs of a weight that can be read again.
pub(super) fn forget<const R: usize>(weight: Tensor<Flex, R>) {
    let memory = of(weight).data_arc();
    if source_of(&memory).is_some() {
        forget_of::<f32>(address(&memory));
        forget_of::<bf16>(address(&memory));
    }
}

fn forget_of<T: Number>(address: usize) {
    let mut packs = T::packs().0.lock().unwrap_or_else(PoisonError::into_inner);
    packs.get_or_insert_default().retain(|key, _| key.address != address);
}

/// `shape` is the weight's; the frames of a video's convolution count as input channels.
fn pack<T: Number>(weight: &[T], shape: &[usize], form: Form) -> Pack<T> {
    let cpu = Cpu::detect();
    let kernel = shape[shape.len() - 1];
    let (outputs, inputs) = (shape[0], shape[1] * if shape.len() == 5 { shape[2] } else { 1 });
    match form {
        Form::Linear => Pack::Matrix(PackedMatrix::linear(cpu, weight, outputs, inputs)),
        Form::Geglu => Pack::Matrix(PackedMatrix::geglu(cpu, weight, outputs / 2, inputs)),
        Form::Convolution { stride, before, after } => {
            let geometry = Geometry { kernel, stride, before, after };
            Pack::Convolution(PackedConvolution::new(cpu, weight, outputs, inputs, geometry))
        }
        Form::FastConvolution { before, after } => {
            Pack::Convolution(PackedConvolution::winograd(cpu, weight, outputs, inputs, [before, after]))
        }
        Form::Plain => Pack::Plain(weight.iter().map(|value| value.wide()).collect()),
        Form::Upsample => Pack::Upsample(PackedUpsample::new(cpu, weight, outputs, inputs)),
        Form::FastUpsample => Pack::Upsample(PackedUpsample::winograd(cpu, weight, outputs, inputs)),
    }
}
