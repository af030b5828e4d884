//! Loads weights by upstream key names from safetensors and PyTorch files into a module. A report lists how every key
//! is used.
//!
//! The path of a parameter (`down_blocks.0.resnets.1.conv1.weight`) is its checkpoint key. The few names that are not
//! Rust identifiers are in [`UPSTREAM_NAMES`]. The module [`published`] handles the files of other projects. Pickles
//! are never executed. Only the headers of the files stay in memory. Values are read when a module is loaded or, [on
//! demand](Weights::load_for_inference), when a network first needs them.

mod error;
mod files;
mod fingerprint;
mod loader;
mod names;
pub mod pack_folder;
pub mod published;
mod report;
mod save;
mod shard;
mod source;

pub use error::WeightError;
pub use fingerprint::Fingerprint;
pub use names::UPSTREAM_NAMES;
pub(crate) use names::is_layer;
pub use report::{LoadReport, Misshaped};
pub use save::{StoredPrecision, collect, to_bytes};
pub use source::WeightSource;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;

use crate::ops::ModelBackend;
use crate::weights::pack_folder::PackFolder;
use files::FileTensors;
use loader::{Loader, Residence};
use shard::Shard;

/// The tensors of one or more shards, safetensors or PyTorch.
#[derive(Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, WeightSource>,
    metadata: BTreeMap<String, String>,
    shards: Vec<Arc<Shard>>,
    packs: Option<Arc<PackFolder>>,
}

impl Weights {
    /// Opens and merges shards. The files stay open as long as values may be read from them.
    ///
    /// # Errors
    /// [`WeightError::Io`], [`WeightError::Malformed`], [`WeightError::Duplicate`].
    pub fn read<P: AsRef<Path>>(shards: &[P]) -> Result<Self, WeightError> {
        let mut weights = Self::default();
        for path in shards {
            weights.add(Shard::open(path.as_ref())?, path.as_ref())?;
        }
        Ok(weights)
    }

    /// Copies and merges shards that are in memory. `name` stands for the file in messages.
    ///
    /// # Errors
    /// [`WeightError::Malformed`], [`WeightError::Duplicate`].
    pub fn from_bytes(shards: &[&[u8]], name: &str) -> Result<Self, WeightError> {
        let mut weights = Self::default();
        for bytes in shards {
            weights.add(Shard::Memory(bytes.to_vec()), Path::new(name))?;
        }
        Ok(weights)
    }

