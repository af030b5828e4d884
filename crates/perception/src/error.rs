//! Defines the errors that can occur between a frame and its signals. Each cause has a stable code and one line of
//! help.

use std::path::PathBuf;

/// Errors of the networks that process frames.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model file cannot be read.
    #[error("cannot read the model file `{path}`: {source}")]
    ModelUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are not a complete, consistent TensorFlow Lite file.
    #[error("the model file is malformed: {reason}: `{path}`")]
    ModelMalformed {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        reason: String,
    },
    /// The file is well formed but uses a feature that the converter does not support.
    #[error("the model is not supported: {reason}: `{path}`")]
    ModelUnsupported {
        /// The file.
        path: PathBuf,
        /// The operator or data type.
        reason: String,
    },
    /// The network is intact, but has the wrong shapes for its role.
    #[error("the model is not a {role} network: found {found}, expected {expected}: `{path}`")]
    ModelMismatched {
        /// The file.
        path: PathBuf,
        /// The role: `person detector`, `body landmark`, `hand landmark`, `face landmark`, `selfie mask`.
        role: &'static str,
        /// Input and output shapes found.
        found: String,
        /// Input and output shapes expected.
        expected: String,
    },
    /// The network runtime rejected the network or failed while running it.
    #[error("the network runtime failed: {reason}: `{path}`")]
    ModelFailed {
        /// The file.
        path: PathBuf,
        /// The message of the runtime.
        reason: String,
    },
    /// The frame has no pixels.
    #[error("the frame has the size `{width}x{height}`, expected at least `1x1`")]
    FrameEmpty {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
}

impl Error {
    /// The stable code of the cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ModelUnreadable { .. } => "model.unreadable",
            Self::ModelMalformed { .. } => "model.malformed",
            Self::ModelUnsupported { .. } => "model.unsupported",
            Self::ModelMismatched { .. } => "model.mismatched",
            Self::ModelFailed { .. } => "model.failed",
            Self::FrameEmpty { .. } => "perception.empty_frame",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::ModelUnreadable { .. } => {
                "run `stuntdouble models fetch NAME` for this file, and check that you can read it"
            }
            Self::ModelMalformed { .. } => "run `stuntdouble models verify`, then fetch the damaged file again",
            Self::ModelUnsupported { .. } => "use the model files that `stuntdouble models list` shows",
            Self::ModelMismatched { .. } => "run `stuntdouble models list`, and pass the right file for each network",
            Self::ModelFailed { .. } => "run `stuntdouble models verify`; if the file is intact, report this as a bug",
            Self::FrameEmpty { .. } => "check the size of the video or picture",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_are_stable() {
        let error = Error::ModelMalformed { path: "a.tflite".into(), reason: "12 bytes".into() };
        assert_eq!(error.code(), "model.malformed");
        assert_eq!(error.to_string(), "the model file is malformed: 12 bytes: `a.tflite`");
        let error = Error::FrameEmpty { width: 0, height: 4 };
        assert_eq!(error.code(), "perception.empty_frame");
        assert_eq!(error.to_string(), "the frame has the size `0x4`, expected at least `1x1`");
    }
}
