//! Assigns assets to training, validation and test according to their name alone, so that an asset never changes its
//! split.

use serde::{Deserialize, Serialize};

/// One of three disjoint splits of every asset class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// About 60 of 100 assets.
    Train,
    /// About 15 of 100.
    Val,
    /// About 25 of 100.
    Test,
}

/// Changes the hash of the split. The value must never change, or test assets would leak into training. It was chosen
/// among the first few thousand so that packs of a dozen assets come close to 60/15/25.
const SALT: u64 = 221;

impl Split {
    /// The split of an asset. Variants of one object (`Axe`, `Axe_Golden`) stay together.
    pub fn of(pack: &str, name: &str) -> Self {
        Self::with_salt(SALT, pack, name)
    }

    fn with_salt(salt: u64, pack: &str, name: &str) -> Self {
        let share = stable_hash(salt, &format!("{pack}/{}", family(name))) as f64 / u64::MAX as f64;
        match share {
            share if share < 0.60 => Self::Train,
            share if share < 0.75 => Self::Val,
            _ => Self::Test,
        }
    }
}

/// The name without suffixes that mark variants of one shape.
fn family(name: &str) -> String {
    let mut name = name.to_lowercase();
    let endings = [
        "_golden",
        "_decorated",
        "_empty",
        "_filled",
        "_damaged",
        "_broken",
        "_closed",
        "_open",
        "_fire",
        "_half",
        "_dirty",
        "_cooked",
        "_uncooked",
        "_trash",
        "_chopped",
        "_pieces",
        "_pillows",
        "_wood",
    ];
    while let Some(ending) = endings.iter().find(|ending| name.ends_with(**ending)) {
        name.truncate(name.len() - ending.len());
    }
    name
}

/// FNV-1a with a final mix; the same on every machine and in every version.
pub(crate) fn stable_hash(salt: u64, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_of_one_shape_stay_together() {
        for (a, b) in
            [("Axe_small", "Axe_small_Golden"), ("Potion1_Empty", "Potion1_Filled"), ("pot_A", "pot_A_decorated")]
        {
            assert_eq!(Split::of("pack", a), Split::of("pack", b), "{a} and {b}");
        }
    }

    #[test]
    fn shares_of_many_names_come_close_to_the_plan() {
        let mut counts = [0usize; 3];
        for index in 0..4000 {
            counts[Split::of("pack", &format!("asset{index}")) as usize] += 1;
        }
        for (count, plan) in counts.into_iter().zip([2400, 600, 1000]) {
            assert!(count.abs_diff(plan) < 120, "{counts:?}");
        }
    }

    /// These values hold in every version. If one changes, test assets become training assets.
    #[test]
    fn the_split_never_changes() {
        assert_eq!([stable_hash(0, ""), stable_hash(0, "a")], [0x2180_a923_50d4_9cce, 0x55e2_2b8c_cbb1_816f]);
        assert_eq!(stable_hash(SALT, "pack/axe"), 0x6fce_edab_4b9e_3ea2);
        let split = |name| Split::of("pack", name);
        assert_eq!(["barrel", "axe", "dog", "lamp"].map(split), [Split::Train, Split::Train, Split::Val, Split::Test]);
    }
}
