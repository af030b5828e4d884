//! Holds one test case: its tensors, settings and weights.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use burn::backend::Flex;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData, f16};
use model::weights::{Extra, Weights};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::index::{CaseEntry, Index};

/// The backend of the comparison.
pub type Backend = Flex;

/// A tensor of a fixture or of ours, in a type that represents all values exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Sizes.
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f64>,
    /// 8-bit picture data.
    pub is_picture: bool,
}

impl From<TensorData> for Values {
    fn from(data: TensorData) -> Self {
        Self { shape: data.shape.to_vec(), values: data.iter::<f64>().collect(), is_picture: false }
    }
}

impl<const R: usize> From<Tensor<Backend, R>> for Values {
    fn from(tensor: Tensor<Backend, R>) -> Self {
        tensor.into_data().into()
    }
}

/// The output of an operation, under the names of the expected tensors.
pub type Outputs = BTreeMap<String, Values>;

/// All tensors of a file.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Values>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let file = SafeTensors::deserialize(&bytes).with_context(|| format!("in `{}`", path.display()))?;
    let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        let values = decode(view.dtype(), view.data()).with_context(|| format!("tensor `{name}`"))?;
        let is_picture = view.dtype() == Dtype::U8;
        Ok((name, Values { shape: view.shape().to_vec(), values, is_picture }))
    };
    file.tensors().into_iter().map(tensor).collect()
}

/// A case with its files.
pub struct Case<'a> {
    entry: &'a CaseEntry,
    index: &'a Index,
    folder: &'a Path,
    tensors: BTreeMap<String, Values>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Case<'a> {
    /// Reads the case's tensors.
    pub fn open(entry: &'a CaseEntry, index: &'a Index, folder: &'a Path) -> Result<Self> {
        let tensors = read_tensors(&folder.join(&entry.file))?;
        Ok(Self { entry, index, folder, tensors, used: RefCell::default() })
    }

    /// Any tensor of the file.
    pub fn values(&self, name: &str) -> Result<&Values> {
        self.used.borrow_mut().insert(name.into());
        self.tensors.get(name).ok_or_else(|| anyhow!("the case has no tensor `{name}`"))
    }

    /// Names of all tensors that start with `prefix`.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).filter(|name| name.starts_with(prefix)).collect()
    }

    /// A floating-point or integer tensor of rank `R`.
    pub fn tensor<const R: usize>(&self, name: &str) -> Result<Tensor<Backend, R>> {
        let values = self.values(name)?;
        ensure!(values.shape.len() == R, "tensor `{name}` has shape {:?}, expected rank {R}", values.shape);
        let cells: Vec<f32> = values.values.iter().map(|value| *value as f32).collect();
        Ok(Tensor::from_data(TensorData::new(cells, values.shape.clone()), &Default::default()))
    }

    /// The same, if the case has it.
    pub fn optional<const R: usize>(&self, name: &str) -> Result<Option<Tensor<Backend, R>>> {
        if self.tensors.contains_key(name) { self.tensor(name).map(Some) } else { Ok(None) }
    }

    /// Integers.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>> {
        Ok(self.values(name)?.values.iter().map(|value| *value as i64).collect())
    }

    /// Fails when an input was not used: then the operation has a part that we lack.
    pub fn all_inputs_used(&self) -> Result<()> {
        let used = self.used.borrow();
        let unused: Vec<_> = self.names("in.").into_iter().filter(|name| !used.contains(*name)).collect();
        ensure!(unused.is_empty(), "inputs {unused:?} were not used");
        Ok(())
    }

    /// The arguments of the call. Unknown ones are errors.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T> {
        read(&self.entry.args).context("in the arguments")
    }

    /// The case's own settings, without those of its weights.
    pub fn own_config<T: DeserializeOwned>(&self) -> Result<T> {
        read(&self.entry.config).context("in the configuration")
    }

    /// The settings of the only set of weights, under the case's own.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        let [key] = &self.entry.weights[..] else {
            bail!("the case names weights {:?}, expected one set", self.entry.weights)
        };
        let mut config = self.weight_config(key)?.clone();
        config.extend(self.entry.config.clone());
        read(&config).context("in the configuration")
    }

    /// The settings of one of several sets of weights.
    pub fn config_of<T: DeserializeOwned>(&self, place: usize) -> Result<T> {
        let key = self.weight_key(place)?;
        read(self.weight_config(key)?).with_context(|| format!("in the configuration of `{key}`"))
    }

    fn weight_config(&self, key: &str) -> Result<&Map<String, Value>> {
        let set = self.index.weights.get(key).ok_or_else(|| anyhow!("no weights `{key}`"))?;
        Ok(&set.config)
    }

    fn weight_key(&self, place: usize) -> Result<&str> {
        let keys = &self.entry.weights;
        let key =
            keys.get(place).ok_or_else(|| anyhow!("the case names weights {keys:?}, number {place} is missing"))?;
        Ok(key)
    }

    /// Fills a module from one of the case's sets of weights.
    ///
    /// Tensors without a place in the module are errors, unless the case's settings differ from those of the weights.
    pub fn load<M: Module<Backend>>(&self, place: usize, module: M) -> Result<M> {
        let set = &self.index.weights[self.weight_key(place)?];
        let same = self.entry.config.iter().all(|(key, value)| set.config.get(key) == Some(value));
        self.load_with(place, module, if same { Extra::Refused } else { Extra::Ignored })
    }

    /// The same for a module that is known to be a part of the network of the weights.
    pub fn load_part<M: Module<Backend>>(&self, place: usize, module: M) -> Result<M> {
        self.load_with(place, module, Extra::Ignored)
    }

    fn load_with<M: Module<Backend>>(&self, place: usize, module: M, extra: Extra) -> Result<M> {
        let key = self.weight_key(place)?;
        self.weights(place)?.load(module, "", extra).with_context(|| format!("weights `{key}`"))
    }

    /// One of the case's sets of weights.
    pub fn weights(&self, place: usize) -> Result<Weights> {
        let key = self.weight_key(place)?;
        let set = self.index.weights.get(key).ok_or_else(|| anyhow!("no weights `{key}`"))?;
        let files: Vec<_> = set.files.iter().map(|file| self.folder.join(file)).collect();
        Ok(Weights::read(&files)?)
    }
}

/// Settings from a map of the index.
pub fn read<T: DeserializeOwned>(map: &Map<String, Value>) -> Result<T> {
    Ok(serde_json::from_value(Value::Object(map.clone()))?)
}

fn decode(dtype: Dtype, bytes: &[u8]) -> Result<Vec<f64>> {
    Ok(match dtype {
        Dtype::F64 => bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
        Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
        Dtype::F16 => bytes.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f64()).collect(),
        Dtype::I64 => bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect(),
        Dtype::I32 => bytes.as_chunks::<4>().0.iter().map(|bytes| f64::from(i32::from_le_bytes(*bytes))).collect(),
        Dtype::U8 => bytes.iter().map(|byte| f64::from(*byte)).collect(),
        other => bail!("stored as {other:?}, which no fixture uses"),
    })
}
