//! Compares the statements of ARCHITECTURE.md with the manifests and sources of the crates.

use super::source::Crate;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Reserved operations: a source text that performs one, its description, and the files that may contain it.
const RESERVED: [(&str, &str, &[&str]); 8] = [
    (
        "env::var",
        "reads environment variables",
        &["crates/stuntdouble/src/cli/environment.rs", "crates/media/src/ffmpeg.rs"],
    ),
    ("println!(", "prints", &["crates/stuntdouble/src/cli/"]),
    ("stdout()", "prints", &["crates/stuntdouble/src/cli/"]),
    ("stderr()", "prints", &["crates/stuntdouble/src/cli/"]),
    ("Command::new(", "starts processes", &["crates/media/src/", "crates/fetch/src/"]),
    ("ureq::", "uses the network", &["crates/fetch/src/"]),
    ("TcpStream", "uses the network", &["crates/fetch/src/"]),
    ("unsafe {", "is unsafe", &["crates/kernels/src/"]),
];

/// One line for each statement of ARCHITECTURE.md that is not true.
pub(super) fn broken(root: &Path) -> Result<Vec<String>> {
    let architecture = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md")?;
    let mut found = Vec::new();
    let crates: BTreeSet<String> = std::fs::read_dir(root.join("crates"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let written = dependencies_in(&architecture, &crates);
    for name in &crates {
        let manifest = std::fs::read_to_string(root.join("crates").join(name).join("Cargo.toml"))?;
        let real = dependencies_of(&manifest, &crates);
        match written.get(name) {
            Some(written) if *written == real => {}
            Some(written) => found.push(format!("ARCHITECTURE.md: `{name}` uses {real:?}, not {written:?}")),
            None => found.push(format!("ARCHITECTURE.md: no line for `{name}`, which uses {real:?}")),
        }
        if !architecture.contains(&format!("\n| `{name}` |")) {
            found.push(format!("ARCHITECTURE.md: `{name}` is not in the code map"));
        }
        let folder = format!("crates/{name}/src/");
        for file in Crate::read(&root.join(&folder))?.files {
            let path = format!("{folder}{}", file.path);
            let breaks = RESERVED.iter().filter(|(text, _, places)| {
                file.text.contains(text) && !places.iter().any(|place| path.starts_with(place))
            });
            found.extend(breaks.map(|(text, what, _)| format!("{path} {what}: `{text}`")));
        }
    }
    Ok(found)
}

/// The crates that each crate uses according to the table of dependencies. A row may cover several crates; "all except"
/// means all crates but those.
fn dependencies_in(architecture: &str, crates: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let table = architecture.split("## Dependencies between the crates").nth(1).unwrap_or_default();
    let table = table.split("\n## ").next().unwrap_or_default();
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).filter(|name| crates.contains(*name)).map(str::to_owned).collect()
    };
    let mut written = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_matches('|').split('|');
        let (of, uses) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        for name in names(of) {
            let mut used = names(uses);
            if uses.trim().starts_with("all except") {
                used = crates.iter().filter(|other| **other != name && !used.contains(*other)).cloned().collect();
            }
            written.insert(name, used);
        }
    }
    written
}

/// Our own crates in a manifest's table of dependencies.
fn dependencies_of(manifest: &str, crates: &BTreeSet<String>) -> BTreeSet<String> {
    let table = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    let names = table.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| crates.contains(*name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_both_kinds_are_read() {
        let crates = ["a", "b", "c"].map(String::from).into();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let text = "## Dependencies between the crates\n| `a`, `b` | none of ours |\n| `c` | all except `b`, unused |\n\n## X\n| `a` | `b` |";
        let written = dependencies_in(text, &crates);
        assert_eq!((written["a"].clone(), written["c"].clone()), (set(&[]), set(&["a"])));
        let manifest = "[package]\nname = \"c\"\n\n[dependencies]\na.workspace = true\nserde = \"1\"\nb = { x = 1 }\n\n[dev-dependencies]\nc = 1\n";
        assert_eq!(dependencies_of(manifest, &crates), set(&["a", "b"]));
    }
}
