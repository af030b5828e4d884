//! What is asked for.

use std::path::PathBuf;

use crate::settings::Settings;

/// Whose scene it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The driving video's own scene.
    Replace,
    /// The scene of the character's picture.
    Animate,
}

impl Mode {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Animate => "animate",
        }
    }
}

/// One job, every setting resolved.
#[derive(Debug, Clone)]
pub struct Job {
    /// Whose scene.
    pub mode: Mode,
    /// The character's picture.
    pub character: PathBuf,
    /// The driving video, a file or a folder of frames.
    pub video: PathBuf,
    /// The video to write.
    pub output: PathBuf,
    /// The run folder.
    pub run_dir: PathBuf,
    /// Signals to use instead of perceiving.
    pub signals: Option<PathBuf>,
    /// Plan only.
    pub dry_run: bool,
    /// Settings.
    pub settings: Settings,
}

/// A job that only perceives.
#[derive(Debug, Clone)]
pub struct PerceiveJob {
    /// The video.
    pub video: PathBuf,
    /// The folder to write.
    pub output: PathBuf,
    /// Settings.
    pub settings: Settings,
}

/// Programs of the user's machine.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The ffmpeg to use instead of the one that is found.
    pub ffmpeg: Option<PathBuf>,
}
