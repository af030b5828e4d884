//! Tests downloads of package members. The clients are shell scripts written by the test; they copy an archive instead
//! of downloading it.
#![cfg(unix)]

use crate::{bytes, catalogue, files_below, options, sha256, silent};
use std::io::Write;
use std::path::{Path, PathBuf};
use stuntdouble_fetch::{Client, Error, Options, Progress, Store};

/// A client that writes its arguments to `asked`, one a line, and then runs `script`. In the script, `$to` is the
/// target folder.
fn client(folder: &Path, name: &str, script: &str) -> Client {
    let path = folder.join(name);
    let asked = folder.join(format!("{name}.asked"));
    let text = format!(
        "printf '%s\\n' \"$@\" >> {asked}\nwhile [ $# -gt 1 ]; do\n  case $1 in -d|--pack-destination) to=$2;; esac\n  shift\ndone\n{script}\n",
        asked = asked.display()
    );
    std::fs::write(&path, text).unwrap();
    Client { program: "/bin/sh".into(), arguments: vec![path.display().to_string()] }
}

fn asked(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(format!("{name}.asked"))).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn wheel(folder: &Path, members: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("pack-1.0-py3-none-any.whl");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn tarball(folder: &Path, members: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("scope-pack-1.0.tgz");
    let gzip = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
    path
}

fn pip(member: &str, content: &[u8]) -> String {
    format!(
        "[[entry.source]]\nkind = \"pip\"\npackage = \"pack\"\nversion = \"1.0\"\nmember = \"{member}\"\nsize = {}\nsha256 = \"{}\"\n",
        content.len(),
        sha256(content)
    )
}

fn npm(member: &str, range: &str, content: &[u8]) -> String {
    format!(
        "[[entry.source]]\nkind = \"npm\"\npackage = \"@scope/pack\"\nversion = \"1.0\"\nmember = \"{member}\"\n{range}\nsize = {}\n\
         sha256 = \"{}\"\n",
        content.len(),
        sha256(content)
    )
}

fn with(pips: Vec<Client>, npms: Vec<Client>) -> Options {
    Options { pip: pips, npm: npms, ..options("http://unused.invalid") }
}

fn copying(archive: &Path) -> String {
    format!("cp {} \"$to\"", archive.display())
}

#[test]
fn one_wheel_gives_all_files_of_a_group() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (bytes(9000, 1), bytes(7000, 2));
    let archive = wheel(folder.path(), &[("pack/one", &one), ("pack/two", &two), ("pack/rest", &bytes(50_000, 3))]);
    let pips = vec![Client::new("/nonexistent/pip"), client(folder.path(), "pip3", &copying(&archive))];
    let entries = catalogue(&[("one", false, pip("pack/one", &one)), ("two", true, pip("pack/two", &two))]);
    let store = Store::with_catalogue(cache.path(), entries, with(pips, vec![]));

    let mut commands = Vec::new();
    let path = store
        .fetch("one", &mut |event| {
            if let Progress::Client { command, .. } = event {
                commands.push(command.split(' ').next().unwrap().to_owned());
            }
        })
        .unwrap();
    assert_eq!(commands, ["/nonexistent/pip", "/bin/sh"]);
    assert_eq!(std::fs::read(path).unwrap(), one);

    let path = store.fetch("two", &mut silent).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), two);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(files_below(cache.path()), ["one.bin", "two.bin"]);

    let asked = asked(folder.path(), "pip3");
    assert_eq!(asked.iter().filter(|word| *word == "download").count(), 1);
    let words = asked.join(" ");
    assert!(words.contains("--no-deps --only-binary=:all: --python-version 3.11 --implementation cp"), "{words}");
    assert!(words.contains("--platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "), "{words}");
    assert!(words.ends_with(" pack==1.0"), "{words}");
}

#[test]
fn a_tarball_gives_members_and_ranges_of_members() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pack = bytes(5000, 4);
    let archive = tarball(folder.path(), &[("package/readme", b"hello"), ("package/pack.data", &pack)]);
    let npms = vec![client(folder.path(), "npm", &copying(&archive))];
    let entries = catalogue(&[
        ("begin", false, npm("package/pack.data", "range = [0, 1000]", &pack[..1000])),
        ("middle", false, npm("package/pack.data", "range = [1500, 4000]", &pack[1500..4000])),
        ("whole", false, npm("package/pack.data", "", &pack)),
    ]);
    let store = Store::with_catalogue(cache.path(), entries, with(vec![], npms));
    let read = |name: &str| std::fs::read(store.fetch(name, &mut silent).unwrap()).unwrap();
    assert_eq!(read("middle"), pack[1500..4000]);
    assert_eq!(read("begin"), pack[..1000]);
    assert_eq!(read("whole"), pack);
    let asked = asked(folder.path(), "npm");
    assert_eq!(asked[..4], ["pack", "--silent", "--ignore-scripts", "--pack-destination"]);
    assert_eq!(asked[5..], ["@scope/pack@1.0"]);
}

