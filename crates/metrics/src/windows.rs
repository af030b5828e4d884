//! The windows of frames that FVD's network sees: 16 frames, one window for each first frame (sliding by 1), never across
//! the border between two videos. DisCo's script, and with it the numbers of this field, take such windows; other tools take
//! one window of 16 frames a video, and their numbers do not compare.

use std::ops::Range;

/// Frames of a window.
pub const FRAMES: usize = 16;

/// All windows of [`FRAMES`] frames in a video of `frames`; none when it is shorter.
pub fn clip_windows(frames: usize) -> impl Iterator<Item = Range<usize>> {
    let count = (frames + 1).saturating_sub(FRAMES);
    (0..count).map(|first| first..first + FRAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide_by_one_and_stay_inside() {
        let check = |frames, firsts: &[usize]| {
            let windows: Vec<_> = firsts.iter().map(|first| *first..first + 16).collect();
            assert_eq!(clip_windows(frames).collect::<Vec<_>>(), windows, "{frames} frames");
        };
        check(0, &[]);
        check(15, &[]);
        check(16, &[0]);
        check(18, &[0, 1, 2]);
    }
}
