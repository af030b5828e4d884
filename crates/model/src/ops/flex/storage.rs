//! Provides Flex's tensors as contiguous slices for the kernels, with conversion between element types.

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Element, Tensor, bf16};
use kernels::Cpu;

use crate::ops::Activation;

/// An element type of tensors that the kernels support.
pub(super) trait Stored: kernels::Element + Element + bytemuck::Pod + Default + Send + Sync {
    const TYPE: DType;

    /// Converts f32 values to this type and writes them to `to`, which has the same length.
    fn convert(values: &[f32], to: &mut [Self]);
    /// Converts a tensor of f32 or bf16 to this type, contiguous and row-major.
    fn converted(tensor: &FlexTensor) -> FlexTensor;
    /// Swaps the last two axes of contiguous values `[batch, rows, columns]`.
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

/// The values of a tensor of f32 or bf16 in row-major order, as f32.
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

/// The Flex tensor behind a Burn tensor.
pub(super) fn of<const R: usize>(tensor: Tensor<Flex, R>) -> FlexTensor {
    tensor.into_primitive().tensor()
}

/// The values of a small tensor, such as a bias, in row-major order as f32.
pub(super) fn floats<const R: usize>(tensor: Tensor<Flex, R>) -> Vec<f32> {
    widened(&of(tensor))
}

/// The elements of a tensor, which must be contiguous in row-major order.
pub(super) fn slice<T: Stored>(tensor: &FlexTensor) -> &[T] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<T>()[start..start + tensor.layout().num_elements()]
}

/// A view of the tensor with its axes permuted.
pub(super) fn permuted(tensor: FlexTensor, axes: &[usize]) -> FlexTensor {
    let layout = tensor.layout().permute(axes);
    tensor.with_layout(layout)
}

/// Whether the elements are contiguous in row-major order. Axes of length 1 may have any stride.
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

/// The tensor as type `T`, contiguous in row-major order. It is copied only if it differs in type or layout.
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

/// The shape `[batch, rows, columns]` of the memory, if a tensor `[batch, .., last]` is contiguous once its last axis moves to the
/// second place. `rows` is the last axis; `columns` combines the middle axes.
fn turned(tensor: &FlexTensor) -> Option<[usize; 3]> {
    let rank = tensor.layout().num_dims();
    if rank < 3 {
        return None;
    }
    // The permutation that moves the last axis to the second place.
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
