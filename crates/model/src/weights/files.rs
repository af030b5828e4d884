//! Lists the tensors of one file. The file's first bytes determine whether it is a safetensors or a PyTorch file.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result as IoResult, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use checkpoint::{Checkpoint, CheckpointError, ElementType};
use safetensors::tensor::{Dtype, Metadata};

use super::error::WeightError;
use super::shard::Shard;
use super::source::WeightSource;

/// Bytes of the header length at the start of the file.
const LENGTH_BYTES: u64 = 8;
/// Maximum header length in bytes, as defined by the format.
const LONGEST_HEADER: u64 = 100_000_000;

/// The contents of a file.
pub(super) struct FileTensors {
    pub(super) sources: Vec<WeightSource>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl FileTensors {
    /// Reads the tensor descriptions of a file.
    pub(super) fn read(shard: &Arc<Shard>, path: &Path) -> Result<Self, WeightError> {
        let length = shard.len()?;
        if length < LENGTH_BYTES {
            return Err(cut_off(path));
        }
        let start = shard.read(0, LENGTH_BYTES as usize)?;
        if Checkpoint::is_recognised(&start) {
            Self::of_pytorch(shard, length, path)
        } else {
            let header_length = start.iter().rev().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            Self::of_safetensors(shard, length, header_length, path)
        }
    }

    fn of_safetensors(shard: &Arc<Shard>, length: u64, header_length: u64, path: &Path) -> Result<Self, WeightError> {
        if header_length > LONGEST_HEADER {
            return Err(malformed(
                path,
                format!("its header has {header_length} bytes, the limit is {LONGEST_HEADER}"),
            ));
        }
        let data = LENGTH_BYTES + header_length;
        if data > length {
            return Err(cut_off(path));
        }
        let header = shard.read(LENGTH_BYTES, header_length as usize)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| malformed(path, error.to_string()))?;
        if data + header.data_len() as u64 != length {
            let reason = format!("its header describes {} bytes of data, found {}", header.data_len(), length - data);
            return Err(malformed(path, reason));
        }
        let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let tensors = header.tensors();
        let source = |(name, info): (&String, &&safetensors::tensor::TensorInfo)| {
            let (start, end) = info.data_offsets;
            let range = [start, end].map(|offset| data + offset as u64);
            WeightSource::stored(name, &info.shape, shard.clone(), info.dtype, range)
        };
        Ok(Self { sources: tensors.iter().map(source).collect(), metadata })
    }

    fn of_pytorch(shard: &Arc<Shard>, length: u64, path: &Path) -> Result<Self, WeightError> {
        let file = ShardReader { shard, position: 0, length };
        let failed = |source: CheckpointError| WeightError::Checkpoint { path: path.into(), source };
        let checkpoint = Checkpoint::read(file).map_err(failed)?;
        let sources = checkpoint.tensors.into_iter().map(|tensor| {
            let dtype = dtype(tensor.element);
            if tensor.is_contiguous() {
                let range = [tensor.bytes.start, tensor.bytes.end];
                WeightSource::stored(&tensor.name, &tensor.shape, shard.clone(), dtype, range)
            } else {
                WeightSource::strided(shard.clone(), dtype, tensor)
            }
        });
        Ok(Self { sources: sources.collect(), metadata: BTreeMap::new() })
    }
}

fn malformed(path: &Path, reason: String) -> WeightError {
    WeightError::Malformed { path: path.into(), reason }
}

fn cut_off(path: &Path) -> WeightError {
    malformed(path, "it ends early".into())
}

fn dtype(element: ElementType) -> Dtype {
    match element {
        ElementType::F64 => Dtype::F64,
        ElementType::F32 => Dtype::F32,
        ElementType::F16 => Dtype::F16,
        ElementType::Bf16 => Dtype::BF16,
        ElementType::I64 => Dtype::I64,
        ElementType::I32 => Dtype::I32,
        ElementType::I16 => Dtype::I16,
        ElementType::I8 => Dtype::I8,
        ElementType::U8 => Dtype::U8,
        ElementType::Bool => Dtype::BOOL,
    }
}

/// A shard as a seekable stream.
struct ShardReader<'a> {
    shard: &'a Shard,
    position: u64,
    length: u64,
}

impl Read for ShardReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let left = self.length.saturating_sub(self.position);
        let count = (buffer.len() as u64).min(left) as usize;
        if count > 0 {
            let bytes = self.shard.read(self.position, count).map_err(|error| match error {
                WeightError::Io { source, .. } => source,
                other => Error::other(other),
            })?;
            buffer[..count].copy_from_slice(&bytes);
            self.position += count as u64;
        }
        Ok(count)
    }
}

impl Seek for ShardReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
