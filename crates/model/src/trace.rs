//! Copies of named intermediate results, to compare a network with its reference block by block.

use burn::tensor::{Tensor, TensorData, backend::Backend};

/// What a network's named parts put out, in the order of the forward pass.
#[derive(Debug, Default)]
pub struct Trace {
    /// Name, as a module's path in a checkpoint, and result.
    pub entries: Vec<(String, TensorData)>,
}

impl Trace {
    pub(crate) fn record<B: Backend, const R: usize>(&mut self, name: impl Into<String>, tensor: Tensor<B, R>) {
        self.entries.push((name.into(), tensor.into_data()));
    }
}
