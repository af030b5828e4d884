//! Everything that can go wrong while measuring.

use std::path::PathBuf;

use thiserror::Error;

/// Why a measurement is not possible.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A suite needs a folder that was not given or does not exist.
    #[error("suite `{suite}` needs {what}, found none at `{}`", path.display())]
    AssetsMissing {
        /// The suite.
        suite: &'static str,
        /// What it needs.
        what: &'static str,
        /// Where it was searched.
        path: PathBuf,
    },
    /// A folder contains no clip that can be measured.
    #[error("no clip with frames, masks and poses in `{}`", path.display())]
    NoClips {
        /// The folder.
        path: PathBuf,
    },
    /// A row that is neither built in nor supplied.
    #[error("unknown row `{name}`, expected one of {expected}")]
    UnknownRow {
        /// The requested name.
        name: String,
        /// The known names, separated by commas.
        expected: String,
    },
    /// A row is given twice, or a supplied row has the name of a built-in one.
    #[error("row `{name}` appears twice")]
    RepeatedRow {
        /// Its name.
        name: String,
    },
    /// A row that this build knows but cannot run.
    #[error("row `{name}` is not part of this build")]
    RowUnavailable {
        /// Its name.
        name: &'static str,
    },
    /// A row failed.
    #[error("row `{row}` failed on {clip}: {reason}")]
    RowFailed {
        /// Its name.
        row: String,
        /// The clip.
        clip: String,
        /// Its message.
        reason: String,
    },
    /// A row's pictures do not match the frames.
    #[error("row `{row}` made {found} for {clip}, expected {expected}")]
    RowMisfits {
        /// Its name.
        row: String,
        /// The clip.
        clip: String,
        /// Number and size of its pictures.
        found: String,
        /// Number and size of the frames.
        expected: String,
    },
    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        expected: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A folder cannot be created.
    #[error("cannot create `{}`: {source}", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file has unexpected content.
    #[error("{reason} in `{}`", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// A file differs from the pinned one.
    #[error("the weights of VGG-HED have {found} bytes, expected {expected}: `{}`", path.display())]
    NotTheWeights {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
        /// The pinned file's length.
        expected: usize,
    },
    /// The caller asked to stop. All measurements so far are kept.
    #[error("stopped; what was measured is kept")]
    Stopped,
    /// Pictures.
    #[error(transparent)]
    Media(#[from] media::Error),
    /// Rendered clips.
    #[error(transparent)]
    Stage(#[from] stage::StageError),
    /// Perceived signals.
    #[error(transparent)]
    Perception(#[from] perception::error::Error),
}

impl EvaluateError {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AssetsMissing { .. } => "evaluate.assets_missing",
            Self::NoClips { .. } => "evaluate.no_clips",
            Self::UnknownRow { .. } => "evaluate.unknown_row",
            Self::RepeatedRow { .. } => "evaluate.repeated_row",
            Self::RowUnavailable { .. } => "evaluate.row_unavailable",
            Self::RowFailed { .. } => "evaluate.row_failed",
            Self::RowMisfits { .. } => "evaluate.row_misfits",
            Self::Setting { .. } => "evaluate.setting",
            Self::Unreadable { .. } => "evaluate.unreadable",
            Self::Unwritable { .. } => "evaluate.unwritable",
            Self::Malformed { .. } => "evaluate.malformed",
            Self::NotTheWeights { .. } => "evaluate.not_the_weights",
            Self::Stopped => "evaluate.stopped",
            Self::Media(error) => error.code(),
            Self::Stage(error) => error.code(),
            Self::Perception(error) => error.code(),
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::AssetsMissing { .. } => "give `--assets` (rendered clips) or `--clips-dir` (real clips)".into(),
            Self::NoClips { .. } => "each clip is a folder with `frames/`, `person_mask/` and `pose.json`".into(),
            Self::UnknownRow { .. } => "give `--rows` names from that list, with commas".into(),
            Self::RepeatedRow { .. } => "name each row once".into(),
            Self::RowUnavailable { .. } => "leave it out of `--rows`".into(),
            Self::RowFailed { .. } => "measured clips are kept; run the same command again to continue".into(),
            Self::RowMisfits { .. } => "a row makes one picture for each frame, of the frame's size".into(),
            Self::Setting { .. } => "see `stuntdouble help evaluate` for the settings and their ranges".into(),
            Self::Unreadable { .. } | Self::Unwritable { .. } => "check the path and its permissions".into(),
            Self::Malformed { .. } => "restore the file; a file in the output folder can be deleted".into(),
            Self::NotTheWeights { .. } => "run `stuntdouble models fetch vgg-hed` and leave the file unchanged".into(),
            Self::Stopped => "run the same command again to continue".into(),
            Self::Media(error) => error.help().to_string(),
            Self::Stage(error) => error.help().to_string(),
            Self::Perception(error) => error.help().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_was_found_and_what_to_do() {
        let check = |error: EvaluateError, code: &str, message: &str| {
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
            assert!(!error.help().is_empty() && !error.help().ends_with('.'), "{}", error.help());
        };
        check(
            EvaluateError::UnknownRow { name: "magic".into(), expected: "`plate`, `rigid`".into() },
            "evaluate.unknown_row",
            "unknown row `magic`, expected one of `plate`, `rigid`",
        );
        check(
            EvaluateError::AssetsMissing { suite: "real-self", what: "real clips", path: "clips".into() },
            "evaluate.assets_missing",
            "suite `real-self` needs real clips, found none at `clips`",
        );
        check(EvaluateError::Stopped, "evaluate.stopped", "stopped; what was measured is kept");
    }
}
