//! `cargo xtask release [FOLDER]`: builds the program and packs it for this platform: an archive with the program, licences,
//! README, completions and man pages, and `SHA256SUMS` over all archives of the folder.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::cargo;

/// The version of every crate here.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Files of the repository that go into the archive.
const DOCUMENTS: [&str; 5] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "NOTICE"];
const SUMS: &str = "SHA256SUMS";

/// One file of an archive.
struct Item {
    /// Path inside the archive's folder, with `/`.
    name: String,
    bytes: Vec<u8>,
    is_program: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    TarGz,
    Zip,
}

/// Checks, builds and packs.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode> {
    let root = cargo::root();
    let folder = match arguments {
        [] => target().join("distribution"),
        [folder] => PathBuf::from(folder),
        _ => bail!("expected one folder at most"),
    };
    // 1. What is released is a commit, and its changes are written down.
    let changes = output(Command::new("git").args(["status", "--porcelain"]).current_dir(&root))?;
    if !changes.trim().is_empty() {
        bail!("the working tree has changes; commit or remove them:\n{}", changes.trim_end());
    }
    check_changelog(&read_text(&root.join("CHANGELOG.md"))?, VERSION)?;
    // 2. The program.
    cargo::must(&["build", "--release", "--locked", "--package", "stuntdouble", "--bin", "stuntdouble"], &[])?;
    let program = target().join("release").join(format!("stuntdouble{}", std::env::consts::EXE_SUFFIX));
    // 3. The files that it writes about itself.
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let shell_files = folder.join("shell-files");
    output(Command::new(&program).arg("shell-files").arg(&shell_files))?;
    // 4. The archive.
    let host = host(&output(Command::new("rustc").arg("-vV"))?)?;
    let format = if cfg!(windows) { Format::Zip } else { Format::TarGz };
    let archive = write_archive(&folder, &host, format, &contents(&root, &program, &shell_files)?)?;
    write_sums(&folder)?;
    println!("release: {}", archive.display());
    println!("release: {}", folder.join(SUMS).display());
    Ok(ExitCode::SUCCESS)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cargo::root().join("target"), Into::into)
}

/// What a command writes.
fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The platform's name in the output of `rustc -vV`.
fn host(text: &str) -> Result<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("`rustc -vV` names no host")?.trim().to_owned())
}

/// Checks that the version has a section with a date and at least one entry.
fn check_changelog(text: &str, version: &str) -> Result<()> {
    let start = format!("## [{version}] - ");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&start));
    let Some(heading) = lines.next() else { bail!("CHANGELOG.md has no section `{start}YEAR-MONTH-DAY`") };
    let date = heading[start.len()..].trim();
    let is_date = date.split('-').map(str::len).eq([4, 2, 2]) && date.chars().all(|c| c.is_ascii_digit() || c == '-');
    if !is_date {
        bail!("the section of {version} in CHANGELOG.md has the date `{date}`, expected YEAR-MONTH-DAY");
    }
    if !lines.take_while(|line| !line.starts_with("## ")).any(|line| line.starts_with("- ")) {
        bail!("the section of {version} in CHANGELOG.md has no entry");
    }
    Ok(())
}

/// Everything that an archive holds, in the order of the names.
fn contents(root: &Path, program: &Path, shell_files: &Path) -> Result<Vec<Item>> {
    let item = |name: String, path: &Path, is_program| -> Result<Item> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Item { name, bytes, is_program })
    };
    let name = program.file_name().context("the program has no name")?.to_string_lossy().into_owned();
    let mut items = vec![item(name, program, true)?];
    for name in DOCUMENTS {
        items.push(item(name.into(), &root.join(name), false)?);
    }
    for folder in ["completions", "man"] {
        let inside = shell_files.join(folder);
        for entry in std::fs::read_dir(&inside).with_context(|| format!("cannot read `{}`", inside.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            items.push(item(format!("{folder}/{name}"), &path, false)?);
        }
    }
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(items)
}

/// Writes `stuntdouble-VERSION-HOST.tar.gz` or `.zip`. The same files give the same bytes: no times, no owners.
fn write_archive(folder: &Path, host: &str, format: Format, items: &[Item]) -> Result<PathBuf> {
    let name = format!("stuntdouble-{VERSION}-{host}");
    let (bytes, ending) = match format {
        Format::TarGz => (tar_gz(&name, items)?, "tar.gz"),
        Format::Zip => (zip(&name, items)?, "zip"),
    };
    let path = folder.join(format!("{name}.{ending}"));
    std::fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(path)
}

fn mode(item: &Item) -> u32 {
    if item.is_program { 0o755 } else { 0o644 }
}

