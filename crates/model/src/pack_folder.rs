//! Packed weights kept from run to run: a later run maps them, and neither reads nor packs the weights again.
//!
//! | file of `<root>/<fingerprint of the weights>` | what |
//! |---|---|
//! | `used` | when this folder was opened last; folders of other weights go when that is 30 days ago |
//! | `whole` | every weight of the file was read once, and was whole |
//! | `<label>.pack` | one weight packed for one use: [`kernels::Pack::write`] |
//!
//! The folder changes no result. A pack that is not there, or is damaged, is made anew; whatever else goes wrong with the folder is
//! [told](PackFolder::trouble) and costs the time to pack. Several processes can use it at once.

use std::collections::HashSet;
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
        remove_unused(root, now);
        remove_halves(&packs.folder, now);
        if packs.folder.is_dir()
            && let Err(error) = packs.note(USED)
        {
            packs.give_up(&error);
        }
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
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    fn write<T: kernels::Element>(&self, label: [u8; 32], pack: &Pack<T>) -> io::Result<()> {
        self.make()?;
        // A file gets its name when it is whole, and what has the name already is not touched but replaced.
        let half = tempfile::Builder::new().suffix(HALF).tempfile_in(&self.folder)?;
        let mut file = BufWriter::new(half);
        if free_space(file.get_ref().as_file())?.is_some_and(|free| free < LEFT_FREE + pack.bytes() as u64) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "less than 4 GiB of the disk would be free"));
        }
        pack.write(label, &mut file)?;
        file.flush()?;
        file.into_inner()?.persist(self.path(label))?;
        Ok(())
    }

    /// Makes the folder where it is not there.
    fn make(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        self.note(USED)
    }

    fn note(&self, name: &str) -> io::Result<()> {
        File::create(self.folder.join(name)).map(drop)
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
        Ok(Some(disk.f_bavail * disk.f_frsize))
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

/// Removes folders of packs that were not used for a month, and nothing that is not ours. What cannot be read or removed
/// stays.
fn remove_unused(root: &Path, now: SystemTime) {
    for folder in files(root) {
        let is_unused = is_older(&folder.join(USED), KEPT, now);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if !is_unused || name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        // The note of use last, so that what is left of a stopped removal is removed another time.
        let packs = files(&folder).filter(|path| path.extension().is_some_and(|extension| extension == PACK));
        for path in packs.chain([folder.join(WHOLE), folder.join(USED)]) {
            let _ = std::fs::remove_file(path);
        }
        let _ = std::fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 2] = [20, 10];

    fn key(name: &str) -> PackKey<'_> {
        PackKey { name, sizes: SIZES, form: Form::Linear }
    }

    fn pack(value: f32) -> Pack<f32> {
        Pack::new(Cpu::detect(), &[value; 200], SIZES, Form::Linear)
    }

    fn bytes(pack: &Pack<f32>) -> Vec<u8> {
        let mut bytes = vec![];
        pack.write([0; 32], &mut bytes).unwrap();
        bytes
    }

    fn open(root: &Path, weights: &str) -> PackFolder {
        PackFolder::open(root, Fingerprint::of_text(weights))
    }

    fn packs_of(folder: &PackFolder) -> Vec<PathBuf> {
        files(&folder.folder).filter(|path| path.extension().is_some_and(|extension| extension == PACK)).collect()
    }

    #[test]
    fn a_pack_is_found_by_what_it_is_of_and_for() {
        let root = tempfile::tempdir().unwrap();
        let folder = open(root.path(), "a");
        assert!(folder.find::<f32>(&key("w")).is_none());
        assert_eq!(bytes(&folder.keep(&key("w"), &pack(2.0)).unwrap()), bytes(&pack(2.0)));
        // Another process.
        let folder = open(root.path(), "a");
        assert_eq!(bytes(&folder.find(&key("w")).unwrap()), bytes(&pack(2.0)));
        assert!(folder.find::<f32>(&key("v")).is_none(), "another weight");
        assert!(folder.find::<f32>(&PackKey { sizes: [10, 20], ..key("w") }).is_none(), "another shape");
        assert!(folder.find::<f32>(&PackKey { form: Form::Geglu, ..key("w") }).is_none(), "another form");
        assert!(folder.find::<kernels::bf16>(&key("w")).is_none(), "another type");
        assert!(open(root.path(), "b").find::<f32>(&key("w")).is_none(), "other weights");
        assert_eq!(folder.trouble(), None);
    }

    #[test]
    fn a_damaged_pack_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let good = bytes(&open(root.path(), "a").keep(&key("w"), &pack(2.0)).unwrap());
        let path = packs_of(&open(root.path(), "a")).remove(0);
        let mut damaged = std::fs::read(&path).unwrap();
        for length in [damaged.len(), damaged.len() - 1, 70, 10, 0] {
            damaged.truncate(length);
            if let Some(last) = damaged.last_mut() {
                *last ^= 1;
            }
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &damaged).unwrap();
            let folder = open(root.path(), "a");
            assert!(folder.find::<f32>(&key("w")).is_none(), "{length} bytes");
            assert_eq!(bytes(&folder.keep(&key("w"), &pack(2.0)).unwrap()), good);
            assert_eq!(folder.trouble(), None);
        }
        assert_eq!(packs_of(&open(root.path(), "a")), [path]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_and_does_no_harm() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        for folder in [open(&file, "a"), open(&file, "a")] {
            assert_eq!(folder.trouble(), None);
            assert!(folder.find::<f32>(&key("w")).is_none());
            assert!(folder.keep(&key("w"), &pack(2.0)).is_none());
            assert!(folder.trouble().is_some_and(|trouble| trouble.contains("file")), "{:?}", folder.trouble());
        }
        let folder = open(&file, "a");
        folder.note_whole();
        assert!(folder.trouble().is_some());
    }

    #[test]
    fn nothing_is_made_before_there_is_something_to_keep() {
        let root = tempfile::tempdir().unwrap();
        open(root.path(), "a").find::<f32>(&key("w"));
        assert_eq!(files(root.path()).count(), 0);
    }

    #[test]
    fn only_packs_that_nobody_used_for_a_month_go() {
        let root = tempfile::tempdir().unwrap();
        let age = |path: &Path, age: Duration| {
            File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        };
        let [old, new] = ["old", "new"].map(|weights| {
            let folder = open(root.path(), weights);
            folder.keep(&key("w"), &pack(1.0));
            folder.note_whole();
            folder
        });
        // Not ours, with a file of the same name in it.
        let others = root.path().join("others");
        std::fs::create_dir(&others).unwrap();
        std::fs::write(others.join(USED), "").unwrap();
        let [left, fresh] = ["left", "fresh"].map(|name| new.folder.join(name.to_owned() + HALF));
        for path in [&left, &fresh] {
            std::fs::write(path, "").unwrap();
        }
        age(&old.folder.join(USED), KEPT + DEAD);
        age(&others.join(USED), KEPT + DEAD);
        age(&new.folder.join(USED), KEPT - DEAD);
        age(&left, 2 * DEAD);
        open(root.path(), "new");
        assert!(!old.folder.exists() && others.join(USED).exists());
        assert!(new.is_whole() && new.find::<f32>(&key("w")).is_some());
        assert!(!left.exists() && fresh.exists());
    }
}
