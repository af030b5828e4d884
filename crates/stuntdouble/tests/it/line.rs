//! Builds a command line for the program, which tests can change piece by piece.

use std::ffi::{OsStr, OsString};

/// One command line.
#[derive(Clone)]
pub(crate) struct Line {
    words: Vec<OsString>,
    options: Vec<(&'static str, OsString)>,
    flags: Vec<&'static str>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) user_cache: bool,
}

impl Line {
    pub(crate) fn new(words: &[&OsStr]) -> Self {
        Self {
            words: words.iter().map(OsString::from).collect(),
            options: vec![],
            flags: vec![],
            environment: vec![],
            user_cache: false,
        }
    }

    /// Adds an option, or changes its value.
    pub(crate) fn with(mut self, option: &'static str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_owned();
        match self.options.iter_mut().find(|(name, _)| *name == option) {
            Some(found) => found.1 = value,
            None => self.options.push((option, value)),
        }
        self
    }

    /// Changes the name of the command.
    pub(crate) fn named(mut self, command: &str) -> Self {
        self.words[0] = command.into();
        self
    }

    /// Removes an option.
    pub(crate) fn without(mut self, option: &str) -> Self {
        self.options.retain(|(name, _)| *name != option);
        self
    }

    /// Adds an option without a value.
    pub(crate) fn flag(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn environment(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// Uses the files that the user has downloaded before, instead of an empty cache.
    pub(crate) fn user_cache(mut self) -> Self {
        self.user_cache = true;
        self
    }

    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let options = self.options.iter().flat_map(|(name, value)| [OsString::from(name), value.clone()]);
        self.words.iter().cloned().chain(options).chain(self.flags.iter().map(OsString::from)).collect()
    }
}
