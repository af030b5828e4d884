//! Weights by upstream key names: safetensors files in, a module out, with every key accounted for.
//!
//! A module's path (`down_blocks.0.resnets.1.conv1.weight`) is the checkpoint's key; the few names that Rust cannot spell
//! are in [`UPSTREAM_NAMES`]. Pickles are never read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use thiserror::Error;

/// Path pieces of our modules and what checkpoints call them.
pub const UPSTREAM_NAMES: [(&str, &str); 3] = [("net_0", "net.0"), ("net_2", "net.2"), ("to_out_0", "to_out.0")];

/// What can be wrong with a weight file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The file cannot be read or written.
    #[error("cannot access weight file `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a well-formed safetensors file.
    #[error("`{path}` is not a valid safetensors file: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// Two shards hold the same tensor.
    #[error("tensor `{name}` is in two shards, again in `{path}`")]
    Duplicate {
        /// The tensor.
        name: String,
        /// The second file.
        path: PathBuf,
    },
    /// A tensor that the network needs is not there.
    #[error("{} tensors are missing, the first is `{}`", names.len(), names[0])]
    Missing {
        /// All of them.
        names: Vec<String>,
    },
    /// Tensors that the network does not know.
    #[error("{} unexpected tensors, the first is `{}`", names.len(), names[0])]
    Unexpected {
        /// All of them.
        names: Vec<String>,
    },
    /// A tensor of the wrong shape.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// In the file.
        found: Vec<usize>,
        /// In the network.
        expected: Vec<usize>,
    },
    /// A number format that is not read.
    #[error("tensor `{name}` is stored as {found}, expected F32, F16 or BF16")]
    DataType {
        /// The tensor.
        name: String,
        /// In the file.
        found: String,
    },
    /// Not-a-number or infinity among the weights.
    #[error("tensor `{name}` holds a value that is not finite")]
    NonFinite {
        /// The tensor.
        name: String,
    },
}

impl WeightError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "weights.io",
            Self::Malformed { .. } => "weights.malformed",
            Self::Duplicate { .. } => "weights.duplicate_tensor",
            Self::Missing { .. } => "weights.missing_tensor",
            Self::Unexpected { .. } => "weights.unexpected_tensor",
            Self::Shape { .. } => "weights.shape",
            Self::DataType { .. } => "weights.data_type",
            Self::NonFinite { .. } => "weights.non_finite",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check the path and its permissions, or fetch the weights again",
            Self::Malformed { .. } | Self::NonFinite { .. } => {
                "the file is damaged: fetch it again and compare its hash"
            }
            Self::Duplicate { .. } => "give each shard once",
            Self::Missing { .. } | Self::Unexpected { .. } | Self::Shape { .. } => {
                "the file belongs to another network: choose the preset it was made for"
            }
            Self::DataType { .. } => "convert the file to F32, F16 or BF16",
        }
    }
}

/// Number format of a saved file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bit.
    F32,
    /// 16 bit IEEE.
    F16,
}

