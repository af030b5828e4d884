//! Reads the cache for hub files that other programs share, so that no file is stored twice.
//!
//! Layout: `models--OWNER--NAME/snapshots/COMMIT/PATH`. The file is usually a link into `blobs/`. This crate never
//! writes to the shared cache.

use std::path::{Path, PathBuf};

/// All files of the shared cache that could be `path` of `repository`: first the pinned revision, then other snapshots,
/// which may contain the same bytes. The caller compares the hash.
pub(crate) fn candidates(cache: &Path, repository: &str, revision: &str, path: &str) -> Vec<PathBuf> {
    let snapshots = cache.join(format!("models--{}", repository.replace('/', "--"))).join("snapshots");
    let pinned = snapshots.join(revision);
    let mut others: Vec<PathBuf> = std::fs::read_dir(&snapshots)
        .map(|folder| folder.flatten().map(|item| item.path()).filter(|folder| *folder != pinned).collect())
        .unwrap_or_default();
    others.sort();
    std::iter::once(pinned).chain(others).map(|folder| folder.join(path)).filter(|file| file.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_snapshot_comes_first() {
        let cache = tempfile::tempdir().unwrap();
        let snapshots = cache.path().join("models--owner--name/snapshots");
        for revision in ["aaa", "bbb", "ccc"] {
            std::fs::create_dir_all(snapshots.join(revision).join("onnx")).unwrap();
            std::fs::write(snapshots.join(revision).join("onnx/model.onnx"), revision).unwrap();
        }
        let found = candidates(cache.path(), "owner/name", "bbb", "onnx/model.onnx");
        let text: Vec<_> = found.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(text, ["bbb", "aaa", "ccc"]);
        assert!(candidates(cache.path(), "owner/other", "bbb", "onnx/model.onnx").is_empty());
        assert!(candidates(cache.path(), "owner/name", "bbb", "other").is_empty());
    }
}
