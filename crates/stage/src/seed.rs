//! Derives seeds for clips, and for the random choices within a clip.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::split::stable_hash;

/// A seed that is not 0, and that JSON readers that only support floats preserve.
pub(crate) fn fresh(random: &mut ChaCha8Rng) -> u64 {
    random.random_range(1..1u64 << 53)
}

/// A seed for clip number `index` of the set named `name`, so that sets do not share clips.
pub fn seed_of(name: &str, index: u64) -> u64 {
    stable_hash(index, name) & ((1 << 53) - 1)
}
