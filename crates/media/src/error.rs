//! Defines the errors that can occur between a file and a picture, with one variant for each cause that a user can act
//! on.

use std::io;
use std::path::{Path, PathBuf};

/// The result of an operation on a picture or a video.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a picture or a video could not be read or written.
///
/// [`Error::code`] is stable; the message names the operand, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file or folder cannot be opened or read.
    #[error("cannot read the file or folder: {source}: `{}`", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file contains no picture in a known format.
    #[error("expected a PNG, JPEG, WebP or GIF picture, found {found}: `{}`", path.display())]
    ImageUnsupported {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: String,
    },
    /// The picture is cut off or corrupt.
    #[error("the picture is damaged: {reason}: `{}`", path.display())]
    ImageDamaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// The picture has more pixels than the limit.
    #[error("the picture is too large: found {width}x{height}, expected at most {limit} pixels: `{}`", path.display())]
    ImageTooLarge {
        /// The file.
        path: PathBuf,
        /// Columns found.
        width: u64,
        /// Rows found.
        height: u64,
        /// Greatest number of pixels.
        limit: u64,
    },
    /// A mask, depth map or frame has the wrong size.
    #[error("the picture has the wrong size: found {}x{}, expected {}x{}: `{}`", found.0, found.1, expected.0, expected.1, path.display())]
    ImageWrongSize {
        /// The file.
        path: PathBuf,
        /// Columns and rows found.
        found: (usize, usize),
        /// Columns and rows expected.
        expected: (usize, usize),
    },
    /// The file is not a video in a format that we let ffmpeg open.
    #[error("expected a video, found {found}: `{}`", path.display())]
    VideoUnsupported {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: String,
    },
    /// The file, folder or stream contains no frame.
    #[error("no video frames were found in {found}: `{}`", path.display())]
    VideoEmpty {
        /// The file or folder.
        path: PathBuf,
        /// What was searched.
        found: String,
    },
    /// A still picture was given where a video is expected.
    #[error("expected a video, found a still picture ({format}): `{}`", path.display())]
    VideoIsImage {
        /// The file.
        path: PathBuf,
        /// The picture's format.
        format: String,
    },
    /// A media file without a video stream.
    #[error("expected a video stream, found {found}: `{}`", path.display())]
    VideoNoStream {
        /// The file.
        path: PathBuf,
        /// What it contains.
        found: String,
    },
    /// The video ends before its header says.
    #[error("the video ends early: found {found}, expected {expected}: `{}`", path.display())]
    VideoTruncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        found: String,
        /// Where its header says that it ends.
        expected: String,
    },
    /// The video decodes with errors.
    #[error("the video is damaged (frames decoded before the error: {frames}): {reason}: `{}`", path.display())]
    VideoDamaged {
        /// The file.
        path: PathBuf,
        /// Frames that were decoded before the error was noticed.
        frames: u64,
        /// What the decoder said.
        reason: String,
    },
    /// The video's frames have more pixels than the limit.
    #[error("the video frames are too large: found {width}x{height}, expected at most {limit} pixels per frame: `{}`", path.display())]
    VideoTooLarge {
        /// The file.
        path: PathBuf,
        /// Columns found.
        width: u64,
        /// Rows found.
        height: u64,
        /// Greatest number of pixels.
        limit: u64,
    },
    /// A high dynamic range video that this ffmpeg cannot convert to 8 bits.
    #[error("this ffmpeg lacks the `zscale` and `tonemap` filters for high dynamic range ({transfer}): `{}`", path.display())]
    HdrUnsupported {
        /// The file.
        path: PathBuf,
        /// The transfer function, as ffmpeg names it.
        transfer: String,
    },
    /// Decoding or encoding exceeded its time limit.
    #[error("ffmpeg made no progress for {seconds} s: `{}`", path.display())]
    Timeout {
        /// The file.
        path: PathBuf,
        /// Seconds without progress, or in total.
        seconds: u64,
    },
    /// A numbered frame is missing in a folder of frames.
    #[error("frame {missing} is missing between frames {first} and {last}: `{}`", path.display())]
    FrameMissing {
        /// The folder.
        path: PathBuf,
        /// The first number that has no file.
        missing: u64,
        /// Lowest number found.
        first: u64,
        /// Highest number found.
        last: u64,
    },
    /// ffmpeg was not found.
    #[error("ffmpeg was not found, searched {looked}")]
    FfmpegMissing {
        /// The places that were searched.
        looked: String,
    },
    /// ffmpeg exists but lacks a feature or failed.
    #[error("ffmpeg failed: {reason}")]
    FfmpegFailed {
        /// The last lines that it printed, or what was wrong.
        reason: String,
    },
    /// An output file cannot be created, written or renamed.
    #[error("cannot write the file or folder: {source}: `{}`", path.display())]
    OutputUnwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk with the output is full.
    #[error("no space left on the disk: `{}`", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The name of an output file asks for an unsupported format.
    #[error("the output format `{found}` is not supported, expected one of {expected}: `{}`", path.display())]
    OutputUnsupported {
        /// The file.
        path: PathBuf,
        /// The name's ending.
        found: String,
        /// The supported formats.
        expected: &'static str,
    },
}

