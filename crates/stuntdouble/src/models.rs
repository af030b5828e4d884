//! Fetching what a job needs, with progress.

use std::path::PathBuf;

use fetch::{Progress, Store};
use perception::perceiver::PersonModels;

use crate::error::Error;
use crate::events::{Events, Step};

/// Fetches a file, or hands out the one that is there.
///
/// # Errors
/// [`Error::Fetch`].
pub fn ensure(store: &Store, name: &str, events: &Events) -> Result<PathBuf, Error> {
    let path = store.fetch(name, &mut |progress| match progress {
        Progress::Ready { .. } => {}
        Progress::Waiting { name } => events.note(format!("waiting for another process that fetches `{name}`")),
        Progress::Client { name, command } => events.note(format!("fetching `{name}`: {command}")),
        Progress::Bytes { done, total, .. } => events.progress(Step::Fetch, done, total),
        Progress::Resuming { name, cuts, reason } => {
            events.warn("fetch.resumed", format!("`{name}`: connection cut {cuts} times ({reason}), going on"));
        }
        other => events.note(format!("fetching: {other:?}")),
    })?;
    Ok(path)
}

/// The networks that perceive a person.
///
/// # Errors
/// [`Error::Fetch`].
pub fn person_models(store: &Store, events: &Events) -> Result<PersonModels, Error> {
    Ok(PersonModels {
        detector: ensure(store, "blazepose-detector", events)?,
        landmarks: ensure(store, "blazepose-landmarks-full", events)?,
        hand: Some(ensure(store, "hand-landmarks", events)?),
        face: Some(ensure(store, "face-landmarks", events)?),
        selfie: Some(ensure(store, "selfie-segmentation", events)?),
    })
}
