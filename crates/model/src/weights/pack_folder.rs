//! Implements the weight cache, which stores prepacked weights in files. Later runs map these files into memory instead
//! of reading and packing the weights. The weight file is still hashed at each start, and small weights are still read.
//!
//! | file in `<root>/<fingerprint of the weights>` | contents |
//! |---|---|
//! | `used` | its time stamp is that of the last use; caches unused for 30 days are removed |
//! | `whole` | marks that every weight has been read and checked once |
//! | `<label>.pack` | one weight packed for one op: [`kernels::Pack::write`] |
//!
//! The cache does not change results. A missing or damaged file is packed again. All other problems are
//! [reported](PackFolder::trouble) and cost only the time to pack. Several processes can use a cache at once.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use kernels::{Cpu, Form, Pack, PackFileError};
use sha2::{Digest, Sha256};

use crate::weights::Fingerprint;

/// Caches of weights unused for this long are removed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Free disk space in bytes that the cache never uses.
const LEFT_FREE: u64 = 4 << 30;
const USED: &str = "used";
const WHOLE: &str = "whole";
const PACK: &str = "pack";
/// Suffix of files that are still being written.
const HALF: &str = ".half.pack";
/// Age at which such a file is considered abandoned.
const DEAD: Duration = Duration::from_secs(3600);

/// The weight and the op that a file of packed weights is for. The element type is a separate parameter.
pub(crate) struct PackKey<'a> {
    /// Name of the weight in its file.
    pub(crate) name: &'a str,
    /// Outputs and inputs of the layer.
    pub(crate) sizes: [usize; 2],
    pub(crate) form: Form,
}

/// The cache for one set of weights.
#[derive(Debug)]
pub struct PackFolder {
    folder: PathBuf,
    fingerprint: Fingerprint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Labels whose files this process has written or verified.
    known: HashSet<[u8; 32]>,
    trouble: Option<String>,
}

impl PackFolder {
    /// The cache in `root` for the weights with this fingerprint. Folders are created when there is something to store.
    /// Caches of weights unused for a month are removed.
    pub fn open(root: &Path, fingerprint: Fingerprint) -> Self {
        let now = SystemTime::now();
        let packs = Self { folder: root.join(fingerprint.to_string()), fingerprint, state: Mutex::default() };
        if packs.folder.is_dir() {
            // A read-only cache is useful too. Storing a file in it will report the problem.
            let _ = packs.note(USED);
        }
        remove_unused(root, &packs.folder, now);
        remove_halves(&packs.folder, now);
        packs
    }

    /// Why no more files are stored, if so: the disk is full, or the folder is not writable.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Whether an earlier run has read and checked every weight.
    pub(crate) fn is_whole(&self) -> bool {
        self.folder.join(WHOLE).exists()
    }

    /// Records that every weight was read and checked.
    pub(crate) fn note_whole(&self) {
        if let Err(error) = self.make().and_then(|()| self.note(WHOLE)) {
            self.give_up(&error);
        }
    }

