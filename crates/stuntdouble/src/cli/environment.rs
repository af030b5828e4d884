//! The only place that reads environment variables.

use std::path::PathBuf;

use fetch::{Catalogue, Options, Store};
use stuntdouble::Error;
use stuntdouble::pipeline::Tools;

/// What the environment says.
pub(crate) struct Environment {
    /// `STUNTDOUBLE_CACHE`, else the user's cache folder.
    pub(crate) cache: PathBuf,
    /// `STUNTDOUBLE_OFFLINE` is set.
    pub(crate) offline: bool,
    /// `STUNTDOUBLE_FFMPEG`: the ffmpeg to use.
    pub(crate) ffmpeg: Option<PathBuf>,
}

/// Reads it.
pub(crate) fn read() -> Environment {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = path("STUNTDOUBLE_CACHE")
        .or_else(|| path("XDG_CACHE_HOME").map(|folder| folder.join("stuntdouble")))
        .or_else(|| path("HOME").map(|folder| folder.join(".cache/stuntdouble")))
        .or_else(|| path("LOCALAPPDATA").map(|folder| folder.join("stuntdouble/cache")))
        .unwrap_or_else(|| std::env::temp_dir().join("stuntdouble-cache"));
    Environment { cache, offline: path("STUNTDOUBLE_OFFLINE").is_some(), ffmpeg: path("STUNTDOUBLE_FFMPEG") }
}
