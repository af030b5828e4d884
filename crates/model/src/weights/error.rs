//! What can be wrong with weight files.

use std::path::PathBuf;

use checkpoint::CheckpointError;
use thiserror::Error;

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
    /// A PyTorch file that is not read.
    #[error("`{path}` is not read: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
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
    /// A table of positions in a clip that is not the usual one of sines.
    #[error("tensor `{name}` holds other positions than sines")]
    Positions {
        /// The tensor.
        name: String,
    },
    /// A number format that is not read.
    #[error("tensor `{name}` is stored as {found}, expected F64, F32, F16 or BF16")]
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
            Self::Checkpoint { source, .. } => source.code(),
            Self::Duplicate { .. } => "weights.duplicate_tensor",
            Self::Missing { .. } => "weights.missing_tensor",
            Self::Unexpected { .. } => "weights.unexpected_tensor",
            Self::Shape { .. } => "weights.shape",
            Self::Positions { .. } => "weights.positions",
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
            Self::Checkpoint { source, .. } => source.help(),
            Self::Duplicate { .. } => "give each shard once",
            Self::Missing { .. } | Self::Unexpected { .. } | Self::Shape { .. } | Self::Positions { .. } => {
                "the file belongs to another network: choose the preset it was made for"
            }
            Self::DataType { .. } => "convert the file to F32, F16 or BF16",
        }
    }
}
