//! Fetching what a job needs, with progress, and the names of the files it needs.

use std::path::PathBuf;

use fetch::{Progress, Store};

use crate::error::Error;
use crate::events::{Events, Step};

/// Fetches a file, or hands out the one that is there.
///
/// # Errors
/// [`Error::Fetch`].
pub fn ensure(store: &Store, name: &str, events: &Events) -> Result<PathBuf, Error> {
    if let Some(path) = store.path_if_verified(name)? {
        return Ok(path);
    }
    let path = store.fetch(name, &mut |progress| match progress {
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
