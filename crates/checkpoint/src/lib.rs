//! Describes the tensors of PyTorch files (`.pth`, `.pt`, `.bin`, `.ckpt`) without executing what is in them.
//!
//! Such a file is a pickle: a program for a stack machine that may name and call any Python function. [`Checkpoint::read`] runs
//! a machine that knows only what a dictionary of tensors needs and refuses everything else by name, so nothing is ever
//! called. Only the description of the tensors is read; their values stay in the file.
//!
//! | form | written by | where the values are |
//! |---|---|---|
//! | zip | `torch.save` since 1.6 | one stored member a storage |
//! | legacy | before that, or on request | after five pickles, one storage after the other |
//!
//! | limit | value |
//! |---|---|
//! | instructions of a pickle | 2,000,000 |
//! | bytes of a pickle | 64 MiB |
//! | bytes of a text | 4,096 |
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

/// How every zip archive with members starts.
const ZIP_START: [u8; 4] = *b"PK\x03\x04";
/// How every file of the legacy form starts: a pickle of protocol 2 with a number of ten bytes.
const LEGACY_START: [u8; 8] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46];

/// The description of a PyTorch file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// In the order of the file, each name once.
    pub tensors: Vec<StoredTensor>,
    /// Names of entries that are no tensors, such as a number of steps.
    pub other_entries: Vec<String>,
}

impl Checkpoint {
    /// Whether a file that starts with these bytes has one of the two forms.
    pub fn is_recognised(start: &[u8]) -> bool {
        start.starts_with(&ZIP_START) || start.starts_with(&LEGACY_START)
    }

    /// Reads the description of all tensors. A dictionary under the key `state_dict` is taken for the whole file.
    ///
    /// # Errors
    /// [`CheckpointError`]: whatever is not a plain dictionary of tensors is refused by name.
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
            Err(CheckpointError::UnknownForm { reason: "it starts like neither form".into() })
        }
    }
}