impl Error {
    /// The stable code of this cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "input.unreadable",
            Self::ImageUnsupported { .. } => "image.unsupported",
            Self::ImageDamaged { .. } => "image.damaged",
            Self::ImageTooLarge { .. } => "image.too_large",
            Self::ImageWrongSize { .. } => "image.wrong_size",
            Self::VideoUnsupported { .. } => "video.unsupported",
            Self::VideoEmpty { .. } => "video.empty",
            Self::VideoIsImage { .. } => "video.is_image",
            Self::VideoNoStream { .. } => "video.no_stream",
            Self::VideoTruncated { .. } => "video.truncated",
            Self::VideoDamaged { .. } => "video.damaged",
            Self::VideoTooLarge { .. } => "video.too_large",
            Self::HdrUnsupported { .. } => "video.hdr_unsupported",
            Self::Timeout { .. } => "video.timeout",
            Self::FrameMissing { .. } => "video.frame_missing",
            Self::FfmpegMissing { .. } => "ffmpeg.missing",
            Self::FfmpegFailed { .. } => "ffmpeg.failed",
            Self::OutputUnwritable { .. } => "output.unwritable",
            Self::DiskFull { .. } => "disk.full",
            Self::OutputUnsupported { .. } => "output.unsupported",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that the path exists and that you can read it",
            Self::ImageUnsupported { .. } => "convert the picture to PNG or JPEG",
            Self::ImageDamaged { .. } => "copy or download the picture again, or open it in an editor and save it",
            Self::ImageTooLarge { .. } => "make the picture smaller; 4096 pixels on the longer side are enough",
            Self::ImageWrongSize { .. } => "create the picture again for this video, or resize it to the expected size",
            Self::VideoUnsupported { .. } => {
                "use an MP4, MOV, Matroska, WebM, AVI, MPEG-TS or GIF file, or a folder of numbered pictures"
            }
            Self::VideoEmpty { .. } => "use a video with at least one frame",
            Self::VideoIsImage { .. } => "pass a video here, and pass the character's picture with `--character`",
            Self::VideoNoStream { .. } => "use a file that contains a video stream",
            Self::VideoTruncated { .. } => {
                "copy the video again, or pass `--tolerate-damage` to use the undamaged part"
            }
            Self::VideoDamaged { .. } => {
                "copy the video again, or pass `--tolerate-damage` to decode it as far as possible"
            }
            Self::VideoTooLarge { .. } => {
                "make the video smaller first, for example with `ffmpeg -i IN -vf scale=1920:-2 OUT`"
            }
            Self::HdrUnsupported { .. } => {
                "use an ffmpeg built with libzimg, or convert the video to 8-bit BT.709 first"
            }
            Self::Timeout { .. } => "try again on a less busy machine, or with a shorter or smaller video",
            Self::FrameMissing { .. } => "number the frames without gaps, or remove the frames of other takes",
            Self::FfmpegMissing { .. } => {
                "install ffmpeg, or set `STUNTDOUBLE_FFMPEG` to its path; run `stuntdouble doctor` to see what was found"
            }
            Self::FfmpegFailed { .. } => {
                "run `stuntdouble doctor`, and set `STUNTDOUBLE_FFMPEG` to the path of another ffmpeg"
            }
            Self::OutputUnwritable { .. } => "choose an existing folder that you can write to",
            Self::DiskFull { .. } => "free some space or write to another disk, then run the same command again",
            Self::OutputUnsupported { .. } => "use an output name with one of the expected extensions",
        }
    }

    /// A failed read of `path`.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_path_buf(), source }
    }

    /// A failed write of `path`; a full disk has its own variant.
    pub fn writing(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path.to_path_buf() },
            _ => Self::OutputUnwritable { path: path.to_path_buf(), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_forbidden_folder_have_different_codes() {
        let full = Error::writing(Path::new("a.mp4"), io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.code(), "disk.full");
        let denied = Error::writing(Path::new("a.mp4"), io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(denied.code(), "output.unwritable");
        assert_eq!(full.to_string(), "no space left on the disk: `a.mp4`");
    }
}
