//! Defines every error that a user can get, with a stable code, a message, one line of help, and the exit code.

use std::io::ErrorKind;
use std::path::PathBuf;

use thiserror::Error;

/// What went wrong, anywhere in the program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Pictures and videos.
    #[error(transparent)]
    Media(#[from] media::Error),
    /// Downloads of pinned files.
    #[error(transparent)]
    Fetch(#[from] fetch::Error),
    /// Pose networks.
    #[error(transparent)]
    Perception(#[from] perception::error::Error),
    /// Signals read from files.
    #[error(transparent)]
    Signals(#[from] perception::signals::SignalsError),
    /// Prompts of the user.
    #[error(transparent)]
    Prompt(#[from] perception::objects::prompt::PromptError),
    /// Network weights.
    #[error(transparent)]
    Weights(#[from] model::weights::WeightError),
    /// Networks that do not match their weights.
    #[error(transparent)]
    Networks(#[from] model::networks::NetworksError),
    /// Sampling.
    #[error(transparent)]
    Sampling(#[from] model::sampling::sampler::SamplingError),
    /// The renderer.
    #[error(transparent)]
    Stage(#[from] stage::StageError),
    /// Training.
    #[error(transparent)]
    Train(#[from] train::TrainError),
    /// Evaluation.
    #[error(transparent)]
    Evaluate(#[from] evaluate::EvaluateError),
    /// The command line cannot be understood.
    #[error("invalid command line: {reason}")]
    Usage {
        /// The parser's message.
        reason: String,
    },
    /// The output would replace or change an input.
    #[error("the output would overwrite the input `{input}` or be written inside it: `{output}`")]
    OutputIsInput {
        /// The video or the folder to write.
        output: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// A setting does not exist or has a value out of range.
    #[error("invalid setting {setting}: {reason}")]
    Setting {
        /// Its name.
        setting: String,
        /// The fault.
        reason: String,
    },
    /// The run folder belongs to another job.
    #[error("the run cannot continue because {what}: `{path}`")]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// A file of the program cannot be read or written.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// The operation.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// No frame of the video shows a person.
    #[error("no person was found in the video (frames searched: {frames}): `{video}`")]
    NoPerson {
        /// The video.
        video: PathBuf,
        /// Number of frames searched.
        frames: usize,
    },
    /// The networks do not fit into this machine's memory.
    #[error("the networks need about {} of memory, but only {} are available", gigabytes(*needed), gigabytes(*available))]
    Memory {
        /// Predicted peak in bytes.
        needed: u64,
        /// Available bytes.
        available: u64,
        /// The largest size of the networks' picture that fits, in pixels; none if none does.
        fitting: Option<usize>,
    },
    /// Stopped by the user.
    #[error("the run was cancelled")]
    Cancelled,
}

impl Error {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Media(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::Perception(error) => error.code(),
            Self::Signals(error) => error.code(),
            Self::Prompt(error) => error.code(),
            Self::Weights(error) => error.code(),
            Self::Networks(error) => error.code(),
            Self::Sampling(error) => error.code(),
            Self::Stage(error) => error.code(),
            Self::Train(error) => error.code(),
            Self::Evaluate(error) => error.code(),
            Self::Usage { .. } => "usage.invalid",
            Self::OutputIsInput { .. } => "output.is_input",
            Self::Setting { .. } => "settings.invalid",
            Self::OtherRun { .. } => "run.differs",
            Self::Io { source, .. } if is_disk_full(source) => "disk.full",
            Self::Io { .. } => "file.inaccessible",
            Self::NoPerson { .. } => "perception.no_person",
            Self::Memory { .. } => "resources.memory",
            Self::Cancelled => "run.cancelled",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::Media(error) => error.help().to_string(),
            Self::Fetch(error) => error.help().to_string(),
            Self::Perception(error) => error.help().to_string(),
            Self::Signals(error) => error.help().to_string(),
            Self::Prompt(error) => error.help().to_string(),
            Self::Weights(error) => error.help().to_string(),
            Self::Networks(error) => error.help().to_string(),
            Self::Sampling(error) => error.help().to_string(),
            Self::Stage(error) => error.help().to_string(),
            Self::Train(error) => error.help().to_string(),
            Self::Evaluate(error) => error.help(),
            Self::Usage { .. } => {
                "run `stuntdouble help`, or `stuntdouble help COMMAND` for the options of a command".into()
            }
            Self::OutputIsInput { .. } => "write the output to another folder; inputs are never changed".into(),
            Self::Setting { .. } => "run `stuntdouble help replace` to see the settings and their ranges".into(),
            Self::OtherRun { .. } => "choose another folder, or delete this one to start again".into(),
            Self::Io { source, .. } if is_disk_full(source) => {
                "free some space and run the same command again; finished clips are kept".into()
            }
            Self::Io { .. } => "check that the path exists and that you can read and write it".into(),
            Self::NoPerson { .. } => {
                "choose a video in which a person can be seen, or pass your own signals with `--signals`".into()
            }
            Self::Memory { fitting: Some(size), .. } => {
                format!(
                    "use `--size {size}`, or close other programs; `--precision bf16` halves the memory of most networks"
                )
            }
            Self::Memory { fitting: None, .. } => {
                "use `--precision bf16`, close other programs, or use a machine with more memory".into()
            }
            Self::Cancelled => "run the same command again to continue where it stopped".into(),
        }
    }

    /// The exit code of the process: 2 usage, 3 bad input, 4 missing model, 5 out of resources, 130 cancelled.
    pub fn exit_code(&self) -> u8 {
        match self.code() {
            "run.cancelled" => 130,
            "usage.invalid" | "settings.invalid" | "run.differs" | "output.is_input" => 2,
            "stage.bad_place" | "stage.no_object_stores" => 2,
            code if code.starts_with("prompt.") => 2,
            "evaluate.unknown_row" | "evaluate.repeated_row" | "evaluate.not_a_folder" => 2,
            "evaluate.unknown_suite" | "evaluate.suite_unavailable" | "evaluate.suite_file" => 2,
            "evaluate.assets_missing" | "evaluate.setting" => 2,
            "resources.memory" | "disk.full" | "output.unwritable" | "video.timeout" => 5,
            code if code.starts_with("fetch.") || code.starts_with("weights.") || code.starts_with("model.") => 4,
            "ffmpeg.missing" | "ffmpeg.failed" => 4,
            _ => 3,
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn is_disk_full(source: &std::io::Error) -> bool {
    matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Wraps an input or output error with the operation and the path.
pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}
