//! What a fetch says while it goes on.

/// One thing that happened while files are fetched. The caller decides whether and how to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another process fetches the same thing; waiting for it to finish.
    Waiting {
        /// What is waited for.
        name: &'a str,
    },
    /// A package client was started.
    Client {
        /// What is being fetched.
        name: &'a str,
        /// The command, as one could type it.
        command: &'a str,
    },
    /// So much of the file is here.
    Bytes {
        /// The entry of the catalogue.
        name: &'a str,
        /// Bytes that lie in the store so far.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// The connection was cut; the download goes on where it stopped.
    Resuming {
        /// The entry of the catalogue.
        name: &'a str,
        /// How many connections were cut so far.
        cuts: u32,
        /// Why.
        reason: &'a str,
    },
    /// A source failed; the next one is tried.
    NextSource {
        /// The entry of the catalogue.
        name: &'a str,
        /// What the source failed with.
        reason: &'a str,
    },
    /// The file is in the store and its hash is right.
    Ready {
        /// The entry of the catalogue.
        name: &'a str,
    },
}