fn tar_gz(folder: &str, items: &[Item]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(vec![], flate2::Compression::best()));
    for item in items {
        let mut header = tar::Header::new_gnu();
        header.set_size(item.bytes.len() as u64);
        header.set_mode(mode(item));
        header.set_mtime(0);
        archive.append_data(&mut header, format!("{folder}/{}", item.name), item.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?.finish()?)
}

fn zip(folder: &str, items: &[Item]) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    for item in items {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode(item));
        archive.start_file(format!("{folder}/{}", item.name), options)?;
        archive.write_all(&item.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Writes `SHA256SUMS`, as `sha256sum --check` reads it, over every archive of this version in the folder.
fn write_sums(folder: &Path) -> Result<()> {
    let mut lines = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&format!("stuntdouble-{VERSION}-")) {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push((name, digest));
        }
    }
    lines.sort();
    let text: String = lines.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    std::fs::write(folder.join(SUMS), text).with_context(|| format!("cannot write `{}`", folder.join(SUMS).display()))
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read as _;

    #[test]
    fn the_changelog_has_this_version() {
        check_changelog(&read_text(&cargo::root().join("CHANGELOG.md")).unwrap(), VERSION).unwrap();
    }

    #[test]
    fn a_section_needs_a_date_and_an_entry() {
        let check = |text: &str, fault: Option<&str>| match (check_changelog(text, "1.2.0"), fault) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("## [Unreleased]\n## [1.2.0] - 2026-01-02\n### Added\n- It.\n## [1.1.0] - 2026-01-01\n", None);
        check("## [Unreleased]\n- It.\n", Some("no section"));
        check("## [1.2.0] - soon\n- It.\n", Some("`soon`"));
        check("## [1.2.0] - 2026-01-02\n### Added\n## [1.1.0] - 2026-01-01\n- It.\n", Some("no entry"));
    }

    #[test]
    fn the_host_is_read() {
        assert_eq!(host("rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\n").unwrap(), "x86_64-unknown-linux-gnu");
        assert!(host("rustc 1.95.0\n").is_err());
    }

    /// A stand-in for the program and the files that it writes.
    fn stand_in(folder: &Path) -> Vec<Item> {
        let shell_files = folder.join("shell-files");
        for (name, text) in [
            ("program/stuntdouble", "#!/bin/sh"),
            ("shell-files/completions/stuntdouble.bash", "complete"),
            ("shell-files/man/stuntdouble.1", ".TH"),
        ] {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        contents(&cargo::root(), &folder.join("program/stuntdouble"), &shell_files).unwrap()
    }

    const LAYOUT: [&str; 8] = [
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "NOTICE",
        "README.md",
        "completions/stuntdouble.bash",
        "man/stuntdouble.1",
        "stuntdouble",
    ];

    #[test]
    fn both_archives_hold_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let items = stand_in(folder.path());
        let expected = LAYOUT.map(|name| {
            let mode: u32 = if name == "stuntdouble" { 0o755 } else { 0o644 };
            (format!("stuntdouble-{VERSION}-host/{name}"), mode)
        });

        let path = write_archive(folder.path(), "host", Format::TarGz, &items).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&path).unwrap()));
        let mut found = vec![];
        let mut program = String::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            if name.ends_with("/stuntdouble") {
                entry.read_to_string(&mut program).unwrap();
            }
            found.push((name, entry.header().mode().unwrap()));
        }
        assert_eq!((found.as_slice(), program.as_str()), (&expected[..], "#!/bin/sh"));

        let path = write_archive(folder.path(), "host", Format::Zip, &items).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let found: Vec<_> = (0..archive.len())
            .map(|index| {
                let file = archive.by_index(index).unwrap();
                (file.name().to_owned(), file.unix_mode().unwrap() & 0o777)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_same_files_give_the_same_archive_and_the_sums_name_every_one() {
        let folder = tempfile::tempdir().unwrap();
        let items = stand_in(folder.path());
        let bytes = |format| {
            let path = write_archive(folder.path(), "host", format, &items).unwrap();
            std::fs::read(path).unwrap()
        };
        assert_eq!(bytes(Format::TarGz), bytes(Format::TarGz));
        assert_eq!(bytes(Format::Zip), bytes(Format::Zip));
        std::fs::write(folder.path().join(format!("stuntdouble-{VERSION}-empty.zip")), "").unwrap();
        std::fs::write(folder.path().join("stuntdouble-0.0.9-host.zip"), "older").unwrap();
        write_sums(folder.path()).unwrap();
        let sums = read_text(&folder.path().join(SUMS)).unwrap();
        let names: Vec<_> = sums.lines().map(|line| &line[66..]).collect();
        assert_eq!(names, ["empty.zip", "host.tar.gz", "host.zip"].map(|end| format!("stuntdouble-{VERSION}-{end}")));
        // The known hash of nothing.
        assert!(sums.starts_with("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  stuntdouble-"));
    }
}
