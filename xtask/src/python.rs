//! Implements `cargo xtask python`, which builds the extension module and runs `python/tests` with it, in the layout of
//! a wheel.

use crate::cargo;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Builds and tests. Without Python and NumPy there is nothing to test, which is said.
pub(crate) fn run() -> Result<ExitCode> {
    let numpy =
        Command::new("python3").args(["-c", "import numpy"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !numpy.is_ok_and(|status| status.success()) {
        println!("python: skipped, there is no `python3` with NumPy");
        return Ok(ExitCode::SUCCESS);
    }
    // With the features that tests are built with, so that nothing is compiled twice.
    cargo::must(&["build", "--workspace", "--lib", "--tests", "--quiet"], &[])?;
    let root = cargo::root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let package = target.join("python");
    let inside = package.join("stuntdouble");
    std::fs::create_dir_all(&inside).with_context(|| inside.display().to_string())?;
    copy(&root.join("python/stuntdouble/__init__.py"), &inside.join("__init__.py"))?;
    copy(&target.join("debug").join(library()), &inside.join("_native.abi3.so"))?;
    let tests = Command::new("python3")
        .args(["-m", "unittest", "discover", "--start-directory"])
        .arg(root.join("python/tests"))
        .env("PYTHONPATH", &package)
        .current_dir(&package)
        .status()
        .context("python3")?;
    if !tests.success() {
        bail!("the tests of the Python package failed");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the system calls the library.
fn library() -> String {
    format!("{}stuntdouble_native{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot copy `{}`", from.display()))?;
    Ok(())
}
