//! Defines the errors of training, with stable codes.

use std::path::{Path, PathBuf};

use model::weights::WeightError;
use thiserror::Error;

/// A training error that a user can act on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration cannot be parsed.
    #[error("cannot read the training configuration `{path}`: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// A setting has an invalid value.
    #[error("setting `{setting}` is `{found}`, expected {expected}")]
    Setting {
        /// Its name in the configuration.
        setting: &'static str,
        /// The value.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot access `{path}`: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// There is no training data.
    #[error("no {what} were found in `{path}`")]
    NoData {
        /// What was searched.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// A stored file has been changed or damaged.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The evidence.
        reason: String,
    },
    /// A data set or checkpoint was made with other settings.
    #[error("`{path}` was made with {what} `{found}`, expected `{expected}`")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The setting.
        what: &'static str,
        /// The value in the file.
        found: String,
        /// The value in the configuration.
        expected: String,
    },
    /// Too many steps in a row had a loss or gradient that is not finite.
    #[error("the loss or gradient was not finite in too many steps in a row ({steps}), last in step {step}")]
    Diverged {
        /// Number of steps.
        steps: u32,
        /// The last step.
        step: u64,
    },
    /// Weights cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A picture cannot be read or written.
    #[error(transparent)]
    Media(#[from] media::Error),
    /// A clip cannot be rendered.
    #[error(transparent)]
    Stage(#[from] stage::StageError),
    /// The perception networks failed.
    #[error(transparent)]
    Perception(#[from] perception::error::Error),
    /// The networks cannot be created.
    #[error(transparent)]
    Networks(#[from] model::networks::NetworksError),
    /// The perceptual network cannot be read.
    #[error(transparent)]
    Perceptual(#[from] evaluate::EvaluateError),
}

/// The result type of this crate.
pub type Result<T> = std::result::Result<T, TrainError>;

impl TrainError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "train.config",
            Self::Setting { .. } => "train.setting",
            Self::Io { .. } => "train.io",
            Self::NoData { .. } => "train.no_data",
            Self::Damaged { .. } => "train.damaged",
            Self::Mismatch { .. } => "train.mismatch",
            Self::Diverged { .. } => "train.diverged",
            Self::Weights(error) => error.code(),
            Self::Media(error) => error.code(),
            Self::Stage(error) => error.code(),
            Self::Perception(error) => error.code(),
            Self::Networks(error) => error.code(),
            Self::Perceptual(error) => error.code(),
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::Config { .. } => "check the settings against the documentation of `train::Config`".into(),
            Self::Setting { setting, .. } => format!("change `{setting}` in the configuration"),
            Self::Io { .. } => "check the path, its permissions and the free space".into(),
            Self::NoData { .. } => "choose a folder that contains the data, or create the data first".into(),
            Self::Damaged { .. } => "delete the file and run the same command again".into(),
            Self::Mismatch { .. } => "choose another run folder, or use the previous settings".into(),
            Self::Diverged { .. } => {
                "lower the learning rate and continue from the last checkpoint, which is intact".into()
            }
            Self::Weights(error) => error.help().into(),
            Self::Media(error) => error.help().to_string(),
            Self::Stage(error) => error.help().to_string(),
            Self::Perception(error) => error.help().to_string(),
            Self::Networks(error) => error.help().to_string(),
            Self::Perceptual(error) => error.help().to_string(),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
