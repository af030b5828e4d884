//! Defines the progress reports of a download.

/// An event during a download. The caller decides whether and how to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another process downloads the same file, and this process waits for it.
    Waiting {
        /// The file.
        name: &'a str,
    },
    /// A package client was started.
    Client {
        /// The package.
        name: &'a str,
        /// The command, as one could type it.
        command: &'a str,
    },
    /// The current length of the file.
    Bytes {
        /// The entry of the catalogue.
        name: &'a str,
        /// Bytes in the store so far.
        done: u64,
        /// Bytes of the complete file.
        total: u64,
    },
    /// The connection was interrupted; the download continues where it stopped.
    Resuming {
        /// The entry of the catalogue.
        name: &'a str,
        /// Number of interruptions so far.
        cuts: u32,
        /// The reason.
        reason: &'a str,
    },
    /// A source failed; the next one is tried.
    NextSource {
        /// The entry of the catalogue.
        name: &'a str,
        /// The error of the source.
        reason: &'a str,
    },
    /// The file is in the store and its hash is correct.
    Ready {
        /// The entry of the catalogue.
        name: &'a str,
    },
}
