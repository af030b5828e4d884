//! Flex's tensors as plain slices for kernels, and back.

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Element, Tensor, bf16};
use kernels::Cpu;

use crate::ops::Activation;

/// A number that kernels take and tensors store.
pub(super) trait Stored: kernels::Element + Element + bytemuck::Pod + Default + Send + Sync {
    const TYPE: DType;

    /// Storeds as this type's.
    fn convert(values: &[f32], to: &mut [Self]);
    /// A tensor of another type as this one.
    fn converted(tensor: &FlexTensor) -> FlexTensor;
    fn transposed(values: &[Self], shape: [usize; 3]) -> Vec<Self> {
        let mut result = vec![Self::default(); values.len()];
        kernels::transpose(Cpu::detect(), values, shape, &mut result);
        result
    }
}

impl Stored for f32 {
    const TYPE: DType = DType::F32;

    fn convert(values: &[f32], to: &mut [Self]) {
        to.copy_from_slice(values);
    }
    fn converted(tensor: &FlexTensor) -> FlexTensor {
        FlexTensor::new(
            Bytes::from_elems(widened(tensor)),
            Layout::contiguous(tensor.layout().shape().clone()),
            Self::TYPE,
        )
    }
}

impl Stored for bf16 {
    const TYPE: DType = DType::BF16;

    fn convert(values: &[f32], to: &mut [Self]) {
        kernels::narrow(Cpu::detect(), values, to);
    }
    fn converted(tensor: &FlexTensor) -> FlexTensor {
        let wide = widened(tensor);
        let mut values = vec![Self::ZERO; wide.len()];
        Self::convert(&wide, &mut values);
        FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(tensor.layout().shape().clone()), Self::TYPE)
    }
}

/// The values of a tensor in order, as f32.
fn widened(tensor: &FlexTensor) -> Vec<f32> {
    match tensor.dtype() {
        DType::F32 => slice::<f32>(&in_order::<f32>(tensor.clone())).to_vec(),
        DType::BF16 => {
            let tensor = in_order::<bf16>(tensor.clone());
            let narrow = slice::<bf16>(&tensor);
            let mut wide = vec![0.0; narrow.len()];
            kernels::widen(Cpu::detect(), narrow, &mut wide);
            wide
        }
        other => panic!("kernels: a tensor of {other:?} beside tensors of f32 or bf16"),
    }
}

/// The primitive of a tensor.
pub(super) fn of<const R: usize>(tensor: Tensor<Flex, R>) -> FlexTensor {
    tensor.into_primitive().tensor()
}

/// Values in f32, whatever they are stored as: biases and affine parameters.
pub(super) fn floats<const R: usize>(tensor: Tensor<Flex, R>) -> Vec<f32> {
    widened(&of(tensor))
}

/// A tensor's elements where they are one run of memory in the order of its axes.
pub(super) fn slice<T: Stored>(tensor: &FlexTensor) -> &[T] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<T>()[start..start + tensor.layout().num_elements()]
}

/// The same memory with the axes in another order.
pub(super) fn permuted(tensor: FlexTensor, axes: &[usize]) -> FlexTensor {
    let layout = tensor.layout().permute(axes);
    tensor.with_layout(layout)
}

/// The elements are one run of memory in the order of the axes. Axes of length 1 may have any stride.
pub(super) fn is_run(tensor: &FlexTensor) -> bool {
    let layout = tensor.layout();
    let mut expected = 1_isize;
    for (length, stride) in layout.shape().iter().zip(layout.strides()).rev() {
        if *length != 1 && *stride != expected {
            return false;
        }
        expected *= *length as isize;
    }
    true
}

/// The tensor as numbers of type `T`, one run of memory in the order of its axes: itself where it is that already.
pub(super) fn in_order<T: Stored>(tensor: FlexTensor) -> FlexTensor {
    if tensor.dtype() != T::TYPE {
        return T::converted(&tensor);
    }
    if is_run(&tensor) {
        return tensor;
    }
    if let Some(shape) = turned(&tensor) {
        let start = tensor.layout().start_offset();
        let values = &tensor.storage::<T>()[start..start + tensor.layout().num_elements()];
        let layout = Layout::contiguous(tensor.layout().shape().clone());
        return FlexTensor::new(Bytes::from_elems(T::transposed(values, shape)), layout, T::TYPE);
    }
    tensor.to_contiguous()
}

/// `[batch, rows, columns]` of the memory, if the tensor `[batch, .., last]` is that with the last axis stored before those
/// in the middle.
fn turned(tensor: &FlexTensor) -> Option<[usize; 3]> {
    let rank = tensor.layout().num_dims();
    if rank < 3 {
        return None;
    }
    // The last axis moved to the second place.
    let axes: Vec<usize> =
        (0..rank).map(|axis| if axis == 0 { 0 } else { (axis + rank - 3) % (rank - 1) + 1 }).collect();
    let stored = permuted(tensor.clone(), &axes);
    let shape: Vec<usize> = stored.layout().shape().iter().copied().collect();
    is_run(&stored).then(|| [shape[0], shape[1], shape[2..].iter().product()])
}

impl From<Activation> for kernels::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::None => Self::None,
            Activation::Silu => Self::Silu,
        }
    }
}
