//! Provides the weights that are compiled into the program: files and a manifest with their hashes, as written by
//! `train::export`.

use model::weights::WeightError;
use sha2::{Digest, Sha256};
use train::export::Manifest;

use crate::error::Error;
use crate::input::hex;

#[cfg(feature = "bundled-weights")]
const MANIFEST: &str = include_str!("../../../weights/bundled/manifest.json");
#[cfg(feature = "bundled-weights")]
const PARTS: [(&str, &[u8]); 3] = [
    ("part-1-of-3.safetensors", include_bytes!("../../../weights/bundled/part-1-of-3.safetensors")),
    ("part-2-of-3.safetensors", include_bytes!("../../../weights/bundled/part-2-of-3.safetensors")),
    ("part-3-of-3.safetensors", include_bytes!("../../../weights/bundled/part-3-of-3.safetensors")),
];

#[cfg(not(feature = "bundled-weights"))]
const MANIFEST: &str = "";
#[cfg(not(feature = "bundled-weights"))]
const PARTS: [(&str, &[u8]); 0] = [];

/// All files of the bundled weights, after their hashes were compared with the manifest's.
///
/// # Errors
/// [`Error::Weights`] when a file is missing or differs from the manifest.
pub fn verified_parts() -> Result<Vec<&'static [u8]>, Error> {
    let malformed = |reason: String| WeightError::Malformed { path: "bundled weights".into(), reason };
    if cfg!(not(feature = "bundled-weights")) {
        return Err(malformed(
            "this build contains none, pass `--weights` or build with the feature `bundled-weights`".into(),
        )
        .into());
    }
    let manifest: Manifest = serde_json::from_str(MANIFEST).map_err(|error| malformed(error.to_string()))?;
    let mut parts = vec![];
    for part in &manifest.parts {
        let found = PARTS.iter().find(|(name, _)| *name == part.file);
        let (_, bytes) = found.ok_or_else(|| malformed(format!("part `{}` is missing in the program", part.file)))?;
        if hex(&Sha256::digest(bytes)) != part.sha256 {
            return Err(malformed(format!("the hash of part `{}` differs from the manifest", part.file)).into());
        }
        parts.push(*bytes);
    }
    Ok(parts)
}

/// One hash for all files, which is the hash of their manifest.
pub fn hash() -> String {
    hex(&Sha256::digest(MANIFEST))
}

#[cfg(all(test, feature = "bundled-weights"))]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_listed_and_whole() {
        assert_eq!(verified_parts().unwrap().len(), PARTS.len());
    }
}
