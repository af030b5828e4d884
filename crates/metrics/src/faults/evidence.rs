//! Collects the evidence for faults: small pictures of both clips of a pair, and how well a modified ground truth fits.

use media::picture::Picture;
use media::resize::{Filter, resize_picture};

use super::{BETTER, ClipPair, Fault};

/// Side of the small pictures. They are square for any shape of the clip, so that any two can be compared.
pub const SIDE: usize = 48;
/// Most frames in which the truths of other clips are compared, spread evenly: each clip is compared with all others.
const SWAP_FRAMES: usize = 8;
/// Share of the frames that must fit better with a shift in time.
const MOST: f64 = 0.7;
/// What is made must move at least so much, as a share of the truth's movement: a still picture fits other frames better for no fault.
const MOVES: f64 = 0.25;
/// If this share of the truth's levels lies in the dark half, a squeezed or clipped range is visible.
const SEEN: f64 = 0.05;
/// A level between the dark half and the middle, with a margin for noise.
const NEAR_MIDDLE: f64 = 120.0;
/// A level that counts as clipped.
const CUT: f64 = 16.0;

/// The small pictures of a pair.
pub(super) struct Evidence {
    made: Vec<Picture>,
    truth: Vec<Picture>,
}

/// The truth, changed as a fault would change it.
type Change = fn([f64; 3]) -> [f64; 3];

fn unchanged(colour: [f64; 3]) -> [f64; 3] {
    colour
}

fn exchanged([red, green, blue]: [f64; 3]) -> [f64; 3] {
    [blue, green, red]
}

/// `v` in [0, 1] displayed as `(v + 1) / 2`.
fn squeezed(colour: [f64; 3]) -> [f64; 3] {
    colour.map(|level| 127.5 + level / 2.0)
}

/// `v` in [-1, 1] displayed without conversion.
fn cut(colour: [f64; 3]) -> [f64; 3] {
    colour.map(|level| (2.0 * level - 255.0).max(0.0))
}

impl Evidence {
    pub(super) fn new(pair: &ClipPair<'_>) -> Self {
        let small = |pictures: &[Picture]| pictures.iter().map(small).collect();
        Self { made: small(pair.made), truth: small(pair.truth) }
    }

    /// Mean levels of the result and of the truth, for each frame.
    pub(super) fn mean_levels(&self) -> Vec<[f64; 2]> {
        let mean = |picture: &Picture| {
            let levels = picture.bytes();
            levels.iter().map(|level| f64::from(*level)).sum::<f64>() / levels.len() as f64
        };
        self.made.iter().zip(&self.truth).map(|(made, truth)| [mean(made), mean(truth)]).collect()
    }

    /// The share of levels for which `is` holds, in the result and in the truth.
    fn shares(&self, is: impl Fn(f64) -> bool) -> [f64; 2] {
        [&self.made, &self.truth].map(|frames| {
            let levels = || frames.iter().flat_map(Picture::bytes);
            levels().filter(|level| is(f64::from(**level))).count() as f64 / levels().count().max(1) as f64
        })
    }

    /// The share of the error that remains when the truth is changed; infinite if there is no error to explain.
    fn left_by(&self, change: Change) -> f64 {
        let [changed, plain] = [change, unchanged].map(|change| {
            let frames = self.made.iter().zip(&self.truth);
            frames.map(|(made, truth)| error(made, truth, change)).sum::<f64>()
        });
        share(changed, plain)
    }

    /// The same with the truth of the frame before or after; infinite if too few frames agree.
    fn left_by_shift(&self, is_late: bool) -> f64 {
        let count = self.made.len().min(self.truth.len());
        let movement = |frames: &[Picture]| -> f64 {
            frames[..count].windows(2).map(|pair| error(&pair[0], &pair[1], unchanged)).sum()
        };
        if movement(&self.made) < MOVES * movement(&self.truth) {
            return f64::INFINITY;
        }
        let (mut shifted, mut plain, mut better) = (0.0, 0.0, 0);
        // The same frames for both directions: those with a neighbour on each side.
        let frames = 1..count.saturating_sub(1);
        for frame in frames.clone() {
            let other = if is_late { frame - 1 } else { frame + 1 };
            let [there, here] = [other, frame].map(|truth| error(&self.made[frame], &self.truth[truth], unchanged));
            shifted += there;
            plain += here;
            better += usize::from(there < here);
        }
        if (better as f64) < MOST * frames.len() as f64 { f64::INFINITY } else { share(shifted, plain) }
    }

    /// The same with the truth of another clip.
    fn left_by_truth_of(&self, other: &Self) -> f64 {
        let count = self.made.len().min(self.truth.len()).min(other.truth.len());
        let step = count.div_ceil(SWAP_FRAMES).max(1);
        let total = |truth: &[Picture]| {
            (0..count).step_by(step).map(|frame| error(&self.made[frame], &truth[frame], unchanged)).sum::<f64>()
        };
        share(total(&other.truth), total(&self.truth))
    }

    fn looks_squeezed(&self) -> bool {
        let [made, truth] = self.shares(|level| level < NEAR_MIDDLE);
        truth >= SEEN && made < SEEN / 5.0
    }

    fn looks_cut(&self) -> bool {
        let [_, dark] = self.shares(|level| level < 127.5);
        let [black, _] = self.shares(|level| level < CUT);
        dark >= SEEN && black >= dark / 2.0
    }
}

/// The fault that leaves the smallest error of a clip, if it is clearly smaller than the original error.
pub(super) fn best_explanation(all: &[Evidence], clip: usize) -> Option<Fault> {
    let own = &all[clip];
    let mut explanations = vec![
        (Fault::BgrForRgb, own.left_by(exchanged)),
        (Fault::OneFrameLate, own.left_by_shift(true)),
        (Fault::OneFrameEarly, own.left_by_shift(false)),
    ];
    if own.looks_squeezed() {
        explanations.push((Fault::UnitAsSigned, own.left_by(squeezed)));
    }
    if own.looks_cut() {
        explanations.push((Fault::SignedAsUnit, own.left_by(cut)));
    }
    let others = all.iter().enumerate().filter(|(other, _)| *other != clip);
    explanations.extend(others.map(|(with, other)| (Fault::SwappedPair { with }, own.left_by_truth_of(other))));
    let best = explanations.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (best.1 < BETTER).then_some(best.0)
}

/// The small picture that is compared in place of a large one.
pub fn small(picture: &Picture) -> Picture {
    resize_picture(picture, SIDE, SIDE, Filter::Area)
}

fn error(made: &Picture, truth: &Picture, change: Change) -> f64 {
    let cell = |(made, truth): (&[u8; 3], &[u8; 3])| {
        made.iter().zip(change(truth.map(f64::from))).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>()
    };
    made.cells().iter().zip(truth.cells()).map(cell).sum()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::INFINITY }
}
