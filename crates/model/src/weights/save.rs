//! Saves a module's parameters as a safetensors file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use safetensors::tensor::{Dtype, TensorView};

use super::error::WeightError;
use super::names::{key, piece};

/// Element type of a saved file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredPrecision {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
}

struct Collector<'a> {
    path: Vec<String>,
    prefix: &'a str,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl<B: Backend> ModuleVisitor<B> for Collector<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(piece(name, container));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let data = param.val().into_data().convert::<f32>();
        let shape = data.shape.to_vec();
        let values = data.into_vec::<f32>().unwrap_or_default();
        self.tensors.push((key(self.prefix, &self.path), shape, values));
    }
}

/// Every parameter of a module as key, shape and values.
pub fn collect<B: Backend, M: Module<B>>(module: &M, prefix: &str) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut collector = Collector { path: vec![], prefix, tensors: vec![] };
    module.visit(&mut collector);
    collector.tensors
}

/// The bytes of a safetensors file with these tensors and header entries.
///
/// # Errors
/// [`WeightError::Malformed`] when two tensors share a name or the header is too large.
pub fn to_bytes(
    tensors: &[(String, Vec<usize>, Vec<f32>)],
    precision: StoredPrecision,
    metadata: BTreeMap<String, String>,
) -> Result<Vec<u8>, WeightError> {
    let malformed = |reason: safetensors::SafeTensorError| WeightError::Malformed {
        path: PathBuf::new(),
        reason: reason.to_string(),
    };
    let encoded: Vec<(&str, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let bytes = match precision {
                StoredPrecision::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                StoredPrecision::F16 => {
                    values.iter().flat_map(|value| burn::tensor::f16::from_f32(*value).to_le_bytes()).collect()
                }
            };
            (name.as_str(), shape.as_slice(), bytes)
        })
        .collect();
    let dtype = match precision {
        StoredPrecision::F32 => Dtype::F32,
        StoredPrecision::F16 => Dtype::F16,
    };
    let mut views = Vec::with_capacity(encoded.len());
    for (name, shape, bytes) in &encoded {
        views.push((*name, TensorView::new(dtype, shape.to_vec(), bytes).map_err(malformed)?));
    }
    safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(malformed)
}
