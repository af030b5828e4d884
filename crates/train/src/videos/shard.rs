//! Writes shards of prepared clips: tar files whose length and hash are known once they are complete.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use media::file::AtomicFile;
use sha2::{Digest, Sha256};
use stage::ShardEntry;

use super::clip::{FILES, PreparedClip};
use crate::error::{Result, TrainError};

/// A shard under construction.
pub(super) struct ShardWriter {
    path: PathBuf,
    tar: tar::Builder<Counting>,
    clips: u64,
}

impl ShardWriter {
    /// Starts a shard, under a hidden name.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let inner = AtomicFile::create(path)?;
        let tar = tar::Builder::new(Counting { inner, hash: Sha256::new(), bytes: 0 });
        Ok(Self { path: path.into(), tar, clips: 0 })
    }

    /// Adds a clip.
    pub(super) fn add(&mut self, key: &str, clip: &PreparedClip) -> Result<()> {
        let failed = |reason: String| TrainError::Io { path: self.path.clone(), source: std::io::Error::other(reason) };
        for (name, bytes) in FILES.iter().zip(clip.files().map_err(failed)?) {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_cksum();
            let added = self.tar.append_data(&mut header, format!("{key}.{name}"), bytes.as_slice());
            added.map_err(|error| media::Error::writing(&self.path, error))?;
        }
        self.clips += 1;
        Ok(())
    }

    /// Gives the shard its name; none when it contains no clip.
    pub(super) fn finish(self) -> Result<Option<ShardEntry>> {
        if self.clips == 0 {
            return Ok(None);
        }
        let finished = self.tar.into_inner().map_err(|error| media::Error::writing(&self.path, error))?;
        let Counting { inner, hash, bytes } = finished;
        inner.commit()?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Some(ShardEntry { name, first: 0, clips: self.clips, bytes, sha256: digits(&hash.finalize()) }))
    }
}

/// Counts and hashes the bytes that pass through.
struct Counting {
    inner: AtomicFile,
    hash: Sha256,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// SHA-256 of a file, or of the names and contents of a folder of pictures.
pub(super) fn hash_of(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(TrainError::io(path))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.is_file());
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let length = std::fs::metadata(&file).map_err(TrainError::io(&file))?.len();
            hash.update(format!("{name}\0{length}\0"));
            add_file(&mut hash, &file)?;
        }
    } else {
        add_file(&mut hash, path)?;
    }
    Ok(digits(&hash.finalize()))
}

fn add_file(hash: &mut Sha256, path: &Path) -> Result<()> {
    let mut file = media::file::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(TrainError::io(path))? {
            0 => return Ok(()),
            count => hash.update(&buffer[..count]),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
