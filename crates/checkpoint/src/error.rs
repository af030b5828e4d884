//! Defines the reasons why a file cannot be read.

use thiserror::Error;

/// Why a PyTorch file cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file system operation failed.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The file has neither of the two supported formats, or uses a format in an unsupported way.
    #[error("the file is not a PyTorch file with tensors: {reason}")]
    UnknownForm {
        /// What was found.
        reason: String,
    },
    /// The file ends too early.
    #[error("the file ends early, in {place}")]
    CutOff {
        /// What was being read.
        place: String,
    },
    /// The file contradicts itself.
    #[error("the file is damaged: {reason}")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// An instruction that a dictionary of tensors does not need.
    #[error(
        "the pickle contains the instruction `{instruction}`, which is not allowed, at byte {position}{}",
        near(tensor)
    )]
    Instruction {
        /// Its name, or its number.
        instruction: String,
        /// Where it is in the pickle.
        position: u64,
        /// The entry that contains it.
        tensor: Option<String>,
    },
    /// A Python name that a dictionary of tensors does not need.
    #[error("the pickle refers to the Python name `{global}`{}, which is not allowed", near(tensor))]
    Global {
        /// Module and name.
        global: String,
        /// The entry that contains it.
        tensor: Option<String>,
    },
    /// A permitted name that is called in a way that does not make a tensor.
    #[error("the pickle calls `{global}`{} with invalid arguments: {reason}", near(tensor))]
    Call {
        /// Module and name.
        global: String,
        /// What is wrong with the arguments.
        reason: String,
        /// The entry that contains it.
        tensor: Option<String>,
    },
    /// A number exceeds what any file of this kind needs.
    #[error("the pickle{} exceeds a limit: {what} is {found}, expected at most {most}", near(tensor))]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The count so far.
        found: u64,
        /// The time limit.
        most: u64,
        /// The entry that contains it.
        tensor: Option<String>,
    },
    /// A tensor that does not fit its storage.
    #[error("tensor `{name}` cannot be read: {reason}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What does not fit.
        reason: String,
    },
}

fn near(tensor: &Option<String>) -> String {
    tensor.as_ref().map_or(String::new(), |name| format!(" (tensor `{name}`)"))
}

impl CheckpointError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "checkpoint.io",
            Self::UnknownForm { .. } => "checkpoint.unknown_form",
            Self::CutOff { .. } => "checkpoint.cut_off",
            Self::Damaged { .. } => "checkpoint.damaged",
            Self::Instruction { .. } | Self::Global { .. } | Self::Call { .. } => "checkpoint.refused",
            Self::Limit { .. } => "checkpoint.limit",
            Self::Tensor { .. } => "checkpoint.tensor",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the path and its permissions",
            Self::UnknownForm { .. } => {
                "use a file that `torch.save(model.state_dict(), path)` wrote, or a safetensors file"
            }
            Self::CutOff { .. } | Self::Damaged { .. } | Self::Tensor { .. } => {
                "fetch the file again and compare its hash"
            }
            Self::Instruction { .. } | Self::Global { .. } | Self::Call { .. } | Self::Limit { .. } => {
                "use the safetensors version of these weights, or a file that contains only tensors; no code was executed"
            }
        }
    }
}
