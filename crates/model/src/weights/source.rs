//! Where the values of one weight are, so that they need not be in memory while nobody uses them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use burn::tensor::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::Dtype;
use sha2::{Digest, Sha256};

use super::WeightError;
use crate::pack_folder::PackFolder;

/// Bytes that are hashed at once.
const HASHED: usize = 1 << 20;

/// A weight that is read whenever it is needed.
#[derive(Debug, Clone)]
pub struct WeightSource {
    name: String,
    shape: Vec<usize>,
    place: Place,
    packs: Option<Arc<PackFolder>>,
}

#[derive(Debug, Clone)]
enum Place {
    /// Little-endian numbers at an offset in bytes.
    Stored { shard: Arc<Shard>, dtype: Dtype, offset: u64, length: usize },
    /// Uniform in `+-bound`, always the same.
    Drawn { seed: u64, bound: f32 },
}

/// The bytes of a safetensors file.
#[derive(Debug)]
pub(super) enum Shard {
    Memory(Vec<u8>),
    Program(&'static [u8]),
    /// Open, so that it stays there when somebody removes its name.
    File {
        file: Mutex<File>,
        path: PathBuf,
        /// When it was written to for the last time, as it was opened.
        modified: Option<SystemTime>,
    },
}

impl Shard {
    pub(super) fn open(path: &Path) -> Result<Self, WeightError> {
        let file = File::open(path).map_err(|source| WeightError::Io { path: path.into(), source })?;
        let modified = modified(&file);
        Ok(Self::File { file: Mutex::new(file), path: path.into(), modified })
    }

    /// Whether nobody wrote to it since it was opened, as far as the system says.
    fn is_as_opened(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Program(_) => true,
            Self::File { file, modified: before, .. } => {
                before.is_some() && modified(&file.lock().unwrap_or_else(PoisonError::into_inner)) == *before
            }
        }
    }

    /// SHA-256 of its bytes.
    pub(super) fn hash(&self) -> Result<[u8; 32], WeightError> {
        let mut hasher = Sha256::new();
        match self {
            Self::Memory(bytes) => hasher.update(bytes),
            Self::Program(bytes) => hasher.update(bytes),
            Self::File { .. } => {
                let length = self.len()?;
                for start in (0..length).step_by(HASHED) {
                    hasher.update(self.read(start, HASHED.min((length - start) as usize))?);
                }
            }
        }
        Ok(hasher.finalize().into())
    }

    /// Number of bytes.
    pub(super) fn len(&self) -> Result<u64, WeightError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::Program(bytes) => Ok(bytes.len() as u64),
            Self::File { file, path, .. } => {
                let file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let metadata = file.metadata().map_err(|source| WeightError::Io { path: path.clone(), source })?;
                Ok(metadata.len())
            }
        }
    }

    /// `length` bytes from `offset` on, which lie within the shard.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, WeightError> {
        match self {
            Self::Memory(bytes) => Ok(bytes[offset as usize..][..length].to_vec()),
            Self::Program(bytes) => Ok(bytes[offset as usize..][..length].to_vec()),
            Self::File { file, path, .. } => {
                let mut bytes = vec![0; length];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
                read.map_err(|source| WeightError::Io { path: path.clone(), source })?;
                Ok(bytes)
            }
        }
    }
}

fn modified(file: &File) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

impl WeightSource {
    pub(super) fn stored(name: &str, shape: &[usize], shard: Arc<Shard>, dtype: Dtype, [start, end]: [u64; 2]) -> Self {
        let place = Place::Stored { shard, dtype, offset: start, length: (end - start) as usize };
        Self { name: name.into(), shape: shape.to_vec(), place, packs: None }
    }

    /// A weight of random numbers, uniform in `+-bound`; the same for the same seed.
    pub fn drawn(shape: &[usize], seed: u64, bound: f32) -> Self {
        Self {
            name: format!("random {seed} {bound}"),
            shape: shape.to_vec(),
            place: Place::Drawn { seed, bound },
            packs: None,
        }
    }

