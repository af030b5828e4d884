//! Stores the trained parameters on the host: f32 master weights, Adam's moments and the moving average, indexed by
//! checkpoint key.
//!
//! The optimiser runs on the host and not on the backend. The result therefore has the same bits for any number of
//! threads, a checkpoint is a plain copy, and the backend's copy of the weights can have another precision. The cost is
//! one transfer of gradients and weights per step, which is small compared with the forward and backward pass at the
//! sizes trained so far.

use std::collections::BTreeSet;

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{DType, Tensor, TensorData};
use model::weights::{WeightError, Weights, collect};
use rayon::prelude::*;

/// One tensor of the module, and its optimiser state.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Checkpoint key.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Master weights.
    pub weight: Vec<f32>,
    /// First moment of the gradient.
    pub first: Vec<f32>,
    /// Second moment of the gradient.
    pub second: Vec<f32>,
    /// Moving average of the weights.
    pub average: Vec<f32>,
    /// Learning rate factor; 0 = frozen.
    pub rate: f32,
}

/// Which copy of the weights a module gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// The trained weights, for differentiation.
    Trained,
    /// The moving average, without differentiation.
    Averaged,
}

/// All tensors of a module in the order of its fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// One entry for each tensor.
    pub slots: Vec<Slot>,
}

/// Gradients in the order of [`Parameters::slots`]; `None` where the loss does not depend on the tensor.
pub type Gradients = Vec<Option<Vec<f32>>>;

impl Parameters {
    /// Copies the module's current weights. The moments start at zero, and the average starts at the weights. `rate`
    /// gives the learning rate factor for each key.
    pub fn of<B: Backend, M: Module<B>>(module: &M, rate: impl Fn(&str) -> f32) -> Self {
        let slots = collect(module, "").into_iter().map(|(name, shape, weight)| Slot {
            rate: rate(&name),
            first: vec![0.0; weight.len()],
            second: vec![0.0; weight.len()],
            average: weight.clone(),
            name,
            shape,
            weight,
        });
        Self { slots: slots.collect() }
    }

    /// Writes one copy of the weights into the module.
    ///
    /// # Panics
    /// When the module has other tensors.
    pub fn write<B: Backend, M: Module<B>>(&self, module: M, copy: Copy) -> M {
        let mut writer = Writer { slots: self.slots.iter(), copy };
        let module = module.map(&mut writer);
        assert!(writer.slots.next().is_none(), "the module has fewer tensors than its parameters");
        module
    }

    /// Loads every tensor that `weights` contains under the same key. Returns the missing keys.
    ///
    /// # Errors
    /// [`WeightError`] for another shape or unreadable values.
    pub fn adopt(&mut self, weights: &Weights) -> Result<Vec<String>, WeightError> {
        let known: BTreeSet<String> = weights.names().map(String::from).collect();
        let mut missing = vec![];
        for slot in &mut self.slots {
            if !known.contains(&slot.name) {
                missing.push(slot.name.clone());
                continue;
            }
            let (found, values) = weights.values(&slot.name)?;
            if found != slot.shape {
                return Err(WeightError::Shape { name: slot.name.clone(), found, expected: slot.shape.clone() });
            }
            slot.average.clone_from(&values);
            slot.weight = values;
        }
        Ok(missing)
    }

    /// Number of trained parameters.
    pub fn trained(&self) -> usize {
        self.slots.iter().filter(|slot| slot.rate > 0.0).map(|slot| slot.weight.len()).sum()
    }

    /// One copy of all weights: key, shape, values.
    pub fn tensors(&self, copy: Copy) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let values = |slot: &Slot| match copy {
            Copy::Trained => slot.weight.clone(),
            Copy::Averaged => slot.average.clone(),
        };
        self.slots.iter().map(|slot| (slot.name.clone(), slot.shape.clone(), values(slot))).collect()
    }
}

struct Writer<'a> {
    slots: std::slice::Iter<'a, Slot>,
    copy: Copy,
}

impl<B: Backend> ModuleMapper<B> for Writer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Some(slot) = self.slots.next() else { panic!("the module has more tensors than its parameters") };
        let shape = param.lazy_shape().to_vec();
        assert_eq!(shape, slot.shape, "tensor `{}`", slot.name);
        let (values, differentiated) = match self.copy {
            Copy::Trained => (&slot.weight, slot.rate > 0.0),
            Copy::Averaged => (&slot.average, false),
        };
        let device = param.lazy_device();
        let tensor = Tensor::from_data(TensorData::new(values.clone(), shape), (&device, DType::F32));
        Param::initialized(param.id, tensor.set_require_grad(differentiated))
    }
}

/// The gradients of `module`'s tensors.
pub fn gradients<B: AutodiffBackend, M: AutodiffModule<B>>(module: &M, of: &B::Gradients) -> Gradients {
    let mut reader = Reader::<B> { of, found: vec![] };
    module.visit(&mut reader);
    reader.found
}

struct Reader<'a, B: AutodiffBackend> {
    of: &'a B::Gradients,
    found: Gradients,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Reader<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let gradient = param.val().grad(self.of);
        self.found.push(gradient.map(|tensor| tensor.into_data().convert::<f32>().into_vec().unwrap_or_default()));
    }
}

/// Euclidean norm over all gradients together.
pub fn length(gradients: &Gradients) -> f64 {
    let square = |gradient: &Option<Vec<f32>>| -> f64 {
        gradient.iter().flatten().map(|value| f64::from(*value) * f64::from(*value)).sum()
    };
    gradients.par_iter().map(square).collect::<Vec<_>>().into_iter().sum::<f64>().sqrt()
}
