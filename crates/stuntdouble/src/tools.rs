//! Programs of the user's machine that a job may use.

use std::path::PathBuf;

/// Programs of the user's machine.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The ffmpeg to use instead of the one that is found.
    pub ffmpeg: Option<PathBuf>,
}
