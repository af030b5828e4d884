//! Implements `cargo xtask ci`, which runs every check, quick checks first and tests last.

use crate::{cargo, documents, licences, python, tests};
use anyhow::Result;
use std::process::ExitCode;
use std::time::Instant;

/// Runs every check; stops at the first that fails.
pub(crate) fn run() -> Result<ExitCode> {
    step("formatting", || cargo::must(&["fmt", "--all", "--check"], &[]))?;
    step("licences", || licences::run().map(drop))?;
    step("documents", documents::check)?;
    // Clippy and the documentation share the compiled dependencies, so the second is quick. They include features that
    // tests are not built with.
    let everything = ["--workspace", "--features", "stuntdouble/object-store", "--locked", "--quiet"];
    step("clippy", || {
        cargo::must(&[&["clippy", "--all-targets"], &everything[..], &["--", "-D", "warnings"]].concat(), &[])
    })?;
    step("documentation", || {
        cargo::must(&[&["doc", "--no-deps"], &everything[..]].concat(), &[("RUSTDOCFLAGS", "-D warnings")])
    })?;
    step("python", || python::run().map(drop))?;
    println!("ci: tests");
    tests::run(&[])
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("ci: {name}");
    let started = Instant::now();
    work()?;
    println!("ci: {name} ok, {} s", started.elapsed().as_secs());
    Ok(())
}