    /// [`from_bytes`](Self::from_bytes) without a copy, for shards embedded in the executable.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_program(shards: &[&'static [u8]], name: &str) -> Result<Self, WeightError> {
        let mut weights = Self::default();
        for bytes in shards {
            weights.add(Shard::Program(bytes), Path::new(name))?;
        }
        Ok(weights)
    }

    fn add(&mut self, shard: Shard, path: &Path) -> Result<(), WeightError> {
        let shard = Arc::new(shard);
        let file = FileTensors::read(&shard, path)?;
        self.metadata.extend(file.metadata);
        self.shards.push(shard);
        for source in file.sources {
            self.insert(source, path)?;
        }
        Ok(())
    }

    fn insert(&mut self, source: WeightSource, path: &Path) -> Result<(), WeightError> {
        let name = source.name().to_owned();
        if self.tensors.contains_key(&name) {
            return Err(WeightError::Duplicate { name, path: path.into() });
        }
        self.tensors.insert(name, source);
        Ok(())
    }

    /// The fingerprint that identifies these weights. Computing it reads all files.
    ///
    /// # Errors
    /// [`WeightError::Io`].
    pub fn fingerprint(&self) -> Result<Fingerprint, WeightError> {
        let hashes: Result<Vec<_>, _> = self.shards.iter().map(|shard| shard.hash()).collect();
        Ok(Fingerprint::of_shards(hashes?))
    }

    /// Uses a weight cache for weights that are [loaded on demand](Self::load_for_inference). It must be the cache for
    /// their [fingerprint](Self::fingerprint).
    pub fn kept_in(mut self, packs: Arc<PackFolder>) -> Self {
        self.packs = Some(packs);
        self
    }

    /// Names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// An entry of the file header.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The values of one tensor in f32, with its shape.
    ///
    /// # Errors
    /// [`WeightError::Missing`], [`WeightError::Io`], [`WeightError::DataType`], [`WeightError::NonFinite`].
    pub fn values(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), WeightError> {
        let source = self.tensors.get(name).ok_or_else(|| WeightError::Missing { names: vec![name.into()] })?;
        Ok((source.shape().to_vec(), source.values()?))
    }

    /// Loads every parameter of `module` from the key `prefix` + its path.
    ///
    /// # Errors
    /// [`WeightError::Missing`], [`WeightError::Shape`], [`WeightError::DataType`], [`WeightError::NonFinite`],
    /// [`WeightError::Io`], and with [`Extra::Refused`] also [`WeightError::Unexpected`] for tensors under `prefix` that the
    /// module has no place for.
    pub fn load<B: ModelBackend, M: Module<B>>(&self, module: M, prefix: &str, extra: Extra) -> Result<M, WeightError> {
        self.load_into(module, prefix, extra, Residence::Memory, &[])
    }

    /// [`load`](Self::load) for networks that are only run. Every weight is read once to check its values, and read
    /// again when it is first used. Memory therefore holds only the backend's form of the weights in use. Backends
    /// without lazy weights load them as [`load`](Self::load) does. The values of the module's parameters can no longer
    /// be read. With a [weight cache](Self::kept_in), large packed weights are mapped instead, in later runs too.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    ///
    /// # Panics
    /// Later, when the network runs and a file can no longer be read.
    pub fn load_for_inference<B: ModelBackend, M: Module<B>>(
        &self,
        module: M,
        prefix: &str,
        extra: Extra,
    ) -> Result<M, WeightError> {
        self.load_into(module, prefix, extra, Residence::Lazy, &[])
    }

    /// [`load_for_inference`](Self::load_for_inference), except for the parameters in `stay`, which are left unchanged.
    pub(crate) fn load_for_inference_except<B: ModelBackend, M: Module<B>>(
        &self,
        module: M,
        stay: &[String],
    ) -> Result<M, WeightError> {
        self.load_into(module, "", Extra::Refused, Residence::Lazy, stay)
    }

    fn load_into<B: ModelBackend, M: Module<B>>(
        &self,
        module: M,
        prefix: &str,
        extra: Extra,
        residence: Residence,
        stay: &[String],
    ) -> Result<M, WeightError> {
        let mut loader = Loader::new(&self.tensors, self.packs.as_ref(), prefix, residence);
        let module = module.map::<Loader<'_>>(&mut loader);
        if let Some(error) = loader.error {
            return Err(error);
        }
        loader.missing.retain(|name| !stay.contains(name));
        if !loader.missing.is_empty() {
            return Err(WeightError::Missing { names: loader.missing });
        }
        let unexpected = |name: &&str| name.starts_with(prefix) && !loader.used.contains(*name);
        let names: Vec<String> = self.names().filter(unexpected).map(String::from).collect();
        match extra {
            Extra::Refused if !names.is_empty() => Err(WeightError::Unexpected { names }),
            Extra::Refused if prefix.is_empty() => {
                // Every tensor was read and checked.
                if let Some(packs) = &self.packs
                    && self.shards.iter().all(|shard| shard.is_as_opened())
                {
                    packs.note_whole();
                }
                Ok(module)
            }
            Extra::Refused | Extra::Ignored => Ok(module),
        }
    }
}