/// The tensors of one or more safetensors shards, as stored.
#[derive(Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, Stored>,
    metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Weights {
    /// Reads and merges shards.
    ///
    /// # Errors
    /// [`WeightError::Io`], [`WeightError::Malformed`], [`WeightError::Duplicate`].
    pub fn read<P: AsRef<Path>>(shards: &[P]) -> Result<Self, WeightError> {
        let mut weights = Self::default();
        for path in shards {
            let path = path.as_ref();
            let bytes = std::fs::read(path).map_err(|source| WeightError::Io { path: path.into(), source })?;
            weights.add(&bytes, path)?;
        }
        Ok(weights)
    }

    /// Reads shards that are already in memory; `name` stands for the file in messages.
    ///
    /// # Errors
    /// [`WeightError::Malformed`], [`WeightError::Duplicate`].
    pub fn from_bytes(shards: &[&[u8]], name: &str) -> Result<Self, WeightError> {
        let mut weights = Self::default();
        for bytes in shards {
            weights.add(bytes, Path::new(name))?;
        }
        Ok(weights)
    }

    fn add(&mut self, bytes: &[u8], path: &Path) -> Result<(), WeightError> {
        let malformed = |reason: safetensors::SafeTensorError| WeightError::Malformed {
            path: path.into(),
            reason: reason.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        self.metadata.extend(header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        for (name, view) in SafeTensors::deserialize(bytes).map_err(malformed)?.tensors() {
            let stored = Stored { dtype: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec() };
            if self.tensors.insert(name.clone(), stored).is_some() {
                return Err(WeightError::Duplicate { name, path: path.into() });
            }
        }
        Ok(())
    }

    /// Names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A text stored in the file's header.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The values of one tensor in f32, with its shape.
    ///
    /// # Errors
    /// [`WeightError::Missing`], [`WeightError::DataType`], [`WeightError::NonFinite`].
    pub fn values(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), WeightError> {
        let stored = self.tensors.get(name).ok_or_else(|| WeightError::Missing { names: vec![name.into()] })?;
        let halves = || stored.bytes.as_chunks::<2>().0;
        let values: Vec<f32> = match stored.dtype {
            Dtype::F32 => stored.bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
            Dtype::F16 => halves().iter().map(|two| burn::tensor::f16::from_le_bytes(*two).to_f32()).collect(),
            Dtype::BF16 => halves().iter().map(|two| burn::tensor::bf16::from_le_bytes(*two).to_f32()).collect(),
            other => return Err(WeightError::DataType { name: name.into(), found: format!("{other:?}") }),
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(WeightError::NonFinite { name: name.into() });
        }
        Ok((stored.shape.clone(), values))
    }

    /// Loads every parameter of `module` from the key `prefix` + its path.
    ///
    /// # Errors
    /// [`WeightError::Missing`], [`WeightError::Shape`], [`WeightError::DataType`], [`WeightError::NonFinite`], and with
    /// [`Extra::Refused`] also [`WeightError::Unexpected`] for tensors under `prefix` that the module has no place for.
    pub fn load<B: Backend, M: Module<B>>(&self, module: M, prefix: &str, extra: Extra) -> Result<M, WeightError> {
        let mut loader =
            Loader { weights: self, path: vec![], prefix, used: BTreeSet::new(), missing: vec![], error: None };
        let module = module.map::<Loader<'_>>(&mut loader);
        if let Some(error) = loader.error {
            return Err(error);
        }
        if !loader.missing.is_empty() {
            return Err(WeightError::Missing { names: loader.missing });
        }
        let unexpected = |name: &&str| name.starts_with(prefix) && !loader.used.contains(*name);
        let names: Vec<String> = self.names().filter(unexpected).map(String::from).collect();
        match extra {
            Extra::Refused if !names.is_empty() => Err(WeightError::Unexpected { names }),
            Extra::Refused | Extra::Ignored => Ok(module),
        }
    }
}

/// What to do with tensors that a module has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// An error that names them.
    Refused,
    /// They are left out, as for a configuration that switches a layer off.
    Ignored,
}

/// A path's piece; the name of an enum's variant is none.
fn piece(name: &str, container: &str) -> String {
    if container.starts_with("Enum:") { String::new() } else { name.into() }
}

fn key(prefix: &str, path: &[String]) -> String {
    let mut key = String::from(prefix);
    for (index, piece) in path.iter().filter(|piece| !piece.is_empty()).enumerate() {
        let known = UPSTREAM_NAMES.iter().find(|(ours, _)| ours == piece);
        key.push_str(if index == 0 { "" } else { "." });
        key.push_str(known.map_or(piece.as_str(), |(_, theirs)| theirs));
    }
    key
}

struct Loader<'a> {
    weights: &'a Weights,
    path: Vec<String>,
    prefix: &'a str,
    used: BTreeSet<String>,
    missing: Vec<String>,
    error: Option<WeightError>,
}

