//! Defines the errors of signal files.

use std::path::PathBuf;

/// Why signals could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalsError {
    /// A signal has the size of another video.
    #[error("the signal has the wrong size: found {}x{}, expected {}x{}: `{}`", found.0, found.1, expected.0, expected.1, path.display())]
    SizeMismatch {
        /// The file.
        path: PathBuf,
        /// Columns and rows found.
        found: (usize, usize),
        /// Columns and rows of the video.
        expected: (usize, usize),
    },
    /// A signal lacks a frame.
    #[error("frame {index} of a signal is missing, expected {frames} frames: `{}`", path.display())]
    MissingFrame {
        /// The missing file.
        path: PathBuf,
        /// The frame, from 0.
        index: usize,
        /// Frames of the video.
        frames: usize,
    },
    /// The number of frames differs from the video's.
    #[error("the number of frames is wrong: found {found}, expected {expected}: `{}`", path.display())]
    FrameCount {
        /// The file or folder.
        path: PathBuf,
        /// What was found.
        found: String,
        /// Frames of the video.
        expected: usize,
    },
    /// A pose file is not JSON, or has the wrong structure.
    #[error("the pose file is malformed: {reason}: `{}`", path.display())]
    MalformedPose {
        /// The file.
        path: PathBuf,
        /// What was found and where.
        reason: String,
    },
    /// A joint has an infinite coordinate or NaN.
    #[error("a joint in frame {index} has a value that is not finite: `{}`", path.display())]
    NonFinite {
        /// The file.
        path: PathBuf,
        /// The frame, from 0.
        index: usize,
    },
    /// A list of joints has an unknown length.
    #[error("{list} has the wrong length: found {found}, expected {expected}: `{}`", path.display())]
    PointCount {
        /// The file.
        path: PathBuf,
        /// Which list.
        list: &'static str,
        /// Its length.
        found: usize,
        /// The supported lengths.
        expected: &'static str,
    },
    /// The folder contains no signal.
    #[error("no signals found, expected `pose.json`, `openpose`, `person`, `depth` or `object-1`: `{}`", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder cannot be listed.
    #[error("cannot read the folder: {source}: `{}`", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder cannot be created.
    #[error("cannot create the folder: {source}: `{}`", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A picture or another file cannot be read or written.
    #[error(transparent)]
    File(#[from] media::Error),
}

impl SignalsError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SizeMismatch { .. } => "signals.size_mismatch",
            Self::MissingFrame { .. } => "signals.missing_frame",
            Self::FrameCount { .. } => "signals.frame_count",
            Self::MalformedPose { .. } => "signals.malformed_pose",
            Self::NonFinite { .. } => "signals.non_finite",
            Self::PointCount { .. } => "signals.point_count",
            Self::Empty { .. } => "signals.empty",
            Self::Unreadable { .. } => "input.unreadable",
            Self::Unwritable { .. } => "output.unwritable",
            Self::File(file) => file.code(),
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::SizeMismatch { .. } => {
                "create the signal again for this video with `stuntdouble perceive VIDEO -o DIR`"
            }
            Self::MissingFrame { .. } => "add the frame, or delete the folder to compute the signal again",
            Self::FrameCount { .. } => "provide signals of this video, with one entry for each frame",
            Self::MalformedPose { .. } => "compare the file with a `pose.json` that `stuntdouble perceive` wrote",
            Self::NonFinite { .. } => "use finite coordinates, and set the confidence of an unknown joint to 0",
            Self::PointCount { .. } => {
                "export bodies as COCO-18 or BODY_25, hands with 21 points, and faces with 70 points"
            }
            Self::Empty { .. } => {
                "pass a folder that `stuntdouble perceive VIDEO -o DIR` wrote, or its `signals` subfolder"
            }
            Self::Unreadable { .. } => "check that the path exists and that you can read it",
            Self::Unwritable { .. } => "choose a folder that you can write to",
            Self::File(file) => return file.help().to_string(),
        }
        .to_owned()
    }
}
