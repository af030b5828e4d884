//! Starts the same cargo that started this program.

use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A cargo command. The caller chooses its folder (by default the current one).
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments);
    command
}

/// Runs cargo in the user's folder, with additional environment variables. Returns its exit code.
pub(crate) fn status(arguments: &[&str], environment: &[(&str, &str)]) -> Result<ExitCode> {
    let status = command(arguments).envs(environment.iter().copied()).status().context("cannot start cargo")?;
    Ok(code_of(status))
}

/// Runs cargo in the root of the repository.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn must(arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let status = command(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("`cargo {}` failed with {status}", arguments.join(" "));
    }
    Ok(())
}

/// The exit code of a process as our own. A process that was killed counts as failed.
pub(crate) fn code_of(status: ExitStatus) -> ExitCode {
    match status.code() {
        Some(code) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
        None => ExitCode::FAILURE,
    }
}
