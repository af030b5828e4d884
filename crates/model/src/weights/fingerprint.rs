//! Computes fingerprints that identify weights in run folders and weight caches.

use std::fmt::{Display, Formatter};

use sha2::{Digest, Sha256};

/// A hash of the SHA-256 hashes of all shards, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Fingerprint of weights that are generated from `text` instead of a file.
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

/// Formats it in lower-case hexadecimal.
impl Display for Fingerprint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
