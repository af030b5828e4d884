//! What weights are known by, in run folders and in folders of packs.

use std::fmt::{Display, Formatter};

use sha2::{Digest, Sha256};

/// A hash of the hashes (SHA-256) of all shards, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of weights that are no file but follow from `text`.
    pub fn of_text(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    pub(super) fn of_shards(hashes: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut hasher = Sha256::new();
        for hash in hashes {
            hasher.update(hash);
        }
        Self(hasher.finalize().into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In lower-case hexadecimal.
impl Display for Fingerprint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
