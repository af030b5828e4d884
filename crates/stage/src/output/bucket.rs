//! Stores shards as objects under a prefix of an object store. An object appears under its name only when it is
//! complete. Each object's attributes hold its checksum and the identity of its data set, so a lost index can be
//! rebuilt.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt};
use object_store::{PutMultipartOptions, PutPayload};
use tokio::runtime::{Builder, Runtime};

use crate::error::StageError;
use crate::output::stamp::Stamp;

/// Number of bytes sent or fetched at a time. Stores accept parts from 5 MiB on, and up to 10,000 of them.
const PART: u64 = 16 << 20;
/// Largest object that is read as a whole, in bytes.
const WHOLE_LIMIT: u64 = 256 << 20;
/// Names of a stamp's fields among the attributes of an object, in the order of [`Stamp`].
const STAMP: [&str; 5] =
    ["stuntdouble-identity", "stuntdouble-first", "stuntdouble-clips", "stuntdouble-bytes", "stuntdouble-sha256"];

/// A prefix in a store.
#[derive(Clone)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    prefix: Path,
    address: String,
}

/// Leaves out the store, which contains the keys.
impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bucket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Bucket {
    /// A prefix in an S3-compatible bucket. Variables that are not settings of the store are ignored.
    pub(crate) fn s3(bucket: &str, prefix: &str, variables: &[(String, String)]) -> Result<Self, StageError> {
        let address = format!("s3://{bucket}/{prefix}");
        let known = variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>().ok()?, value)));
        // The first caller has chosen the ciphers; either choice is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = known
            .fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| refused(PathBuf::from(&address), &error))?;
        Self::new(Arc::new(store), prefix, address)
    }

    /// A prefix in `store`. Messages call it `address`.
    fn new(store: Arc<dyn ObjectStore>, prefix: &str, address: String) -> Result<Self, StageError> {
        let address = address.trim_end_matches('/').to_owned();
        let prefix = Path::parse(prefix).map_err(|_| StageError::BadPlace { place: PathBuf::from(&address) })?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StageError::Store { path: PathBuf::from(&address), reason: error.to_string() })?;
        Ok(Self { store, runtime: Arc::new(runtime), prefix, address })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}/{name}", self.address))
    }

    /// Names and lengths of the objects directly under the prefix.
    pub(crate) fn lengths(&self) -> Result<BTreeMap<String, u64>, StageError> {
        let listed = self.wait("", self.store.list_with_delimiter(Some(&self.prefix)))?;
        let named = |object: object_store::ObjectMeta| Some((object.location.filename()?.to_owned(), object.size));
        Ok(listed.objects.into_iter().filter_map(named).collect())
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, StageError> {
        let location = self.location(name);
        let found = self.wait(name, self.store.get(&location))?;
        if found.meta.size > WHOLE_LIMIT {
            let path = self.path_of(name);
            let what = "object size in bytes";
            return Err(StageError::TooLarge { path, what, found: found.meta.size, limit: WHOLE_LIMIT });
        }
        Ok(self.wait(name, found.bytes())?.to_vec())
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StageError> {
        let payload = PutPayload::from(bytes.to_vec());
        self.wait(name, self.store.put(&self.location(name), payload)).map(drop)
    }

    /// Uploads a file from its beginning, in parts. The object exists when all parts are stored.
    pub(crate) fn upload(&self, name: &str, mut file: File, stamp: &Stamp) -> Result<(), StageError> {
        file.rewind().map_err(temporary_failed)?;
        let options = PutMultipartOptions { attributes: attributes_of(stamp), ..PutMultipartOptions::default() };
        let mut upload = self.wait(name, self.store.put_multipart_opts(&self.location(name), options))?;
        let sent = self.send(name, upload.as_mut(), &file);
        if sent.is_err() {
            // The first error is the one to report.
            let _ = self.runtime.block_on(upload.abort());
        }
        sent
    }

    fn send(&self, name: &str, upload: &mut dyn MultipartUpload, file: &File) -> Result<(), StageError> {
        loop {
            let mut part = Vec::new();
            file.take(PART).read_to_end(&mut part).map_err(temporary_failed)?;
            if part.is_empty() {
                return self.wait(name, upload.complete()).map(drop);
            }
            self.wait(name, upload.put_part(part.into()))?;
        }
    }

    /// The stamp of an object; `None` if it is not one of ours.
    pub(crate) fn stamp(&self, name: &str) -> Result<Option<Stamp>, StageError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.wait(name, self.store.get_opts(&self.location(name), options))?;
        Ok(stamp_of(&found.attributes))
    }

    /// Copies an object of the expected length into a temporary file.
    pub(crate) fn download(&self, name: &str, length: u64) -> Result<File, StageError> {
        let location = self.location(name);
        let found = self.wait(name, self.store.head(&location))?.size;
        if found != length {
            let found = format!("length in bytes: {found}");
            return Err(StageError::Malformed { path: self.path_of(name), found, expected: "the length in the index" });
        }
        let mut file = temporary()?;
        for start in (0..length).step_by(PART as usize) {
            let part = self.wait(name, self.store.get_range(&location, start..length.min(start + PART)))?;
            file.write_all(&part).map_err(temporary_failed)?;
        }
        file.rewind().map_err(temporary_failed)?;
        Ok(file)
    }

    fn location(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    fn wait<T>(&self, name: &str, work: impl Future<Output = object_store::Result<T>>) -> Result<T, StageError> {
        self.runtime.block_on(work).map_err(|error| refused(self.path_of(name), &error))
    }
}

fn attributes_of(stamp: &Stamp) -> Attributes {
    let Stamp { identity, first, clips, bytes, sha256 } = stamp;
    let values = [identity.clone(), first.to_string(), clips.to_string(), bytes.to_string(), sha256.clone()];
    STAMP.map(|name| Attribute::Metadata(Cow::Borrowed(name))).into_iter().zip(values).collect()
}

fn stamp_of(attributes: &Attributes) -> Option<Stamp> {
    let [identity, first, clips, bytes, sha256] =
        STAMP.map(|name| attributes.get(&Attribute::Metadata(Cow::Borrowed(name))).map(|value| value.to_string()));
    let number = |text: Option<String>| text?.parse::<u64>().ok();
    let (first, clips, bytes) = (number(first)?, number(clips)?, number(bytes)?);
    Some(Stamp { identity: identity?, first, clips, bytes, sha256: sha256? })
}

/// An unnamed file that disappears when it is closed.
pub(crate) fn temporary() -> Result<File, StageError> {
    tempfile::tempfile().map_err(temporary_failed)
}

fn temporary_failed(error: io::Error) -> StageError {
    StageError::Unwritable { path: std::env::temp_dir(), reason: error.to_string() }
}

fn refused(path: PathBuf, error: &object_store::Error) -> StageError {
    match error {
        object_store::Error::NotFound { .. } => {
            StageError::Unreadable { path, source: io::Error::from(io::ErrorKind::NotFound) }
        }
        // Answers of stores contain line breaks.
        _ => {
            let reason = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            StageError::Store { path, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[test]
    fn what_is_longer_than_a_part_comes_back_with_its_stamp() {
        let bucket = Bucket::new(Arc::new(InMemory::new()), "sets/one", "memory".into()).unwrap();
        let bytes: Vec<u8> = (0..2 * PART + 5).map(|index| (index % 251) as u8).collect();
        let mut file = temporary().unwrap();
        file.write_all(&bytes).unwrap();
        let (identity, sha256) = ("a".repeat(64), "b".repeat(64));
        let stamp = Stamp { identity, first: 3, clips: 2, bytes: bytes.len() as u64, sha256 };
        bucket.upload("shard", file, &stamp).unwrap();
        assert_eq!(bucket.lengths().unwrap(), BTreeMap::from([("shard".to_owned(), stamp.bytes)]));
        assert_eq!(bucket.stamp("shard").unwrap(), Some(stamp));
        let mut read = Vec::new();
        bucket.download("shard", bytes.len() as u64).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        bucket.write("index", b"{}").unwrap();
        assert_eq!((bucket.stamp("index").unwrap(), bucket.read("index").unwrap()), (None, b"{}".to_vec()));
    }
}
