//! Writes output files that are either complete or absent: each file is written under a temporary name in the same
//! folder, synced, and then renamed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};

/// Opens a file for reading. Pipes and devices are an error, because reading them might never end, and a video is read
/// more than once.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn open(path: &Path) -> Result<File> {
    let data = std::fs::metadata(path).map_err(|source| Error::reading(path, source))?;
    if !data.is_file() {
        return Err(Error::reading(path, io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    File::open(path).map_err(|source| Error::reading(path, source))
}

/// A file under construction. [`AtomicFile::commit`] makes it visible under its name. Dropping it removes it.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    file: NamedTempFile,
}

impl AtomicFile {
    /// Starts the file that will become `target`, in the same folder, under a hidden name.
    ///
    /// # Errors
    /// [`Error::OutputUnwritable`] when the folder is missing or may not be written, or when `target` is a folder;
    /// [`Error::DiskFull`].
    pub fn create(target: &Path) -> Result<Self> {
        if target.is_dir() {
            return Err(Error::writing(target, io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let folder = folder_of(target);
        let mut builder = Builder::new();
        builder.prefix(".stuntdouble-").suffix(".part");
        #[cfg(unix)]
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        #[cfg(unix)]
        builder.permissions(permissions);
        let file = builder.tempfile_in(folder).map_err(|source| Error::writing(target, source))?;
        Ok(Self { target: target.to_path_buf(), file })
    }

    /// The path of the unfinished file, for a child process that writes it.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The final path.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Syncs the bytes, gives the file its name and syncs the folder. An existing file is replaced.
    ///
    /// # Errors
    /// [`Error::OutputUnwritable`], [`Error::DiskFull`]. The file is then absent, or still the old one.
    pub fn commit(self) -> Result<()> {
        let Self { target, file } = self;
        file.as_file().sync_all().map_err(|source| Error::writing(&target, source))?;
        file.persist(&target).map_err(|failed| Error::writing(&target, failed.error))?;
        // Not every system can open a folder for syncing. The rename has already happened.
        if let Ok(folder) = File::open(folder_of(&target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes `bytes` as the complete content of `path`, or leaves `path` unchanged.
///
/// # Errors
/// [`Error::OutputUnwritable`], [`Error::DiskFull`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|source| Error::writing(path, source))?;
    file.commit()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        write_atomic(&path, b"first").unwrap();
        write_atomic(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_folder_is_no_place_for_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_atomic(folder.path(), b"x").unwrap_err().code(), "output.unwritable");
        let missing = folder.path().join("no/such/a.txt");
        assert_eq!(write_atomic(&missing, b"x").unwrap_err().code(), "output.unwritable");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}
