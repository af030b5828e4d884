//! Lists the tensors of PyTorch files (`.pth`, `.pt`, `.bin`, `.ckpt`) without executing their content.
//!
//! A PyTorch file is a pickle: a program for a stack machine that can call any Python function. [`Checkpoint::read`]
//! runs a machine that supports only the instructions that a dictionary of tensors needs. At any other instruction, the
//! machine stops with an error that names the instruction. It never calls a function. Only the description of the
//! tensors is read; their values stay in the file.
//!
//! | format | written by | where the values are |
//! |---|---|---|
//! | zip | `torch.save` since 1.6 | one uncompressed archive member for each storage |
//! | legacy | `torch.save` before 1.6, or on request | after five pickles, one storage after another |
//!
//! | limit | value |
//! |---|---|
//! | instructions of a pickle | 2,000,000 |
//! | bytes of a pickle | 64 MiB |
//! | bytes of a string | 4,096 |
//! | nested marks | 64 |
//! | axes of a tensor | 16 |

mod element;
mod error;
mod legacy_form;
mod pickle;
mod state_dict;
mod tensor;
mod zip_form;

pub use element::ElementType;
pub use error::CheckpointError;
pub use tensor::StoredTensor;

use std::io::{Read, Seek, SeekFrom};

/// The first bytes of every zip archive with members.
const ZIP_START: [u8; 4] = *b"PK\x03\x04";
/// The first bytes of every file in the legacy format: a pickle of protocol 2 with an integer of ten bytes.
const LEGACY_START: [u8; 8] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46];

/// The description of a PyTorch file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The tensors in the order of the file, each name once.
    pub tensors: Vec<StoredTensor>,
    /// Names of entries that are not tensors, such as the number of training steps.
    pub other_entries: Vec<String>,
}

impl Checkpoint {
    /// True if a file that starts with these bytes has one of the two formats.
    pub fn is_recognised(start: &[u8]) -> bool {
        start.starts_with(&ZIP_START) || start.starts_with(&LEGACY_START)
    }

    /// Reads the description of all tensors. If there is a dictionary under the key `state_dict`, only this dictionary
    /// is used.
    ///
    /// # Errors
    /// [`CheckpointError`] for anything that is not a plain dictionary of tensors.
    pub fn read<R: Read + Seek>(mut file: R) -> Result<Self, CheckpointError> {
        let mut start = Vec::with_capacity(LEGACY_START.len());
        file.seek(SeekFrom::Start(0))?;
        file.by_ref().take(LEGACY_START.len() as u64).read_to_end(&mut start)?;
        file.seek(SeekFrom::Start(0))?;
        if start.starts_with(&ZIP_START) {
            zip_form::read(file)
        } else if start.starts_with(&LEGACY_START) {
            legacy_form::read(file)
        } else {
            Err(CheckpointError::UnknownForm {
                reason: "it starts like neither a zip archive nor a legacy PyTorch file".into(),
            })
        }
    }
}
