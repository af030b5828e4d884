//! Manages a folder of downloaded files. A store downloads missing files, and checks the hash of a file before it
//! returns the file.

use crate::catalogue::{Catalogue, Entry, Host, Source, SourceKind};
use crate::client::Client;
use crate::error::Error;
use crate::marker::{self, Comparison};
use crate::shared_cache;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings of a [`Store`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Download nothing: a missing file is an error.
    pub offline: bool,
    /// Address of the model hub; `None` uses the catalogue's.
    pub hub: Option<String>,
    /// Token for hub files that require one. It is sent only to the hub, not to servers to which the hub redirects.
    pub hub_token: Option<String>,
    /// A hub cache shared with other programs, from which files are read (never written).
    pub shared_hub_cache: Option<PathBuf>,
    /// The clients that are tried for Python packages.
    pub pip: Vec<Client>,
    /// The clients that are tried for Node.js packages.
    pub npm: Vec<Client>,
    /// Time limit of a package client.
    pub client_time_limit: Duration,
    /// How often an interrupted download is resumed.
    pub resumptions: u32,
    /// Pause after the first interruption. The pause grows with each further interruption.
    pub pause: Duration,
    /// A connection without data for this long counts as interrupted.
    pub stall: Duration,
    /// True if hub requests use the system's proxy settings.
    pub system_proxy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            offline: false,
            hub: None,
            hub_token: None,
            shared_hub_cache: None,
            pip: Client::usual_pips(),
            npm: Client::usual_npms(),
            client_time_limit: Duration::from_secs(1800),
            resumptions: 12,
            pause: Duration::from_secs(1),
            stall: Duration::from_secs(60),
            system_proxy: true,
        }
    }
}

/// A folder with downloaded files.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    catalogue: Catalogue,
    options: Options,
    host: Host,
}

impl Store {
    /// The store in `folder`, with the built-in catalogue. Nothing is created before the first download.
    pub fn new(folder: impl Into<PathBuf>, options: Options) -> Self {
        Self::with_catalogue(folder, Catalogue::embedded(), options)
    }

    /// The store in `folder`, with another catalogue.
    pub fn with_catalogue(folder: impl Into<PathBuf>, catalogue: Catalogue, options: Options) -> Self {
        let folder = folder.into();
        // Clients run in their own folder, where a relative path would point elsewhere.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self { folder, catalogue, options, host: Host::current() }
    }

    /// The catalogue of this store.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The file called `name` if it is present and correct. The first call hashes it. Later calls, also in later
    /// processes, trust the marker with size and time.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::NoSourceForHost`]; [`Error::HashMismatch`] if the file differs from the
    /// catalogue; [`Error::Io`].
    pub fn path_if_verified(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        self.look(self.catalogue.entry(name)?, false)
    }

    /// The file called `name`, hashed again regardless of the marker.
    ///
    /// # Errors
    /// The errors of [`Store::path_if_verified`], and [`Error::Missing`].
    pub fn verify(&self, name: &str) -> Result<PathBuf, Error> {
        let entry = self.catalogue.entry(name)?;
        self.look(entry, true)?.ok_or_else(|| Error::Missing { name: name.to_owned(), path: self.expected_path(entry) })
    }

    /// Where the file of an entry is if its first source provides it, whether it exists or not.
    pub(crate) fn expected_path(&self, entry: &Entry) -> PathBuf {
        entry.sources_for(&self.host).next().map_or_else(|| self.folder.clone(), |source| self.path_of(entry, source))
    }

    pub(crate) fn no_source(&self, entry: &Entry) -> Error {
        Error::NoSourceForHost { name: entry.name.clone(), host: self.host.to_string() }
    }

    /// The first source's file that is present and correct. An error if files are present and all are wrong.
    pub(crate) fn look(&self, entry: &Entry, always_hash: bool) -> Result<Option<PathBuf>, Error> {
        let mut any = false;
        let mut wrong = None;
        for source in entry.sources_for(&self.host) {
            any = true;
            match self.look_with(entry, source, always_hash) {
                Ok(Some(path)) => return Ok(Some(path)),
                Ok(None) => {}
                Err(error @ Error::HashMismatch { .. }) => wrong = wrong.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        match wrong {
            Some(error) => Err(error),
            None if any => Ok(None),
            None => Err(self.no_source(entry)),
        }
    }

    /// The file of one source, if it is present and correct.
    pub(crate) fn look_at(&self, entry: &Entry, source: &Source) -> Result<Option<PathBuf>, Error> {
        self.look_with(entry, source, false)
    }

    fn look_with(&self, entry: &Entry, source: &Source, always_hash: bool) -> Result<Option<PathBuf>, Error> {
        let path = self.path_of(entry, source);
        let note = |name: &str| path.with_file_name(name);
        let compare = |path: &Path, note: &Path| marker::compare(path, source.size, source.sha256, note, always_hash);
        if let (SourceKind::Hub { repository, revision, path }, Some(cache)) =
            (&source.kind, &self.options.shared_hub_cache)
        {
            for candidate in shared_cache::candidates(cache, repository, revision, path) {
                // Another version of the file in a shared cache is no error.
                if matches!(compare(&candidate, &note("verified-shared")), Ok(Comparison::Same)) {
                    return Ok(Some(candidate));
                }
            }
        }
        if !path.is_file() {
            return Ok(None);
        }
        let origin = path.display().to_string();
        match compare(&path, &note("verified"))? {
            Comparison::Same => Ok(Some(path)),
            Comparison::OtherSize(found) => Err(Error::wrong_size(&entry.name, found, source.size, origin)),
            Comparison::OtherHash(found) => Err(Error::wrong_hash(&entry.name, found, source.sha256, origin)),
        }
    }

    /// Moves a complete, verified file to its place, completely or not at all.
    pub(crate) fn install(&self, entry: &Entry, source: &Source, complete: &Path) -> Result<PathBuf, Error> {
        let path = self.path_of(entry, source);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        set_mode(complete, entry.executable).map_err(Error::io("set the mode of", complete))?;
        File::open(complete).and_then(|file| file.sync_all()).map_err(Error::io("write", complete))?;
        std::fs::rename(complete, &path).map_err(Error::io("write", &path))?;
        #[cfg(unix)]
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder))?;
        marker::note_verified(&path, source.sha256, &path.with_file_name("verified"));
        Ok(path)
    }

    /// Where the file of one source is.
    pub(crate) fn path_of(&self, entry: &Entry, source: &Source) -> PathBuf {
        self.folder.join(&entry.name).join(source.sha256.short()).join(entry.file_of(source))
    }

    pub(crate) fn partial(&self) -> PathBuf {
        self.folder.join("partial")
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.folder.join("locks")
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, executable: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _executable: bool) -> std::io::Result<()> {
    Ok(())
}
