//! Defines the errors that can occur while measuring.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a measurement is not possible.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A suite needs a folder that was not given or does not exist.
    #[error("suite `{suite}` needs {what}, {}", nothing_at(path))]
    AssetsMissing {
        /// The suite.
        suite: String,
        /// What it needs.
        what: &'static str,
        /// Where it was searched.
        path: PathBuf,
    },
    /// A suite that is neither built in nor a file.
    #[error("unknown suite `{name}`, expected a `.toml` file or one of {expected}")]
    UnknownSuite {
        /// The requested name.
        name: String,
        /// The known names, separated by commas.
        expected: String,
    },
    /// A part of the paper that needs unavailable networks.
    #[error("suite `{suite}` cannot be measured: it needs {needs}, which do not exist")]
    SuiteUnavailable {
        /// The suite.
        suite: &'static str,
        /// The networks.
        needs: &'static str,
    },
    /// A suite file with invalid content.
    #[error("the suite definition in {origin} is invalid: {reason}")]
    SuiteFile {
        /// The file.
        origin: String,
        /// The fault.
        reason: String,
    },
    /// A video that the suite names is not in the folder.
    #[error("video `{name}` was not found in the folder `{}`", path.display())]
    VideoMissing {
        /// Its name.
        name: String,
        /// The folder.
        path: PathBuf,
    },
    /// A video without the signals that methods need.
    #[error("the {what} of video `{name}` are missing")]
    SignalsMissing {
        /// Its name.
        name: String,
        /// What is missing.
        what: &'static str,
    },
    /// A video file for which there is no decoder.
    #[error("ffmpeg was not found, but is needed to read `{}`", path.display())]
    NoDecoder {
        /// The file.
        path: PathBuf,
    },
    /// A folder of another tool's frames does not contain the frames of a clip.
    #[error("no frames of {clip} were found, expected a subfolder or a video named `{name}` in `{}`", path.display())]
    FramesMissing {
        /// The clip.
        clip: String,
        /// The name that is looked for.
        name: String,
        /// The folder of the tool.
        path: PathBuf,
    },
    /// A method's folder does not exist.
    #[error("the folder of frames does not exist: `{}`", path.display())]
    NotAFolder {
        /// What was asked for.
        path: PathBuf,
    },
    /// A folder contains no clip that can be measured.
    #[error("no usable clips were found in `{}`", path.display())]
    NoClips {
        /// The folder.
        path: PathBuf,
    },
    /// A row that is neither built in nor supplied.
    #[error("unknown row `{name}`, expected one of {expected}")]
    UnknownRow {
        /// What was asked for.
        name: String,
        /// The names there are, with commas.
        expected: String,
    },
    /// A row is given twice, or a supplied row has the name of a built-in one.
    #[error("row `{name}` is given more than once")]
    RepeatedRow {
        /// Its name.
        name: String,
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
    #[error("row `{row}` produced the wrong number or size of pictures for {clip}: found {found}, expected {expected}")]
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
    #[error("setting `{setting}` is {found}, expected {expected}")]
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
        /// Why not.
        source: std::io::Error,
    },
    /// A folder cannot be created.
    #[error("cannot create `{}`: {source}", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file has unexpected content.
    #[error("the content is invalid: {reason}: `{}`", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file differs from the pinned file.
    #[error("the file of VGG-HED weights has the wrong size, found {found} bytes, expected {expected} bytes: `{}`", path.display())]
    NotTheWeights {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
        /// The pinned file's length.
        expected: usize,
    },
    /// The caller asked to stop. All measurements so far are kept.
    #[error("the measurement was stopped; completed measurements are kept")]
    Stopped,
    /// Errors of published metrics.
    #[error(transparent)]
    Metric(#[from] metrics::MetricError),
    /// Errors of pictures and videos.
    #[error(transparent)]
    Media(#[from] media::Error),
    /// Errors of rendered clips.
    #[error(transparent)]
    Stage(#[from] stage::StageError),
    /// Errors of perception.
    #[error(transparent)]
    Perception(#[from] perception::error::Error),
}

impl EvaluateError {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AssetsMissing { .. } => "evaluate.assets_missing",
            Self::UnknownSuite { .. } => "evaluate.unknown_suite",
            Self::SuiteUnavailable { .. } => "evaluate.suite_unavailable",
            Self::SuiteFile { .. } => "evaluate.suite_file",
            Self::VideoMissing { .. } => "evaluate.video_missing",
            Self::SignalsMissing { .. } => "evaluate.signals_missing",
            Self::NoDecoder { .. } => "evaluate.no_decoder",
            Self::FramesMissing { .. } => "evaluate.frames_missing",
            Self::NotAFolder { .. } => "evaluate.not_a_folder",
            Self::NoClips { .. } => "evaluate.no_clips",
            Self::UnknownRow { .. } => "evaluate.unknown_row",
            Self::RepeatedRow { .. } => "evaluate.repeated_row",
            Self::RowFailed { .. } => "evaluate.row_failed",
            Self::RowMisfits { .. } => "evaluate.row_misfits",
            Self::Setting { .. } => "evaluate.setting",
            Self::Unreadable { .. } => "evaluate.unreadable",
            Self::Unwritable { .. } => "evaluate.unwritable",
            Self::Malformed { .. } => "evaluate.malformed",
            Self::NotTheWeights { .. } => "evaluate.not_the_weights",
            Self::Stopped => "evaluate.stopped",
            Self::Metric(error) => error.code(),
            Self::Media(error) => error.code(),
            Self::Stage(error) => error.code(),
            Self::Perception(error) => error.code(),
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::AssetsMissing { .. } => "pass `--assets` for rendered clips, or `--clips-dir` for real clips".into(),
            Self::NoClips { .. } => {
                "put the frames of each clip in `CLIP/frames/`; labelled clips also need `person_mask/` and `pose.json`"
                    .into()
            }
            Self::UnknownSuite { .. } => "pass one of the suite names listed above to `--suite`".into(),
            Self::SuiteUnavailable { .. } => "measure `table3` or `fig7`, which need no additional networks".into(),
            Self::SuiteFile { .. } => "correct the file; see `crates/evaluate/suites` for examples".into(),
            Self::VideoMissing { .. } => {
                "pass the folder that contains the video to `--clips-dir`, or remove the video from the `videos` of the suite".into()
            }
            Self::SignalsMissing { .. } => {
                "pass `--signals perceived`, or put the missing files next to the video".into()
            }
            Self::NoDecoder { .. } => "install ffmpeg, or pass folders of pictures".into(),
            Self::NotAFolder { .. } => {
                "pass `folder:PATH`, where PATH contains one subfolder of frames for each clip".into()
            }
            Self::FramesMissing { .. } => "name each subfolder or video after its clip".into(),
            Self::UnknownRow { .. } => "pass row names listed above to `--rows`, separated by commas".into(),
            Self::RepeatedRow { .. } => "give each row a unique name".into(),
            Self::RowFailed { .. } => "run the same command again to continue; clips already measured are kept".into(),
            Self::RowMisfits { .. } => {
                "make the row return one picture for each frame, with the size of the frame".into()
            }
            Self::Setting { .. } => "run `stuntdouble help evaluate` to see the settings and their ranges".into(),
            Self::Unreadable { .. } | Self::Unwritable { .. } => "check the path and its permissions".into(),
            Self::Malformed { .. } => "restore the file, or delete it if it is in the output folder".into(),
            Self::NotTheWeights { .. } => "run `stuntdouble models fetch vgg-hed` to fetch the original file".into(),
            Self::Stopped => "run the same command again to continue where it stopped".into(),
            Self::Metric(error) => error.help().into(),
            Self::Media(error) => error.help().to_string(),
            Self::Stage(error) => error.help().to_string(),
            Self::Perception(error) => error.help().to_string(),
        }
    }
}

fn nothing_at(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        "but no path was given".into()
    } else {
        format!("found none at `{}`", path.display())
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
            EvaluateError::AssetsMissing { suite: "real-self".into(), what: "real clips", path: "clips".into() },
            "evaluate.assets_missing",
            "suite `real-self` needs real clips, found none at `clips`",
        );
        check(
            EvaluateError::Stopped,
            "evaluate.stopped",
            "the measurement was stopped; completed measurements are kept",
        );
    }
}
