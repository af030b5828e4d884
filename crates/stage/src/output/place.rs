//! Defines where a data set is stored: in a folder, or under a prefix of an S3-compatible object store (feature
//! `object-store`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use media::file::{AtomicFile, write_atomic};

use crate::assets::gltf::uri::without_percent;
use crate::assets::texture_file::read_limited;
use crate::error::StageError;
#[cfg(feature = "object-store")]
use crate::output::bucket::Bucket;
use crate::output::stamp::Stamp;

/// A folder, or a prefix in an object store.
#[derive(Debug, Clone)]
pub struct Place {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Folder(PathBuf),
    #[cfg(feature = "object-store")]
    Bucket(Bucket),
}

impl From<PathBuf> for Place {
    fn from(folder: PathBuf) -> Self {
        Self { kind: Kind::Folder(folder) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Folder(folder) => folder.display().fmt(out),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => out.write_str(bucket.address()),
        }
    }
}

impl Place {
    /// Parses what the user typed: `FOLDER`, `file:///FOLDER` or `s3://BUCKET/PREFIX`. `variables` holds the keys,
    /// region and endpoint of a store, under the names of the environment variables (`AWS_REGION`).
    ///
    /// # Errors
    /// [`StageError::BadPlace`]; [`StageError::NoObjectStores`] in a build without them; [`StageError::Store`] when the
    /// variables do not fit together.
    pub fn parse(typed: &Path, variables: &[(String, String)]) -> Result<Self, StageError> {
        let named = |scheme: &str| {
            scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        };
        let address = typed.to_str().and_then(|text| text.split_once("://")).filter(|(scheme, _)| named(scheme));
        let Some((scheme, rest)) = address else { return Ok(typed.to_owned().into()) };
        match scheme.to_ascii_lowercase().as_str() {
            "file" if rest.starts_with('/') => {
                let folder = without_percent(rest);
                // On Windows `/C:/data` is not a path, but `C:/data` is.
                let folder = if cfg!(windows) { folder.trim_start_matches('/') } else { &folder };
                Ok(PathBuf::from(folder).into())
            }
            "s3" => Self::in_s3(typed, rest, variables),
            _ => Err(StageError::BadPlace { place: typed.to_owned() }),
        }
    }

    #[cfg(feature = "object-store")]
    fn in_s3(typed: &Path, rest: &str, variables: &[(String, String)]) -> Result<Self, StageError> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(StageError::BadPlace { place: typed.to_owned() });
        }
        Ok(Self { kind: Kind::Bucket(Bucket::s3(bucket, prefix, variables)?) })
    }

    #[cfg(not(feature = "object-store"))]
    fn in_s3(typed: &Path, _: &str, _: &[(String, String)]) -> Result<Self, StageError> {
        Err(StageError::NoObjectStores { place: typed.to_owned() })
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Folder(folder) => Some(folder),
            #[cfg(feature = "object-store")]
            Kind::Bucket(_) => None,
        }
    }

    /// A file's path or address, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        match &self.kind {
            Kind::Folder(folder) => folder.join(name),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.path_of(name),
        }
    }

    /// Creates the folder if it is missing, and lists the names and lengths of its files.
    pub(crate) fn prepared(&self) -> Result<BTreeMap<String, u64>, StageError> {
        match &self.kind {
            Kind::Folder(folder) => {
                fs::create_dir_all(folder)
                    .map_err(|error| StageError::Unwritable { path: folder.clone(), reason: error.to_string() })?;
                lengths(folder).map_err(|source| StageError::Unreadable { path: folder.clone(), source })
            }
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.lengths(),
        }
    }

    /// Reads a small file completely.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, StageError> {
        match &self.kind {
            Kind::Folder(folder) => read_limited(&folder.join(name)),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.read(name),
        }
    }

    /// Writes a small file completely.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StageError> {
        match &self.kind {
            Kind::Folder(folder) => Ok(write_atomic(&folder.join(name), bytes)?),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.write(name, bytes),
        }
    }

    /// Starts a shard.
    pub(crate) fn create(&self, name: &str) -> Result<Draft, StageError> {
        match &self.kind {
            Kind::Folder(folder) => Ok(Draft::Beside(AtomicFile::create(&folder.join(name))?)),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => Ok(Draft::Apart(crate::output::bucket::temporary()?, bucket.clone())),
        }
    }

    /// The stamp of a stored shard. Files in folders have none.
    #[cfg_attr(not(feature = "object-store"), expect(unused_variables, reason = "folders take no stamps"))]
    pub(crate) fn stamp(&self, name: &str) -> Result<Option<Stamp>, StageError> {
        match &self.kind {
            Kind::Folder(_) => Ok(None),
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.stamp(name),
        }
    }

    /// Opens a shard for reading from its beginning. A shard of a store is copied into a temporary file if it has the
    /// expected length.
    #[cfg_attr(not(feature = "object-store"), expect(unused_variables, reason = "files are hashed where they lie"))]
    pub(crate) fn open(&self, name: &str, length: u64) -> Result<File, StageError> {
        match &self.kind {
            Kind::Folder(folder) => {
                let path = folder.join(name);
                File::open(&path).map_err(|source| StageError::Unreadable { path, source })
            }
            #[cfg(feature = "object-store")]
            Kind::Bucket(bucket) => bucket.download(name, length),
        }
    }
}

fn lengths(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are followed. A file whose length is unknown does not count.
        if let (Ok(name), Ok(data)) = (entry.file_name().into_string(), fs::metadata(entry.path())) {
            found.insert(name, data.len());
        }
    }
    Ok(found)
}

/// A shard under construction.
pub(crate) enum Draft {
    /// In a folder, under a hidden name.
    Beside(AtomicFile),
    /// In an unnamed temporary file, for that store.
    #[cfg(feature = "object-store")]
    Apart(File, Bucket),
}

impl Draft {
    /// Gives the finished shard its name.
    #[cfg_attr(
        not(feature = "object-store"),
        expect(unused_variables, reason = "a file knows its name, and takes no stamp")
    )]
    pub(crate) fn publish(self, name: &str, stamp: &Stamp) -> Result<(), StageError> {
        match self {
            Self::Beside(file) => Ok(file.commit()?),
            #[cfg(feature = "object-store")]
            Self::Apart(file, bucket) => bucket.upload(name, file, stamp),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(bytes),
            #[cfg(feature = "object-store")]
            Self::Apart(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside(file) => file.flush(),
            #[cfg(feature = "object-store")]
            Self::Apart(file, _) => file.flush(),
        }
    }
}
