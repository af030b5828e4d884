//! Determines the source frames of each clip of a long video. Clips are generated in order, and the last frame of one
//! clip is the temporal reference of the next (paper 3.5).
//!
//! The first clip contributes all its `N` frames. Each later clip starts with the last finished frame of the previous
//! clip and contributes `N - 1` new frames. The last clip is padded by repeating the last source frame; the results for
//! these repetitions are discarded.
//!
//! | clip, `N` = 4, 9 frames | source frames | kept places |
//! |---|---|---|
//! | 0 | 0 1 2 3 | 0..4 |
//! | 1 | (3) 4 5 6 | 1..4 |
//! | 2 | (6) 7 8 8 | 1..3 |

use std::ops::Range;

/// One clip of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Index of the clip. It seeds the clip's noise.
    pub index: usize,
    /// The source frame at each of the clip's `N` places.
    pub frames: Vec<usize>,
    /// The places with new results: `1..` after a temporal reference, and without the repetitions at the end.
    pub keep: Range<usize>,
}

impl Clip {
    /// The source frame whose finished result is the temporal reference of this clip, at place 0.
    pub fn temporal_reference(&self) -> Option<usize> {
        (self.keep.start > 0).then(|| self.frames[0])
    }

    /// The source frames whose results this clip contributes.
    pub fn new_frames(&self) -> Range<usize> {
        self.frames[self.keep.start]..self.frames[self.keep.end - 1] + 1
    }
}

/// The clips of a video, in the order of generation.
///
/// Clips of one frame have no place for a temporal reference, so they have none.
///
/// # Panics
/// When `clip_frames` is 0.
pub fn plan_clips(video_frames: usize, clip_frames: usize) -> Vec<Clip> {
    assert!(clip_frames > 0, "clip plan: clips of 0 frames");
    let mut clips = Vec::new();
    let mut done = 0;
    while done < video_frames {
        let carried = usize::from(done > 0 && clip_frames > 1);
        let first = done - carried;
        let frames = (first..first + clip_frames).map(|frame| frame.min(video_frames - 1)).collect();
        let new = (clip_frames - carried).min(video_frames - done);
        clips.push(Clip { index: clips.len(), frames, keep: carried..carried + new });
        done += new;
    }
    clips
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nine_frames_in_clips_of_four() {
        let clip = |index, frames: [usize; 4], keep| Clip { index, frames: frames.to_vec(), keep };
        let expected = [clip(0, [0, 1, 2, 3], 0..4), clip(1, [3, 4, 5, 6], 1..4), clip(2, [6, 7, 8, 8], 1..3)];
        assert_eq!(plan_clips(9, 4), expected);
        assert_eq!(plan_clips(2, 4), [clip(0, [0, 1, 1, 1], 0..2)]);
        assert_eq!(plan_clips(0, 4), []);
        assert_eq!(plan_clips(2, 1).iter().map(Clip::temporal_reference).collect::<Vec<_>>(), [None, None]);
    }

    proptest! {
        #[test]
        fn every_frame_is_made_once_and_in_order(video_frames in 1_usize..200, clip_frames in 1_usize..20) {
            let clips = plan_clips(video_frames, clip_frames);
            let made: Vec<usize> = clips.iter().flat_map(|clip| clip.frames[clip.keep.clone()].to_vec()).collect();
            prop_assert_eq!(made, (0..video_frames).collect::<Vec<_>>());
            for (index, clip) in clips.iter().enumerate() {
                prop_assert_eq!(clip.index, index);
                prop_assert_eq!(clip.frames.len(), clip_frames);
                prop_assert_eq!(clip.new_frames().len(), clip.keep.len());
                let before = index.checked_sub(1).filter(|_| clip_frames > 1).map(|before| clips[before].new_frames().end - 1);
                prop_assert_eq!(clip.temporal_reference(), before);
            }
        }
    }
}
