//! Defines the errors that can occur while measuring.

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
        suite: String,
        /// What it needs.
        what: &'static str,
        /// Where it was searched.
        path: PathBuf,
    },
    /// A suite that is neither built in nor a file.
    #[error("unknown suite `{name}`, expected one of {expected}, or a file that ends in `.toml`")]
    UnknownSuite {
        /// The requested name.
        name: String,
        /// The known names, separated by commas.
        expected: String,
    },
    /// A part of the paper that needs unavailable networks.
    #[error("suite `{suite}` cannot be measured: it needs {needs}, and nobody has trained them")]
    SuiteUnavailable {
        /// The suite.
        suite: &'static str,
        /// The networks.
        needs: &'static str,
    },
    /// A suite file with invalid content.
    #[error("{reason}, in {origin}")]
    SuiteFile {
        /// The file.
        origin: String,
        /// The fault.
        reason: String,
    },
    /// A video that the suite names is not in the folder.
    #[error("no video `{name}` in `{}`", path.display())]
    VideoMissing {
        /// Its name.
        name: String,
        /// The folder.
        path: PathBuf,
    },
    /// A video without the signals that methods need.
    #[error("video `{name}` has no {what} beside it")]
    SignalsMissing {
        /// Its name.
        name: String,
        /// What is missing.
        what: &'static str,
    },
    /// A video file for which there is no decoder.
    #[error("no ffmpeg to read `{}`", path.display())]
    NoDecoder {
        /// The file.
        path: PathBuf,
    },
    /// A folder of another tool's frames does not contain the frames of a clip.
    #[error("no frames of {clip} in `{}`: expected a folder or a video named `{name}`", path.display())]
    FramesMissing {
        /// The clip.
        clip: String,
        /// The name that is looked for.
        name: String,
        /// The folder of the tool.
        path: PathBuf,
    },
    /// A method's folder does not exist.
    #[error("no folder of frames at `{}`", path.display())]
    NotAFolder {
        /// What was asked for.
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
        /// What was asked for.
        name: String,
        /// The names there are, with commas.
        expected: String,
    },
    /// A row is given twice, or a supplied row has the name of a built-in one.
    #[error("row `{name}` appears twice")]
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
    #[error("{reason} in `{}`", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file differs from the pinned file.
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
            Self::AssetsMissing { .. } => "give `--assets` (rendered clips) or `--clips-dir` (real clips)".into(),
            Self::NoClips { .. } => {
                "each clip is a folder with `frames/`, for labelled clips with `person_mask/` and `pose.json` too"
                    .into()
            }
            Self::UnknownSuite { .. } => "give `--suite` a name from that list".into(),
            Self::SuiteUnavailable { .. } => {
                "measure `table3` or `fig7`, which need nothing that does not exist".into()
            }
            Self::SuiteFile { .. } => "the files in `crates/evaluate/suites` show what a suite may say".into(),
            Self::VideoMissing { .. } => {
                "give the folder that holds it with `--clips-dir`, or leave it out of `videos`".into()
            }
            Self::SignalsMissing { .. } => "give `--signals perceived`, or put it there".into(),
            Self::NoDecoder { .. } => "install ffmpeg, or give folders of pictures".into(),
            Self::NotAFolder { .. } => {
                "give `folder:` and a folder with the frames of each clip in a folder of its own".into()
            }
            Self::FramesMissing { .. } => "name each sub-folder or video of the tool after its clip".into(),
            Self::UnknownRow { .. } => "give `--rows` names from that list, with commas".into(),
            Self::RepeatedRow { .. } => "name each row once".into(),
            Self::RowFailed { .. } => "measured clips are kept; the same command goes on from here".into(),
            Self::RowMisfits { .. } => "a row makes one picture for each frame, of the frame's size".into(),
            Self::Setting { .. } => "see `stuntdouble help evaluate` for the settings and their ranges".into(),
            Self::Unreadable { .. } | Self::Unwritable { .. } => "check the path and its permissions".into(),
            Self::Malformed { .. } => "restore the file; one in the output folder may be removed".into(),
            Self::NotTheWeights { .. } => "run `stuntdouble models fetch vgg-hed` and leave the file unchanged".into(),
            Self::Stopped => "the same command goes on where it stopped".into(),
            Self::Metric(error) => error.help().into(),
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
            EvaluateError::AssetsMissing { suite: "real-self".into(), what: "real clips", path: "clips".into() },
            "evaluate.assets_missing",
            "suite `real-self` needs real clips, found none at `clips`",
        );
        check(EvaluateError::Stopped, "evaluate.stopped", "stopped; what was measured is kept");
    }
}
