//! Names the programs on the user's machine that a job may use.

use std::path::PathBuf;

/// Programs on the user's machine.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The ffmpeg to use instead of searching for one.
    pub ffmpeg: Option<PathBuf>,
}
