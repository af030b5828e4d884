//! Selects the windows of frames for FVD's network: 16 consecutive frames, with one window starting at each frame
//! (stride 1), never across two videos. DisCo's script, and therefore most numbers in this field, uses these windows.
//! Other tools use one window of 16 frames per video, and their numbers are not comparable.

use std::ops::Range;

/// Number of frames in a window.
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
