//! Cuts a stream of perceived frames into stretches. A stretch lies within one shot and shows either one person or
//! nobody.

use perception::stream::SeenFrame;

/// Consecutive frames.
#[derive(Debug)]
pub(super) struct Seen {
    /// Index of the shot in the video, from 0.
    pub(super) shot: usize,
    /// Index of the first frame in the video.
    pub(super) first: usize,
    /// Number of frames.
    pub(super) count: usize,
    /// The frames, if somebody is seen.
    pub(super) frames: Vec<SeenFrame>,
}

/// The open stretch.
#[derive(Debug)]
pub(super) struct Cutter {
    least: usize,
    most: usize,
    open: Option<Seen>,
    shots: usize,
}

impl Cutter {
    /// Stretches with a person have at most `most` frames. Longer ones are cut so that no piece has fewer than `least`.
    pub(super) fn new(least: usize, most: usize) -> Self {
        Self { least, most, open: None, shots: 0 }
    }

    /// Takes the next frame. Returns a stretch that ends or is long enough.
    pub(super) fn push(&mut self, frame: SeenFrame, starts_shot: bool) -> Vec<Seen> {
        let is_seen = is_seen(&frame);
        let was_seen = self.open.as_ref().is_some_and(|open| !open.frames.is_empty());
        let goes_on = self.open.is_some() && !starts_shot && is_seen == was_seen && !(is_seen && frame.signals.is_new);
        let done = if goes_on { vec![] } else { self.end() };
        if starts_shot || self.shots == 0 {
            self.shots += 1;
        }
        let empty = Seen { shot: self.shots - 1, first: frame.index, count: 0, frames: vec![] };
        let open = self.open.get_or_insert(empty);
        open.count += 1;
        if is_seen {
            open.frames.push(frame);
        }
        if open.frames.len() < self.most + self.least {
            return done;
        }
        self.split(self.most).into_iter().chain(done).collect()
    }

    /// Ends the open stretch.
    pub(super) fn end(&mut self) -> Vec<Seen> {
        let length = self.open.as_ref().map_or(0, |open| open.frames.len());
        let early = if length > self.most { self.split(length - self.least) } else { None };
        early.into_iter().chain(self.open.take()).collect()
    }

    /// Number of shots so far.
    pub(super) fn shots(&self) -> usize {
        self.shots
    }

    /// Removes the first frames from the open stretch.
    fn split(&mut self, count: usize) -> Option<Seen> {
        let open = self.open.as_mut()?;
        let rest = open.frames.split_off(count);
        let rest = Seen { shot: open.shot, first: open.first + count, count: rest.len(), frames: rest };
        let mut early = std::mem::replace(open, rest);
        early.count = count;
        Some(early)
    }
}

fn is_seen(frame: &SeenFrame) -> bool {
    frame.signals.pose.is_some() && frame.signals.person.cells().iter().any(|coverage| *coverage > 127)
}

#[cfg(test)]
mod tests {
    use media::geometry::Pts;
    use media::picture::{Mask, Picture};
    use perception::perceiver::PerceivedFrame;
    use perception::pose::Pose;

    use super::*;

    /// Letters: `p` the same person, `n` a new person, `.` nobody, `|` a cut before the next frame.
    fn stretches(frames: &str) -> Vec<(usize, usize, usize, bool)> {
        let mut cutter = Cutter::new(2, 4);
        let (mut found, mut index, mut is_cut) = (vec![], 0, false);
        for letter in frames.chars() {
            if letter == '|' {
                is_cut = true;
                continue;
            }
            let is_there = letter != '.';
            let signals = PerceivedFrame {
                pose: is_there.then(Pose::default),
                person: Mask::filled(2, 2, if is_there { 255 } else { 0 }),
                region: None,
                is_new: letter == 'n',
                detections: None,
                warnings: vec![],
            };
            let frame = SeenFrame { index, at: Pts(0), picture: Picture::filled(2, 2, [0; 3]), signals };
            found.extend(cutter.push(frame, is_cut));
            (index, is_cut) = (index + 1, false);
        }
        found.extend(cutter.end());
        assert!(found.iter().all(|seen| seen.frames.is_empty() || seen.frames.len() == seen.count));
        assert!(
            found.iter().all(|seen| seen.frames.iter().enumerate().all(|(i, frame)| frame.index == seen.first + i))
        );
        found.into_iter().map(|seen| (seen.shot, seen.first, seen.count, !seen.frames.is_empty())).collect()
    }

    #[test]
    fn stretches_end_at_cuts_losses_and_other_people() {
        let check = |frames: &str, expected: &[(usize, usize, usize, bool)]| {
            assert_eq!(stretches(frames), expected, "{frames}");
        };
        check("", &[]);
        check("..", &[(0, 0, 2, false)]);
        check("npp", &[(0, 0, 3, true)]);
        check("np|pp.", &[(0, 0, 2, true), (1, 2, 2, true), (1, 4, 1, false)]);
        check(".|.", &[(0, 0, 1, false), (1, 1, 1, false)]);
        check("npnp", &[(0, 0, 2, true), (0, 2, 2, true)]);
    }

    #[test]
    fn long_stretches_are_split_without_short_ends() {
        let lengths = |count: usize| -> Vec<usize> {
            stretches(&"p".repeat(count)).into_iter().map(|(_, _, count, _)| count).collect()
        };
        assert_eq!(lengths(4), [4]);
        assert_eq!(lengths(5), [3, 2]);
        assert_eq!(lengths(6), [4, 2]);
        assert_eq!(lengths(9), [4, 3, 2]);
        assert_eq!(lengths(10), [4, 4, 2]);
    }
}
