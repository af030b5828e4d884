//! Stacks the frames of a clip vertically in one picture: films for people to watch, and small pictures for the
//! detection of faults.

use media::picture::Picture;
use media::resize::{Filter, fit_size, resize_picture};
use metrics::faults;

/// The most frames of a film.
pub(crate) const FRAMES: usize = 48;
/// Longest side of a film's frame in pixels.
const SIDE: usize = 320;
/// JPEG quality of films.
pub(crate) const QUALITY: u8 = 85;

/// The first frames of a clip at a size to look at.
///
/// # Panics
/// When there is no frame.
pub(crate) fn film(frames: &[Picture]) -> Picture {
    let size = frames[0].size();
    let (width, height) = if size.0.max(size.1) > SIDE { fit_size(size, (SIDE, SIDE)) } else { size };
    let shown = frames.iter().take(FRAMES).map(|frame| resize_picture(frame, width, height, Filter::Area));
    stacked(&shown.collect::<Vec<_>>())
}

/// All frames as [`faults::small`] pictures.
///
/// # Panics
/// When there is no frame.
pub(crate) fn small_film(frames: &[Picture]) -> Picture {
    stacked(&frames.iter().map(faults::small).collect::<Vec<_>>())
}

/// The frames of a film whose frames have this height; what is left over at its end is none.
pub(crate) fn frames_of(film: &Picture, height: usize) -> Vec<Picture> {
    let frame = |index: usize| Picture::from_fn(film.width(), height, |x, y| film.get(x, index * height + y));
    (0..film.height() / height).map(frame).collect()
}

fn stacked(frames: &[Picture]) -> Picture {
    let (width, height) = frames[0].size();
    Picture::from_fn(width, height * frames.len(), |x, y| frames[y / height].get(x, y % height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_from_their_film() {
        let frames: Vec<Picture> =
            (0..3).map(|time| Picture::from_fn(48, 48, |x, y| [x as u8, y as u8, time])).collect();
        assert_eq!(frames_of(&small_film(&frames), faults::SIDE), frames);
        assert_eq!(film(&frames).size(), (48, 144));
        let large = vec![Picture::filled(640, 320, [1; 3]); 60];
        assert_eq!(film(&large).size(), (320, 160 * FRAMES));
    }
}
