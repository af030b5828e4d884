//! Defines the errors of downloads. Each error has a stable code and a line that says what to do.

use crate::digest::Digest;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file is not available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither an entry nor a group has this name.
    #[error("unknown file or group `{name}`, expected one of {known}")]
    UnknownName {
        /// The requested name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// No source of the entry supports this operating system and processor.
    #[error("no download of `{name}` is available for `{host}`")]
    NoSourceForHost {
        /// The entry.
        name: String,
        /// Operating system and processor, as in `linux-x86_64`.
        host: String,
    },
    /// The file is not in the store.
    #[error("the file `{name}` has not been fetched to its expected path `{}`", path.display())]
    Missing {
        /// The entry.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is not in the store, and downloads are switched off.
    #[error("the program is offline, and the file `{name}` has not been fetched to its expected path `{}`", path.display())]
    Offline {
        /// The entry.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// No package client exists on this machine.
    #[error(
        "`{name}` comes from the package `{package}`, but no package client works on this machine (tried: {tried})"
    )]
    NoClient {
        /// The entry.
        name: String,
        /// Package and version.
        package: String,
        /// The clients that were tried.
        tried: String,
        /// Where to put the file by hand.
        path: PathBuf,
    },
    /// A package client ended with an error.
    #[error("`{command}` failed with {status}: {said}")]
    ClientFailed {
        /// The command.
        command: String,
        /// Its exit status, in words.
        status: String,
        /// The end of its output.
        said: String,
    },
    /// A package client exceeded its time limit.
    #[error("`{command}` did not finish within {seconds} s and was stopped")]
    ClientTimedOut {
        /// The command.
        command: String,
        /// The time limit.
        seconds: u64,
    },
    /// A package is not a valid archive.
    #[error("the archive of the package `{package}` cannot be read: {reason}")]
    BadArchive {
        /// Package and version.
        package: String,
        /// What the archive reader said.
        reason: String,
    },
    /// A package does not contain the member that the catalogue names.
    #[error("the package `{package}` does not contain the file `{member}`")]
    MemberMissing {
        /// Package and version.
        package: String,
        /// Path inside the package.
        member: String,
    },
    /// A file differs from the one in the catalogue.
    #[error("the content of `{name}` is wrong: found {found}, expected {expected}; it comes from `{origin}`")]
    HashMismatch {
        /// The entry.
        name: String,
        /// Hash or size that was found.
        found: String,
        /// Hash or size that the catalogue states.
        expected: String,
        /// The file, package or address that it came from.
        origin: String,
    },
    /// A server answered, but did not send the file.
    #[error("the server returned HTTP status {status} for `{url}`")]
    HttpStatus {
        /// HTTP status.
        status: u16,
        /// The address.
        url: String,
    },
    /// The server could not be reached, or the connection was interrupted too often.
    #[error("the download failed after {done} of {total} bytes (interruptions: {cuts}): {reason}, from `{url}`")]
    Connection {
        /// Number of failed connections.
        cuts: u32,
        /// Bytes kept for the next attempt.
        done: u64,
        /// Bytes of the complete file.
        total: u64,
        /// The last failure.
        reason: String,
        /// The address.
        url: String,
    },
    /// A catalogue contradicts itself.
    #[error("the catalogue of model files is invalid: {reason}")]
    Catalogue {
        /// The fault.
        reason: String,
    },
    /// A file system operation failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// A stable code, the same in the terminal, in JSON events and in the documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "fetch.unknown_name",
            Self::NoSourceForHost { .. } => "fetch.no_source_for_host",
            Self::Missing { .. } => "fetch.missing",
            Self::Offline { .. } => "fetch.offline",
            Self::NoClient { .. } => "fetch.no_client",
            Self::ClientFailed { .. } => "fetch.client_failed",
            Self::ClientTimedOut { .. } => "fetch.client_timed_out",
            Self::BadArchive { .. } => "fetch.bad_archive",
            Self::MemberMissing { .. } => "fetch.member_missing",
            Self::HashMismatch { .. } => "fetch.hash_mismatch",
            Self::HttpStatus { .. } => "fetch.http_status",
            Self::Connection { .. } => "fetch.connection",
            Self::Catalogue { .. } => "fetch.catalogue",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => "disk.full",
            Self::Io { .. } => "fetch.io",
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownName { .. } => "run `stuntdouble models list` to see the names".to_owned(),
            Self::NoSourceForHost { name, .. } => format!("install `{name}` with the package manager of your system"),
            Self::Missing { name, .. } => format!("run `stuntdouble models fetch {name}`"),
            Self::Offline { name, path } => format!(
                "go online once and run `stuntdouble models fetch {name}`, or copy the file from another machine to `{}`",
                path.display()
            ),
            Self::NoClient { path, .. } => {
                format!("install Python with pip or Node.js with npm, or copy the file to `{}`", path.display())
            }
            Self::ClientFailed { command, .. } => format!("run `{command}` yourself to see its full output"),
            Self::ClientTimedOut { .. } => {
                "check the network and the mirror settings of the package client, then try again".to_owned()
            }
            Self::BadArchive { .. } => "try again; if the error persists, use another package mirror".to_owned(),
            Self::MemberMissing { .. } => {
                "check the address of the package mirror; it provides another package under this name and version"
                    .to_owned()
            }
            Self::HashMismatch { name, .. } => {
                format!(
                    "run `stuntdouble models fetch {name}` to fetch it again; if the error persists, do not trust the source"
                )
            }
            Self::HttpStatus { status: 401 | 403, .. } => {
                "accept the terms on the web page of the model, then provide a hub token".to_owned()
            }
            Self::HttpStatus { .. } => "check the address of the hub; the file may have been moved".to_owned(),
            Self::Connection { .. } => {
                "check the network and try again; the download continues where it stopped".to_owned()
            }
            Self::Catalogue { .. } => "restore the original `models.toml`".to_owned(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space, or choose a cache folder on another disk".to_owned()
            }
            Self::Io { path, .. } => format!("check that you may read and write `{}`", path.display()),
        }
    }

    /// For `map_err`: `action` failed on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The content of `origin` differs from what the catalogue states for `name`.
    pub(crate) fn wrong_hash(name: &str, found: Digest, expected: Digest, origin: impl Into<String>) -> Self {
        Self::HashMismatch {
            name: name.to_owned(),
            found: format!("sha256 {found}"),
            expected: format!("sha256 {expected}"),
            origin: origin.into(),
        }
    }

    /// The length of `origin` differs from what the catalogue states for `name`.
    pub(crate) fn wrong_size(name: &str, found: u64, expected: u64, origin: impl Into<String>) -> Self {
        Self::HashMismatch {
            name: name.to_owned(),
            found: format!("{found} bytes"),
            expected: format!("{expected} bytes"),
            origin: origin.into(),
        }
    }
}
