//! Where the values of one weight are, so that they need not be in memory while nobody uses them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::Dtype;

use super::WeightError;

/// A weight that is read whenever it is needed.
#[derive(Debug, Clone)]
pub struct WeightSource {
    name: String,
    shape: Vec<usize>,
    place: Place,
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
    },
}

impl Shard {
    pub(super) fn open(path: &Path) -> Result<Self, WeightError> {
        let file = File::open(path).map_err(|source| WeightError::Io { path: path.into(), source })?;
        Ok(Self::File { file: Mutex::new(file), path: path.into() })
    }

    /// Number of bytes.
    pub(super) fn len(&self) -> Result<u64, WeightError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::Program(bytes) => Ok(bytes.len() as u64),
            Self::File { file, path } => {
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
            Self::File { file, path } => {
                let mut bytes = vec![0; length];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
                read.map_err(|source| WeightError::Io { path: path.clone(), source })?;
                Ok(bytes)
            }
        }
    }
}

impl WeightSource {
    pub(super) fn stored(name: &str, shape: &[usize], shard: Arc<Shard>, dtype: Dtype, [start, end]: [u64; 2]) -> Self {
        let place = Place::Stored { shard, dtype, offset: start, length: (end - start) as usize };
        Self { name: name.into(), shape: shape.to_vec(), place }
    }

    /// A weight `name` of random numbers, uniform in `+-bound`; the same for the same seed.
    pub fn drawn(name: &str, shape: &[usize], seed: u64, bound: f32) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), place: Place::Drawn { seed, bound } }
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
    fn drawn_values_are_bounded_and_the_same_again() {
        let source = WeightSource::drawn("w", &[20, 10], 3, 0.25);
        let values = source.values().unwrap();
        assert_eq!((values.len(), &values), (200, &source.values().unwrap()));
        assert!(values.iter().all(|value| value.abs() <= 0.25));
        assert_ne!(values, WeightSource::drawn("w", &[20, 10], 4, 0.25).values().unwrap());
    }
}
