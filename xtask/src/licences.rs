//! Implements `cargo xtask licences`, which checks that every crate in the program or its build has a licence with
//! which users of the program can comply.

use crate::cargo;
use crate::expression::is_satisfied;
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Licences that require no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // The list of certificate authorities in webpki-roots: data, not code.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Single crates with other licences, each with the reason why it is accepted.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Colours in the messages of burn's checks. MPL-2.0 concerns changed files of the crate itself, and we change none.
    ("colored", "MPL-2.0"),
];

/// Checks the dependency tree of the program for every platform, by default and with object stores.
pub(crate) fn run() -> Result<ExitCode> {
    check("the default dependency tree", &[])?;
    check("that with `object-store`", &["--features", "object-store"])?;
    Ok(ExitCode::SUCCESS)
}

fn check(name: &str, features: &[&str]) -> Result<()> {
    let tree = ["tree", "--package", "stuntdouble", "--edges", "normal,build", "--target", "all", "--locked"];
    let format = ["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"];
    let output = cargo::command(&[&tree[..], &format, features].concat())
        .current_dir(cargo::root())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listing = String::from_utf8(output.stdout).context("`cargo tree` did not write text")?;
    let crates: BTreeSet<&str> = listing.lines().filter(|line| !line.trim().is_empty()).collect();
    let wrong: Vec<String> = crates.iter().filter_map(|line| objection(line)).collect();
    if !wrong.is_empty() {
        bail!(
            "{} of {} crates in {name} have a licence that is not on the list in `xtask/src/licences.rs`:\n  {}",
            wrong.len(),
            crates.len(),
            wrong.join("\n  ")
        );
    }
    println!("licences: {} crates in {name}, every licence is on the list", crates.len());
    Ok(())
}

/// The problem with a crate, given as `name version (place)|licence`; `None` if there is none.
fn objection(line: &str) -> Option<String> {
    let (package, licence) = line.rsplit_once('|').unwrap_or((line, ""));
    let name = package.split(' ').next().unwrap_or(package);
    let allowed = |one: &str| ALLOWED.contains(&one) || EXCEPTIONS.contains(&(name, one));
    match is_satisfied(licence, allowed) {
        Some(true) => None,
        Some(false) => Some(format!("{package}: `{licence}`")),
        None if licence.is_empty() => Some(format!("{package}: no licence stated")),
        None => Some(format!("{package}: `{licence}` is not a licence expression")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(objection(line).as_deref(), expected);
        check("serde v1.0.0|MIT OR Apache-2.0", None);
        check("fetch v0.1.0 (/some/folder)|Apache-2.0 OR MIT", None);
        check("colored v3.1.1|MPL-2.0", None);
        check("other v1.0.0|MPL-2.0", Some("other v1.0.0: `MPL-2.0`"));
        check("other v1.0.0|GPL-3.0-only", Some("other v1.0.0: `GPL-3.0-only`"));
        check("other v1.0.0|", Some("other v1.0.0: no licence stated"));
        check("other v1.0.0|see the file", Some("other v1.0.0: `see the file` is not a licence expression"));
    }
}
