//! Reads environment variables. No other module reads environment variables.

use std::path::PathBuf;

use fetch::{Options, Store};
use stuntdouble::pipeline::Tools;

/// The values of the environment variables.
pub(crate) struct Environment {
    /// `STUNTDOUBLE_CACHE`, else the user's cache folder.
    pub(crate) cache: PathBuf,
    /// True if `STUNTDOUBLE_OFFLINE` is set.
    pub(crate) offline: bool,
    /// `HF_HUB_CACHE`, else `HF_HOME/hub`, else the default place in the home folder.
    hub_cache: Option<PathBuf>,
    /// `STUNTDOUBLE_FFMPEG`: the ffmpeg to use.
    pub(crate) ffmpeg: Option<PathBuf>,
    /// `AWS_*`: keys, region and endpoint of an object store.
    pub(crate) bucket: Vec<(String, String)>,
}

impl Environment {
    /// The store of downloaded files. A model cache shared with other programs is read, never written.
    pub(crate) fn store(&self, offline: bool) -> Store {
        let options = Options { offline, shared_hub_cache: self.hub_cache.clone(), ..Options::default() };
        Store::new(&self.cache, options)
    }

    /// The programs to use on this machine.
    pub(crate) fn tools(&self) -> Tools {
        Tools { ffmpeg: self.ffmpeg.clone() }
    }
}

/// Reads the environment.
pub(crate) fn read() -> Environment {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = path("STUNTDOUBLE_CACHE")
        .or_else(|| path("XDG_CACHE_HOME").map(|folder| folder.join("stuntdouble")))
        .or_else(|| path("HOME").map(|folder| folder.join(".cache/stuntdouble")))
        .or_else(|| path("LOCALAPPDATA").map(|folder| folder.join("stuntdouble/cache")))
        .unwrap_or_else(|| std::env::temp_dir().join("stuntdouble-cache"));
    let hub_cache = path("HF_HUB_CACHE")
        .or_else(|| path("HF_HOME").map(|folder| folder.join("hub")))
        .or_else(|| path("HOME").map(|folder| folder.join(".cache/huggingface/hub")));
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let bucket = variables.filter(|(name, _)| name.starts_with("AWS_")).collect();
    let offline = path("STUNTDOUBLE_OFFLINE").is_some();
    Environment { cache, offline, hub_cache, ffmpeg: path("STUNTDOUBLE_FFMPEG"), bucket }
}
