//! Defines the stamp of a shard: the identity, checksum and counts that are stored with the shard.

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
