//! Packed weights kept from run to run: a later run maps them instead of reading and packing the weights. Their file is still
//! hashed at each start, and small weights are read.
//!
//! | file of `<root>/<fingerprint of the weights>` | what |
//! |---|---|
//! | `used` | when this folder was opened last; folders of other weights go when that is 30 days ago |
//! | `whole` | every weight of the file was read once, and was whole |
//! | `<label>.pack` | one weight packed for one use: [`kernels::Pack::write`] |
//!
//! The folder changes no result. A pack that is not there, or is damaged, is made anew; whatever else goes wrong with the folder is
//! [told](PackFolder::trouble) and costs the time to pack. Several processes can use it at once.

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

/// Folders of weights that nobody used for so long are removed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes of the disk that packs leave to others.
const LEFT_FREE: u64 = 4 << 30;
const USED: &str = "used";
const WHOLE: &str = "whole";
const PACK: &str = "pack";
/// How the name of a file ends that is being written.
const HALF: &str = ".half.pack";
/// Age from which on nobody writes to such a file any more.
const DEAD: Duration = Duration::from_secs(3600);

/// What a pack is of and for; its numbers are those of a type.
pub(crate) struct PackKey<'a> {
    /// The weight's name in its file.
    pub(crate) name: &'a str,
    /// Outputs and inputs of the layer.
    pub(crate) sizes: [usize; 2],
    pub(crate) form: Form,
}

/// The folder of one set of weights.
#[derive(Debug)]
pub struct PackFolder {
    folder: PathBuf,
    fingerprint: Fingerprint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Packs that were written, or compared with their checksums, by this process.
    known: HashSet<[u8; 32]>,
    trouble: Option<String>,
}

impl PackFolder {
    /// The folder of the weights with this fingerprint in `root`; both are made when there is something to keep. Folders of
    /// weights that were not used for a month are removed.
    pub fn open(root: &Path, fingerprint: Fingerprint) -> Self {
        let now = SystemTime::now();
        let packs = Self { folder: root.join(fingerprint.to_string()), fingerprint, state: Mutex::default() };
        if packs.folder.is_dir() {
            // Packs are of use in a folder that cannot be written to, too; who tries to keep one will see.
            let _ = packs.note(USED);
        }
        remove_unused(root, &packs.folder, now);
        remove_halves(&packs.folder, now);
        packs
    }

    /// Why packs are not kept any more, if so: the disk is full, or the folder cannot be written to.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Whether every weight was found whole in an earlier run.
    pub(crate) fn is_whole(&self) -> bool {
        self.folder.join(WHOLE).exists()
    }

    /// Notes that every weight is whole.
    pub(crate) fn note_whole(&self) {
        if let Err(error) = self.make().and_then(|()| self.note(WHOLE)) {
            self.give_up(&error);
        }
    }

    /// The pack of this key, if it is there and good.
    pub(crate) fn find<T: kernels::Element>(&self, key: &PackKey<'_>) -> Option<Pack<T>> {
        let label = self.label::<T>(key);
        let file = File::open(self.path(label)).ok()?;
        let is_known = self.state().known.contains(&label);
        match Pack::map(Cpu::detect(), &file, label, key.sizes, key.form, is_known) {
            Ok(pack) => {
                self.state().known.insert(label);
                Some(pack)
            }
            // It is made anew, and the new one takes this one's place.
            Err(PackFileError::Damaged | PackFileError::Other) => None,
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    /// Writes a pack and gives it back as it is found from now on, if it can be kept.
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
            // Another process may have been faster, and where names of mapped files cannot be replaced its file stays.
            Err(error) => self.find(key).or_else(|| {
                self.give_up(&error);
                None
            }),
        }
    }

    fn write<T: kernels::Element>(&self, label: [u8; 32], pack: &Pack<T>) -> io::Result<()> {
        self.make()?;
        // A file gets its name when it is whole, and what has the name already is not touched but replaced.
        let half = tempfile::Builder::new().suffix(HALF).tempfile_in(&self.folder)?;
        let mut file = BufWriter::new(half);
        if free_space(file.get_ref().as_file())?.is_some_and(|free| free < LEFT_FREE + pack.bytes() as u64) {
            let reason = format!("less than {} GiB of the disk would be free", LEFT_FREE >> 30);
            return Err(io::Error::new(io::ErrorKind::StorageFull, reason));
        }
        pack.write(label, &mut file)?;
        file.flush()?;
        file.into_inner()?.persist(self.path(label))?;
        Ok(())
    }

    /// Makes the folder where it is not there.
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

/// Bytes that this user can still write beside the file; none where the system does not say.
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

/// What lies in a folder that can be read.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether a file was written longer ago than this.
fn is_older(path: &Path, age: Duration, now: SystemTime) -> bool {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|passed| passed > age))
}

/// Removes what stopped processes did not finish.
fn remove_halves(folder: &Path, now: SystemTime) {
    let is_half = |path: &PathBuf| path.to_string_lossy().ends_with(HALF) && is_older(path, DEAD, now);
    for path in files(folder).filter(is_half) {
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a file or folder is called by so many hexadecimal digits.
fn is_called(name: Option<&OsStr>, digits: usize) -> bool {
    let name = name.unwrap_or_default().to_string_lossy();
    name.len() == digits && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes folders of packs that were not used for a month, and nothing that is not ours. What cannot be read or removed
/// stays.
fn remove_unused(root: &Path, own: &Path, now: SystemTime) {
    for folder in files(root).filter(|folder| folder != own && !folder.is_symlink()) {
        if !is_called(folder.file_name(), 64) || !is_older(&folder.join(USED), KEPT, now) {
            continue;
        }
        // The note of use last, so that what is left of a stopped removal is removed another time.
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
