//! Records copies of named intermediate results, for comparing a network with its reference implementation block by
//! block.

use burn::tensor::{Tensor, TensorData, backend::Backend};

/// The outputs of a network's named blocks, in the order of the forward pass.
#[derive(Debug, Default)]
pub struct Trace {
    /// Name (the module's path in a checkpoint) and output.
    pub entries: Vec<(String, TensorData)>,
}

impl Trace {
    pub(crate) fn record<B: Backend, const R: usize>(&mut self, name: impl Into<String>, tensor: Tensor<B, R>) {
        self.entries.push((name.into(), tensor.into_data()));
    }
}
