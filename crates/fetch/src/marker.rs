//! Stores a marker next to a verified file, with the file's size, time and hash at the last check. While size and time
//! are unchanged, the file is not hashed again.

use crate::digest::Digest;
use crate::error::Error;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The evidence that a file is still the one that was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    size: u64,
    modified: u128,
}

impl Seen {
    fn of(path: &Path) -> Result<Self, Error> {
        let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Self { path: path.to_owned(), size: metadata.len(), modified: modified.map_or(0, |time| time.as_nanos()) })
    }

    fn note(&self, sha256: Digest) -> String {
        format!("{sha256}\n{}\n{}\n{}\n", self.size, self.modified, self.path.display())
    }
}

/// The result of comparing a file with the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It matches.
    Same,
    /// Its length differs.
    OtherSize(u64),
    /// Its length matches, its hash does not.
    OtherHash(Digest),
}

/// Compares the file at `path` with size and hash. Trusts the note at `marker` unless `always_hash`. Writes the note if
/// the hash was right and removes it if it was wrong.
pub(crate) fn compare(
    path: &Path,
    size: u64,
    sha256: Digest,
    marker: &Path,
    always_hash: bool,
) -> Result<Comparison, Error> {
    let seen = Seen::of(path)?;
    if seen.size != size {
        let _ = std::fs::remove_file(marker);
        return Ok(Comparison::OtherSize(seen.size));
    }
    let believed = std::fs::read_to_string(marker).is_ok_and(|note| note == seen.note(sha256));
    if believed && !always_hash {
        return Ok(Comparison::Same);
    }
    let found = Digest::of_file(path).map_err(Error::io("read", path))?;
    if found != sha256 {
        let _ = std::fs::remove_file(marker);
        return Ok(Comparison::OtherHash(found));
    }
    remember(&seen, sha256, marker);
    Ok(Comparison::Same)
}

/// Records that the file at `path` was hashed and found right.
pub(crate) fn note_verified(path: &Path, sha256: Digest, marker: &Path) {
    if let Ok(seen) = Seen::of(path) {
        remember(&seen, sha256, marker);
    }
}

/// If the note cannot be written, the next start takes longer. So failures are ignored.
fn remember(seen: &Seen, sha256: Digest, marker: &Path) {
    if let Some(folder) = marker.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let _ = std::fs::write(marker, seen.note(sha256));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_saves_hashing_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, marker) = (folder.path().join("file"), folder.path().join("verified"));
        std::fs::write(&path, b"abc").unwrap();
        let sha256 = Digest::of_file(&path).unwrap();
        let check = |always_hash, expected| {
            assert_eq!(compare(&path, 3, sha256, &marker, always_hash).unwrap(), expected);
        };
        check(false, Comparison::Same);
        assert!(marker.exists());

        // Same size and time, other content: the note is trusted here, but the full check detects it.
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, b"abX").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        check(false, Comparison::Same);
        let found = Digest::of_reader(&b"abX"[..]).unwrap();
        check(true, Comparison::OtherHash(found));
        assert!(!marker.exists());
        check(false, Comparison::OtherHash(found));

        std::fs::write(&path, b"abcd").unwrap();
        check(false, Comparison::OtherSize(4));
    }

    #[test]
    fn a_torn_or_foreign_note_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, marker) = (folder.path().join("file"), folder.path().join("verified"));
        std::fs::write(&path, b"bad").unwrap();
        let right = Digest::of_reader(&b"abc"[..]).unwrap();
        let whole = Seen::of(&path).unwrap().note(right);
        for note in ["", &whole[..40], &whole.replace("file", "elif"), &whole[..whole.len() - 1]] {
            std::fs::write(&marker, note).unwrap();
            assert!(matches!(compare(&path, 3, right, &marker, false).unwrap(), Comparison::OtherHash(_)), "{note}");
        }
    }
}
