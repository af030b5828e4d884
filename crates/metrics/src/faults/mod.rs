//! Faults of pairs of clips that make every figure meaningless: what was made and the truth do not fit one another. Each is
//! a [`Warning`] with a name; nothing is measured here.
//!
//! | name | how it is seen |
//! |---|---|
//! | `frame_count` | other numbers of frames |
//! | `wrong_size` | a frame of another size than its truth |
//! | `black_frame` | a black frame where the truth is not |
//! | `bgr_for_rgb` | the truth with red and blue exchanged fits better |
//! | `unit_as_signed` | values in [0, 1] shown as if in [-1, 1]: levels 128..=255, and the truth so squeezed fits better |
//! | `signed_as_unit` | values in [-1, 1] shown as if in [0, 1]: the dark half is black, and the truth so cut fits better |
//! | `one_frame_late`, `one_frame_early` | the truth of the frame before, or after, fits better |
//! | `swapped_pair` | the truth of another clip fits better |
//!
//! "Fits better" compares mean squared errors of small pictures ([`BETTER`]). Of the faults that are seen that way a clip has
//! one warning, the one that fits best. A fault that leaves no trace is not found: a frame late in a clip that stands still,
//! red for blue in a grey one, or picture and truth in exchanged places, for which all figures of this crate are the same.
//!
//! Colours and times are judged in [`small`] pictures alone. Whoever cannot hold all clips at once keeps those, and gives them here later:
//! the small picture of a small picture is the same picture.

mod evidence;
#[cfg(test)]
mod tests;

use std::fmt;

use media::picture::Picture;
use serde::{Deserialize, Serialize};

use evidence::Evidence;
pub use evidence::{SIDE, small};

/// An explanation must leave less than this share of the error.
pub const BETTER: f64 = 0.75;
/// Mean level below which a frame is black.
const BLACK: f64 = 4.0;
/// Mean level from which on the truth is not.
const LIT: f64 = 16.0;

/// The frames of one clip beside the true ones.
#[derive(Debug, Clone, Copy)]
pub struct ClipPair<'a> {
    /// What was made.
    pub made: &'a [Picture],
    /// What it should be.
    pub truth: &'a [Picture],
}

/// What is wrong with a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Other numbers of frames.
    FrameCount {
        /// Frames made.
        made: usize,
        /// True frames.
        truth: usize,
    },
    /// A frame of another size; the first one.
    WrongSize {
        /// The frame, from 0.
        frame: usize,
        /// Its width and height.
        made: (usize, usize),
        /// Those of the truth.
        truth: (usize, usize),
    },
    /// A black frame; the first one.
    BlackFrame {
        /// The frame, from 0.
        frame: usize,
    },
    /// Red and blue exchanged.
    BgrForRgb,
    /// Values in [0, 1] shown as if in [-1, 1].
    UnitAsSigned,
    /// Values in [-1, 1] shown as if in [0, 1].
    SignedAsUnit,
    /// Each frame is the one before.
    OneFrameLate,
    /// Each frame is the one after.
    OneFrameEarly,
    /// The truth of another clip.
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
            Self::FrameCount { made, truth } => write!(out, "{made} frames, the truth has {truth}"),
            Self::WrongSize { frame, made: (width, height), truth: (true_width, true_height) } => {
                write!(out, "frame {frame} is {width}x{height}, the truth {true_width}x{true_height}")
            }
            Self::BlackFrame { frame } => write!(out, "frame {frame} is black, the truth is not"),
            Self::BgrForRgb => write!(out, "red and blue look exchanged"),
            Self::UnitAsSigned => write!(out, "values in [0, 1] look shown as if in [-1, 1]"),
            Self::SignedAsUnit => write!(out, "values in [-1, 1] look shown as if in [0, 1]"),
            Self::OneFrameLate => write!(out, "frames fit the truth one frame before"),
            Self::OneFrameEarly => write!(out, "frames fit the truth one frame after"),
            Self::SwappedPair { with } => write!(out, "frames fit the truth of clip {with}"),
        }
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// The clip, from 0.
    pub clip: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: clip {}: {}", self.fault.name(), self.clip, self.fault)
    }
}

/// Looks for faults of pairs that are to be measured together, clip by clip.
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

/// Faults that are seen in the frames themselves.
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
