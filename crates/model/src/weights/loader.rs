//! Loads the parameters of a module from weights, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use burn::module::{ModuleMapper, Param};
use burn::tensor::{DType, Tensor, TensorData};

use super::error::WeightError;
use super::names::{is_layer, key, piece};
use super::pack_folder::PackFolder;
use super::source::WeightSource;
use crate::ops::ModelBackend;

/// Where values are stored between uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Residence {
    Memory,
    Lazy,
}

/// Loads weights into a module, parameter by parameter.
pub(super) struct Loader<'a> {
    tensors: &'a BTreeMap<String, WeightSource>,
    packs: Option<&'a Arc<PackFolder>>,
    residence: Residence,
    /// All values were read and checked in an earlier run.
    are_whole: bool,
    path: Vec<String>,
    layer: bool,
    prefix: &'a str,
    /// Names of parameters that were loaded.
    pub(super) used: BTreeSet<String>,
    /// Names of parameters that the weights lack.
    pub(super) missing: Vec<String>,
    /// The first error.
    pub(super) error: Option<WeightError>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(
        tensors: &'a BTreeMap<String, WeightSource>,
        packs: Option<&'a Arc<PackFolder>>,
        prefix: &'a str,
        residence: Residence,
    ) -> Self {
        Self {
            tensors,
            packs,
            residence,
            are_whole: packs.is_some_and(|packs| packs.is_whole()),
            path: vec![],
            layer: false,
            prefix,
            used: BTreeSet::new(),
            missing: vec![],
            error: None,
        }
    }

    /// The tensor of this name and shape. Its values are read and checked, unless an earlier run has done so.
    fn tensor<B: ModelBackend, const D: usize>(
        &self,
        name: &str,
        expected: Vec<usize>,
        device: &B::Device,
    ) -> Result<Tensor<B, D>, WeightError> {
        let source = &self.tensors[name];
        let found = source.shape().to_vec();
        if found != expected {
            return Err(WeightError::Shape { name: name.into(), found, expected });
        }
        // Vectors are small, and biases are not packed.
        let is_on_demand = self.residence == Residence::Lazy && self.layer && D > 1;
        let on_demand = is_on_demand.then(|| B::lazy_weight(&source.kept_in(self.packs.cloned()))).flatten();
        if let Some(weight) = on_demand {
            if !self.are_whole {
                source.check()?;
            }
            return Ok(weight);
        }
        let values = source.values()?;
        Ok(Tensor::from_data(TensorData::new(values, found), (device, DType::F32)))
    }
}

impl<B: ModelBackend> ModuleMapper<B> for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(piece(name, container));
        self.layer = is_layer(container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let name = key(self.prefix, &self.path);
        if !self.tensors.contains_key(&name) {
            self.missing.push(name);
            return param;
        }
        match self.tensor(&name, param.lazy_shape().to_vec(), &param.lazy_device()) {
            Ok(tensor) => {
                self.used.insert(name);
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}