/// How to handle tensors that the module does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Return an error that names them.
    Refused,
    /// Ignore them, for example when a configuration disables a layer.
    Ignored,
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::backend::Backend;

    use super::*;
    use crate::layers::{LayerInitializer, Linear};

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        net_0: Linear<B>,
        blocks: Vec<Linear<B>>,
    }

    fn net(start: LayerInitializer) -> Net<Flex> {
        let device = Default::default();
        Net { net_0: Linear::init(2, 3, true, start, &device), blocks: vec![Linear::init(1, 1, false, start, &device)] }
    }

    fn saved(module: &Net<Flex>) -> Vec<u8> {
        to_bytes(&collect(module, "a."), StoredPrecision::F32, BTreeMap::from([("k".into(), "v".into())])).unwrap()
    }

    #[test]
    fn a_module_comes_back_under_upstream_names() {
        let module = net(LayerInitializer::Uniform);
        let weights = Weights::from_bytes(&[&saved(&module)], "memory").unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), ["a.blocks.0.weight", "a.net.0.bias", "a.net.0.weight"]);
        assert_eq!(weights.metadata("k"), Some("v"));
        let loaded = weights.load(net(LayerInitializer::Zero), "a.", Extra::Refused).unwrap();
        assert_eq!(collect(&loaded, ""), collect(&module, ""));
    }

    #[test]
    fn weights_are_read_once_to_see_that_they_are_whole() {
        let root = tempfile::tempdir().unwrap();
        let load = |bytes: &[u8], fingerprint| {
            let weights = Weights::from_bytes(&[bytes], "memory").unwrap();
            let packs = Arc::new(PackFolder::open(root.path(), fingerprint));
            let loaded = weights.kept_in(packs).load_for_inference(net(LayerInitializer::Zero), "", Extra::Refused);
            loaded.map(|_| ()).map_err(|error| error.code())
        };
        let mut tensors = collect(&net(LayerInitializer::Uniform), "");
        let bytes = |tensors: &[_]| to_bytes(tensors, StoredPrecision::F32, BTreeMap::new()).unwrap();
        let good = bytes(&tensors);
        let fingerprint = |bytes: &[u8]| Weights::from_bytes(&[bytes], "memory").unwrap().fingerprint().unwrap();
        let weight = tensors.iter_mut().find(|(name, ..)| name == "net.0.weight").unwrap();
        weight.2[0] = f32::NAN;
        let bad = bytes(&tensors);
        assert_ne!(fingerprint(&bad), fingerprint(&good));
        assert_eq!(load(&bad, fingerprint(&bad)), Err("weights.non_finite"));
        assert_eq!(load(&bad, fingerprint(&bad)), Err("weights.non_finite"), "what was not whole is read again");
        assert_eq!(load(&good, fingerprint(&good)), Ok(()));
        // Under the fingerprint of checked weights they are not read again.
        assert_eq!(load(&bad, fingerprint(&good)), Ok(()));
    }

    #[test]
    fn every_way_to_be_wrong_has_its_error() {
        let good = collect(&net(LayerInitializer::Uniform), "a.");
        type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;
        let check = |change: &dyn Fn(&mut Tensors), code: &str| {
            let mut tensors = good.clone();
            change(&mut tensors);
            let bytes = to_bytes(&tensors, StoredPrecision::F32, BTreeMap::new()).unwrap();
            let weights = Weights::from_bytes(&[&bytes], "memory").unwrap();
            let error = weights.load(net(LayerInitializer::Zero), "a.", Extra::Refused).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
        };
        check(&|tensors| drop(tensors.pop()), "weights.missing_tensor");
        check(&|tensors| tensors.push(("a.more".into(), vec![1], vec![0.0])), "weights.unexpected_tensor");
        check(&|tensors| tensors[0].1.reverse(), "weights.shape");
        check(&|tensors| tensors[0].2[0] = f32::NAN, "weights.non_finite");
        let bytes = saved(&net(LayerInitializer::Zero));
        for length in 0..bytes.len() {
            assert_eq!(Weights::from_bytes(&[&bytes[..length]], "cut").unwrap_err().code(), "weights.malformed");
        }
        assert_eq!(Weights::from_bytes(&[&bytes, &bytes], "twice").unwrap_err().code(), "weights.duplicate_tensor");
    }
}
