//! Identifies inputs by their content: the hash of a file, or of everything in a folder.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, io};

/// One input and the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The path as the user gave it.
    #[serde(serialize_with = "lossily")]
    pub path: PathBuf,
    /// SHA-256 of the file's bytes; for a folder, of the names and bytes of all its files.
    pub sha256: String,
}

impl Input {
    /// Reads and hashes a file or a folder of files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        let sha256 = if path.is_dir() {
            hash_of_folder(path, &mut HashSet::new())?
        } else {
            let mut hasher = Sha256::new();
            hash_file(path, &mut hasher)?;
            hex(&hasher.finalize())
        };
        Ok(Self { path: path.to_path_buf(), sha256 })
    }
}

/// A path as text. Names that are not Unicode are written with replacement characters: the hash says which file it was.
fn lossily<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The hash of a folder's names and files. If links lead to a folder a second time, only its name counts. The same
/// holds for pipes, devices and broken links.
fn hash_of_folder(folder: &Path, seen: &mut HashSet<PathBuf>) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    seen.insert(folder.canonicalize().map_err(io("find", folder))?);
    for name in sorted_names(folder)? {
        let path = folder.join(&name);
        hasher.update(name.as_encoded_bytes());
        if path.is_file() {
            hash_file(&path, &mut hasher)?;
        } else if path.is_dir() && !seen.contains(&path.canonicalize().map_err(io("find", &path))?) {
            hasher.update(hash_of_folder(&path, seen)?);
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// The names in a folder, sorted.
pub(crate) fn sorted_names(folder: &Path) -> Result<Vec<OsString>, Error> {
    let mut names = vec![];
    for entry in fs::read_dir(folder).map_err(io("list", folder))? {
        names.push(entry.map_err(io("list", folder))?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Adds the bytes of a file to a hash.
pub(crate) fn hash_file(path: &Path, hasher: &mut Sha256) -> Result<(), Error> {
    let mut file = File::open(path).map_err(io("open", path))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(io("read", path))? {
            0 => return Ok(()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_bytes_and_a_folder_by_names_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let hash = |name: &str| Input::of(&path(name)).unwrap().sha256;
        fs::create_dir_all(path("a/inner")).unwrap();
        fs::write(path("a/inner/x"), b"abc").unwrap();
        assert_eq!(hash("a/inner/x"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let first = hash("a");
        fs::rename(path("a"), path("b")).unwrap();
        assert_eq!(hash("b"), first);
        fs::rename(path("b/inner/x"), path("b/inner/y")).unwrap();
        let renamed = hash("b");
        fs::write(path("b/inner/y"), b"abd").unwrap();
        let hashes = HashSet::from([first, renamed, hash("b")]);
        assert_eq!(hashes.len(), 3);
        assert_eq!(Input::of(&path("c")).unwrap_err().code(), "file.inaccessible");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one", "two", "three"] {
            std::os::unix::fs::symlink(".", folder.path().join(name)).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", folder.path().join("lost")).unwrap();
        assert_eq!(Input::of(folder.path()).unwrap().sha256.len(), 64);
    }
}
