//! Implements `cargo xtask test`, which runs all tests. Documentation tests run first, so that the last lines on the
//! screen are the totals of the test runner.

use crate::cargo;
use anyhow::Result;
use std::process::{ExitCode, Stdio};

/// Runs all tests of the workspace. `rest` goes to the test runner.
pub(crate) fn run(rest: &[&str]) -> Result<ExitCode> {
    cargo::must(&["test", "--workspace", "--doc", "--quiet"], &[])?;
    let runner: &[&str] = if has_nextest() {
        &["nextest", "run", "--workspace"]
    } else {
        &["test", "--workspace", "--lib", "--bins", "--tests"]
    };
    let status = cargo::command(&[runner, rest].concat()).current_dir(cargo::root()).status()?;
    Ok(cargo::code_of(status))
}

fn has_nextest() -> bool {
    let asked = cargo::command(&["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
