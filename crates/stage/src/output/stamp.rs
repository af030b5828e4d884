//! What is written on a shard wherever it lies.

/// What is known about a shard wherever it lies.
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
