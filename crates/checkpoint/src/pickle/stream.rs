//! Reads the bytes of pickles, counts them, and limits their number.

use std::io::{ErrorKind, Read};

use super::{LONGEST_TEXT, MOST_BYTES};
use crate::error::CheckpointError;

/// Reads the bytes of consecutive pickles.
pub(crate) struct Stream<R> {
    reader: R,
    position: u64,
}

impl<R: Read> Stream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: 0 }
    }

    /// Number of bytes read.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn into_inner(self) -> R {
        self.reader
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CheckpointError> {
        Ok(self.array::<1>()?[0])
    }

    /// Reads a number of bytes that was checked.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<Vec<u8>, CheckpointError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads up to the end of the line, without it. Only names of globals have this format.
    pub(crate) fn line(&mut self) -> Result<Vec<u8>, CheckpointError> {
        let mut line = vec![];
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                byte => line.push(byte),
            }
            if line.len() as u64 > LONGEST_TEXT {
                let found = line.len() as u64;
                return Err(CheckpointError::Limit {
                    what: "the length of a name in bytes",
                    found,
                    most: LONGEST_TEXT,
                    tensor: None,
                });
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), CheckpointError> {
        self.position += bytes.len() as u64;
        if self.position > MOST_BYTES {
            let found = self.position;
            return Err(CheckpointError::Limit { what: "the length in bytes", found, most: MOST_BYTES, tensor: None });
        }
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => CheckpointError::CutOff { place: "the pickle".into() },
            ErrorKind::InvalidData => CheckpointError::Damaged { reason: error.to_string() },
            _ => CheckpointError::Io(error),
        })
    }
}
