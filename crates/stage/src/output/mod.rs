//! Writes rendered clips as files, shards and streams.

#[cfg(feature = "object-store")]
pub(crate) mod bucket;
pub(crate) mod clip_files;
pub(crate) mod inspect;
pub(crate) mod place;
pub(crate) mod shard;
pub(crate) mod stamp;
pub(crate) mod stream;
