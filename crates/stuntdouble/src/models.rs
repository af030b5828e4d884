//! Downloads the files that a job needs, and reports progress.

use std::path::PathBuf;

use fetch::{Progress, Store};
use media::ffmpeg::Ffmpeg;
use perception::perceiver::{Effort, PersonModels};

use crate::error::Error;
use crate::events::{Events, Step};
use crate::tools::Tools;

/// Returns a file, downloaded if necessary.
///
/// # Errors
/// [`Error::Fetch`].
pub fn ensure(store: &Store, name: &str, events: &Events) -> Result<PathBuf, Error> {
    let path = store.fetch(name, &mut |progress| match progress {
        Progress::Ready { .. } => {}
        Progress::Waiting { name } => events.note(format!("waiting for another process to fetch `{name}`")),
        Progress::Client { name, command } => events.note(format!("fetching `{name}`: {command}")),
        Progress::Bytes { done, total, .. } => events.progress(Step::Fetch, done, total),
        Progress::Resuming { name, cuts, reason } => {
            events
                .warn("fetch.resumed", format!("the download of `{name}` continues (interruptions: {cuts}): {reason}"));
        }
        other => events.note(format!("fetching: {other:?}")),
    })?;
    Ok(path)
}

/// The networks for perceiving a person; lighter ones with `Effort::Quick`.
///
/// # Errors
/// [`Error::Fetch`].
pub fn person_models(store: &Store, effort: Effort, events: &Events) -> Result<PersonModels, Error> {
    let (landmarks, hand) = match effort {
        Effort::Full => ("blazepose-landmarks-full", "hand-landmarks"),
        Effort::Quick => ("blazepose-landmarks-lite", "hand-landmarks-lite"),
    };
    Ok(PersonModels {
        detector: ensure(store, "blazepose-detector", events)?,
        landmarks: ensure(store, landmarks, events)?,
        hand: Some(ensure(store, hand, events)?),
        face: Some(ensure(store, "face-landmarks", events)?),
        selfie: Some(ensure(store, "selfie-segmentation", events)?),
    })
}

/// An ffmpeg: the given one, the one on the `PATH`, or else a downloaded one.
///
/// # Errors
/// [`Error::Media`] when the given one does not run, [`Error::Fetch`].
pub fn ffmpeg(store: &Store, tools: &Tools, events: &Events) -> Result<Ffmpeg, Error> {
    match (&tools.ffmpeg, Ffmpeg::find(tools.ffmpeg.as_deref())) {
        (_, Ok(ffmpeg)) => Ok(ffmpeg),
        (Some(_), Err(error)) => Err(error.into()),
        (None, Err(_)) => Ok(Ffmpeg::find(Some(&ensure(store, "ffmpeg", events)?))?),
    }
}
