//! Runs perception as a pipeline. Three threads read frames, find the body, and find hands, face and mask. The caller
//! receives results in order while later frames are processed.
//!
//! Only the body search depends on the previous frame. Hands, face and mask of one frame are computed while the body of
//! the next frame is found. The results are identical to those of [`Perceiver::push`] for any number of threads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use media::geometry::Pts;
use media::picture::Picture;

use crate::error::Error;
use crate::perceiver::{PerceivedFrame, Perceiver};

/// Number of frames that may wait between two stages.
const WAITING: usize = 2;

/// A frame and its signals.
#[derive(Debug, Clone)]
pub struct SeenFrame {
    /// Its index in the stream, from 0.
    pub index: usize,
    /// When it is displayed.
    pub at: Pts,
    /// The frame itself.
    pub picture: Picture,
    /// Its signals.
    pub signals: PerceivedFrame,
}

/// Processes all frames. Passes each finished frame to `sink` in order, on the calling thread.
///
/// # Errors
/// The first error of the frames, of perception or of `sink`, in the order of frames. Earlier frames have reached
/// `sink`.
pub fn perceive_frames<E: From<Error> + Send>(
    perceiver: &mut Perceiver,
    frames: impl Iterator<Item = Result<(Picture, Pts), E>> + Send,
    mut sink: impl FnMut(SeenFrame) -> Result<(), E>,
) -> Result<(), E> {
    let (follower, closer) = perceiver.stages();
    let (read_to, read) = sync_channel(WAITING);
    let (followed_to, followed) = sync_channel(WAITING);
    let (seen_to, seen) = sync_channel(WAITING);
    thread::scope(|scope| {
        scope.spawn(move || {
            for frame in frames {
                // A stage that ended early needs no more frames.
                if read_to.send(frame).is_err() {
                    return;
                }
            }
        });
        scope.spawn(move || {
            pass(read, followed_to, |(picture, at): (Picture, Pts)| {
                let sighting = follower.follow(&picture, at)?;
                Ok((picture, at, sighting))
            });
        });
        scope.spawn(move || {
            let mut index = 0;
            pass(followed, seen_to, |(picture, at, sighting)| {
                let signals = closer.look(&picture, at, sighting)?;
                index += 1;
                Ok(SeenFrame { index: index - 1, at, picture, signals })
            });
        });
        for frame in seen {
            sink(frame?)?;
        }
        Ok(())
    })
}

/// Processes items until the first error, which is passed on as the last item.
fn pass<A, B, E>(from: Receiver<Result<A, E>>, to: SyncSender<Result<B, E>>, mut work: impl FnMut(A) -> Result<B, E>) {
    for item in from {
        let done = item.and_then(&mut work);
        let is_last = done.is_err();
        if to.send(done).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(items: Vec<Result<i32, &'static str>>) -> Vec<Result<i32, &'static str>> {
        let (to_first, first) = sync_channel(9);
        let (to_second, second) = sync_channel(9);
        items.into_iter().for_each(|item| to_first.send(item).unwrap());
        drop(to_first);
        pass(first, to_second, |item| if item == 13 { Err("thirteen") } else { Ok(item + 1) });
        second.into_iter().collect()
    }

    #[test]
    fn the_first_error_is_the_last_item() {
        assert_eq!(run(vec![Ok(1), Ok(2)]), [Ok(2), Ok(3)]);
        assert_eq!(run(vec![Ok(1), Ok(13), Ok(2)]), [Ok(2), Err("thirteen")]);
        assert_eq!(run(vec![Err("read"), Ok(2)]), [Err("read")]);
    }
}
