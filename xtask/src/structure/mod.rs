//! Implements `cargo xtask structure`, which reports circular dependencies between files, crowded folders, long
//! functions, and statements of ARCHITECTURE.md that are not true. The command reads manifests and sources as text.
//!
//! A file depends on another file if its `use` lines or paths (`crate::a::B`) name an item of that file; a re-exported
//! name counts as a dependency on the file that defines it. Test modules, and the folders of tests, examples and
//! benches, are ignored.

mod circles;
mod invariants;
mod limits;
mod source;
mod use_paths;

use crate::cargo;
use anyhow::{Context, Result};
use source::Crate;
use std::path::Path;
use std::process::ExitCode;

/// Prints every violation; fails if there is one.
pub(crate) fn run() -> Result<ExitCode> {
    let found = violations(&cargo::root())?;
    for line in &found {
        println!("{line}");
    }
    println!("structure: number of violations: {}", found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line for each violation, over all crates of the workspace.
fn violations(root: &Path) -> Result<Vec<String>> {
    let mut found = invariants::broken(root)?;
    let mut folders = vec![root.join("xtask"), root.join("xtask/measure"), root.join("xtask/parity")];
    for entry in std::fs::read_dir(root.join("crates")).context("crates/")? {
        folders.push(entry?.path());
    }
    folders.sort();
    for folder in folders {
        let sources = folder.join("src");
        let named =
            |path: &str| sources.join(path).strip_prefix(root).map(|p| p.display().to_string()).unwrap_or_default();
        let read = Crate::read(&sources)?;
        for circle in circles::circles(&read.edges()) {
            let files: Vec<String> = circle.iter().map(|&file| named(&read.files[file].path)).collect();
            found.push(format!("cycle: {}", files.join(" <-> ")));
        }
        found.extend(
            limits::crowded(&read.files).into_iter().map(|(path, n)| format!("folder of {n} files: {}", named(&path))),
        );
        for file in &read.files {
            let long = limits::long_functions(&file.text).into_iter();
            found.extend(
                long.map(|(name, lines)| format!("function of {lines} lines: {} in {}", name, named(&file.path))),
            );
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_structure() {
        let found = violations(&cargo::root()).unwrap();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
