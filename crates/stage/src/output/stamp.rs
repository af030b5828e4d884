//! The stamp of a shard: what is stored with it wherever it is.

/// The stamp of a shard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stamp {
    /// As in [`crate::ShardIndex`].
    pub(crate) identity: String,
    /// These as in [`crate::ShardEntry`].
    pub(crate) first: u64,
    pub(crate) clips: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}