impl<B: Backend> ModuleMapper<B> for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(piece(name, container));
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let name = key(self.prefix, &self.path);
        if !self.weights.tensors.contains_key(&name) {
            self.missing.push(name);
            return param;
        }
        let expected = param.lazy_shape().to_vec();
        match self.weights.values(&name) {
            Ok((found, _)) if found != expected => {
                self.error.get_or_insert(WeightError::Shape { name, found, expected });
                param
            }
            Ok((shape, values)) => {
                self.used.insert(name);
                let device = param.lazy_device();
                let tensor = Tensor::from_data(TensorData::new(values, shape), (&device, DType::F32));
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

/// Every parameter of a module: key, shape, values.
pub fn collect<B: Backend, M: Module<B>>(module: &M, prefix: &str) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut collector = Collector { path: vec![], prefix, tensors: vec![] };
    module.visit(&mut collector);
    collector.tensors
}

/// The bytes of a safetensors file with these tensors and header texts.
///
/// # Errors
/// [`WeightError::Malformed`] when two tensors share a name or the header is too large.
pub fn to_bytes(
    tensors: &[(String, Vec<usize>, Vec<f32>)],
    precision: Precision,
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
                Precision::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                Precision::F16 => {
                    values.iter().flat_map(|value| burn::tensor::f16::from_f32(*value).to_le_bytes()).collect()
                }
            };
            (name.as_str(), shape.as_slice(), bytes)
        })
        .collect();
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    };
    let mut views = Vec::with_capacity(encoded.len());
    for (name, shape, bytes) in &encoded {
        views.push((*name, TensorView::new(dtype, shape.to_vec(), bytes).map_err(malformed)?));
    }
    safetensors::serialize(views, Some(metadata.into_iter().collect())).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::layers::{Linear, Start};

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        net_0: Linear<B>,
        blocks: Vec<Linear<B>>,
    }

    fn net(start: Start) -> Net<Flex> {
        let device = Default::default();
        Net { net_0: Linear::init(2, 3, true, start, &device), blocks: vec![Linear::init(1, 1, false, start, &device)] }
    }

    fn saved(module: &Net<Flex>) -> Vec<u8> {
        to_bytes(&collect(module, "a."), Precision::F32, BTreeMap::from([("k".into(), "v".into())])).unwrap()
    }

    #[test]
    fn a_module_comes_back_under_upstream_names() {
        let module = net(Start::Uniform);
        let weights = Weights::from_bytes(&[&saved(&module)], "memory").unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["a.blocks.0.weight", "a.net.0.bias", "a.net.0.weight"]);
        assert_eq!(weights.metadata("k"), Some("v"));
        let loaded = weights.load(net(Start::Zero), "a.", Extra::Refused).unwrap();
        assert_eq!(collect(&loaded, ""), collect(&module, ""));
    }

    #[test]
    fn every_way_to_be_wrong_has_its_error() {
        let good = collect(&net(Start::Uniform), "a.");
        type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;
        let check = |change: &dyn Fn(&mut Tensors), code: &str| {
            let mut tensors = good.clone();
            change(&mut tensors);
            let bytes = to_bytes(&tensors, Precision::F32, BTreeMap::new()).unwrap();
            let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
            let error = weights.load(net(Start::Zero), "a.", Extra::Refused).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
        };
        check(&|tensors| drop(tensors.pop()), "weights.missing_tensor");
        check(&|tensors| tensors.push(("a.more".into(), vec![1], vec![0.0])), "weights.unexpected_tensor");
        check(&|tensors| tensors[0].1.reverse(), "weights.shape");
        check(&|tensors| tensors[0].2[0] = f32::NAN, "weights.non_finite");
        let bytes = saved(&net(Start::Zero));
        for length in 0..bytes.len() {
            assert_eq!(Weights::from_bytes(&[&bytes[..length]], "cut").unwrap_err().code(), "weights.malformed");
        }
        assert_eq!(Weights::from_bytes(&[&bytes, &bytes], "twice").unwrap_err().code(), "weights.duplicate_tensor");
    }
}