    /// The same numbers under another name.
    #[cfg(test)]
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same weight, whose packs are kept in this folder.
    pub(crate) fn kept_in(&self, packs: Option<Arc<PackFolder>>) -> Self {
        Self { packs, ..self.clone() }
    }

    /// Where its packs are kept: nowhere any more when its file was written to.
    pub(crate) fn packs(&self) -> Option<&PackFolder> {
        let is_as_opened = match &self.place {
            Place::Stored { shard, .. } => shard.is_as_opened(),
            Place::Drawn { .. } => true,
        };
        self.packs.as_deref().filter(|_| is_as_opened)
    }

    /// Its name in its file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its values in the order of its shape.
    ///
    /// # Errors
    /// [`WeightError::Io`], [`WeightError::DataType`], [`WeightError::NonFinite`].
    pub fn values(&self) -> Result<Vec<f32>, WeightError> {
        let (bytes, dtype) = match &self.place {
            Place::Stored { shard, dtype, offset, length } => (shard.read(*offset, *length)?, *dtype),
            Place::Drawn { seed, bound } => {
                let mut random = ChaCha8Rng::seed_from_u64(*seed);
                let count = self.shape.iter().product();
                return Ok((0..count).map(|_| random.random_range(-*bound..=*bound)).collect());
            }
        };
        let halves = || bytes.as_chunks::<2>().0;
        let values: Vec<f32> = match dtype {
            Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
            Dtype::F16 => halves().iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect(),
            Dtype::BF16 => halves().iter().map(|two| bf16::from_le_bytes(*two).to_f32()).collect(),
            other => return Err(WeightError::DataType { name: self.name.clone(), found: format!("{other:?}") }),
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(WeightError::NonFinite { name: self.name.clone() });
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Fingerprint;

    #[test]
    fn every_format_is_read() {
        let bytes = |dtype| -> Vec<u8> {
            let values = [1.0_f32, -0.5, 2.0];
            match dtype {
                Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
                Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
                _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            }
        };
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let mut all = vec![9; 5];
            all.extend(bytes(dtype));
            let range = [5, all.len() as u64];
            let source = WeightSource::stored("w", &[3], Arc::new(Shard::Memory(all)), dtype, range);
            assert_eq!(source.values().unwrap(), [1.0, -0.5, 2.0], "{dtype:?}");
        }
        let odd = WeightSource::stored("w", &[1], Arc::new(Shard::Memory(vec![0; 8])), Dtype::I64, [0, 8]);
        assert_eq!(odd.values().unwrap_err().code(), "weights.data_type");
    }

    #[test]
    fn a_file_that_got_shorter_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        std::fs::write(&path, [0; 12]).unwrap();
        let shard = Arc::new(Shard::open(&path).unwrap());
        let source = WeightSource::stored("w", &[2], shard, Dtype::F32, [4, 12]);
        assert_eq!(source.values().unwrap(), [0.0, 0.0]);
        std::fs::write(&path, [0; 8]).unwrap();
        assert_eq!(source.values().unwrap_err().code(), "weights.io");
    }

    #[test]
    fn packs_of_a_file_that_was_written_to_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        std::fs::write(&path, [0; 8]).unwrap();
        let shard = Arc::new(Shard::open(&path).unwrap());
        let packs = Arc::new(PackFolder::open(folder.path(), Fingerprint::of_text("w")));
        let source = WeightSource::stored("w", &[2], shard, Dtype::F32, [0, 8]).kept_in(Some(packs));
        assert!(source.packs().is_some());
        File::options().append(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(source.packs().is_none());
    }

    #[test]
    fn drawn_values_are_bounded_and_the_same_again() {
        let source = WeightSource::drawn(&[20, 10], 3, 0.25);
        let values = source.values().unwrap();
        assert_eq!((values.len(), &values), (200, &source.values().unwrap()));
        assert!(values.iter().all(|value| value.abs() <= 0.25));
        assert_ne!(values, WeightSource::drawn(&[20, 10], 4, 0.25).values().unwrap());
    }
}
