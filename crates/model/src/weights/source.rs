//! Locates the values of a weight, so that they need not stay in memory between uses.

use std::sync::Arc;

use checkpoint::StoredTensor;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::Dtype;

use super::error::WeightError;
use super::shard::{PIECE, Shard, Visit};
use crate::weights::pack_folder::PackFolder;

/// A weight whose values are read whenever they are needed.
#[derive(Debug, Clone)]
pub struct WeightSource {
    name: String,
    shape: Vec<usize>,
    place: Place,
    packs: Option<Arc<PackFolder>>,
}

#[derive(Debug, Clone)]
enum Place {
    /// Contiguous little-endian values in a byte range.
    Stored { shard: Arc<Shard>, dtype: Dtype, range: [u64; 2] },
    /// Little-endian values in an order other than row-major.
    Strided { shard: Arc<Shard>, dtype: Dtype, tensor: Arc<StoredTensor> },
    /// Pseudo-random, uniform in `+-bound`, the same every time.
    Drawn { seed: u64, bound: f32 },
}

/// Converts little-endian values to f32, replacing the contents of `values`. [`WeightSource::check_finite`] has checked
/// `dtype`.
fn widen(bytes: &[u8], dtype: Dtype, values: &mut Vec<f32>) {
    values.clear();
    match dtype {
        Dtype::F32 => return values.extend(bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four))),
        Dtype::F64 => return values.extend(narrowed(bytes)),
        _ => {}
    }
    let halves: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two)).collect();
    values.resize(halves.len(), 0.0);
    match dtype {
        Dtype::F16 => halves.reinterpret_cast::<f16>().convert_to_f32_slice(values),
        _ => halves.reinterpret_cast::<bf16>().convert_to_f32_slice(values),
    }
}

/// Converts 64-bit floats to 32-bit ones.
fn narrowed(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<8>().0.iter().map(|eight| f64::from_le_bytes(*eight) as f32)
}

impl WeightSource {
    pub(super) fn stored(name: &str, shape: &[usize], shard: Arc<Shard>, dtype: Dtype, range: [u64; 2]) -> Self {
        let place = Place::Stored { shard, dtype, range };
        Self { name: name.into(), shape: shape.to_vec(), place, packs: None }
    }

    pub(super) fn strided(shard: Arc<Shard>, dtype: Dtype, tensor: StoredTensor) -> Self {
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        Self { name, shape, place: Place::Strided { shard, dtype, tensor: Arc::new(tensor) }, packs: None }
    }

    /// A weight with the given values.
    pub(super) fn in_memory(name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let range = [0, bytes.len() as u64];
        Self::stored(name, shape, Arc::new(Shard::Memory(bytes)), Dtype::F32, range)
    }

    /// A weight with random values, uniform in `+-bound`. They are the same for the same seed.
    pub fn drawn(shape: &[usize], seed: u64, bound: f32) -> Self {
        Self {
            name: format!("random {seed} {bound}"),
            shape: shape.to_vec(),
            place: Place::Drawn { seed, bound },
            packs: None,
        }
    }

    /// The same weight under another name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same weight with a weight cache.
    pub(crate) fn kept_in(&self, packs: Option<Arc<PackFolder>>) -> Self {
        Self { packs, ..self.clone() }
    }

    /// The weight cache.
    pub(crate) fn packs(&self) -> Option<&PackFolder> {
        self.packs.as_deref()
    }

    /// Whether its file is unmodified since it was opened. Values of a modified file must not be cached.
    pub(crate) fn is_as_opened(&self) -> bool {
        match &self.place {
            Place::Stored { shard, .. } | Place::Strided { shard, .. } => shard.is_as_opened(),
            Place::Drawn { .. } => true,
        }
    }

    /// Name of the weight in its file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values in row-major order.
    ///
    /// # Errors
    /// [`WeightError::Io`], [`WeightError::DataType`], [`WeightError::NonFinite`].
    pub fn values(&self) -> Result<Vec<f32>, WeightError> {
        let mut values = Vec::with_capacity(self.shape.iter().product());
        self.each_piece(&mut |piece| {
            values.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(values)
    }

    /// Passes the values to `visit` in chunks, so that they need not be in memory in two types at once.
    ///
    /// # Errors
    /// As [`values`](Self::values), and those of `visit`.
    pub fn each_piece(&self, visit: &mut Visit<'_, f32>) -> Result<(), WeightError> {
        let mut values = vec![];
        let mut widened = |bytes: &[u8], dtype: Dtype| {
            self.check_finite(bytes, dtype)?;
            widen(bytes, dtype, &mut values);
            visit(&values)
        };
        match &self.place {
            Place::Stored { shard, dtype, range } => shard.pieces(*range, &mut |bytes| widened(bytes, *dtype)),
            Place::Strided { shard, dtype, tensor } => {
                let all = shard.read(tensor.bytes.start, (tensor.bytes.end - tensor.bytes.start) as usize)?;
                tensor.in_order(&all).chunks(PIECE).try_for_each(|bytes| widened(bytes, *dtype))
            }
            Place::Drawn { seed, bound } => {
                let mut random = ChaCha8Rng::seed_from_u64(*seed);
                let count: usize = self.shape.iter().product();
                for start in (0..count).step_by(PIECE) {
                    values.clear();
                    values.extend((start..count.min(start + PIECE)).map(|_| random.random_range(-*bound..=*bound)));
                    visit(&values)?;
                }
                Ok(())
            }
        }
    }

    /// Reads the weight to check that it is complete and finite.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub(super) fn check(&self) -> Result<(), WeightError> {
        match &self.place {
            Place::Stored { shard, dtype, range } => {
                shard.pieces(*range, &mut |bytes| self.check_finite(bytes, *dtype))
            }
            Place::Strided { .. } => self.each_piece(&mut |_| Ok(())),
            Place::Drawn { .. } => Ok(()),
        }
    }

    fn check_finite(&self, bytes: &[u8], dtype: Dtype) -> Result<(), WeightError> {
        // Infinity and NaN have all exponent bits set. A fold vectorises; `any` would check one value after the other.
        let halves = |exponent: u16| {
            let is_odd = |two: &[u8; 2]| u16::from_le_bytes(*two) & exponent == exponent;
            bytes.as_chunks::<2>().0.iter().fold(false, |found, two| found | is_odd(two))
        };
        let is_odd = match dtype {
            Dtype::F32 => {
                let is_odd = |four: &[u8; 4]| !f32::from_le_bytes(*four).is_finite();
                bytes.as_chunks::<4>().0.iter().fold(false, |found, four| found | is_odd(four))
            }
            Dtype::F64 => narrowed(bytes).fold(false, |found, value| found | !value.is_finite()),
            Dtype::F16 => halves(f16::INFINITY.to_bits()),
            Dtype::BF16 => halves(bf16::INFINITY.to_bits()),
            other => return Err(WeightError::DataType { name: self.name.clone(), found: format!("{other:?}") }),
        };
        if is_odd { Err(WeightError::NonFinite { name: self.name.clone() }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn every_format_is_read() {
        let bytes = |dtype| -> Vec<u8> {
            let values = [1.0_f32, -0.5, 2.0];
            match dtype {
                Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
                Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
                Dtype::F64 => values.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect(),
                _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            }
        };
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
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
    fn a_file_that_was_written_to_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        std::fs::write(&path, [0; 8]).unwrap();
        let shard = Arc::new(Shard::open(&path).unwrap());
        let source = WeightSource::stored("w", &[2], shard, Dtype::F32, [0, 8]);
        assert!(source.is_as_opened());
        File::options().append(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(!source.is_as_opened());
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
