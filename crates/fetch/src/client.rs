//! Starts the user's own package client (`pip` or `npm`) and waits for it, with a time limit.

use crate::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A program that downloads packages, with its own leading arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Name or path of the program.
    pub program: PathBuf,
    /// The arguments in front of those of this crate, such as `-m pip` for `python3`.
    pub arguments: Vec<String>,
}

impl Client {
    /// A client that needs no arguments of its own.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new() }
    }

    /// The usual ways to start `pip`, in the order in which they are tried.
    pub fn usual_pips() -> Vec<Self> {
        let module = |python: &str| Self { program: python.into(), arguments: vec!["-m".to_owned(), "pip".to_owned()] };
        if cfg!(windows) {
            vec![Self::new("pip"), module("py"), module("python")]
        } else {
            vec![Self::new("pip"), Self::new("pip3"), module("python3")]
        }
    }

    /// The usual ways to start `npm`.
    pub fn usual_npms() -> Vec<Self> {
        vec![Self::new(if cfg!(windows) { "npm.cmd" } else { "npm" })]
    }

    /// The command as one would type it.
    pub(crate) fn typed(&self, arguments: &[String]) -> String {
        let program = self.program.display().to_string();
        let words = std::iter::once(&program).chain(&self.arguments).chain(arguments);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// The outcome of running a client.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It succeeded.
    Done,
    /// There is no such client on this machine.
    Absent,
    /// It failed.
    Failed(Error),
}

/// Runs a client in `folder`. Its output goes to the file `log`.
pub(crate) fn run(
    client: &Client,
    arguments: &[String],
    folder: &Path,
    log: &Path,
    limit: Duration,
) -> Result<Outcome, Error> {
    let output = File::create(log).map_err(Error::io("write", log))?;
    let errors = output.try_clone().map_err(Error::io("write", log))?;
    let spawned = Command::new(&client.program)
        .args(&client.arguments)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Outcome::Absent),
        Err(error) => return Err(Error::io("start", &client.program)(error)),
    };
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(Error::io("wait for", &client.program))? {
            break status;
        }
        if started.elapsed() >= limit {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(Outcome::Failed(Error::ClientTimedOut {
                command: client.typed(arguments),
                seconds: limit.as_secs(),
            }));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(Outcome::Done);
    }
    let said = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    if is_absent(status, &said) {
        return Ok(Outcome::Absent);
    }
    Ok(Outcome::Failed(Error::ClientFailed {
        command: client.typed(arguments),
        status: status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit status {code}")),
        said: last_lines(&said),
    }))
}

/// A launcher without its program (exit status 127), or a Python without pip, counts as no client.
fn is_absent(status: ExitStatus, said: &str) -> bool {
    status.code() == Some(127) || said.contains("No module named pip")
}

fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines[lines.len().saturating_sub(3)..].join("; ");
    if text.is_empty() { "no output".to_owned() } else { text.chars().take(600).collect() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let client = Client { program: "/bin/sh".into(), arguments: vec!["-c".to_owned()] };
        run(&client, &[script.to_owned()], folder.path(), &folder.path().join("log"), limit).unwrap()
    }

    #[test]
    fn endings_are_told_apart() {
        let long = Duration::from_secs(60);
        assert!(matches!(shell("exit 0", long), Outcome::Done));
        assert!(matches!(shell("exit 127", long), Outcome::Absent));
        assert!(matches!(shell("echo /usr/bin/python3: No module named pip >&2; exit 1", long), Outcome::Absent));
        let Outcome::Failed(error) = shell("echo one; echo; echo two; echo three; echo four >&2; exit 3", long) else {
            panic!("expected a failure");
        };
        assert_eq!(error.code(), "fetch.client_failed");
        assert!(error.to_string().ends_with("failed with exit status 3: two; three; four"), "{error}");
        let Outcome::Failed(error) = shell("exec sleep 60", Duration::from_millis(50)) else {
            panic!("expected a failure")
        };
        assert_eq!(error.code(), "fetch.client_timed_out");
    }

    #[test]
    fn a_program_that_does_not_exist_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::new("/nonexistent/pip");
        let outcome = run(&client, &[], folder.path(), &folder.path().join("log"), Duration::from_secs(9)).unwrap();
        assert!(matches!(outcome, Outcome::Absent));
    }
}