    /// The packed weight for this key, if its file exists and is intact.
    pub(crate) fn find<T: kernels::Element>(&self, key: &PackKey<'_>) -> Option<Pack<T>> {
        let label = self.label::<T>(key);
        let file = File::open(self.path(label)).ok()?;
        let is_known = self.state().known.contains(&label);
        match Pack::map(Cpu::detect(), &file, label, key.sizes, key.form, is_known) {
            Ok(pack) => {
                self.state().known.insert(label);
                Some(pack)
            }
            // It will be packed again, and the new file will replace this one.
            Err(PackFileError::Damaged | PackFileError::Other) => None,
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    /// Stores a packed weight. Returns it mapped from its file, if it could be stored.
    pub(crate) fn keep<T: kernels::Element>(&self, key: &PackKey<'_>, pack: &Pack<T>) -> Option<Pack<T>> {
        if self.state().trouble.is_some() {
            return None;
        }
        let label = self.label::<T>(key);
        match self.write(label, pack) {
            Ok(()) => {
                self.state().known.insert(label);
                self.find(key)
            }
            // Another process may have been faster. On systems where mapped files cannot be replaced, its file stays.
            Err(error) => self.find(key).or_else(|| {
                self.give_up(&error);
                None
            }),
        }
    }

    fn write<T: kernels::Element>(&self, label: [u8; 32], pack: &Pack<T>) -> io::Result<()> {
        self.make()?;
        // Written under a temporary name and renamed when complete. Existing files are replaced, never modified.
        let half = tempfile::Builder::new().suffix(HALF).tempfile_in(&self.folder)?;
        let mut file = BufWriter::new(half);
        if free_space(file.get_ref().as_file())?.is_some_and(|free| free < LEFT_FREE + pack.bytes() as u64) {
            let reason = format!("less than {} GiB of disk space would remain free", LEFT_FREE >> 30);
            return Err(io::Error::new(io::ErrorKind::StorageFull, reason));
        }
        pack.write(label, &mut file)?;
        file.flush()?;
        file.into_inner()?.persist(self.path(label))?;
        Ok(())
    }

    /// Creates the folder if it does not exist.
    fn make(&self) -> io::Result<()> {
        if self.folder.join(USED).is_file() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        self.note(USED)
    }

    fn note(&self, name: &str) -> io::Result<()> {
        File::create(self.folder.join(name))?.set_modified(SystemTime::now())
    }

    fn path(&self, label: [u8; 32]) -> PathBuf {
        let name: String = label[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension(PACK)
    }

    fn label<T>(&self, PackKey { name, sizes, form }: &PackKey<'_>) -> [u8; 32] {
        let (isa, bits) = (Cpu::detect().isa(), 8 * size_of::<T>());
        let text = format!("{name:?} {sizes:?} {form:?} {bits} {isa:?}");
        Sha256::new().chain_update(self.fingerprint.bytes()).chain_update(text).finalize().into()
    }

    fn give_up(&self, error: &dyn std::error::Error) {
        let text = format!("`{}`: {error}", self.folder.display());
        self.state().trouble.get_or_insert(text);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that this user can still write to the file's disk; `None` if the system does not report them.
fn free_space(file: &File) -> io::Result<Option<u64>> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::fstatvfs(file)?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(None)
    }
}

/// The contents of a folder; empty if it cannot be read.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether a file was last modified longer ago than `age`.
fn is_older(path: &Path, age: Duration, now: SystemTime) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|passed| passed > age))
}

/// Removes unfinished files of terminated processes.
fn remove_halves(folder: &Path, now: SystemTime) {
    let is_half = |path: &PathBuf| path.to_string_lossy().ends_with(HALF) && is_older(path, DEAD, now);
    for path in files(folder).filter(is_half) {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a name consists of exactly this many hexadecimal digits.
fn is_called(name: Option<&OsStr>, digits: usize) -> bool {
    let name = name.unwrap_or_default().to_string_lossy();
    name.len() == digits && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes caches that were not used for a month, and only files that a cache contains. Whatever cannot be read or
/// removed stays.
fn remove_unused(root: &Path, own: &Path, now: SystemTime) {
    for folder in files(root).filter(|folder| folder != own && !folder.is_symlink()) {
        if !is_called(folder.file_name(), 64) || !is_older(&folder.join(USED), KEPT, now) {
            continue;
        }
        // The `used` file goes last, so that an interrupted removal is completed another time.
        let is_ours = |path: &PathBuf| {
            let is_pack = path.extension().is_some_and(|extension| extension == PACK);
            is_pack && (is_called(path.file_stem(), 32) || path.to_string_lossy().ends_with(HALF))
        };
        for path in files(&folder).filter(is_ours).chain([folder.join(WHOLE), folder.join(USED)]) {
            let _ = std::fs::remove_file(path);
        }
        let _ = std::fs::remove_dir(folder);
    }
}
