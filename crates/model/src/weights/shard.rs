//! Provides access to the bytes of a weight file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::error::WeightError;

/// Bytes or values read at once; a multiple of every element size.
pub(super) const PIECE: usize = 1 << 18;

/// A callback that receives what is read, chunk by chunk.
pub(super) type Visit<'a, T> = dyn FnMut(&[T]) -> Result<(), WeightError> + 'a;

/// The bytes of a weight file.
#[derive(Debug)]
pub(super) enum Shard {
    Memory(Vec<u8>),
    Program(&'static [u8]),
    /// Kept open, so that it stays readable if its name is removed.
    File {
        file: Mutex<File>,
        path: PathBuf,
        /// Time of the last modification when the file was opened.
        modified: Option<SystemTime>,
    },
}

impl Shard {
    pub(super) fn open(path: &Path) -> Result<Self, WeightError> {
        let file = File::open(path).map_err(|source| WeightError::Io { path: path.into(), source })?;
        let modified = modified(&file);
        Ok(Self::File { file: Mutex::new(file), path: path.into(), modified })
    }

    /// Whether the file is unmodified since it was opened, according to its time stamp.
    pub(super) fn is_as_opened(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Program(_) => true,
            Self::File { file, modified: before, .. } => {
                before.is_some() && modified(&file.lock().unwrap_or_else(PoisonError::into_inner)) == *before
            }
        }
    }

    /// SHA-256 of the bytes.
    pub(super) fn hash(&self) -> Result<[u8; 32], WeightError> {
        let mut hasher = Sha256::new();
        self.pieces([0, self.len()?], &mut |piece| {
            hasher.update(piece);
            Ok(())
        })?;
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

    /// Reads `length` bytes from `offset`. They must lie within the shard.
    pub(super) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, WeightError> {
        let mut bytes = Vec::with_capacity(length);
        self.pieces([offset, offset + length as u64], &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Passes the bytes from `start` to `end`, which must lie within the shard, to `visit`, at most `PIECE` at a time.
    pub(super) fn pieces(&self, [start, end]: [u64; 2], visit: &mut Visit<'_, u8>) -> Result<(), WeightError> {
        match self {
            Self::Memory(bytes) => bytes[start as usize..end as usize].chunks(PIECE).try_for_each(visit),
            Self::Program(bytes) => bytes[start as usize..end as usize].chunks(PIECE).try_for_each(visit),
            Self::File { file, path, .. } => {
                let failed = |source| WeightError::Io { path: path.clone(), source };
                let mut buffer = vec![0; PIECE.min((end - start) as usize)];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(start)).map_err(failed)?;
                for start in (start..end).step_by(PIECE) {
                    let piece = &mut buffer[..PIECE.min((end - start) as usize)];
                    file.read_exact(piece).map_err(failed)?;
                    visit(piece)?;
                }
                Ok(())
            }
        }
    }
}

fn modified(file: &File) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}
