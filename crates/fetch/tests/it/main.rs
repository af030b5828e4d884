//! Tests downloads through the public interface, from a server on the loopback device and with package clients that the
//! tests provide. No test contacts another machine.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

mod hub;
mod package;
mod processes;
mod server;

use std::path::Path;
use std::time::Duration;
use stuntdouble_fetch::{Catalogue, Digest, Options, Progress, Store};

/// Bytes that resemble weights: no two blocks are equal.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
    .take(count)
    .collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of_reader(bytes).unwrap()
}

/// A catalogue with the given entries, each `(name, executable, sources)`, where the sources are TOML.
fn catalogue(entries: &[(&str, bool, String)]) -> Catalogue {
    let mut text = "format = 1\nhub = \"http://unused.invalid\"\n".to_owned();
    for (name, executable, sources) in entries {
        text.push_str(&format!(
            "[[entry]]\nname = \"{name}\"\nfile = \"{name}.bin\"\npurpose = \"a test\"\nlicence = \"MIT\"\n\
             groups = [\"set\"]\nexecutable = {executable}\n{sources}"
        ));
    }
    Catalogue::from_toml(&text).unwrap()
}

/// The TOML of a hub source for `body`.
fn hub_source(body: &[u8]) -> String {
    format!(
        "[[entry.source]]\nkind = \"hub\"\nrepository = \"owner/name\"\nrevision = \"main\"\npath = \"dir/model.bin\"\n\
         size = {}\nsha256 = \"{}\"\n",
        body.len(),
        sha256(body)
    )
}

/// Options without clients, proxies and pauses.
fn options(hub: &str) -> Options {
    Options {
        hub: Some(hub.to_owned()),
        pip: Vec::new(),
        npm: Vec::new(),
        resumptions: 4,
        pause: Duration::from_millis(1),
        stall: Duration::from_secs(20),
        system_proxy: false,
        ..Options::default()
    }
}

/// A store with one entry, `model`, from a hub.
fn hub_store(folder: &Path, hub: &str, body: &[u8]) -> Store {
    Store::with_catalogue(folder, catalogue(&[("model", false, hub_source(body))]), options(hub))
}

/// Every file below `folder`, by name, sorted, without lock files and notes.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(folder).unwrap().flatten() {
            let path = item.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.retain(|name| !name.ends_with(".lock") && !name.starts_with("verified"));
    found.sort();
    found
}

fn silent(_: Progress<'_>) {}
