//! Finds faults in pairs of clips that make every metric meaningless, because result and ground truth do not match.
//! Each fault is a [`Warning`] with a name. This module computes no metric.
//!
//! | name | how it is detected |
//! |---|---|
//! | `frame_count` | the numbers of frames differ |
//! | `wrong_size` | a frame and its truth differ in size |
//! | `black_frame` | a frame is black and its truth is not |
//! | `bgr_for_rgb` | the truth with red and blue swapped fits better |
//! | `unit_as_signed` | values in [0, 1] displayed as if in [-1, 1]: levels are 128..=255, and the truth squeezed in this way fits better |
//! | `signed_as_unit` | values in [-1, 1] displayed as if in [0, 1]: the dark half is black, and the truth clipped in this way fits better |
//! | `one_frame_late`, `one_frame_early` | the truth of the previous or next frame fits better |
//! | `swapped_pair` | the truth of another clip fits better |
//!
//! "Fits better" compares mean squared errors of small pictures ([`BETTER`]). If several of these faults are found, a
//! clip gets one warning, for the fault that fits best. A fault without visible effect is not found: a late frame in a
//! motionless clip, swapped channels in a grey clip, or swapped result and truth, for which all metrics of this crate
//! are the same.
//!
//! Colours and times are checked only in [`small`] pictures. A caller that cannot hold all clips in memory can keep
//! their small pictures and pass them later, because the small picture of a small picture is the same picture.

mod evidence;
#[cfg(test)]
mod tests;

use std::fmt;

use media::picture::Picture;
use serde::{Deserialize, Serialize};

use evidence::Evidence;
pub use evidence::{SIDE, small};

/// A fault is reported only if the modified ground truth leaves less than this share of the error.
pub const BETTER: f64 = 0.75;
/// Below this mean level, a frame is black.
const BLACK: f64 = 4.0;
/// From this mean level on, the truth is not black.
const LIT: f64 = 16.0;

/// The frames of one clip, with those of the ground truth.
#[derive(Debug, Clone, Copy)]
pub struct ClipPair<'a> {
    /// The result.
    pub made: &'a [Picture],
    /// The truth.
    pub truth: &'a [Picture],
}

/// A fault of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The numbers of frames differ.
    FrameCount {
        /// Frames of the result.
        made: usize,
        /// True frames.
        truth: usize,
    },
    /// The first frame with a wrong size.
    WrongSize {
        /// The frame, from 0.
        frame: usize,
        /// Its width and height.
        made: (usize, usize),
        /// Those of the truth.
        truth: (usize, usize),
    },
    /// The first black frame.
    BlackFrame {
        /// The frame, from 0.
        frame: usize,
    },
    /// Red and blue are swapped.
    BgrForRgb,
    /// Values in [0, 1] are displayed as if in [-1, 1].
    UnitAsSigned,
    /// Values in [-1, 1] are displayed as if in [0, 1].
    SignedAsUnit,
    /// Each frame shows the previous frame of the ground truth.
    OneFrameLate,
    /// Each frame shows the next frame of the ground truth.
    OneFrameEarly,
    /// The ground truth belongs to another clip.
    SwappedPair {
        /// The clip whose truth fits, from 0.
        with: usize,
    },
}

impl Fault {
    /// A stable name for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::FrameCount { .. } => "frame_count",
            Self::WrongSize { .. } => "wrong_size",
            Self::BlackFrame { .. } => "black_frame",
            Self::BgrForRgb => "bgr_for_rgb",
            Self::UnitAsSigned => "unit_as_signed",
            Self::SignedAsUnit => "signed_as_unit",
            Self::OneFrameLate => "one_frame_late",
            Self::OneFrameEarly => "one_frame_early",
            Self::SwappedPair { .. } => "swapped_pair",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameCount { made, truth } => {
                write!(out, "the number of frames is {made}, the ground truth has {truth}")
            }
            Self::WrongSize { frame, made: (width, height), truth: (true_width, true_height) } => {
                write!(
                    out,
                    "frame {frame} has {width}x{height} pixels, the ground truth has {true_width}x{true_height}"
                )
            }
            Self::BlackFrame { frame } => write!(out, "frame {frame} is black, but the ground truth is not"),
            Self::BgrForRgb => write!(out, "the red and blue channels seem to be swapped"),
            Self::UnitAsSigned => write!(out, "values in [0, 1] seem to be displayed as if they were in [-1, 1]"),
            Self::SignedAsUnit => write!(out, "values in [-1, 1] seem to be displayed as if they were in [0, 1]"),
            Self::OneFrameLate => write!(out, "the frames match the ground truth of the previous frame better"),
            Self::OneFrameEarly => write!(out, "the frames match the ground truth of the next frame better"),
            Self::SwappedPair { with } => write!(out, "the frames match the ground truth of clip {with} better"),
        }
    }
}

/// A fault and its clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// The clip, from 0.
    pub clip: usize,
    /// The fault.
    pub fault: Fault,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: clip {}: {}", self.fault.name(), self.clip, self.fault)
    }
}

/// Searches pairs that are to be measured together for faults, clip by clip.
///
/// # Panics
/// When a picture has no pixel.
pub fn find_faults(pairs: &[ClipPair<'_>]) -> Vec<Warning> {
    let evidence: Vec<Evidence> = pairs.iter().map(Evidence::new).collect();
    let mut warnings = Vec::new();
    for (clip, pair) in pairs.iter().enumerate() {
        let faults = plain_faults(pair, &evidence[clip]).into_iter().chain(evidence::best_explanation(&evidence, clip));
        warnings.extend(faults.map(|fault| Warning { clip, fault }));
    }
    warnings
}

/// Faults that are visible in the frames themselves.
fn plain_faults(pair: &ClipPair<'_>, evidence: &Evidence) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (made, truth) = (pair.made.len(), pair.truth.len());
    if made != truth {
        faults.push(Fault::FrameCount { made, truth });
    }
    let sizes = pair.made.iter().zip(pair.truth).map(|(made, truth)| (made.size(), truth.size()));
    faults.extend(
        sizes.enumerate().find(|(_, (made, truth))| made != truth).map(|(frame, (made, truth))| Fault::WrongSize {
            frame,
            made,
            truth,
        }),
    );
    let levels = evidence.mean_levels();
    let black = levels.iter().position(|[made, truth]| *made < BLACK && *truth >= LIT);
    faults.extend(black.map(|frame| Fault::BlackFrame { frame }));
    faults
}
