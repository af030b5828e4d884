//! Defines the errors of weight files.

use std::path::PathBuf;

use checkpoint::CheckpointError;
use thiserror::Error;

/// What is wrong with a weight file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightError {
    /// The file cannot be read or written.
    #[error("cannot access the weight file `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Not a well-formed safetensors file.
    #[error("`{path}` is not a valid safetensors file: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The message of the parser.
        reason: String,
    },
    /// A PyTorch file that cannot be read.
    #[error("cannot load weights from `{path}`: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: CheckpointError,
    },
    /// Two shards contain the same tensor.
    #[error("tensor `{name}` appears in more than one shard; the duplicate is in `{path}`")]
    Duplicate {
        /// The tensor.
        name: String,
        /// The second file.
        path: PathBuf,
    },
    /// Tensors that the network needs are missing.
    #[error("the weights lack required tensors (number: {}), the first is `{}`", names.len(), names[0])]
    Missing {
        /// All their names.
        names: Vec<String>,
    },
    /// Tensors that the network does not have.
    #[error("the weights contain unexpected tensors (number: {}), the first is `{}`", names.len(), names[0])]
    Unexpected {
        /// All their names.
        names: Vec<String>,
    },
    /// A tensor of the wrong shape.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape in the network.
        expected: Vec<usize>,
    },
    /// A position table that is not the usual sinusoidal one.
    #[error("tensor `{name}` is not the expected sinusoidal position table")]
    Positions {
        /// The tensor.
        name: String,
    },
    /// An unsupported element type.
    #[error("tensor `{name}` is stored as {found}, expected F64, F32, F16 or BF16")]
    DataType {
        /// The tensor.
        name: String,
        /// The type in the file.
        found: String,
    },
    /// NaN or infinity among the weights.
    #[error("tensor `{name}` contains a value that is not finite")]
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
            Self::Malformed { .. } | Self::NonFinite { .. } => "fetch the file again and compare its hash",
            Self::Checkpoint { source, .. } => source.help(),
            Self::Duplicate { .. } => "pass each shard only once",
            Self::Missing { .. } | Self::Unexpected { .. } | Self::Shape { .. } | Self::Positions { .. } => {
                "choose the preset that these weights were made for"
            }
            Self::DataType { .. } => "convert the file to F32, F16 or BF16",
        }
    }
}
