//! Row `plate`: the driving person removed, nobody in its place.

use media::picture::{Mask, Picture};
use perception::inpaint::inpaint;
use rayon::prelude::*;

/// The frames with their holes filled. The one place that decides how.
pub(crate) fn fill(frames: &[Picture], holes: &[Mask]) -> Vec<Picture> {
    frames.par_iter().zip(holes).map(|(frame, hole)| inpaint(frame, hole)).collect()
}