#[test]
fn the_second_source_serves_where_the_first_cannot() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Another build of the same file, with its own hash.
    let (first, second) = (bytes(3000, 5), bytes(3100, 6));
    let archive = tarball(folder.path(), &[("package/one", &second)]);
    let npms = vec![client(folder.path(), "npm", &copying(&archive))];
    let both = pip("pack/one", &first) + &npm("package/one", "", &second);
    let entries = catalogue(&[("one", false, both)]);
    let store = Store::with_catalogue(cache.path(), entries.clone(), with(vec![], npms.clone()));
    assert_eq!(std::fs::read(store.fetch("one", &mut silent).unwrap()).unwrap(), second);
    store.verify("one").unwrap();

    // The same holds if the first client exists and fails. The caller is informed.
    let cache = tempfile::tempdir().unwrap();
    let pips = vec![client(folder.path(), "pip", "echo no route to host >&2; exit 1")];
    let mut reasons = Vec::new();
    let store = Store::with_catalogue(cache.path(), entries, with(pips, npms));
    store
        .fetch("one", &mut |event| {
            if let Progress::NextSource { reason, .. } = event {
                reasons.push(reason.to_owned());
            }
        })
        .unwrap();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].ends_with("failed with exit status 1: no route to host"), "{reasons:?}");
}

#[test]
fn without_any_client_the_error_names_all_that_were_tried() {
    let cache = tempfile::tempdir().unwrap();
    let both = pip("pack/one", b"one") + &npm("package/one", "", b"one");
    let python = Client { program: "/nonexistent/python3".into(), arguments: vec!["-m".to_owned(), "pip".to_owned()] };
    let options = with(vec![Client::new("/nonexistent/pip"), python], vec![Client::new("/nonexistent/npm")]);
    let store = Store::with_catalogue(cache.path(), catalogue(&[("one", false, both)]), options);
    let error = store.fetch("one", &mut silent).unwrap_err();
    assert_eq!(error.code(), "fetch.no_client");
    assert_eq!(
        error.to_string(),
        "`one` comes from the package `pip pack==1.0`, but no package client works on this machine \
         (tried: `/nonexistent/pip`, `/nonexistent/python3 -m pip`, `/nonexistent/npm`)"
    );
    // The help says where to put a copy by hand, and a copy there is found.
    let Error::NoClient { path, .. } = &error else { panic!("{error}") };
    assert!(error.help().contains(&path.display().to_string()));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, b"one").unwrap();
    assert_eq!(&store.fetch("one", &mut silent).unwrap(), path);
}

#[test]
fn what_a_package_holds_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let right = bytes(3000, 7);
    let check = |script: &str, code: &str, part: &str| {
        let cache = tempfile::tempdir().unwrap();
        let pips = vec![client(folder.path(), "pip", script)];
        let entries = catalogue(&[("one", false, pip("pack/one", &right))]);
        let error =
            Store::with_catalogue(cache.path(), entries, with(pips, vec![])).fetch("one", &mut silent).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(files_below(cache.path()).is_empty());
    };
    let broken = |members: &[(&str, &[u8])], code: &str, part: &str| {
        check(&copying(&wheel(folder.path(), members)), code, part);
    };
    broken(&[("pack/one", &bytes(3000, 8))], "fetch.hash_mismatch", "found sha256");
    broken(&[("pack/one", &right[..2999])], "fetch.hash_mismatch", "found 2999 bytes, expected 3000 bytes");
    broken(&[("pack/one", &bytes(90_000, 7))], "fetch.hash_mismatch", "found 3001 bytes, expected 3000 bytes");
    broken(&[("pack/other", &right)], "fetch.member_missing", "does not contain the file `pack/one`");
    check("true", "fetch.bad_archive", "downloaded 0 archives");
    check("echo text > \"$to/a.whl\"", "fetch.bad_archive", "the archive of the package `pip pack==1.0`");
    check("echo text > \"$to/a.tgz\"", "fetch.bad_archive", "the archive of the package `pip pack==1.0`");
}

#[test]
fn what_a_dead_process_left_is_cleared_away() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let content = bytes(2000, 9);
    let archive = wheel(folder.path(), &[("pack/one", &content)]);
    let pips = vec![client(folder.path(), "pip", &copying(&archive))];
    let store = Store::with_catalogue(
        cache.path(),
        catalogue(&[("one", false, pip("pack/one", &content))]),
        with(pips, vec![]),
    );
    let left = cache.path().join("partial/pip_20_pack_3d__3d_1.0/brought");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("half.whl"), b"half").unwrap();
    store.fetch("one", &mut silent).unwrap();
    assert_eq!(files_below(cache.path()), ["one.bin"]);
}
